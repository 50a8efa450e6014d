"""Counts as rows of table `counters`; `derive.counted` makes columns of table `passes` of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from passline.counters.calibrate import Background, Calibration
from passline.counters.chain import Chosen
from passline.counters.counting import Repetition, amounts
from passline.counters.provenance import Confidence
from passline.counters.records import CYCLES, INSTRUCTIONS, NONE, Plan

COUNTED, REJECTED, UNAVAILABLE = "counted", "rejected", "unavailable"
NO_SOCKET = -1
_NO_DIRECTION = (CYCLES, INSTRUCTIONS)


def counter_rows(
    key: Mapping[str, Any],
    plan: Plan,
    repetitions: Sequence[Repetition],
    *,
    calibration: Calibration | None,
    background: Background | None,
    trust: Confidence,
    local_socket: int | None = None,
    expected: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """A row per repetition, direction and socket. `key`: the key columns. `expected`: direction -> bytes per call.

    `local_socket` is the one that the workload runs on.
    """
    rows = []
    for number, repetition in enumerate(repetitions):
        for amount in amounts(repetition, _times(expected, repetition.calls)):
            traffic = amount.direction not in _NO_DIRECTION
            refusal = amount.refusal
            rows.append(
                {
                    **key,
                    "source": plan.source,
                    "event": amount.event,
                    "repetition": number,
                    "socket": NO_SOCKET if amount.socket is None else amount.socket,
                    "local": amount.socket is not None and amount.socket == local_socket,
                    "direction": amount.direction if traffic else NONE,
                    "scope": plan.scope,
                    "calls": repetition.calls,
                    "value": math.nan if amount.value is None else amount.value,
                    "unit": amount.unit,
                    "calibration": calibration.ratio(amount.direction) if calibration and traffic else math.nan,
                    "background": background.most(amount.direction) if background and traffic else math.nan,
                    "time_s": repetition.wall_s,
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
    numbers = ("value", "calibration", "background", "time_s", "time_enabled_s", "time_running_s")
    return {
        **key,
        "source": chosen.source,
        "event": NONE,
        "repetition": 0,
        "socket": NO_SOCKET,
        "local": False,
        "direction": NONE,
        "scope": "none",
        "calls": 0,
        "unit": NONE,
        **dict.fromkeys(numbers, math.nan),
        "confidence": trust.letter,
        "status": UNAVAILABLE,
        "reason": chosen.reason,
    }


def _times(expected: Mapping[str, float] | None, calls: int) -> dict[str, float]:
    return {direction: value * calls for direction, value in (expected or {}).items()}
