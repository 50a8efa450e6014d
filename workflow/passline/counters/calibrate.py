"""Loops of known traffic, counted on the user's own machine: the only check of scales that no table can promise.

Kernels have named events that counted a sixteenth, half, or nothing of the traffic, and units are easily counted
twice. The ratio of counted to known bytes is printed and lowers the confidence; a count is never corrected by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from passline.counters import counting
from passline.counters.counting import Counters, Repetition, amounts, totals
from passline.counters.records import COMBINED, READ, READ_LOWER_BOUND, WRITE
from passline.measure import buffers
from passline.measure.library import Library, Workload
from passline.registry import Variant

LLC_MULTIPLE = 4
DEFAULT_LLC_BYTES = 64 << 20  # where the machine does not tell
ELEMENT_BYTES = 4
GOOD, FAIR = 0.05, 0.10  # distances from 1


@dataclass(frozen=True)
class Loop:
    """A loop of known traffic: bytes read and written per byte of its row."""

    name: str
    pass_name: str
    non_temporal: bool
    read: float
    written: float


# An ordinary store fetches its line first. Where hardware avoids that, less is read, so that nothing is judged by it.
LOOPS = (
    Loop("read", "read", False, 1.0, 0.0),
    Loop("nt_store", "fill", True, 0.0, 1.0),
    Loop("store", "fill", False, 1.0, 1.0),
)


@dataclass(frozen=True)
class LoopCount:
    """Known and counted bytes of a loop; not-a-number where the source does not count that or it was refused."""

    loop: str
    variant: str
    calls: int
    wall_s: float
    known_read: float
    known_written: float
    counted_read: float
    counted_written: float
    counted_combined: float
    reason: str  # why something was refused, or -


@dataclass(frozen=True)
class Calibration:
    """Ratios of counted to known bytes; not-a-number where there is none."""

    loops: tuple[LoopCount, ...]
    read_ratio: float
    write_ratio: float
    store_read_ratio: float  # reads of ordinary stores / bytes stored: 1 with write-allocate, less where avoided
    verdict: str  # good, fair, off or unknown
    hints: tuple[str, ...]

    def ratio(self, direction: str) -> float:
        """The ratio that judges a direction: of a sum of both, the one further from 1."""
        if direction == WRITE:
            return self.write_ratio
        if direction == COMBINED:
            return max((self.read_ratio, self.write_ratio), key=lambda r: math.inf if math.isnan(r) else abs(r - 1))
        return self.read_ratio


@dataclass(frozen=True)
class Background:
    """What is counted while nothing of ours runs: direction -> units per second, before and after."""

    before: Mapping[str, float]
    after: Mapping[str, float]

    def most(self, direction: str) -> float:
        """The larger of the two; not-a-number where neither was counted."""
        known = [side[direction] for side in (self.before, self.after) if direction in side]
        return max(known, default=math.nan)


def loop_variants(variants: Sequence[Variant], isa: str) -> dict[str, str]:
    """Loop -> the variant of the ceilings that is this loop, for an ISA; loops without one are left out."""
    found: dict[str, str] = {}
    for loop in LOOPS:
        for v in variants:
            if (v.pass_name, v.isa, v.non_temporal) == (loop.pass_name, isa, loop.non_temporal):
                found.setdefault(loop.name, v.name)
    return found


def background(counters: Counters, seconds: float) -> dict[str, float]:
    """Direction -> units per second that the idle machine is counted to move."""
    idle = counters.idle(seconds)
    # A sleep may last longer than it was asked to.
    return {direction: value / idle.wall_s for direction, value in totals(amounts(idle)).items()}


def calibrate(
    counters: Counters, library: Library, variants: Mapping[str, str], llc_bytes: int | None, null_s: float
) -> Calibration:
    """Count every loop over a row of 4 x LLC on the calling thread. MemoryError where the row cannot be had."""
    n = LLC_MULTIPLE * (llc_bytes or DEFAULT_LLC_BYTES) // ELEMENT_BYTES
    row = buffers.allocate(1, n, "huge")
    row.rows[0][:] = 1.0
    counts = []
    for loop in LOOPS:
        if loop.name not in variants:
            continue
        workload: Workload = library.workload([variants[loop.name]], [row.rows[0]], [row.rows[0]])
        workload.set_state({"scale": 1.0})
        (repetition,) = counting.count(counters, [workload], null_s, repetitions=1)
        counts.append(loop_count(loop, variants[loop.name], repetition, n * ELEMENT_BYTES))
    return judged(counts)


def loop_count(loop: Loop, variant: str, repetition: Repetition, row_bytes: int) -> LoopCount:
    """What was counted of a loop over a row of `row_bytes`."""
    found = amounts(repetition)
    sums = totals(found)
    read = sums.get(READ, sums.get(READ_LOWER_BOUND, math.nan))
    refused = next((a.refusal.reason for a in found if a.refusal is not None), "-")
    known = float(row_bytes * repetition.calls)
    return LoopCount(
        loop.name, variant, repetition.calls, repetition.wall_s, loop.read * known, loop.written * known,
        read, sums.get(WRITE, math.nan), sums.get(COMBINED, math.nan), refused,
    )  # fmt: skip


def judged(counts: Sequence[LoopCount]) -> Calibration:
    """The ratios of counted loops, and what they say. A sum of reads and writes is judged by each loop's sum."""
    by_name = {count.loop: count for count in counts}

    def ratio(name: str, *, written: bool) -> float:
        count = by_name.get(name)
        if count is None:
            return math.nan
        if not math.isnan(count.counted_combined):
            return count.counted_combined / (count.known_read + count.known_written)
        counted, known = (
            (count.counted_written, count.known_written) if written else (count.counted_read, count.known_read)
        )
        return counted / known

    read, write = ratio("read", written=False), ratio("nt_store", written=True)
    off = [abs(r - 1) for r in (read, write) if not math.isnan(r)]
    far = max(off, default=math.nan)
    verdict = "unknown" if not off else "good" if far <= GOOD else "fair" if far <= FAIR else "off"
    hints = tuple(
        f"{name}: counted {r:.3g} of the known bytes: {text}"
        for name, r in (("reads", read), ("writes", write))
        for text in [hint(r)]
        if text
    )
    return Calibration(tuple(counts), read, write, ratio("store", written=False), verdict, hints)


# Ratios with a known cause, widest first tried last.
_HINTS = (
    (-math.inf, 0.03, "the event counts something else (early kernels of Ice Lake servers: writes)"),
    (0.055, 0.07, "the kernel's scale is 16 times too small (Ice Lake servers before Linux 5.10)"),
    (0.45, 0.55, "half of the units are counted (one of two schedulers, controllers or sockets)"),
    (1.8, 2.2, "the units are counted twice, or the memory lies on two sockets"),
    (-math.inf, 0.9, "not all traffic is seen"),
    (1.1, math.inf, "other traffic is in the number: the machine is not idle"),
)


def hint(ratio: float) -> str | None:
    """What a ratio far from 1 is known to come from; None near 1 and where there is no ratio."""
    return next((text for low, high, text in _HINTS if low <= ratio <= high), None)
