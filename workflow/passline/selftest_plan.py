"""What the self-test runs: the same call under two names, and the same call with slowdowns of known size."""

from __future__ import annotations

from collections.abc import Sequence

from passline.contenders import Built, algorithm, planted
from passline.measure.spec import Block, Contender
from passline.plan import Planner

PLANTED = (0.02, 0.05, 0.10)
"""Shares of the work that is done twice (decision 0006). Twice nothing is the same call under another name."""

LEAST_PLANTED = 65_536
"""Elements from which slowdowns are planted: in shorter rows, what a call costs beside its elements shows."""

PROTOCOL = "hot"
"""With rows that rotate, the second call on the first elements would find y in cache where the first did not."""


def blocks(planner: Planner, builds: Sequence[Built], sizes: Sequence[int]) -> list[Block]:
    """A block per size, with every algorithm and ISA; presets, so that no tuning is needed."""
    isas, _ = planner.resolve_isas("simd")
    l2 = planner.host.caches.elements("l2", 1)
    made: list[Block] = []
    for n in sizes:
        found = [
            contender
            for built in builds
            for name in planner.study.algorithms
            for isa in isas
            if planner.study.runs_on(name, isa)
            for contender in (
                algorithm(planner.study, name, built, isa, "preset", split=False),
                *(
                    # The first elements of a row in L2 come from L1 the second time, which is cheaper; where calls
                    # are so short, some of many can be made twice as a whole instead.
                    planted(planner.study, name, built, isa, share, whole_calls=n <= l2)
                    for share in (0.0, *(PLANTED if n >= LEAST_PLANTED else ()))
                ),
            )
        ]
        contenders, _ = planner.sound(found, builds)
        made.append(
            planner.block(
                f"selftest-{PROTOCOL}-n{n}-uniform-huge", PROTOCOL, n, "uniform", "huge", contenders, pairs(contenders)
            )
        )
    return [block for block in made if block["contenders"]]


def pairs(contenders: Sequence[Contender]) -> list[list[int]]:
    """[planted, unmodified call] of each build, algorithm and ISA."""
    calls = [(c["library"], c["key"]["algorithm"], c["key"]["isa"]) for c in contenders]
    plain = {call: i for i, call in enumerate(calls) if contenders[i]["key"]["variant"] == "preset"}
    return [[i, plain[call]] for i, call in enumerate(calls) if i not in plain.values()]
