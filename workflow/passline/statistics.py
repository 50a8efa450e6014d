"""The statistics of a session: medians, paired ratios, tests and verdicts.

Nothing here assumes a distribution: intervals come from order statistics and tests
from ranks. Values of one round share a process, its pages and the machine's mood, so
the unit of all of them is the round, and two contenders are compared within a round.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.multitest import multipletests

from passline.errors import TableError

CONFIDENCE = 0.95
ALPHA = 0.05
EQUAL_WITHIN = 0.01
"""Two contenders are called equal when the whole interval of their ratio is this close to 1."""

LEAST_VALUES = 6
"""With fewer values no pair of order statistics holds the median with 95 % confidence."""

Floats = npt.NDArray[np.float64]
FASTER, SLOWER, EQUAL, UNDECIDED = "faster", "slower", "equal", "undecided"


@dataclass(frozen=True)
class Interval:
    """A median with its 95 % interval; `low` and `high` are NaN where there are too few values."""

    median: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PairedRatio:
    """Time of a base over time of a contender, paired by round; above 1 the contender is faster."""

    interval: Interval
    p: float
    effect_size: float


def median_interval(values: npt.ArrayLike) -> Interval:
    """Median of `values` (shape (n,), any unit) with a distribution-free 95 % interval.

    The bounds are order statistics, chosen by the binomial distribution: the coverage is
    at least 95 % for any continuous distribution of independent values
    (Hoefler & Belli, SC'15, rule 6).
    """
    data = np.asarray(values, dtype=np.float64)
    data = data[~np.isnan(data)]
    if data.size == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    median = float(np.median(data))
    if data.size < LEAST_VALUES:
        return Interval(median, math.nan, math.nan, int(data.size))
    bounds = stats.quantile_test(data, q=median, p=0.5).confidence_interval(CONFIDENCE)
    return Interval(median, float(bounds.low), float(bounds.high), int(data.size))


def paired_ratio(base: npt.ArrayLike, contender: npt.ArrayLike) -> PairedRatio:
    """Ratio base / contender of two series of times (shape (n_rounds,), s), one value of each per round.

    The test is Wilcoxon's signed-rank on the logarithms, so that a ratio and its inverse
    weigh the same. The effect size is the share of rounds won minus the share lost, in [-1, 1].
    """
    ratios = np.asarray(base, dtype=np.float64) / np.asarray(contender, dtype=np.float64)
    ratios = ratios[~np.isnan(ratios)]
    logs = np.log(ratios)
    p = 1.0 if logs.size == 0 or not logs.any() else float(stats.wilcoxon(logs).pvalue)
    effect = float(np.mean(np.sign(logs))) if logs.size else math.nan
    return PairedRatio(median_interval(ratios), p, effect)


def holm(p_values: npt.ArrayLike, families: Sequence[Hashable]) -> Floats:
    """Holm's correction of `p_values` (shape (n,)) within each family (same shape).

    A family is what a reader looks through for a winner: one pair of contenders on one ISA
    under one protocol, over all sizes and variants.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    if raw.shape != (len(families),):
        raise TableError("statistics", f"{len(families)} families for {raw.size} p values", "Give one family per value")
    corrected = np.full(raw.shape, math.nan)
    for family in set(families):
        members = np.array([candidate == family for candidate in families]) & ~np.isnan(raw)
        if members.any():
            corrected[members] = multipletests(raw[members], alpha=ALPHA, method="holm")[1]
    return corrected


def verdict(low: float, high: float, p_adjusted: float) -> str:
    """`faster` or `slower` when test and interval agree, `equal` within 1 %, else `undecided`.

    Args:
        low: lower bound of the 95 % interval of the ratio.
        high: upper bound.
        p_adjusted: p of the ratio after Holm's correction.
    """
    if math.isnan(low) or math.isnan(high):
        return UNDECIDED
    if p_adjusted < ALPHA and low > 1.0:
        return FASTER
    if p_adjusted < ALPHA and high < 1.0:
        return SLOWER
    if low >= 1.0 - EQUAL_WITHIN and high <= 1.0 + EQUAL_WITHIN:
        return EQUAL
    return UNDECIDED


def rounds_that_can_decide(family_size: int) -> int:
    """Rounds below which no ratio of a family can pass the corrected test, however clear it is.

    The smallest two-sided p of the signed-rank test is 2 / 2^n.
    """
    return max(LEAST_VALUES, math.ceil(math.log2(2.0 * max(1, family_size) / ALPHA)))


def half_width(interval: Interval) -> float:
    """Half of the interval's width: a smaller difference would not show."""
    return (interval.high - interval.low) / 2.0
