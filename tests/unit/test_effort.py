"""Effort is one number: the design that follows from it, and the looks of the stop rule."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from passline import intervals, statistics
from passline.effort import CONFIDENCE, LEAST_VALUES, Design, design, looks, rank


@pytest.mark.parametrize("n", range(6, 81))
def test_the_stop_rule_looks_at_the_interval_that_is_reported(n):
    ((rounds, place),) = looks(n, n)
    values = np.random.default_rng(n).lognormal(size=n)
    interval = intervals.median_interval(values)
    ordered = np.sort(values)
    assert rounds == n
    assert (ordered[place - 1], ordered[-place]) == (interval.low, interval.high)


@pytest.mark.parametrize("n", range(LEAST_VALUES, 81))
def test_ranks_are_those_of_the_binomial_test_on_the_median(n):
    positions = np.arange(n)
    bounds = stats.quantile_test(positions, q=float(np.median(positions)), p=0.5).confidence_interval(CONFIDENCE)
    assert (rank(n) - 1, n - rank(n)) == (bounds.low, bounds.high)


@pytest.mark.parametrize(("least", "most"), [(6, 6), (12, 36), (12, 13), (12, 18), (6, 7), (12, 72)])
def test_looks_run_from_the_fewest_rounds_to_the_most(least, most):
    numbers = [n for n, _ in looks(least, most)]
    assert (numbers[0], numbers[-1]) == (least, most)
    assert all(a < b for a, b in pairwise(numbers))
    assert all(1 <= place <= n // 2 for n, place in looks(least, most))


def test_more_effort_is_more_rounds_and_narrower_targets():
    designs = [design(effort) for effort in (0.1, 0.5, 1, 2, 4, 16)]
    for name in Design.__dataclass_fields__:
        values = [getattr(d, name) for d in designs]
        falling = name.startswith("target")
        assert values == sorted(values, reverse=falling), name
    one, four = design(1), design(4)
    assert four.target == one.target / 2  # the width of an interval falls with the root of the rounds
    assert four.rounds_most == 4 * one.rounds_most
    assert four.value_s == one.value_s


@pytest.mark.parametrize("effort", [1e-6, 0.01, 0.1, 0.3, 1, 1000])
def test_any_effort_gives_every_block_an_interval(effort):
    found = design(effort)
    assert LEAST_VALUES <= found.rounds_least <= min(found.rounds_most, found.rounds_most_in_cache)
    assert min(found.sweeps, found.ceiling_rounds, found.tune_rounds) >= 1
    assert min(found.value_s, found.tune_value_s, found.target, found.target_in_cache) > 0


@pytest.mark.parametrize("effort", [0.1, 1, 4])
def test_a_planned_sign_can_be_found_with_the_fewest_rounds(effort):
    """The smallest p of the signed-rank test must be able to pass at the first look."""
    assert 2 / 2 ** design(effort).rounds_least < statistics.ALPHA
