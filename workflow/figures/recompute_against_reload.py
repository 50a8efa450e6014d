"""The two Three-Pass algorithms against each other over size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline.derive.selection import THREE_PASS
from passline.figure_parts import draw_over_size, over_size_data

TABLES = ("passes", "ratios", "registry", "machines")
CAPTION = (
    "The two Three-Pass algorithms over size. Above: median time per element of whole calls, bands are 95 % "
    "intervals. Below: time of recomputing (the base) over time of reloading, paired by round, with 95 % "
    "intervals; above 1, reloading is faster. Dotted: x alone fills the cache."
)


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn."""
    return over_size_data(tables, plan, THREE_PASS, [("three_pass_reload", "three_pass_recompute")])


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    return draw_over_size(data(tables, plan), tables, plan, "time of recomputing /\ntime of reloading")
