"""The comparisons that the study's main question leaves out, over size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline.derive.selection import other_pairs
from passline.figure_parts import draw_over_size, over_size_data
from passline.titles import base_kind

TABLES = ("passes", "ratios", "registry", "machines")
CAPTION = (
    "The other comparisons over size. Above: median time per element of whole calls, bands are 95 % intervals. Below: "
    "time of the base (by colour) over time of the one compared with it, paired by round, with 95 % intervals; above "
    "1, the base is slower. Dotted: x alone fills the cache."
)
LIMITS = "Between the points nothing was measured, and another protocol may move the curves."
RATIOS = ("value", "low", "high")
SECTION = "details"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn; nothing where there are no others."""
    pairs = other_pairs(plan)
    names = tuple(dict.fromkeys(name for pair in pairs for name in pair))
    return over_size_data(tables, plan, names, pairs)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    pairs = other_pairs(plan)
    if not pairs:
        return style.message("The study makes no other comparisons.")
    label = "time of base /\ntime of the other"
    if len(pairs) == 1:
        one, base = (base_kind(name, plan) for name in pairs[0])
        label = f"time of {base} /\ntime of {one}"
    return draw_over_size(data(tables, plan), tables, plan, label)
