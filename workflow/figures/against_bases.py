"""The study's contender against each of its bases over size."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import titles
from passline.derive.selection import question
from passline.figure_parts import draw_over_size, over_size_data

TABLES = ("passes", "ratios", "registry", "machines")
CAPTION = (
    "{contender} against {bases} over size. Above: median time per element of whole calls, bands are 95 % "
    "intervals. Below: time of {each} (the base, by colour) over time of {contender}, paired by round, with 95 % "
    "intervals; above 1, {contender} is faster. Dotted: x alone fills the cache."
)
LIMITS = "Between the points nothing was measured, and another protocol may move the curves."
RATIOS = ("value", "low", "high")
SECTION = "details"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn."""
    asked = question(plan)
    pairs = [(asked.contender, base) for base in asked.bases]
    return over_size_data(tables, plan, (asked.contender, *asked.bases), pairs)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    label = "time of base /\n" + fill(f"time of {titles.question_words(plan)['contender']}", 24)
    return draw_over_size(data(tables, plan), tables, plan, label)
