"""The bar of a measuring step, where the output is no terminal: lines, of which each says all."""

import math

import pytest

from passline import progress
from passline.formats import clock
from passline.progress import Bar


@pytest.fixture
def lines(capsys, monkeypatch):
    """Each state of the bar at once, and what was said until now."""
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    return lambda: capsys.readouterr().err.splitlines()


def test_a_bar_says_how_far_it_is_how_long_it_takes_and_how_noisy_it_is(lines):
    bar = Bar("times")
    bar.start(2, 10)
    assert lines() == ["times:  20 % |####                | 2 of about 10 rounds, time left not known yet"]
    bar.took("hot-n4096", 3, 12, 125.0, 0.012)
    assert lines() == ["times:  25 % |#####               | 3 of about 12 rounds, 2:05 left, noise 1.2% (hot-n4096)"]
    bar.took("hot-n4096", 4, 12, 100.0, math.nan)
    assert "1:40 left, noise not known (hot-n4096)" in lines()[-1]
    bar.end(4)
    assert lines() == ["times: 100 % |####################| 4 of about 4 rounds, done"]


def test_nothing_is_shown_where_all_rounds_are_there(lines):
    Bar("times").end(7)
    assert lines() == []


def test_what_must_be_told_before_the_first_round_is_told_then(lines):
    told = []
    bar = Bar("times", lambda: told.append("looked around"))
    assert told == []
    bar.start(0, 1)
    assert told == ["looked around"]
    bar.end(0)
    lines()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3661, "1:01:01")],
)
def test_time_left(seconds, shown):
    assert clock(seconds) == shown
