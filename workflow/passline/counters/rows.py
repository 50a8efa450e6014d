"""Counts as rows of table `counters`, and as the counted columns of table `passes`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from passline.counters.calibrate import Background, Calibration
from passline.counters.chain import Chosen
from passline.counters.counting import Amount, Repetition, amounts, totals
from passline.counters.provenance import Confidence
from passline.counters.records import COMBINED, CYCLES, INSTRUCTIONS, NONE, READ, READ_LOWER_BOUND, WRITE, Plan

COUNTED, REJECTED, UNAVAILABLE = "counted", "rejected", "unavailable"
_NO_DIRECTION = (CYCLES, INSTRUCTIONS)


@dataclass(frozen=True)
class Counted:
    """What table `passes` takes, per call, the median over repetitions; not-a-number with a reason."""

    bytes_read: float
    bytes_written: float
    bytes_combined: float  # where the source cannot tell reads from writes
    confidence: str
    reason: str
    local_share: float  # of the bytes, at the socket the workload runs on


@dataclass(frozen=True)
class Work:
    """Cycles and instructions per element, the median over repetitions; not-a-number where not counted."""

    cycles_per_element: float
    instructions_per_element: float
    clock_hz: float


def counter_rows(
    key: Mapping[str, Any],
    plan: Plan,
    repetitions: Sequence[Repetition],
    *,
    calibration: Calibration | None,
    background: Background | None,
    trust: Confidence,
    expected: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """A row per repetition, direction and socket. `key`: the key columns. `expected`: direction -> bytes per call."""
    rows = []
    for repetition in repetitions:
        for amount in amounts(repetition, _times(expected, repetition.calls)):
            traffic = amount.direction not in _NO_DIRECTION
            refusal = amount.refusal
            rows.append(
                {
                    **key,
                    "source": plan.source,
                    "event": amount.event if amount.socket is None else f"{amount.event} of socket {amount.socket}",
                    "direction": amount.direction if traffic else NONE,
                    "scope": plan.scope,
                    "calls": repetition.calls,
                    "value": math.nan if amount.value is None else amount.value,
                    "unit": amount.unit,
                    "calibration": calibration.ratio(amount.direction) if calibration and traffic else math.nan,
                    "background": background.most(amount.direction) if background and traffic else math.nan,
                    "time_enabled_s": amount.enabled_s,
                    "time_running_s": amount.running_s,
                    "confidence": trust.letter,
                    "status": COUNTED if refusal is None else REJECTED,
                    "reason": NONE if refusal is None else f"{refusal.kind}: {refusal.reason}",
                }
            )
    return rows


def unavailable_row(key: Mapping[str, Any], chosen: Chosen, trust: Confidence) -> dict[str, Any]:
    """The one row of a workload that nothing counted."""
    numbers = ("value", "calibration", "background", "time_enabled_s", "time_running_s")
    return {
        **key,
        "source": chosen.source,
        "event": NONE,
        "direction": NONE,
        "scope": "none",
        "calls": 0,
        "unit": NONE,
        **dict.fromkeys(numbers, math.nan),
        "confidence": trust.letter,
        "status": UNAVAILABLE,
        "reason": chosen.reason,
    }


def counted(
    plan: Plan,
    repetitions: Sequence[Repetition],
    trust: Confidence,
    *,
    local_socket: int | None = None,
    expected: Mapping[str, float] | None = None,
) -> Counted:
    """Bytes per call, from the repetitions that were not refused."""
    per_call: dict[str, list[float]] = {}
    refusals: list[str] = []
    local: list[float] = []
    for repetition in repetitions:
        found = amounts(repetition, _times(expected, repetition.calls))
        for direction, value in totals(found).items():
            per_call.setdefault(direction, []).append(value / repetition.calls)
        refusals += [f"{a.refusal.kind}: {a.refusal.reason}" for a in found if a.refusal is not None]
        local.append(local_share(found, local_socket))

    def median(direction: str) -> float:
        return statistics.median(per_call[direction]) if direction in per_call else math.nan

    read = median(READ_LOWER_BOUND if READ_LOWER_BOUND in plan.directions else READ)
    known = [share for share in local if not math.isnan(share)]
    return Counted(
        read,
        median(WRITE),
        median(COMBINED),
        trust.letter,
        refusals[0] if refusals else NONE,
        statistics.median(known) if known else math.nan,
    )


def local_share(found: Sequence[Amount], socket: int | None) -> float:
    """Share of the bytes that went through the controllers of a socket."""
    values = [(a.socket, a.value) for a in found if a.value is not None and a.direction not in _NO_DIRECTION]
    total = sum(value for _, value in values)
    if socket is None or total <= 0:
        return math.nan
    return sum(value for where, value in values if where == socket) / total


def work(repetitions: Sequence[Repetition], n_elements: int) -> Work:
    """Cycles and instructions per element; `n_elements` is the length of a row times the threads."""
    per_element: dict[str, list[float]] = {CYCLES: [], INSTRUCTIONS: []}
    clocks = []
    for repetition in repetitions:
        sums = totals(amounts(repetition))
        for direction, values in per_element.items():
            if direction in sums:
                values.append(sums[direction] / (repetition.calls * n_elements))
        parts = [d for region in repetition.regions for d in region.deltas if d.event.direction == CYCLES]
        clocks += [d.count / (d.running_ns * 1e-9) for d in parts if d.count is not None and d.running_ns > 0]

    def median(values: Sequence[float]) -> float:
        return statistics.median(values) if values else math.nan

    return Work(median(per_element[CYCLES]), median(per_element[INSTRUCTIONS]), median(clocks))


def _times(expected: Mapping[str, float] | None, calls: int) -> dict[str, float]:
    return {direction: value * calls for direction, value in (expected or {}).items()}
