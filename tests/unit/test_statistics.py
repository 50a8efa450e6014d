"""Statistics: intervals that cover, tests that can fail, verdicts at their boundaries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from passline import intervals, statistics
from passline.errors import TableError

TIMES = st.floats(min_value=1e-9, max_value=1e3)


@settings(deadline=None, max_examples=30)  # the machine may be busy
@given(st.lists(TIMES, min_size=statistics.LEAST_VALUES, max_size=40))
def test_interval_holds_the_median_and_consists_of_values(values: list[float]) -> None:
    found = intervals.median_interval(values)
    assert found.low <= found.median <= found.high
    assert {found.low, found.high} <= set(values)


@pytest.mark.parametrize("n", [0, 1, statistics.LEAST_VALUES - 1])
def test_too_few_values_give_no_interval(n: int) -> None:
    found = intervals.median_interval(np.arange(1.0, n + 1.0))
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.n == n


def test_six_values_give_their_range() -> None:
    found = intervals.median_interval([3.0, 1.0, 2.0, 6.0, 5.0, 4.0])
    assert (found.low, found.median, found.high) == (1.0, 3.5, 6.0)


def test_twelve_values_give_third_and_tenth() -> None:
    """P(Binomial(12, 1/2) <= 2) = 0.019: the tightest pair of order statistics with 95 %."""
    found = intervals.median_interval(np.arange(1.0, 13.0))
    assert (found.low, found.high) == (3.0, 10.0)


@pytest.mark.parametrize("n", [6, 13, 36, 60])
def test_interval_is_that_of_scipy(n: int) -> None:
    values = np.random.default_rng(n).lognormal(size=n)
    found = intervals.median_interval(values)
    bounds = stats.quantile_test(values, q=1.0, p=0.5).confidence_interval(0.95)
    assert (found.low, found.high) == (bounds.low, bounds.high)


def test_interval_covers_the_median_of_a_skewed_distribution() -> None:
    rng = np.random.default_rng(0)
    truth = math.exp(0.0)
    samples = rng.lognormal(0.0, 0.7, size=(400, 12))
    covered = sum(found.low <= truth <= found.high for found in map(intervals.median_interval, samples))
    assert covered / len(samples) > 0.93  # 95 % promised; 400 samples leave a standard error of 1.1 points


def test_missing_values_are_left_out() -> None:
    assert intervals.median_interval([1.0, math.nan, 3.0]).n == 2


def test_known_ratio_is_recovered_under_common_drift() -> None:
    rng = np.random.default_rng(1)
    drift = 1.0 + 0.3 * rng.random(12)  # each round is up to 30 % slower; both contenders alike
    found = statistics.paired_ratio(1.25 * drift * (1 + 0.002 * rng.standard_normal(12)) / drift)
    assert found.interval.low < 1.25 < found.interval.high
    assert found.interval.high - found.interval.low < 0.02
    assert found.p < 0.001
    assert found.effect_size == 1.0


@settings(deadline=None, max_examples=30)  # the machine may be busy
@given(st.lists(st.tuples(TIMES, TIMES), min_size=6, max_size=20))
def test_swapping_base_and_contender_keeps_the_test(pairs: list[tuple[float, float]]) -> None:
    base, contender = np.array(pairs).T
    one, other = statistics.paired_ratio(base / contender), statistics.paired_ratio(contender / base)
    assert one.p == pytest.approx(other.p)
    assert one.effect_size == pytest.approx(-other.effect_size)


def test_identical_times_are_no_evidence() -> None:
    found = statistics.paired_ratio([1.0] * 12)
    assert found.p == 1.0
    assert found.effect_size == 0.0


def test_holm_multiplies_by_rank_within_each_family_only() -> None:
    corrected = statistics.holm([0.01, 0.02, 0.03, 0.04], ["a", "a", "a", "b"])
    assert corrected == pytest.approx([0.03, 0.04, 0.04, 0.04])


def test_holm_is_that_of_statsmodels() -> None:
    p = np.random.default_rng(3).random(40) ** 4
    assert statistics.holm(p, ["a"] * 40) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_keeps_missing_values_out_of_the_family() -> None:
    corrected = statistics.holm([0.01, math.nan], ["a", "a"])
    assert corrected[0] == pytest.approx(0.01)
    assert math.isnan(corrected[1])


def test_holm_needs_a_family_for_each_value() -> None:
    with pytest.raises(TableError, match="Give one family per value"):
        statistics.holm([0.1, 0.2], ["a"])


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (1.001, 1.2, 0.049, "faster"),
        (1.001, 1.2, 0.05, "undecided"),
        (0.8, 0.999, 0.01, "slower"),
        (1.0, 1.2, 0.001, "undecided"),  # the interval touches 1
        (0.99, 1.01, 0.5, "equal"),
        (0.989, 1.01, 0.5, "undecided"),
        (0.99, 1.011, 0.5, "undecided"),
        (1.002, 1.006, 0.001, "faster"),  # small but sure
        (math.nan, math.nan, 0.001, "undecided"),
    ],
)
def test_verdict_boundaries(low: float, high: float, p: float, expected: str) -> None:
    assert statistics.verdict(low, high, p) == expected


def test_dependence_makes_a_clear_verdict_undecided() -> None:
    assert statistics.verdict(1.1, 1.2, 0.001, 0.5) == "faster"
    assert statistics.verdict(1.1, 1.2, 0.001, 0.0099) == "undecided"
    assert statistics.verdict(0.995, 1.005, 0.9, 0.001) == "undecided"


def test_a_slow_drift_of_the_ratio_is_dependence_and_an_alternation_is_not() -> None:
    rising = statistics.dependence(np.linspace(1.0, 1.1, 24))
    assert rising.autocorrelation > 0.5
    assert rising.p < 0.01
    alternating = statistics.dependence(np.tile([1.0, 1.1], 12))
    assert alternating.autocorrelation < 0
    assert alternating.p > 0.5


@pytest.mark.parametrize("rounds", [11, 12])
def test_rounds_that_can_decide_is_the_boundary(rounds: int) -> None:
    """With n rounds the least p is 2 / 2^n; Holm multiplies it by the family's size."""
    largest = int(statistics.ALPHA * 2 ** (rounds - 1))
    assert statistics.rounds_that_can_decide(largest) <= rounds
    assert statistics.rounds_that_can_decide(largest + 1) == rounds + 1
    clear = statistics.paired_ratio(np.linspace(2.0, 3.0, rounds)).p
    assert statistics.holm([clear] * largest, [0] * largest).max() <= statistics.ALPHA
    assert statistics.holm([clear] * (largest + 1), [0] * (largest + 1)).max() > statistics.ALPHA
