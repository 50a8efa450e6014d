"""Effort: one number, and the design of rounds that follows from it, fixed before a run starts.

At effort 1 a session takes about ten minutes on a two-core machine; the number of rounds grows with it, and the widths
of intervals fall with its root. Below 1 the rounds are shorter too: such a run shows that the road is open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from scipy import stats

CONFIDENCE = 0.95
"""Of every interval."""

LEAST_VALUES = 6
"""With fewer values no pair of order statistics holds the median with 95 % confidence."""

FINE = 4.0
"""From this effort on more is wanted of the instrument; that of the session `paper`."""

STEP = 6
"""Rounds from one look at the intervals to the next."""


@cache
def rank(n: int) -> int:
    """The interval of a median reaches from the rank-th smallest to the rank-th largest of n values, n at least 6.

    At most rank - 1 of n values lie below the median with a chance of 2.5 % or less (Hoefler & Belli, SC'15, rule 6).
    """
    return int(stats.binom.ppf((1.0 - CONFIDENCE) / 2.0, n, 0.5))


@dataclass(frozen=True)
class Design:
    """How much is measured. Times in seconds, targets as half-widths of a ratio's 95 % interval."""

    rounds_least: int  # rounds of every block before its first look; all rounds of a block without pairs
    rounds_most_in_cache: int
    rounds_most: int
    target_in_cache: float
    target: float
    sweeps: int  # values per contender and round
    value_s: float  # time of a value
    ceiling_rounds: int
    tune_rounds: int
    tune_value_s: float
    choose_rounds: int
    choose_rounds_shared: int  # where several threads may share a row: one unlucky round in nine decides nothing


def design(effort: float) -> Design:
    """The design at an effort > 0."""
    part, root = min(1.0, effort), math.sqrt(effort)
    least = max(LEAST_VALUES, round(12 * part))
    return Design(
        rounds_least=least,
        rounds_most_in_cache=max(least, round(24 * effort)),
        rounds_most=max(least, round(18 * effort)),
        target_in_cache=0.01 / root,
        target=0.03 / root,
        sweeps=max(1, round(16 * part)),
        value_s=5e-4 * part,
        ceiling_rounds=max(1, round(7 * effort)),
        tune_rounds=max(1, round(7 * effort)),
        tune_value_s=5e-4 * part,
        choose_rounds=max(1, round(3 * effort)),
        choose_rounds_shared=max(1, round(9 * effort)),
    )


def looks(least: int, most: int) -> list[tuple[int, int]]:
    """(rounds, rank) of each look: the stop rule looks at the interval that will be reported."""
    return [(n, rank(n)) for n in [*range(least, most, STEP), most]]
