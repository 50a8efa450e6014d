"""Table `beyond`: every contender of the blocks beyond the paper, and how far each is from its floor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from passline.derive.choices import taken, taken_in_batch
from passline.derive.rounds import CEILINGS, CONTENDER, BlockValues, Contender, Pair, block_kind_of, block_values, pair
from passline.intervals import median_interval
from passline.tables import BEST, FLOOR, KEY, NOT_APPLICABLE

KIND = "beyond"
"""First word of the names of these blocks."""


def pairs(
    contenders: Sequence[Contender], n: int, n_rows: int, plan: Mapping[str, Any]
) -> Iterator[tuple[Contender, Contender]]:
    """The (contender, base) pairs among the contenders of a block beyond the paper, over n_rows rows of n elements.

    Its comparisons and those of the session, on the same ISA and choice of variants or with an outside baseline; none
    without an algorithm beyond the paper, so that the others come from their own blocks alone. Each algorithm beyond
    the paper with its floor. And what shares a row among several threads with itself on one.
    """
    scheme, present = plan.get("beyond", {}), set(contenders)
    named = dict.fromkeys((str(a), str(b)) for a, b in [*scheme.get("comparisons", []), *plan["comparisons"]])
    ours = set(scheme.get("algorithms", {}))
    for one in sorted(present):
        build, algorithm, isa, variant, threads = one
        bases = [base for contender, base in named if contender == algorithm and {algorithm, base} & ours]
        found = [(build, base, isa, variant, threads) for base in bases]
        found += [(NOT_APPLICABLE, base, NOT_APPLICABLE, NOT_APPLICABLE, threads) for base in bases]
        found += [(build, algorithm, isa, variant, 1)] if threads > 1 else []
        if algorithm in ours and (floor := floor_of(one, plan, n, n_rows)) is not None:
            found.append(floor)
        yield from ((one, base) for base in found if base in present)


def question(found: Pair) -> tuple[str, bool]:
    """What else parts families of ratios: blocks beyond the paper, and in these a batch from a row of its length."""
    kind = block_kind_of(found.block)
    return kind, kind == KIND and int(found.point["n_rows"]) > 1


def floor_of(contender: Contender, plan: Mapping[str, Any], n: int, n_rows: int = 1) -> Contender | None:
    """The floor of an algorithm over rows of n elements, as a contender; None where it has none, or is one.

    As many rows as threads are a row of each of them by itself; more are a batch.
    """
    build, algorithm, isa, variant, threads = contender
    scheme = plan.get("beyond", {})
    known = scheme.get("choices", [])
    picked = taken_in_batch(known, isa, threads, n, n_rows) if n_rows > threads else taken(known, isa, 1, n)
    runs = picked["algorithm"] if algorithm == BEST and picked else algorithm
    label = scheme.get("floors", {}).get(runs, {}).get(isa)
    return None if label is None or variant == FLOOR else (build, label, isa, FLOOR, threads)


def blocks(timings: pd.DataFrame, plan: Mapping[str, Any]) -> Iterator[BlockValues]:
    """The blocks beyond the paper. Floors, which are of another study, run in them too."""
    for values in block_values(timings, KIND):
        yield replace(values, point={**values.point, "study": plan["study"]})


def beyond_table(timings: pd.DataFrame, plan: Mapping[str, Any]) -> pd.DataFrame:
    """Table `beyond`, from table `timings`."""
    return pd.DataFrame([row for values in blocks(timings, plan) for row in _rows(values, plan)])


def _rows(values: BlockValues, plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for contender in values.contenders:
        own = pair(values, contender, contender)
        interval = median_interval(own.time_s)
        key = {**values.point, **dict(zip(CONTENDER, contender, strict=True))}
        if contender[3] == FLOOR:
            key["study"] = CEILINGS
        yield {column: key[column] for column in KEY} | {
            "time_median_s": interval.median,
            "time_low_s": interval.low,
            "time_high_s": interval.high,
            "n_values": interval.n,
            **_over_floor(values, contender, plan),
        }


def _over_floor(values: BlockValues, contender: Contender, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The floor's name, and the time of the contender over its floor's, paired within sweeps."""
    floor = floor_of(contender, plan, int(values.point["n_elements"]), int(values.point["n_rows"]))
    if floor is None or floor not in values.contenders:
        return {
            "floor": NOT_APPLICABLE,
            "over_floor": math.nan,
            "over_floor_low": math.nan,
            "over_floor_high": math.nan,
        }
    over = median_interval(pair(values, floor, contender).ratio)
    return {
        "floor": floor[1],
        "over_floor": over.median,
        "over_floor_low": over.low,
        "over_floor_high": over.high,
    }
