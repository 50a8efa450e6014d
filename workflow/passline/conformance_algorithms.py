"""Whole algorithms: every one, on every ISA, agrees with the study's float64 reference and so with every other.

The bound of an output, in ULP: twice the bounds of its passes (an error in ULP may double
when the result falls into the next binade), the rounding of the sum's additions, 2 for
what the last pass does, and what its passes take as given (`Expected.given`; of the softmax
passes that subtract the maximum the rounding of that difference: of the output's own score
and, as part of the sum, weighted over the row). Where the study says how much its result
moves with what the passes leave (`sensitivity`), the sum of these counts so much, and 2 ULP
are for the last roundings. An algorithm may promise less (`max_ulp`). Two algorithms differ
by no more than the sum of their bounds.
Special values are compared exactly: where the result is NaN or infinite, and where it is 0.

A row is also taken in 2 and in 3 parts, as threads share it, wherever the passes combine what their parts leave: its
bound grows by one addition for each part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from passline.conformance_bench import Bench, make_bench, run_algorithm, special_values, ways_to_share
from passline.conformance_judge import Case, Finding, longest_chain
from passline.measure.library import Library
from passline.reference import Doubles, Expected, Floats, make_inputs, ulp
from passline.registry import Study

SPECIAL = "special_values"
_SIZES = (1, 2, 7, 67, 1000, 4099)


@dataclass(frozen=True)
class Contender:
    """An algorithm with a variant for each of its passes; `label` is preset or tuned."""

    algorithm: str
    isa: str
    label: str
    variants: tuple[str, ...]


def presets(study: Study) -> list[Contender]:
    """Every algorithm with the paper's presets, on every ISA that the study was loaded with."""
    isas = dict.fromkeys(variant.isa for variant in study.variants)
    return [
        Contender(name, isa, "preset", tuple(study.preset(s.pass_name, isa, s).name for s in algorithm.steps))
        for name, algorithm in study.algorithms.items()
        for isa in isas
        if study.lacks(name, isa) is None
    ]


def check_algorithms(
    library: Library, study: Study, contenders: Iterable[Contender], *, seed: int, build_id: str = "-"
) -> list[dict[str, Any]]:
    """Rows of table `accuracy`, one per contender and input family, and one for the special values.

    Column `pass` is `-` and column `variant` is algorithm/label. Run it on variants that passed: a kernel that writes
    outside its rows ends the process.
    """
    bench = make_bench(library, study, seed)
    known = {variant.name: variant for variant in study.variants}
    rows = []
    for contender in contenders:
        steps = [known[name] for name in contender.variants]
        lanes, step = steps[0].lanes, max(variant.step for variant in steps)
        ways = ways_to_share(bench, contender.variants)
        for family in study.inputs:
            findings = [f for n in _SIZES for f in judge(bench, contender, family, n, ways)]
            rows.append(_row(bench, contender, family, build_id, max(findings, key=lambda f: f.severity)))
        broken = [
            f"{reason}{_told(parts)}"
            for parts in ways
            for reason in special_values(bench, contender.variants, lanes, step, parts)
        ]
        finding = Finding(reason="; ".join(broken[:3]) or None)
        rows.append(_row(bench, contender, SPECIAL, build_id, finding))
    return rows


def _told(parts: int) -> str:
    return f", in {parts} parts" if parts > 1 else ""


def judge(bench: Bench, contender: Contender, family: str, n: int, ways: Iterable[int]) -> Iterator[Finding]:
    """What a contender makes of a row of a family in so many parts each, apart and in place."""
    assert bench.whole is not None
    x = make_inputs(bench.study.inputs[family], n, bench.seed)
    want = bench.whole(x)
    alone = bounds(bench, contender, family, x, want)
    shrinks = np.abs(want) >= (2.0**-126 if bench.sensitivity is None else 0.0)
    # Judged as a share of each output's own bound, and shown in ULP with the bound of the worst.
    case = Case(x, Expected(outputs=want))
    for parts, in_place in product([each for each in ways if each <= n], (False, True)):
        got, broken = run_algorithm(bench, contender.variants, x, in_place=in_place, parts=parts)
        if broken:
            yield Finding(reason=broken)
            continue
        bound = alone + (parts if parts > 1 else 0) * _per_addition(bench, x, want)
        error = case.judge_outputs(_shrunk(got, want, bound, shrinks), 1.0)
        place = error.index
        reason = error.reason and error.reason.replace(
            "the bound is 1", f"in units of its bound of {bound[place]:.3g} ULP"
        )
        yield replace(
            error,
            error_ulp=error.error_ulp * bound[place],
            bound_ulp=float(bound[place]),
            relative=abs((float(got[place]) - float(want[place])) / want[place]) if error.relative else 0.0,
            got=float(got[place]),
            reason=reason and f"{reason} (n {n}{', in place' if in_place else ''}{_told(parts)})",
        )


def _shrunk(got: Floats, want: Doubles, bound: Doubles, shrinks: Any) -> Doubles:
    """Results moved so far towards `want` that an error of `bound` becomes one ULP; NaN, and what need not, stays."""
    exact = got.astype(np.float64)
    return np.where(shrinks & np.isfinite(exact), want + (exact - want) / bound, exact)


def bounds(bench: Bench, contender: Contender, family: str, x: Floats, want: Doubles) -> Doubles:
    """Bound of every output of a contender on a row of a family, ULP."""
    known = {variant.name: variant for variant in bench.study.variants}
    passes, chain, given = 0.0, 0, np.zeros(1)
    for name in contender.variants:
        variant = known[name]
        passes += 2 * (bench.study.passes[variant.pass_name].bound_ulp(variant.isa) or 0.0)
        expected = bench.case(variant.pass_name, family, x.size).expected
        given = given + expected.given
        if expected.summed:
            chain = max(chain, longest_chain(x.size, variant.lanes, variant.dimensions))
    if bench.sensitivity is not None:
        given = given.max(keepdims=True)
    bound: Doubles = 2.0 + (passes + chain + given) * _per_addition(bench, x, want)
    return np.minimum(bound, bench.study.algorithms[contender.algorithm].promise(family))


def _per_addition(bench: Bench, x: Floats, want: Doubles) -> Doubles:
    """What an error of one ULP in a sum becomes in each result, ULP; one ULP of a number is at most 2^-23 of it."""
    if bench.sensitivity is None:
        return np.ones_like(want)
    moved: Doubles = 2.0**-23 * bench.sensitivity(x) / ulp(want)
    return moved


def _row(bench: Bench, contender: Contender, family: str, build_id: str, finding: Finding) -> dict[str, Any]:
    return {
        "build_id": build_id,
        "study": bench.study.name,
        "pass": "-",
        "isa": contender.isa,
        "variant": f"{contender.algorithm}/{contender.label}",
        "inputs": family,
        "seed": bench.seed,
        **finding.columns,
    }
