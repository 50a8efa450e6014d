"""The study's first algorithm beyond the paper against each of the paper's, over size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import titles
from passline.figure_parts import panels_over_size, say_who
from passline.questions import rival

TABLES = ("ratios", "beyond", "registry", "machines")
BEYOND = True
CAPTION = (
    "Time of each of the paper's algorithms (by colour) over time of {beyond_rival}, paired by round, with 95 % "
    "intervals: above 1, {beyond_rival} is faster. All ran in the same rounds, as tuned here; "
    "protocol hot. Dotted: x alone fills the cache."
)
LIMITS = "One thread, one row a call: what it is worth where passes are fused with other work is not asked here."
RATIOS = ("value", "low", "high")
SECTION = "answers"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: one row per ISA, base and size; `value`, `low` and `high` are the ratio and its interval."""
    columns = ["isa", "algorithm", "base", "n_elements", "value", "low", "high", "verdict"]
    rows = rival.compared(tables, plan).rename(columns={"ratio": "value", "ratio_low": "low", "ratio_high": "high"})
    return rows[columns].sort_values(columns[:4]).reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No algorithm beyond the paper's was timed.")
    name = titles.question_words(plan)["beyond_rival"]

    def panel(ax: Axes, mine: pd.DataFrame) -> None:
        for base, line in mine.groupby("base", sort=True):
            style.interval_line(ax, line, style.algorithm_style(str(base), plan))
        say_who(ax, name)

    figure = panels_over_size(rows, tables, plan, panel, height=2.9, y=f"time of base /\ntime of {name}")
    bases = [base for base in plan["algorithms"] if base in set(rows["base"])]
    style.legend(figure, {titles.algorithm_title(base, plan): style.algorithm_style(base, plan) for base in bases})
    return figure
