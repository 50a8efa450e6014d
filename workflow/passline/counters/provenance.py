"""How far to trust a count, and the record that goes with it.

A: memory controllers, reads and writes apart, calibrated within 5 %, background below 2 %. B: within 10 %, or reads
and writes in one number, or an approximate unit. C: a core's lower bound, or not calibrated, or off. D: the model,
confirmed by simulating the very kernels. E: the model alone.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

from passline.counters.calibrate import FAIR, GOOD, Background, Calibration
from passline.counters.chain import Chosen
from passline.counters.counting import NullRegion, Repetition, amounts, totals
from passline.counters.records import CYCLES, INSTRUCTIONS, READ_LOWER_BOUND, Attempt, Plan
from passline.counters.rights import Rights

QUIET, BUSY = 0.02, 0.10  # shares of a count that the background may make up
COLD_LLC_MULTIPLE = 4


@dataclass(frozen=True)
class Confidence:
    """A letter, and why it is not better."""

    letter: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Provenance:
    """All that a count rests on; `records.document` makes JSON of it."""

    source: str
    plan: Plan | None
    tried: tuple[Attempt, ...]
    cpus: tuple[int, ...]
    footprint_bytes: int
    llc_bytes: int | None
    repetitions: int
    calls: int
    wall_s: float
    mux_ratio: float  # running / enabled; 1 for every count that was not refused
    null_region: NullRegion | None
    calibration: Calibration | None
    background: Background | None
    confidence: Confidence
    rights: Rights
    kernel: str


def model_confidence(*, confirmed: bool) -> Confidence:
    """Of the traffic model: D where simulating the kernels confirmed it."""
    return Confidence("D" if confirmed else "E", ())


def confidence(plan: Plan, calibration: Calibration | None, background_share: float = math.nan) -> Confidence:
    """Of a source's counts; `background_share` is the share of the count that an idle machine makes in its time."""
    counted = sorted(plan.directions - {CYCLES, INSTRUCTIONS})
    reasons: list[tuple[str, str]] = [("A", "")]
    if plan.most_confidence != "A":
        reasons.append((plan.most_confidence, "; ".join(plan.notes) or f"source {plan.source}"))
    if counted and calibration is None:
        reasons.append(("C", "not calibrated on this machine"))
    for direction in counted if calibration is not None else ():
        reasons.append(_by_ratio(direction, calibration.ratio(direction) if calibration else math.nan))
    if background_share >= QUIET:
        letter = "B" if background_share < BUSY else "C"
        reasons.append((letter, f"an idle machine makes {background_share:.1%} of the count"))
    worst = max(letter for letter, _ in reasons)
    hints = calibration.hints if calibration is not None else ()
    return Confidence(worst, (*(text for letter, text in reasons if letter > "A"), *hints))


def _by_ratio(direction: str, ratio: float) -> tuple[str, str]:
    name = direction.replace("_", " ")
    if math.isnan(ratio):
        return "C", f"{name}: the calibration was refused"
    distance = abs(ratio - 1)
    text = f"{name}: counted {ratio:.3f} of known bytes"
    if direction == READ_LOWER_BOUND or distance > FAIR:
        return "C", text
    return ("A", "") if distance <= GOOD else ("B", text)


def background_share(background: Background, repetitions: Sequence[Repetition]) -> float:
    """The largest share of a direction's count that the background makes; not-a-number where nothing is known."""
    shares = [
        background.most(direction) * repetition.wall_s / value
        for repetition in repetitions
        for direction, value in totals(amounts(repetition)).items()
        if value > 0
    ]
    return max((share for share in shares if not math.isnan(share)), default=math.nan)


def carry_over(footprint_bytes: int, llc_bytes: int | None) -> str | None:
    """A warning where what one pass wrote can reach memory while the next is counted."""
    if llc_bytes is None or footprint_bytes >= COLD_LLC_MULTIPLE * llc_bytes:
        return None
    share = llc_bytes / max(footprint_bytes, 1)
    return f"the cache holds {share:.0%} of the rows: counts say what reaches memory, not what the pass touches"


def provenance(
    chosen: Chosen,
    repetitions: Sequence[Repetition],
    *,
    cpus: Sequence[int],
    footprint_bytes: int,
    llc_bytes: int | None,
    null_region: NullRegion | None,
    calibration: Calibration | None,
    background: Background | None,
    trust: Confidence,
    rights: Rights,
) -> Provenance:
    """The record of one counted workload."""
    deltas = [d for r in repetitions for region in r.regions for d in region.deltas]
    ratios = [d.running_ns / d.enabled_ns for d in deltas if d.enabled_ns > 0]
    warning = carry_over(footprint_bytes, llc_bytes)
    warnings = (*trust.warnings, warning) if warning else trust.warnings
    return Provenance(
        chosen.source,
        chosen.plan,
        chosen.attempts,
        tuple(cpus),
        footprint_bytes,
        llc_bytes,
        len(repetitions),
        repetitions[0].calls if repetitions else 0,
        sum(r.wall_s for r in repetitions),
        min(ratios, default=math.nan),
        null_region,
        calibration,
        background,
        Confidence(trust.letter, warnings),
        rights,
        os.uname().release,
    )
