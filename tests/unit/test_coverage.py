"""Statistics on simulated rounds whose truth is known: coverage, false alarms, dependence, modes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from passline import intervals, shape, statistics
from passline.derive.selftest import goals
from passline.effort import design, looks
from passline.measure.stop import half_widths
from passline.tables import conform

TRUTH = 1.05
RUNS = 1500
Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

NOISES: dict[str, Noise] = {
    "normal": lambda rng, size: rng.normal(0.0, 0.01, size),
    "skewed": lambda rng, size: rng.lognormal(0.0, 0.8, size) * 0.01 - 0.01,
    "heavy-tailed": lambda rng, size: rng.standard_t(2, size) * 0.01,
}
"""Errors of the logarithm of a time, with median zero."""


def ratios(noise: Noise, rng: np.random.Generator, rounds: int) -> np.ndarray:
    """Simulated ratios (shape (RUNS, rounds)): both times drift together by up to 30 %, and one errs on its own.

    Errors of both would make the ratio symmetric, and so easier.
    """
    drift = 1.0 + 0.3 * rng.random((RUNS, rounds))
    base = TRUTH * drift * np.exp(noise(rng, (RUNS, rounds)))
    return base / drift


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("rounds", [6, 12, 26, 60])
def test_intervals_cover_the_true_ratio(name: str, rounds: int) -> None:
    """At least 93 % at nominal 95 %: order statistics may be conservative, and 1500 runs leave 0.6 points."""
    sample = ratios(NOISES[name], np.random.default_rng(rounds), rounds)
    found = [intervals.median_interval(row) for row in sample]
    assert np.mean([each.low <= TRUTH <= each.high for each in found]) >= 0.93


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("target", [0.004, 0.008, 0.012])
def test_stopping_when_the_interval_is_narrow_keeps_the_coverage(name: str, target: float) -> None:
    planned = design(1.0)
    most = planned.rounds_most_in_cache
    sample = ratios(NOISES[name], np.random.default_rng(1), most)
    rule = looks(planned.rounds_least, most)
    covered, ends = [], []
    for row in sample:
        rounds = [[value] for value in row]
        end = next((n for n, rank in rule if half_widths(rounds[:n], rank)[0] <= target), most)
        found = intervals.median_interval(row[:end])
        covered.append(found.low <= TRUTH <= found.high)
        ends.append(end)
    assert len(set(ends)) > 1 or ends[0] == most
    assert np.mean(covered) >= 0.93


@pytest.mark.parametrize("name", NOISES)
def test_stopping_keeps_the_coverage_at_the_effort_of_paper_too(name: str) -> None:
    """Four times the rounds are looked at five times as often; a block's three pairs must all be narrow enough."""
    rng, planned, runs = np.random.default_rng(6), design(4.0), 400
    rule = looks(planned.rounds_least, planned.rounds_most_in_cache)
    errors = NOISES[name](rng, (runs, 3, planned.rounds_most_in_cache))
    one, two, three = np.exp(0.7 * errors.swapaxes(0, 1))
    covered, ends = [], set()
    for pairs in np.stack([one / three, two / three, two / one], axis=-1):
        rounds = pairs.tolist()
        widths = ((n, max(half_widths(rounds[:n], rank))) for n, rank in rule)
        end = next((n for n, width in widths if width <= planned.target_in_cache), rule[-1][0])
        found = [intervals.median_interval(pairs[:end, i]) for i in range(3)]
        covered += [each.low <= 1.0 <= each.high for each in found]
        ends.add(end)
    assert len(ends) > 5, "the rule must stop at several looks to be tested"
    assert np.mean(covered) >= 0.93


def test_a_whole_session_of_equals_rarely_raises_an_alarm() -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(150):
        found = [statistics.paired_ratio(np.exp(rng.standard_t(3, 12) * 0.01)) for _ in range(30)]
        _, words = statistics.verdicts(found, ["one family"] * len(found))
        alarms += any(word in ("faster", "slower") for word in words)
    assert alarms / 150 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 150)


@pytest.mark.parametrize("rounds", [6, 12, 26, 60])
def test_independent_rounds_are_hardly_ever_called_dependent(rounds: int) -> None:
    rng = np.random.default_rng(rounds)
    p = [statistics.dependence(rng.standard_t(3, rounds)).p for _ in range(600)]
    assert np.mean(np.array(p) < statistics.DEPENDENT_BELOW) < 0.02


def test_rounds_that_follow_each_other_are_called_dependent() -> None:
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(200):
        values = np.zeros(36)
        for i in range(1, 36):
            values[i] = 0.85 * values[i - 1] + rng.standard_normal()
        found += statistics.dependence(values).p < statistics.DEPENDENT_BELOW
    assert found / 200 > 0.8


@pytest.mark.parametrize("weight", [0.5, 0.3])
def test_two_modes_are_seen(weight: float) -> None:
    rng = np.random.default_rng(4)
    samples = rng.standard_normal((200, 26)) + 5.0 * (rng.random((200, 26)) < weight)
    shares = [(sample > 2.5).mean() for sample in samples]
    eligible = [s for s, share in zip(samples, shares, strict=True) if 0.2 <= share <= 0.8]
    assert np.mean([shape.bimodal(sample) for sample in eligible]) >= 0.85


@pytest.mark.parametrize("name", NOISES)
def test_one_mode_is_not_taken_for_two(name: str) -> None:
    rng = np.random.default_rng(5)
    assert np.mean([shape.bimodal(NOISES[name](rng, (26,))) for _ in range(400)]) <= 0.025


def test_outliers_are_counted() -> None:
    assert shape.outliers([1.0, 1.1, 0.9, 1.05, 0.95, 9.0]) == 1
    assert shape.outliers([]) == 0


def test_goals_count_what_the_table_says() -> None:
    rows = [
        {"planted_fraction": 0.0, "ratio_low": 0.99, "ratio_high": 1.01, "verdict": "equal", "in_cache": True},
        {"planted_fraction": 0.0, "ratio_low": 1.01, "ratio_high": 1.02, "verdict": "faster", "in_cache": True},
        {"planted_fraction": 0.05, "ratio_low": 0.94, "ratio_high": 0.96, "verdict": "slower", "in_cache": True},
        {"planted_fraction": 0.05, "ratio_low": 0.97, "ratio_high": 1.01, "verdict": "undecided", "in_cache": False},
    ]
    shared = {"machine": "m", "session": "s", "build_id": "b", "algorithm": "a", "isa": "i", "ratio": 1.0}
    more = {"p_adjusted": 0.5, "smallest_detectable": 0.01, "n_rounds": 12, "stop_reason": "target"}
    frame = conform("selftest", pd.DataFrame([{**shared, **more, "n_elements": i, **r} for i, r in enumerate(rows)]))
    found = goals(frame).set_index("goal")
    assert found.loc["no difference: intervals that contain 1", "reached"] == 0.5
    assert found.loc["no difference: alarms after correction", "reached"] == 1
    assert found.loc["5 % slower, in cache: found", "reached"] == 1.0
    assert found.loc["5 % slower, out of cache: found", "reached"] == 0.0
    assert found.loc["slower: intervals that contain the planted size", "reached"] == 0.5
    assert found.loc["10 % slower: found", "met"] == "-"
