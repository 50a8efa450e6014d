"""The stop rule as a pure function of the rounds: when it ends a block, why, and what it looks at."""

import math
import statistics

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from passline.effort import looks
from passline.measure import stop
from passline.plan_blocks import stop_rule

LEAST, MOST = 12, 36
TARGET = 0.01


def block(pairs=((1, 0),), target=TARGET, least=LEAST, most=MOST):
    """Of a block, what the stop rule reads."""
    return {"rounds": most, "stop": stop_rule([list(pair) for pair in pairs], target, least, most)}


def noisy(n, sigma, seed=0, pairs=1):
    """Rounds of ratios around 1.2 with a relative deviation of sigma."""
    return np.random.default_rng(seed).normal(1.2, 1.2 * sigma, (n, pairs)).tolist()


def number(rule, rounds):
    """Rounds that the block has in the end, or None."""
    ended = stop.end_of(rule, rounds)
    return ended and ended[0]


def why(rule, rounds):
    """What ended the block, or None."""
    ended = stop.end_of(rule, rounds)
    return ended and ended[1]


def taken_until_ended(rule, rounds):
    """Rounds that a step takes, one after the other."""
    for n in range(len(rounds) + 1):
        if why(rule, rounds[:n]):
            return n
    return None


def test_a_quiet_block_ends_at_its_first_look():
    rounds = noisy(MOST, 1e-4)
    assert taken_until_ended(block(), rounds) == LEAST
    assert why(block(), rounds[:LEAST]) == stop.TARGET
    assert why(block(), rounds[: LEAST - 1]) is None


def test_a_noisy_block_takes_all_its_rounds():
    rounds = noisy(MOST, 0.2)
    assert taken_until_ended(block(), rounds) == MOST
    assert why(block(), rounds) == stop.CAP


def test_a_block_that_gets_there_with_its_last_round_has_reached_the_target():
    rule = block(least=LEAST, most=LEAST)
    assert why(rule, noisy(LEAST, 1e-4)) == stop.TARGET
    assert why(rule, noisy(LEAST, 0.2)) == stop.CAP


def test_a_block_without_pairs_takes_what_was_planned():
    rule = block(pairs=(), most=7)
    rounds = [[] for _ in range(7)]
    assert [why(rule, rounds[:n]) for n in (0, 6, 7)] == [None, None, stop.PLANNED]
    assert stop.expected(rule, rounds[:3]) == 7


def test_a_block_ends_only_where_every_ratio_is_known():
    quiet, loud = noisy(MOST, 1e-4), noisy(MOST, 0.2, seed=1)
    both = [[*a, *b] for a, b in zip(quiet, loud, strict=True)]
    assert number(block(), quiet) == LEAST
    assert number(block(pairs=((1, 0), (2, 0))), both) == MOST


def test_the_target_is_the_half_width_of_the_interval_of_the_median():
    rounds = noisy(LEAST, 0.01)
    (rank,) = [rank for n, rank in looks(LEAST, MOST) if n == LEAST]
    ordered = sorted(value for (value,) in rounds)
    width = (ordered[-rank] - ordered[rank - 1]) / 2
    assert stop.half_widths(rounds, rank) == [width]
    assert number(block(target=width), rounds) == LEAST
    assert number(block(target=width * 0.999), rounds) is None


def test_between_looks_nothing_is_decided():
    # Wide until round 12, then so quiet that an interval of 13 rounds would be narrow: only round 18 tells.
    rule = block(target=0.5)
    rounds = [[value] for value in [0.1, 9.0] * 6] + [[1.0]] * 24
    ends = [number(rule, rounds[:n]) for n in range(MOST + 1)]
    looked = {n for n, _ in looks(LEAST, MOST)}
    assert ends[LEAST] is None
    (end,) = set(ends) - {None}
    assert end in looked - {LEAST, MOST}


RATIOS = st.lists(st.floats(0.5, 2.0), min_size=MOST, max_size=MOST)
SIGMA = st.sampled_from([0.0, 0.003, 0.01, 0.02, 0.1])


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.integers(0, 10_000), SIGMA, RATIOS)
def test_the_decision_at_a_look_depends_on_the_rounds_up_to_it_only(seed, sigma, others):
    rule, rounds = block(), noisy(MOST, sigma, seed)
    for n, _ in looks(LEAST, MOST):
        if n == MOST:
            continue
        decided = number(rule, rounds[:n])
        later = rounds[:n] + [[value] for value in others[n:]]
        if decided is None:
            # Not ended by n: whatever comes later may end it, but only after n.
            found = number(rule, later)
            assert found is not None
            assert found > n
        else:
            assert number(rule, later) == decided
            assert why(rule, later) == why(rule, rounds[:n]) == stop.TARGET


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.integers(0, 10_000), SIGMA)
def test_a_killed_step_comes_to_the_same_end(seed, sigma):
    """A step decides after every round, and again on what it finds when it is started again."""
    rule, rounds = block(), noisy(MOST, sigma, seed)
    end = taken_until_ended(rule, rounds)
    assert end is not None
    for there in range(MOST + 1):
        assert number(rule, rounds[:there]) == (end if there >= end else None)
        assert (why(rule, rounds[:there]) is None) == (there < end)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.integers(0, 10_000), SIGMA, st.integers(0, MOST))
def test_expected_rounds_are_a_number_that_the_block_can_end_with(seed, sigma, there):
    rule, rounds = block(), noisy(MOST, sigma, seed)
    if why(rule, rounds[:there]):
        return
    expected = stop.expected(rule, rounds[:there])
    assert expected in {n for n, _ in looks(LEAST, MOST)}
    assert expected >= there


def test_expected_rounds_follow_from_widths_that_fall_with_the_root():
    # Known widths: one ratio in each tail rank, so that 12 rounds have a half-width of twice the target.
    (rank,) = [rank for n, rank in looks(LEAST, 96) if n == LEAST]
    low, high = [1.0 - 2 * TARGET] * rank, [1.0 + 2 * TARGET] * rank
    rounds = [[value] for value in (*low, *[1.0] * (LEAST - 2 * rank), *high)]
    assert math.isclose(stop.half_widths(rounds, rank)[0], 2 * TARGET)
    # Four times as many are needed; a floating-point hair more, so the next look may be named.
    assert stop.expected(block(most=96), rounds) in {48, 54}
    assert stop.expected(block(most=36), rounds) == 36  # and no more than there will be


def test_expected_rounds_before_the_first_look_are_the_most():
    assert stop.expected(block(), noisy(LEAST - 1, 0.01)) == MOST


def test_a_ratio_is_the_median_over_sweeps_of_base_over_contender():
    values = {0: [2.0, 4.0, 9.0], 1: [1.0, 1.0, 3.0], 2: [4.0, 4.0]}
    assert stop.ratios(values, [[1, 0]]) == [3.0]  # of 2, 4 and 3
    # A contender with long calls is timed in fewer sweeps: those that both have are paired.
    assert stop.ratios(values, [[2, 0], [0, 1]]) == [
        statistics.median([0.5, 1.0]),
        statistics.median([0.5, 0.25, 1 / 3]),
    ]
    assert stop.ratios(values, []) == []
