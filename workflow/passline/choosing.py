"""Which algorithm is fastest for which rows, alone and in batches: what `best` goes by, and how it was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from passline.derive.rounds import BlockValues, block_values, non_temporal, pair, round_medians
from passline.intervals import Interval, median_interval
from passline.plan_points import CONSUMED, HOT, STREAMED_LLC_MULTIPLE

ANY = "any"
"""In place of an instruction set: whichever is fastest."""

BLOCKS = "choose"
"""First word of the names of the blocks of the choosing step."""

LEAST_GAIN = 0.01  # a longer row gets another algorithm, or more threads, only where it gains so much
BATCH_LLC_MULTIPLE = 2  # of the last-level cache, that y alone of a batch takes: from there on it is chosen for as one
_CANDIDATE = ["algorithm", "isa", "threads"]

Candidate = tuple[str, str, int]
"""(algorithm, isa, threads that share a row or a batch)."""
_NONE: Candidate = ("", "", 1)

Costs = Mapping[Candidate, float]
Variants = Mapping[tuple[str, str], Sequence[str]]
"""(algorithm, isa) -> variants, one per pass."""


@dataclass(frozen=True)
class Length:
    """What was measured of rows of n elements, by themselves or in batches of `batch_from` elements and more."""

    n: int
    batch_from: int
    hot: Costs  # candidate -> log of its time over that of the fastest
    consumed: Costs  # the same where y is read next; empty where that was not measured
    values: BlockValues  # in protocol hot
    build_id: str

    def gain(self, candidate: Candidate, base: Candidate) -> Interval:
        """Time of `base` / time of the candidate, within sweeps: median over rounds."""
        one, other = (self._contender(each) for each in (candidate, base))
        return median_interval(pair(self.values, one, other).ratio)

    def _contender(self, candidate: Candidate) -> tuple[str, str, str, str, int]:
        wanted = (self.build_id, *candidate)
        return next(c for c in self.values.contenders if (c[0], c[1], c[2], c[4]) == wanted)


def crossover_rows(timings: pd.DataFrame, variants: Mapping[str, Variants]) -> pd.DataFrame:
    """Rows of table `crossovers` from the timings of the choosing step.

    At each length a choice is made for each instruction set, and of all; on each number of threads tried, or fewer.

    Which algorithm: that which loses least in the worse of the two protocols, hot and consumed (y is read next), each
    against the fastest there. One that stores past the caches must beat all others in consumed; where that was not
    measured it is not chosen. Batches are different: with y alone `BATCH_LLC_MULTIPLE` times as large as the last-level
    cache, whoever reads y after all of it finds it in memory, whatever the stores were, so that hot decides.

    How many threads: several only where they are surely faster than what one takes: the lower end of the 95 % interval
    of the ratio over rounds (order statistics) is above it by `LEAST_GAIN`. With fewer rounds than an interval needs
    nothing is sure. Between two lengths where several are surely faster, the median decides: cpus that are one core
    for seconds spoil single rounds. More threads begin at the length that was measured, not before.

    Args:
        timings: table `timings`; whole algorithms.
        variants: build -> (algorithm, isa) -> its variants: each build was tuned by itself.
    """
    if timings.empty:
        return pd.DataFrame()
    rows: list[dict[str, Any]] = []
    values = list(block_values(timings, BLOCKS))
    for (machine, session, build_id), mine in round_medians(timings).groupby(
        ["machine", "session", "build_id"], sort=True
    ):
        lengths = _lengths(mine, values, str(build_id))
        shared = {"machine": machine, "session": session, "build_id": build_id}
        for isa in (*sorted(mine["isa"].unique()), ANY):
            alone: dict[tuple[int, int], Candidate] = {}
            for threads in sorted(mine["threads"].unique()):
                for batch_from in sorted({length.batch_from for length in lengths}):
                    at = [length for length in lengths if length.batch_from == batch_from]
                    found = _choices(at, variants[str(build_id)], isa, int(threads), alone)
                    rows += [shared | {"isa": isa, "threads": int(threads)} | row for row in found]
    return pd.DataFrame(rows)


def _lengths(medians: pd.DataFrame, values: Sequence[BlockValues], build_id: str) -> list[Length]:
    """Ascending in batch and length. What was streamed is larger than the smallest batch that it stands for."""
    hot = [v for v in values if v.point["cache_protocol"] == HOT]
    points = {(int(v.point["n_elements"]), int(v.point["n_rows"])): v for v in hot}
    batches = [n * n_rows * BATCH_LLC_MULTIPLE // STREAMED_LLC_MULTIPLE for n, n_rows in points if n_rows > 1]
    found = []
    for (n, n_rows), block in points.items():
        here = medians[(medians["n_elements"] == n) & (medians["n_rows"] == n_rows)]
        costs = {protocol: _costs(here[here["cache_protocol"] == protocol]) for protocol in (HOT, CONSUMED)}
        found.append(Length(n, min(batches) if n_rows > 1 else 0, costs[HOT], costs[CONSUMED], block, build_id))
    return sorted(found, key=lambda length: (length.batch_from, length.n))


def _costs(medians: pd.DataFrame) -> Costs:
    """Candidate -> log of its time over the fastest candidate's; empty of nothing.

    Within a round times are taken over their geometric mean: what slows a whole round cancels.
    """
    if medians.empty:
        return {}
    logs = np.log(medians.pivot_table(index="round", columns=_CANDIDATE, values="time_s"))
    middle = logs.sub(logs.mean(axis=1), axis=0).median()
    return {(str(a), str(i), int(t)): float(v) for (a, i, t), v in (middle - middle.min()).items()}


def _choices(
    lengths: Sequence[Length],
    variants: Variants,
    isa: str,
    threads: int,
    alone: dict[tuple[int, int], Candidate],
) -> list[dict[str, Any]]:
    """The choices of an instruction set on so many threads; `alone` holds those of one by batch and length."""
    rows: list[dict[str, Any]] = []
    held, start, before = _NONE, 0, 0
    for length, ahead in zip(lengths, _ahead(lengths, isa, threads, alone), strict=True):
        n = length.n
        hot, read_next = _of(length.hot, isa, threads), _of(length.consumed, isa, threads)
        single = alone.get((length.batch_from, n))
        steady = {c for c in hot if (c[2] == 1 and single is None) or c in ahead}
        kept = {c for c in steady if length.batch_from or _may(c, read_next, variants)}
        kept |= {single} if single else set()
        loss = {c: max(_behind(hot, c), _behind(read_next, c)) for c in sorted(kept)}
        best = min(loss, key=loss.__getitem__)
        if held not in loss or loss[held] - loss[best] > math.log1p(LEAST_GAIN):
            start = _start(held[2], best[2], before, n)
            held = best
        if threads == 1:
            alone[length.batch_from, n] = held
        others = [candidate for candidate in hot if candidate != held]
        second = min(others, key=hot.__getitem__, default=held)
        rows.append(
            {
                "batch_from": length.batch_from,
                "n_elements": n,
                "n_from": start,
                "algorithm": held[0],
                "algorithm_isa": held[1],
                "threads_used": held[2],
                "variants": " ".join(variants[held[:2]]),
                "time_over_fastest": math.exp(_behind(hot, held)),
                "time_over_fastest_consumed": math.exp(_behind(read_next, held)) if read_next else math.nan,
                "next_algorithm": second[0],
                "next_threads": second[2],
                "next_over_chosen": math.exp(hot[second] - hot[held]),
            }
        )
        before = n
    return rows


def _ahead(
    lengths: Sequence[Length], isa: str, threads: int, alone: Mapping[tuple[int, int], Candidate]
) -> list[set[Candidate]]:
    """At each length the candidates on several threads that are faster than what one takes: see `crossover_rows`."""
    gains = [
        {c: length.gain(c, alone[length.batch_from, length.n]) for c in _of(length.hot, isa, threads) if c[2] > 1}
        for length in lengths
    ]
    least = 1.0 + LEAST_GAIN
    sure = [{c for c, gain in found.items() if gain.low > least} for found in gains]
    places = [place for place, found in enumerate(sure) if found]
    between = range(places[0], places[-1]) if places else range(0)
    usual = [{c for c, gain in found.items() if gain.median > least} for found in gains]
    return [found or (usual[place] if place in between else set()) for place, found in enumerate(sure)]


def _start(threads_before: int, threads: int, before: int, n: int) -> int:
    """From which length on a choice made at n holds, after another was made at `before`."""
    if before and threads > threads_before:
        return n
    if threads < threads_before:
        return before + 1
    return round(math.sqrt(before * n))


def _behind(costs: Costs, candidate: Candidate) -> float:
    return costs[candidate] - min(costs.values()) if candidate in costs else 0.0


def _of(costs: Costs, isa: str, threads: int) -> Costs:
    return {c: cost for c, cost in costs.items() if isa in (c[1], ANY) and c[2] <= threads}


def _may(candidate: Candidate, read_next: Costs, variants: Variants) -> bool:
    """Whether a candidate may be chosen for a row by itself: always with ordinary stores."""
    if not _streams(variants[candidate[:2]]):
        return True
    ordinary = [cost for c, cost in read_next.items() if not _streams(variants[c[:2]])]
    return candidate in read_next and read_next[candidate] < min(ordinary, default=math.inf)


def _streams(variants: Sequence[str]) -> bool:
    return any(map(non_temporal, variants))
