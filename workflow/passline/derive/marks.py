"""Which rounds are doubtful: what a round found itself, and what shows only beside the session's other rounds."""

from __future__ import annotations

import pandas as pd

from passline.tables import NOT_APPLICABLE

CLOCK_TOLERANCE = 0.01
"""A round whose median clock is further from the session's is marked."""


def marked(rounds: pd.DataFrame) -> pd.DataFrame:
    """Table `rounds` with `marked` and `reason` completed; nothing is left out.

    Args:
        rounds: all rounds of a session; unknown clocks and counts are NaN, and mark nothing.
    """
    usual = rounds["clock_hz"].median()
    off = (rounds["clock_hz"] / usual - 1.0).abs() > CLOCK_TOLERANCE
    ordered = rounds.sort_values("start_utc", kind="stable")
    throttled = (ordered.groupby("cpu")["throttle_count"].diff() > 0).reindex(rounds.index)
    reasons = [
        "; ".join(
            [
                *([] if own == NOT_APPLICABLE else [own]),
                *([f"clock {clock / 1e9:.2f} GHz, usually {usual / 1e9:.2f} GHz"] if other_clock else []),
                *(["the core was throttled"] if hot else []),
            ]
        )
        for own, clock, other_clock, hot in zip(rounds["reason"], rounds["clock_hz"], off, throttled, strict=True)
    ]
    return rounds.assign(marked=[bool(reason) for reason in reasons], reason=[r or NOT_APPLICABLE for r in reasons])
