"""Where one contender overtakes another: the lengths at which a ratio over size passes 1, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from passline.statistics import Floats


@dataclass(frozen=True)
class Crossing:
    """A change of the lead, in elements of a row.

    Left of `low` the one is ahead for sure, right of `high` the other; `n` is where the medians change sides.
    """

    n: float
    low: float
    high: float
    ahead: bool
    """Whether the contender is ahead to the right of it."""


def crossings(ratios: pd.DataFrame) -> list[Crossing]:
    """All changes of the lead that the intervals decide, from the shortest row to the longest.

    Between two sizes the logarithm of the ratio, and of each bound of its interval, is taken as a straight line over
    the logarithm of the size. A crossing lies between a size whose whole interval is on one side of 1 and the next one
    whose whole interval is on the other; what is in between decides nothing, and widens it.

    Args:
        ratios: columns `n_elements`, `ratio`, `ratio_low`, `ratio_high`; one row per size; a size without an
            interval is left out.
    """
    rows = ratios.dropna(subset=["ratio_low", "ratio_high"]).sort_values("n_elements")
    size = np.log(rows["n_elements"].to_numpy(dtype=float))
    middle, low, high = (np.log(rows[c].to_numpy(dtype=float)) for c in ("ratio", "ratio_low", "ratio_high"))
    side = np.where(low > 0.0, 1, np.where(high < 0.0, -1, 0))
    decided = np.flatnonzero(side)
    found = []
    for before, after in pairwise(decided):
        if side[before] == side[after]:
            continue
        sign = float(side[after])
        # Seen from the side of the one that takes the lead, its lower bound is the last to pass.
        last, first = (low, high) if sign > 0.0 else (-high, -low)
        span = slice(before, after + 1)
        found.append(
            Crossing(
                math.exp(_passes(size[span], sign * middle[span])),
                math.exp(_passes(size[span], first[span])),
                math.exp(_passes(size[span], last[span])),
                ahead=sign > 0.0,
            )
        )
    return found


def _passes(x: Floats, y: Floats) -> float:
    """Where the broken line through (x, y), which begins below 0 and ends above, is below it for the last time."""
    place = int(np.flatnonzero(y < 0.0)[-1])
    share = -y[place] / (y[place + 1] - y[place])
    return float(x[place] + share * (x[place + 1] - x[place]))
