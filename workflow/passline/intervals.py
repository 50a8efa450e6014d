"""Medians with their intervals: the choices of `best`, and so what is timed, rest on these alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from passline.effort import LEAST_VALUES, rank


@dataclass(frozen=True)
class Interval:
    """A median with its 95 % interval; `low` and `high` are NaN where there are too few values."""

    median: float
    low: float
    high: float
    n: int


def median_interval(values: npt.ArrayLike) -> Interval:
    """Median of `values` (shape (n,), any unit) with a distribution-free 95 % interval.

    The bounds are order statistics, chosen by the binomial distribution: the coverage is
    at least 95 % for any continuous distribution of independent values
    (Hoefler & Belli, SC'15, rule 6).
    """
    data = np.asarray(values, dtype=np.float64)
    data = np.sort(data[~np.isnan(data)])
    if data.size == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    median = float(np.median(data))
    if data.size < LEAST_VALUES:
        return Interval(median, math.nan, math.nan, int(data.size))
    place = rank(data.size)
    return Interval(median, float(data[place - 1]), float(data[-place]), int(data.size))
