"""Whether a ratio changed between two sessions: the statistics, on made-up points of known spread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from passline.compare_points import (
    IMPROVED,
    POINT,
    REGRESSED,
    SAME,
    UNDECIDED,
    VALUES,
    agreement,
    judge,
    p_values,
    verdict,
)
from passline.statistics import holm

Z95 = float(stats.norm.ppf(0.975))


def made_up(rng: np.random.Generator, points: int, half: float, spread: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables of ratios of `points` sizes of one pair: log ratios spread as their intervals say, times `spread`."""
    tables = []
    for _ in range(2):
        logs = rng.standard_normal(points) * half / Z95 * spread
        key = dict.fromkeys(POINT, "-") | {"threads": 1, "base_threads": 1, "compiler": "gcc"}
        tables.append(
            pd.DataFrame([key | {"n_elements": n} for n in range(points)]).assign(
                ratio=np.exp(logs), ratio_low=np.exp(logs - half), ratio_high=np.exp(logs + half),
                p_dependence=0.5, time_median_s=1.0, base_time_median_s=1.0,
            )
        )  # fmt: skip
    return tables[0], tables[1]


def test_intervals_that_hold_what_they_promise_agree_and_raise_few_alarms() -> None:
    rng = np.random.default_rng(20200113)
    within, alarms = [], 0
    for _ in range(50):
        points = judge(*made_up(rng, 80, 0.01, spread=1.0))
        within.append(agreement(points).share)
        alarms += bool(set(points["verdict"]) & {REGRESSED, IMPROVED})
    assert np.mean(within) == pytest.approx(0.95, abs=0.015)  # 4000 points: standard error 0.0035
    assert alarms <= stats.binom.ppf(0.999, 50, 0.05)


def test_intervals_that_promise_too_much_do_not_agree_and_the_factor_says_by_how_much() -> None:
    agreed = agreement(judge(*made_up(np.random.default_rng(3), 4000, 0.01, spread=2.0)))
    assert not agreed.agrees
    assert agreed.factor == pytest.approx(2.0, abs=0.1)


def test_p_is_a_twentieth_where_the_difference_is_the_half_width() -> None:
    p = p_values([0.0, 0.02, -0.02, 0.04, 0.0, 0.01, float("nan")], [0.02, 0.02, 0.02, 0.02, 0.0, 0.0, 0.02])
    assert p[:6] == pytest.approx([1.0, 0.05, 0.05, 2 * stats.norm.sf(2 * Z95), 1.0, 0.0])
    assert np.isnan(p[6])


@pytest.mark.parametrize(
    ("difference", "half_width", "p", "dependent", "expected"),
    [
        (0.02, 0.02, 0.04, False, SAME),
        (0.021, 0.02, 0.04, False, IMPROVED),
        (-0.021, 0.02, 0.04, False, REGRESSED),
        (-0.021, 0.02, 0.05, False, UNDECIDED),
        (-0.021, 0.02, 0.04, True, UNDECIDED),
        (0.02, 0.02, 0.04, True, SAME),
        (0.0, float("nan"), float("nan"), False, UNDECIDED),
    ],
)
def test_verdicts_at_their_boundaries(
    difference: float, half_width: float, p: float, dependent: bool, expected: str
) -> None:
    assert verdict(difference, half_width, p, dependent) == expected


def test_all_points_are_corrected_together() -> None:
    a, b = made_up(np.random.default_rng(1), 10, 0.01, spread=0.0)
    b.loc[0, ["ratio", "ratio_low", "ratio_high"]] *= np.exp(-0.018)
    points = judge(a, b)
    raw = p_values(points["log_difference"], points["half_width"])
    assert raw[0] < 0.05
    assert points["p_adjusted"].to_numpy() == pytest.approx(holm(raw, ["one"] * 10))
    assert points["verdict"].tolist() == [UNDECIDED] + [SAME] * 9  # alone it would have been a regression


def test_only_named_columns_are_needed() -> None:
    a, b = made_up(np.random.default_rng(1), 3, 0.01, spread=1.0)
    assert set(judge(a.assign(later="column"), b)) >= {*POINT, *(f"{v}_{side}" for v in VALUES for side in "ab")}
