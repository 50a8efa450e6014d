"""Which rounds are doubtful: what a round found itself, and what shows only beside the others of the session."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from passline.tables import NOT_APPLICABLE

CLOCK_WITHIN = 0.01
"""A round whose median clock is further from the session's is doubtful; Kerncraft stops there."""


def with_marks(rounds: pd.DataFrame) -> pd.DataFrame:
    """Table `rounds` of a whole session with `marked` and `reason` completed; marks of the rounds themselves stay.

    A clock that could not be measured marks nothing, nor does a temperature: how hot is too hot differs between
    sensors, and heat that matters shows in the clock and in throttling.
    """
    if rounds.empty:
        return rounds
    found = [*_off_clock(rounds), *_throttled(rounds)]
    reasons = [[] if reason == NOT_APPLICABLE else [str(reason)] for reason in rounds["reason"]]
    for place, reason in found:
        reasons[place].append(reason)
    return rounds.assign(
        marked=rounds["marked"].to_numpy(dtype=np.bool_) | np.array([bool(told) for told in reasons]),
        reason=["; ".join(told) or NOT_APPLICABLE for told in reasons],
    )


def _off_clock(rounds: pd.DataFrame) -> Iterator[tuple[int, str]]:
    clock = rounds["clock_hz"].to_numpy(dtype=np.float64)
    if np.isnan(clock).all():
        return
    usual = float(np.nanmedian(clock))
    for place in np.flatnonzero(np.abs(clock - usual) > CLOCK_WITHIN * usual):
        change = clock[place] / usual - 1.0
        yield (
            int(place),
            f"clock {clock[place] / 1e9:.3g} GHz, {change:+.1%} from the session's {usual / 1e9:.3g} GHz",
        )


def _throttled(rounds: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """Rounds at whose end a cpu had been throttled more often than at the end of the round before."""
    placed = rounds[["cpu", "start_utc", "throttle_count"]].assign(place=np.arange(len(rounds)))
    # Starts are known to the second; of two rounds in one second, the one with fewer events was first.
    ordered = placed.dropna().sort_values(["cpu", "start_utc", "throttle_count"], kind="stable")
    rose = ordered.groupby("cpu")["throttle_count"].diff()
    for place, events in zip(ordered["place"][rose > 0], rose[rose > 0], strict=True):
        yield int(place), f"the cpu was throttled {events:.0f} times since the round before"
