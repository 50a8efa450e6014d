"""The points of two sessions side by side: what became of each ratio, and whether the sessions agree.

Ratios are compared and times are not: on a machine that is shared, times move by tens of per cent within minutes, and
ratios taken within rounds hardly move. Differences are of logarithms, where a ratio and its inverse weigh the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from passline.effort import CONFIDENCE
from passline.errors import TableError
from passline.statistics import ALPHA, DEPENDENT_BELOW, Floats, holm
from passline.table_models import KEY

AGREE = 0.95
"""Two sessions agree where this share of points lies within the summed half-widths, as 95 % intervals promise."""

IMPROVED, REGRESSED, SAME, UNDECIDED = "improved", "regressed", "same", "undecided"
ONLY_A, ONLY_B = "only in A", "only in B"

PAIR = ("algorithm", "isa", "variant", "threads", "base", "base_isa", "base_variant", "base_threads")
"""Columns that name the two contenders of a ratio."""

POINT = ("compiler", *(c for c in KEY if c not in ("machine", "session", "build_id")), *PAIR[4:])
"""Columns that name a point of table `ratios` whichever session it is of: a build goes by its compiler."""

VALUES = ("ratio", "ratio_low", "ratio_high", "p_dependence", "time_median_s", "base_time_median_s")


@dataclass(frozen=True)
class Agreement:
    """How many points could be judged, how many of them agree, and how far the rest is off."""

    points: int
    within: int
    factor: float  # how many times as wide half-widths would have to be for AGREE of the points to be within

    @property
    def share(self) -> float:
        """Share of points within the summed half-widths; NaN where there is none."""
        return self.within / self.points if self.points else math.nan

    @property
    def agrees(self) -> bool:
        """Whether the sessions agree."""
        return self.share >= AGREE

    @property
    def least_by_chance(self) -> int:
        """Points within that are no surprise where intervals hold what they promise: the binomial 2.5 % quantile.

        Points that share a contender move together, so that still fewer may be chance.
        """
        return int(stats.binom.ppf((1 - CONFIDENCE) / 2, self.points, AGREE))


def judge(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """One row per point of either session: both ratios, their difference, and a verdict.

    Args:
        a: table `ratios` of the first session, with a column `compiler`; its columns POINT and VALUES are read.
        b: the second's.

    Returns:
        POINT; VALUES of each session with the endings _a and _b; `log_difference` (ln ratio_b - ln ratio_a);
        `half_width` (root of the summed squared half-widths of both intervals of the logarithm); `change` (ratio_b /
        ratio_a - 1); `p_adjusted` (Holm, over all points of both sessions); `dependent` (rounds of either session
        follow each other, so that its interval is too narrow); and `verdict`.
    """
    for name, frame in (("A", a), ("B", b)):
        twice = frame[frame.duplicated(list(POINT))]
        if len(twice):
            raise TableError(
                f"table ratios of {name}",
                f"holds a point twice: {' '.join(str(twice.iloc[0][column]) for column in POINT)}",
                "Run snakemake for this session again",
            )
    sides = [frame[[*POINT, *VALUES]] for frame in (a, b)]
    points = pd.merge(*sides, on=list(POINT), how="outer", suffixes=("_a", "_b"), indicator="side", sort=True)
    halves = [np.log(points[f"ratio_high_{s}"] / points[f"ratio_low_{s}"]) / 2 for s in ("a", "b")]
    points["log_difference"] = np.log(points["ratio_b"] / points["ratio_a"])
    points["half_width"] = np.hypot(*halves)
    points["change"] = np.expm1(points["log_difference"])
    raw = p_values(points["log_difference"], points["half_width"])
    # One family: the exit status is one answer for all points, and is to be wrong in at most 5 % of comparisons.
    points["p_adjusted"] = holm(raw, ["comparison"] * len(points))
    points["dependent"] = points[["p_dependence_a", "p_dependence_b"]].lt(DEPENDENT_BELOW).any(axis=1)
    columns = (points[name] for name in ("log_difference", "half_width", "p_adjusted", "dependent"))
    verdicts = pd.Series([verdict(*values) for values in zip(*columns, strict=True)], index=points.index, dtype="str")
    side = points.pop("side")
    points["verdict"] = verdicts.mask(side == "left_only", ONLY_A).mask(side == "right_only", ONLY_B)
    return points


def p_values(differences: npt.ArrayLike, half_widths: npt.ArrayLike) -> Floats:
    """Two-sided p of differences with 95 % intervals of these half-widths, by the normal approximation; shapes (n,).

    The intervals are order statistics, which cover at least 95 %: p errs towards 1.
    """
    d, h = np.abs(np.asarray(differences, dtype=np.float64)), np.asarray(half_widths, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * d / h
    z[(d == 0) & (h == 0)] = 0.0
    return np.asarray(2 * stats.norm.sf(z), dtype=np.float64)


def verdict(difference: float, half_width: float, p_adjusted: float, dependent: bool) -> str:
    """What became of a ratio; above 0, its algorithm got faster against its base.

    Where rounds depend on each other the half-width promises too much, and no change is called one.
    """
    if math.isnan(difference) or math.isnan(half_width):
        return UNDECIDED
    if abs(difference) <= half_width:
        return SAME
    if p_adjusted < ALPHA and not dependent:
        return IMPROVED if difference > 0 else REGRESSED
    return UNDECIDED


def agreement(points: pd.DataFrame) -> Agreement:
    """Whether two sessions agree, over the points of both that have intervals."""
    judged = points[points["half_width"].notna() & points["log_difference"].notna()]
    if judged.empty:
        return Agreement(0, 0, math.nan)
    distance, half_width = judged["log_difference"].abs(), judged["half_width"]
    scaled = (distance / half_width).fillna(0.0)  # 0 / 0: the same value twice
    factor = float(np.quantile(scaled, AGREE, method="inverted_cdf"))
    return Agreement(len(judged), int((distance <= half_width).sum()), factor)


def absolute_changes(points: pd.DataFrame) -> pd.DataFrame:
    """Per algorithm, the change of its median time from A to B: `median`, `low` and `high` over its `points`.

    For the eye only: times drift with the machine, and nothing in them tells drift from an edit.
    """
    where = ["compiler", "n_elements", "n_rows", "cache_protocol", "inputs", "pages"]
    every = []
    for names, time in ((PAIR[:4], "time_median_s"), (PAIR[4:], "base_time_median_s")):
        contender = points[[*where, *names]].rename(columns=dict(zip(names, PAIR[:4], strict=True)))
        every.append(contender.assign(change=points[f"{time}_b"] / points[f"{time}_a"] - 1))
    known = pd.concat(every).dropna(subset=["change"])
    # A contender stands in several pairs, each with the rounds that both of the pair have.
    once = known.groupby([*where, *PAIR[:4]], as_index=False)["change"].median()
    changes = once.groupby("algorithm")["change"]
    return changes.agg(median="median", low="min", high="max", points="size").reset_index()
