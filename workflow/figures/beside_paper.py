"""The paper's figures of whole algorithms, each beside what was measured here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_beside
from passline import figure_style as style

TABLES = ("paper_slots", "paper_values", "passes", "ratios", "beyond", "registry", "tuning", "machines")
BEYOND = True
MODELLED = False
CAPTION = (
    "The paper's figures of whole algorithms and ours, in pairs: left what somebody read off the paper, right what was "
    "measured here, in the same terms. Dotted: x alone fills the cache. "
    "An empty frame waits for a file of that name in reports/published/paper, as nobody had the numbers at hand; none "
    "is recalled or guessed. With 95 % intervals."
)
LIMITS = (
    "Letters of figures are ours, as their numbers are not confirmed. Machines differ: compare shapes, not heights."
)
RATIOS: tuple[str, ...] = ()
SECTION = "paper"
HEIGHTS = {"over_size": 1.6, "threads": 1.6, "baseline": 1.2}


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: `slot`, `side` (paper or here), and what `passline.paper_beside.COLUMNS` names."""
    return figure_beside.data_of(tables, plan, HEIGHTS)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    return figure_beside.draw_pairs(tables, plan, HEIGHTS, pairs=2)
