"""Counting a workload: groups opened once and left running, two readings subtracted around its calls.

A region must be long beside what reading the counters costs and counts itself: the same calls are repeated until it
takes 20 ms and 200 times an empty region. Counting runs are none of the timing runs; their time serves only to judge
the counts.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from passline.counters import validity
from passline.counters.perf import Counting, Handle, Readings
from passline.counters.records import Group, Plan
from passline.counters.validity import MOST_PER_S, Delta, Refusal
from passline.measure.library import Workload

LEAST_S = 0.020
NULL_REGIONS = 200  # a region takes at least this many times an empty one
NULL_SAMPLES = 21
GROW = 1.25  # a region that came out too short is repeated with this much to spare
MOST_TRIES = 64
REPETITIONS = 3


@dataclass(frozen=True)
class Region:
    """What one run's groups counted; `wall_s` lies between the two readings, `span_s` holds them too."""

    calls: int
    wall_s: float
    span_s: float
    deltas: tuple[Delta, ...]


@dataclass(frozen=True)
class Repetition:
    """One region per run of the plan, all of the same calls."""

    regions: tuple[Region, ...]

    @property
    def calls(self) -> int:
        """Calls of each region."""
        return self.regions[0].calls

    @property
    def wall_s(self) -> float:
        """Time of its shortest region."""
        return min(region.wall_s for region in self.regions)


@dataclass(frozen=True)
class Amount:
    """A sum over the units of a socket, or over what a thread ran on; `value` is None where a part is refused."""

    direction: str
    event: str
    socket: int | None
    value: float | None
    unit: str
    units: int  # groups summed
    enabled_s: float  # the shortest of them
    running_s: float
    refusal: Refusal | None


@dataclass(frozen=True)
class NullRegion:
    """An empty region: what its two readings cost (s) and, per direction, count."""

    cost_s: float
    counted: Mapping[str, float]


class Counters:
    """An open plan; a context manager. A plan of one run is opened once, others run by run."""

    def __init__(
        self, counting: Counting, plan: Plan, cpus: Sequence[int], most_per_s: Mapping[str, float] = MOST_PER_S
    ) -> None:
        """`cpus` are those of the workload's threads; `most_per_s` is what the machine can move, by unit."""
        self.plan, self.cpus = plan, tuple(cpus)
        self.most_per_s, self._counting = most_per_s, counting
        self._kept: list[Handle] = []

    def __enter__(self) -> Self:
        """Open the groups; OSError where they can no longer be had."""
        if len(self.plan.runs) == 1:
            self._kept = self._open(self.plan.runs[0])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        self._close(self._kept)
        self._kept = []

    def repetition(self, workloads: Sequence[Workload], calls: int) -> Repetition:
        """`calls` calls counted, once for each run of the plan."""
        return Repetition(tuple(self._region(run, workloads, calls) for run in self.plan.runs))

    def idle(self, seconds: float) -> Repetition:
        """What is counted while nothing of ours runs."""
        return Repetition(tuple(self._region(run, [], 0, seconds) for run in self.plan.runs))

    def null_region(self, workloads: Sequence[Workload]) -> NullRegion:
        """Median over repetitions without calls."""
        empty = [self.repetition(workloads[:1], 0) for _ in range(NULL_SAMPLES)]
        costs = [region.span_s for repetition in empty for region in repetition.regions]
        sums: dict[str, list[float]] = {}
        for repetition in empty:
            for direction, value in totals(amounts(repetition)).items():
                sums.setdefault(direction, []).append(value)
        return NullRegion(statistics.median(costs), {key: statistics.median(found) for key, found in sums.items()})

    def calls_for(self, workloads: Sequence[Workload], null_s: float, least_s: float = LEAST_S) -> int:
        """How many calls make a region long enough. The calls it takes to find out settle the caches too."""
        wanted = region_s(null_s, least_s)
        calls = 1
        for _ in range(MOST_TRIES):
            taken = self.repetition(workloads, calls).wall_s
            if taken >= wanted:
                return calls
            calls = grown(calls, taken, wanted)
        return calls

    def _region(self, run: Sequence[Group], workloads: Sequence[Workload], calls: int, idle_s: float = 0.0) -> Region:
        handles = self._kept or self._open(run)
        try:
            if idle_s > 0:
                before, after = self._counting.idle(idle_s, handles)
            else:
                if not self._kept and calls > 0:
                    self._counting.run(workloads, self.cpus, 1, [])  # the caches settle again after the last run
                before, after = self._counting.run(workloads, self.cpus, calls, handles)
        finally:
            if not self._kept:
                self._close(handles)
        return Region(calls, *lengths_s(before, after), self._deltas(run, before, after))

    def _deltas(self, run: Sequence[Group], before: Readings, after: Readings) -> tuple[Delta, ...]:
        parts = zip(run, before, after, strict=True)
        return tuple(d for group, first, last in parts for d in validity.deltas(group, first, last, self.most_per_s))

    def _open(self, run: Sequence[Group]) -> list[Handle]:
        handles: list[Handle] = []
        try:
            for group in run:
                handles.append(self._counting.open(group))
        except OSError:
            self._close(handles)
            raise
        return handles

    def _close(self, handles: Sequence[Handle]) -> None:
        for handle in handles:
            self._counting.close(handle)


def count(
    counters: Counters, workloads: Sequence[Workload], null_s: float, repetitions: int = REPETITIONS
) -> tuple[Repetition, ...]:
    """Settle, choose how many calls a region needs, and count that `repetitions` times, all of the same calls."""
    wanted = region_s(null_s)
    calls = counters.calls_for(workloads, null_s)
    found: list[Repetition] = []
    for _ in range(MOST_TRIES + repetitions):
        found.append(counters.repetition(workloads, calls))
        if found[-1].wall_s < wanted:  # the region by which the calls were chosen had been held up
            calls = grown(calls, found[-1].wall_s, wanted)
            found.clear()
        if len(found) == repetitions:
            break
    return tuple(found)


def region_s(null_s: float, least_s: float = LEAST_S) -> float:
    """The shortest region whose counts mean something, beside an empty one of `null_s`."""
    return max(least_s, NULL_REGIONS * null_s)


def grown(calls: int, taken_s: float, wanted_s: float) -> int:
    """More calls, for a region that took `taken_s` instead of `wanted_s`; never many more at once."""
    return max(calls + 1, min(16 * calls, int(GROW * calls * wanted_s / max(taken_s, 1e-9)) + 1))


def lengths_s(before: Readings, after: Readings) -> tuple[float, float]:
    """Seconds between two readings, and from the start of the first to the end of the second."""
    if not before:
        return 0.0, 0.0
    return (after[0].before_ns - before[-1].after_ns) * 1e-9, (after[-1].after_ns - before[0].before_ns) * 1e-9


def amounts(repetition: Repetition, expected: Mapping[str, float] | None = None) -> tuple[Amount, ...]:
    """Sums by direction and socket. `expected`: direction -> what must have moved, over all sockets."""
    parts: dict[tuple[str, int | None], list[Delta]] = {}
    for region in repetition.regions:
        for delta in region.deltas:
            parts.setdefault((delta.event.direction, delta.group.socket), []).append(delta)
    found = tuple(_sum(direction, socket, deltas) for (direction, socket), deltas in parts.items())
    return _refuse_flat(found, expected or {})


def totals(found: Sequence[Amount]) -> dict[str, float]:
    """Direction -> sum over sockets, of those where no part is refused."""
    refused = {amount.direction for amount in found if amount.value is None}
    sums: dict[str, float] = {}
    for amount in found:
        if amount.direction not in refused:
            sums[amount.direction] = sums.get(amount.direction, 0.0) + (amount.value or 0.0)
    return sums


def _sum(direction: str, socket: int | None, deltas: Sequence[Delta]) -> Amount:
    refusal = validity.first_refusal(deltas)
    names = "+".join(dict.fromkeys(delta.event.name for delta in deltas))
    shortest = min(deltas, key=lambda delta: delta.running_ns)
    return Amount(
        direction,
        names,
        socket,
        None if refusal else sum(delta.value or 0.0 for delta in deltas),
        deltas[0].event.unit,
        len({(delta.event.pmu, delta.group.cpu) for delta in deltas}),
        shortest.enabled_ns * 1e-9,
        shortest.running_ns * 1e-9,
        refusal,
    )


def _refuse_flat(found: tuple[Amount, ...], expected: Mapping[str, float]) -> tuple[Amount, ...]:
    sums = totals(found)
    standing = {key: validity.flat(sums[key], least) for key, least in expected.items() if key in sums}
    return tuple(
        Amount(a.direction, a.event, a.socket, None, a.unit, a.units, a.enabled_s, a.running_s, refusal)
        if (refusal := standing.get(a.direction)) is not None
        else a
        for a in found
    )
