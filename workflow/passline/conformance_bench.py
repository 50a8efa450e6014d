"""The stage on which passes and whole algorithms are run to be checked: rows, cases, and how parts of a row are run.

A wrong kernel may kill the process; `conformance.check_variants` does this in a child.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from passline.conformance_judge import Case
from passline.conformance_memory import GuardedRow
from passline.measure.library import Library
from passline.own_reference import Whole, reference, sensitivity, whole_reference
from passline.reference import Floats, make_inputs
from passline.registry import Study

LARGE = 4096 + 3
# A row in which every element weighs about the same, so that one lost or taken twice shows in a sum.
_EVEN: Mapping[str, Any] = {"distribution": "uniform", "low": -1, "high": 0}
# Differences score - maximum for which exp is a float, denormals included, cut into rows of LARGE.
_RANGE, CUTS = (-104.0, 0.0), 16
Progress = Callable[[int, int, int, int], None]  # phase, n, offset of x, offset of y, in floats


@dataclass(frozen=True)
class Bench:
    """What all variants of a study share: rows, cases and whole references."""

    library: Library
    study: Study
    seed: int
    x: GuardedRow
    y: GuardedRow
    scratch: GuardedRow
    case: Callable[[str, str, int], Case]  # pass, family ("" is the even one, "range k" a part of exp's range), n
    whole: Whole | None
    sensitivity: Whole | None
    progress: Progress


def make_bench(library: Library, study: Study, seed: int, progress: Progress | None = None) -> Bench:
    """Rows for up to LARGE floats at any offset; references are looked up here, StudyError where one is missing."""
    references = {name: reference(study, name) for name in study.passes}
    room = LARGE + 256

    @cache
    def case(pass_name: str, family: str, n: int) -> Case:
        if family.startswith("range "):
            edges = np.linspace(*_RANGE, CUTS + 1)[int(family.removeprefix("range ")) :]
            x = np.linspace(edges[0], edges[1], n, dtype=np.float32)
            x[-1] = 0
        else:
            x = make_inputs(study.inputs[family] if family else _EVEN, n, seed)
        return Case(x, references[pass_name](x))

    whole = whole_reference(study) if study.algorithms else None
    rows = GuardedRow(room), GuardedRow(room), GuardedRow(room)
    return Bench(library, study, seed, *rows, case, whole, sensitivity(study), progress or _untold)


def _untold(*_: int) -> None:
    """Nobody asks what is being checked."""


def call_pass(ffi: Any, entry: Any, n: int, x: int, y: int, state: Any) -> None:
    """Run a variant and what it finishes with, on rows given by their addresses."""
    entry.run(n, ffi.cast("float *", x), ffi.cast("float *", y), state)
    if entry.finish:
        entry.finish(state)


def ways_to_share(bench: Bench, names: Sequence[str]) -> tuple[int, ...]:
    """Numbers of parts in which the named passes can take a row: 1, and more where their parts tell each other enough.

    As in passline_softmax all passes but the last must combine what their parts leave; the last too where it leaves
    the number that is the result.
    """
    telling = names if bench.study.result is not None else names[:-1]
    return (1, 2, 3) if all(bench.library.variants[name].combine for name in telling) else (1,)


def run_algorithm(
    bench: Bench, names: Sequence[str], x: Floats, *, in_place: bool = False, parts: int = 1
) -> tuple[Floats, str | None]:
    """What the named passes make of x, rows ending at the guard pages, and what was written outside them.

    That is y, float32[n], or the one number that the study's algorithms leave, float32[1]. With several parts every
    pass runs over each of them, as threads that share the row do, and combines what they leave.
    """
    n, ffi = x.size, bench.library.ffi
    offset = bench.y.flush_right(n)
    source = bench.y if in_place else bench.x
    source.put(offset, x)
    bench.progress(4, n, offset, offset)
    edges = [n * k // parts for k in range(parts + 1)]
    shared = ffi.new("passline_part[]", parts)
    states = [ffi.addressof(shared[k], "state") for k in range(parts)]
    for k, (start, end) in enumerate(pairwise(edges)):
        shared[k].n = end - start
        shared[k].x, shared[k].y = (ffi.cast("float *", row.address(offset + start)) for row in (source, bench.y))
        for name in bench.library.fields:
            setattr(states[k], name, math.nan)
    for name in names:
        entry = bench.library.variants[name]
        for k, state in enumerate(states):
            entry.run(shared[k].n, shared[k].x, shared[k].y, state)
        if parts > 1 and entry.combine:
            entry.combine(shared, parts)
        for state in states if entry.finish else ():
            entry.finish(state)
    y = bench.y.take(offset, n)
    if not in_place:
        bench.x.take(offset, n)
    broken = None if bench.y.intact() and bench.x.intact() else f"memory outside a row of {n} was written"
    if bench.study.result is not None:
        found = np.array([getattr(state, bench.study.result) for state in states], dtype=np.float32)
        if len(set(found.view(np.uint32).tolist())) > 1 and not np.isnan(found).all():
            broken = broken or f"{parts} parts of a row of {n} were left different numbers: {found.tolist()}"
        y = found[:1]
    return y, broken


def special_rows(lanes: int, step: int, seed: int) -> Iterator[tuple[str, Floats]]:
    """Rows with NaN, +inf or -inf: first, middle, last, in every vector of two steps and in every lane."""
    yield "only -inf", np.full(2 * step + 1, -np.inf, dtype=np.float32)
    generator = np.random.default_rng(seed)
    for n in sorted({1, 2, lanes + 1, step, 2 * step + lanes + lanes // 2 + 1}):
        base = generator.standard_normal(n, dtype=np.float32)
        vectors = {v + v // lanes * 5 % lanes for v in range(0, n, lanes)}
        places = {0, n // 2, n - 1, *range(min(lanes, n)), *(p for p in vectors if p < n)}
        for place in sorted(places):
            for value in (np.nan, np.inf, -np.inf):
                row = base.copy()
                row[place] = value
                yield f"{value} at {place} of {n}", row
    mixed = np.full(2 * step + 3, -np.inf, dtype=np.float32)
    mixed[-1] = 1
    yield "-inf everywhere but at the end", mixed


def special_values(bench: Bench, names: Sequence[str], lanes: int, step: int, parts: int = 1) -> Iterator[str]:
    """How an algorithm departs from the reference in where it is NaN or infinite, and where it is exactly 0."""
    assert bench.whole is not None
    for title, x in special_rows(lanes, step, bench.seed):
        if x.size < parts:
            continue
        with np.errstate(all="ignore"):
            want = bench.whole(x)
        got, wrote = run_algorithm(bench, names, x, parts=parts)
        nan, infinite = np.isnan(want), np.isinf(want)
        if wrote:
            yield wrote
        elif not np.array_equal(np.isnan(got), nan):
            yield f"{title}: {np.isnan(got).sum()} outputs are NaN, {nan.sum()} should be"
        elif not np.array_equal(np.where(np.isinf(got), got, 0), np.where(infinite, want, 0)):
            yield f"{title}: {np.isinf(got).sum()} outputs are infinite, {infinite.sum()} should be, of the same sign"
        elif got[want == 0].any():
            yield f"{title}: an output is not 0 where it should be"
