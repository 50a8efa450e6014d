"""What the report says of a session's rounds as such."""

from __future__ import annotations

import math

import pandas as pd

from passline import formats
from passline.errors import ReportError
from passline.intervals import median_interval


def values(rounds: pd.DataFrame) -> dict[str, str]:
    """What the rounds were like: how many, how long, at which clock, on which pages."""
    if rounds.empty:
        raise ReportError("table rounds", "is empty", "Measure again: snakemake")
    per_block = rounds.groupby("block").size()
    clock = median_interval(rounds["clock_hz"])
    # Huge pages round a buffer up, so a round may hold more of them than it asked for.
    asking = rounds[~rounds["block"].str.endswith(("-small", "-malloc")) & rounds["huge_bytes"].notna()]
    asked = float(asking["buffer_bytes"].sum())
    huge = float(asking[["huge_bytes", "buffer_bytes"]].min(axis=1).sum()) / asked if asked else math.nan
    least, most = int(per_block.min()), int(per_block.max())
    first, last = (str(end)[:16].replace("T", " ") for end in (rounds["start_utc"].min(), rounds["start_utc"].max()))
    low, high = float(rounds["clock_hz"].min()), float(rounds["clock_hz"].max())
    return {
        "measured_at": f"{first} to {last[11:] if last[:10] == first[:10] else last} UTC",
        "blocks": formats.count(len(per_block)),
        "rounds": formats.count(len(rounds)),
        "rounds_per_block": f"{least}" if least == most else f"{least} to {most}",
        "rounds_marked": formats.count(int(rounds["marked"].sum())),
        "rounds_time": f"{float(rounds['duration_s'].sum()) / 60.0:.1f}{formats.NARROW}min",
        "clock": f"{clock.median / 1e9:.2f}{formats.NARROW}GHz (from {low / 1e9:.2f} to {high / 1e9:.2f})"
        if not math.isnan(clock.median)
        else "not known",
        "huge_share": "an unknown share" if math.isnan(huge) else formats.percent(huge),
        "steal": formats.quantity(float(rounds["steal_s"].sum()), "s")
        if rounds["steal_s"].notna().any()
        else "not known",
    }
