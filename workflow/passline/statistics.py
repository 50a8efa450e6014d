"""The statistics of a session: medians, ratios within a round, tests and verdicts.

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
from statsmodels.stats.diagnostic import acorr_ljungbox

from passline.effort import LEAST_VALUES
from passline.errors import TableError
from passline.intervals import Interval, median_interval

ALPHA = 0.05
EQUAL_WITHIN = 0.01
"""Two contenders are called equal when the whole interval of their ratio is this close to 1."""

DEPENDENT_BELOW = 0.01
"""Rounds whose order matters this surely do not count as independent: their interval is too narrow."""

Floats = npt.NDArray[np.float64]
FASTER, SLOWER, EQUAL, UNDECIDED = "faster", "slower", "equal", "undecided"


@dataclass(frozen=True)
class Dependence:
    """How a round's value goes with that of the round before: rank autocorrelation and one-sided p; NaN if unknown."""

    autocorrelation: float
    p: float


@dataclass(frozen=True)
class PairedRatio:
    """Time of a base over time of a contender, one ratio per round; above 1 the contender is faster."""

    interval: Interval
    p: float
    effect_size: float
    dependence: Dependence


def paired_ratio(ratios: npt.ArrayLike) -> PairedRatio:
    """What the ratios base / contender of the rounds tell (shape (n_rounds,), in order of time; NaN is left out).

    The test is Wilcoxon's signed-rank on the logarithms, so that a ratio and its inverse
    weigh the same. The effect size is the share of rounds won minus the share lost, in [-1, 1].
    """
    data = np.asarray(ratios, dtype=np.float64)
    data = data[~np.isnan(data)]
    if not data.size:
        return PairedRatio(median_interval(data), math.nan, math.nan, Dependence(math.nan, math.nan))
    logs = np.log(data)
    p = float(stats.wilcoxon(logs).pvalue) if logs.any() else 1.0
    return PairedRatio(median_interval(data), p, float(np.mean(np.sign(logs))), dependence(data))


def dependence(values: npt.ArrayLike) -> Dependence:
    """Whether values (shape (n,), in order of time) follow each other: Ljung-Box at lag 1, on ranks, the positive side.

    Positive dependence, be it drift or a mood that lasts for several rounds, makes intervals too narrow; negative makes
    them too wide, which misleads nobody. The p value is that of a positive autocorrelation. Under independence it is
    below 0.01 in less than 1 % of cases for any distribution, as ranks are used; with six values it never is.
    """
    ranks = stats.rankdata(values)
    centred = ranks - ranks.mean()
    spread = float(centred @ centred)
    if ranks.size < LEAST_VALUES or spread == 0.0:
        return Dependence(math.nan, math.nan)
    autocorrelation = float(centred[1:] @ centred[:-1]) / spread
    two_sided = float(acorr_ljungbox(ranks, lags=[1])["lb_pvalue"].iloc[0])
    return Dependence(autocorrelation, two_sided / 2.0 if autocorrelation > 0.0 else 1.0 - two_sided / 2.0)


def holm(p_values: npt.ArrayLike, families: Sequence[Hashable]) -> Floats:
    """Holm's correction of `p_values` (shape (n,)) within each family (same shape).

    A family is what a reader looks through for a winner: one pair of contenders on one ISA
    under one protocol, over all sizes and variants.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    if raw.shape != (len(families),):
        raise TableError("statistics", f"{len(families)} families for {raw.size} p values", "Give one family per value")
    members: dict[Hashable, list[int]] = {}
    for place, family in enumerate(families):
        if not math.isnan(raw[place]):
            members.setdefault(family, []).append(place)
    corrected = np.full(raw.shape, math.nan)
    for places in members.values():
        # Not by statsmodels' multipletests, which collects garbage at every call: half a minute for a session's
        # families. A test holds both together.
        order = np.array(places)[np.argsort(raw[places], kind="stable")]
        steps = raw[order] * np.arange(len(order), 0, -1)
        corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def verdict(low: float, high: float, p_adjusted: float, p_dependence: float = math.nan) -> str:
    """`faster` or `slower` when test and interval agree, `equal` within 1 %, else `undecided`.

    Args:
        low: lower bound of the 95 % interval of the ratio.
        high: upper bound.
        p_adjusted: p of the ratio after Holm's correction.
        p_dependence: p of a positive dependence between rounds: where it is small, nothing is decided.
    """
    if math.isnan(low) or math.isnan(high) or p_dependence < DEPENDENT_BELOW:
        return UNDECIDED
    if p_adjusted < ALPHA and low > 1.0:
        return FASTER
    if p_adjusted < ALPHA and high < 1.0:
        return SLOWER
    if low >= 1.0 - EQUAL_WITHIN and high <= 1.0 + EQUAL_WITHIN:
        return EQUAL
    return UNDECIDED


def verdicts(results: Sequence[PairedRatio], families: Sequence[Hashable]) -> tuple[Floats, list[str]]:
    """Corrected p values and verdicts of ratios (n of them), each of the family at its place."""
    adjusted = holm([result.p for result in results], families)
    return adjusted, [
        verdict(result.interval.low, result.interval.high, float(p), result.dependence.p)
        for result, p in zip(results, adjusted, strict=True)
    ]


def rounds_that_can_decide(family_size: int) -> int:
    """Rounds below which no ratio of a family can pass the corrected test, however clear it is.

    The smallest two-sided p of the signed-rank test is 2 / 2^n.
    """
    return max(LEAST_VALUES, math.ceil(math.log2(2.0 * max(1, family_size) / ALPHA)))


def half_width(interval: Interval) -> float:
    """Half of the 95 % interval's width: a smaller difference would not show."""
    return (interval.high - interval.low) / 2.0
