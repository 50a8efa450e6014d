"""Two-Pass against both Three-Pass algorithms over size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline.derive.selection import THREE_PASS, TWO_PASS
from passline.figure_parts import draw_over_size, over_size_data

TABLES = ("passes", "ratios", "registry", "machines")
CAPTION = (
    "Two-Pass against Three-Pass over size. Above: median time per element of whole calls, bands are 95 % "
    "intervals. Below: time of each Three-Pass algorithm (the base, by colour) over time of Two-Pass, paired by "
    "round, with 95 % intervals; above 1, Two-Pass is faster. Dotted: x alone fills the cache."
)


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn."""
    return over_size_data(tables, plan, (TWO_PASS, *THREE_PASS), [(TWO_PASS, base) for base in THREE_PASS])


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    return draw_over_size(data(tables, plan), tables, plan, "time of base /\ntime of Two-Pass")
