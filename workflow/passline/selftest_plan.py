"""What the self-test runs: the same call under two names, and the same call with slowdowns of known size."""

from __future__ import annotations

from collections.abc import Sequence

from passline.contenders import Built, algorithm, planted
from passline.measure.spec import Block, Contender
from passline.plan import Planner
from passline.plan_points import Point

PLANTED = (0.02, 0.05, 0.10)
"""Shares of the work that is done twice (decision 0007). Twice nothing is the same call under another name."""

LEAST_PLANTED = 65_536
"""Elements from which slowdowns are planted: in shorter rows, what a call costs beside its elements shows."""

WHOLE_CALLS = 0.125
"""Of the last-level cache, that x may take where whole calls are planted: some 50 calls make a value."""

PROTOCOL = "hot"
"""With rows that rotate, the second call on the first elements would find y in cache where the first did not."""


def blocks(planner: Planner, builds: Sequence[Built], sizes: Sequence[int]) -> list[Block]:
    """A block per size, with every algorithm and ISA; presets, so that no tuning is needed."""
    isas, _ = planner.resolve_isas("simd")
    short = planner.host.caches.elements("llc", WHOLE_CALLS)
    made: list[Block] = []
    for n in sizes:
        found = [
            contender
            for built in builds
            for name in planner.study.papers
            for isa in isas
            if planner.study.lacks(name, isa) is None
            for contender in (
                algorithm(planner.study, name, built, isa, "preset", split=False),
                *(
                    # The first elements of a row come from a nearer cache the second time, which is cheaper; where
                    # calls are short, some of many can be made twice as a whole instead.
                    planted(planner.study, name, built, isa, share, whole_calls=n <= short)
                    for share in (0.0, *(PLANTED if n >= LEAST_PLANTED else ()))
                ),
            )
        ]
        contenders, _ = planner.sound(found, builds)
        block = planner.block(
            f"selftest-{PROTOCOL}-n{n}-uniform-huge", Point(PROTOCOL, n), contenders, pairs(contenders)
        )
        # Values of 50 whole calls are long: half as many tell as much.
        made.append({**block, "sweeps": max(1, block["sweeps"] // 2)} if LEAST_PLANTED <= n <= short else block)
    return [block for block in made if block["contenders"]]


def pairs(contenders: Sequence[Contender]) -> list[list[int]]:
    """[planted, unmodified call] of each build, algorithm and ISA."""
    calls = [(c["library"], c["key"]["algorithm"], c["key"]["isa"]) for c in contenders]
    plain = {call: i for i, call in enumerate(calls) if contenders[i]["key"]["variant"] == "preset"}
    return [[i, plain[call]] for i, call in enumerate(calls) if i not in plain.values()]
