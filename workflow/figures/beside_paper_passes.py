"""The paper's figures of single passes, each beside what was measured here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_beside
from passline import figure_style as style

TABLES = ("paper_slots", "paper_values", "passes", "ratios", "beyond", "registry", "tuning", "machines")
BEYOND = True
MODELLED = True
CAPTION = (
    "The paper's figures of single passes and ours, in pairs: left what somebody read off the paper, right what was "
    "measured here. Bars of bandwidth are modelled bytes over time, of each pass alone; those of time are whole calls, "
    "split by pass in tints of the algorithm's colour, whiskers at the end of the pass that they are of. "
    "An empty frame waits for a file of that name in reports/published/paper. With 95 % intervals."
)
LIMITS = (
    "Letters of figures are ours, as their numbers are not confirmed. Machines differ: compare shapes, not heights."
)
RATIOS: tuple[str, ...] = ()
SECTION = "paper"
HEIGHTS = {"passes": 1.6, "split": 1.5}


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: `slot`, `side` (paper or here), and what `passline.paper_beside.COLUMNS` names."""
    return figure_beside.data_of(tables, plan, HEIGHTS)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    return figure_beside.draw_pairs(tables, plan, HEIGHTS, pairs=1)
