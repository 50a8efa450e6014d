"""The study's first algorithm beyond the paper against each of the paper's, over size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from passline import figure_style as style
from passline import titles
from passline.derive import selection
from passline.questions import rival

TABLES = ("ratios", "beyond", "registry", "machines")
BEYOND = True
CAPTION = (
    "Time of each of the paper's algorithms (by colour) over time of {beyond_rival}, paired by round, with 95 % "
    "intervals: above 1, {beyond_rival} is faster. All ran in the same rounds, as tuned here; "
    "protocol hot. Dotted: x alone fills the cache."
)
LIMITS = "One thread, one row a call: what it is worth where passes are fused with other work is not asked here."
SECTION = "answers"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: one row per ISA, base and size."""
    columns = ["isa", "algorithm", "base", "n_elements", "ratio", "ratio_low", "ratio_high", "verdict"]
    rows = rival.compared(tables, plan)
    return rows[columns].sort_values(columns[:4]).reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No algorithm beyond the paper's was timed.")
    isas = titles.vector_isas(selection.isas(rows, tables["registry"]))
    figure, axes = style.new(1, len(isas), height=2.9, sharey=True)
    name = titles.algorithm_title(str(selection.rival(plan)), plan)
    for ax, isa in zip(axes[0], isas, strict=True):
        style.unity(ax)
        named = rows.rename(columns={"ratio": "value", "ratio_low": "low", "ratio_high": "high"})
        for base, line in named[named["isa"] == isa].groupby("base", sort=True):
            style.interval_line(ax, line, style.algorithm_style(str(base), plan))
        style.size_axis(ax)
        style.mark_caches(ax, tables["machines"], names=True)
        ax.yaxis.set_major_locator(MaxNLocator(6))
        ax.margins(y=0.15)
        style.grid(ax)
        ax.set_title(titles.isa_title(isa, plan), pad=10)
        style.direct(ax, (0.02, 0.97), f"{name} is faster", va="top")
        style.direct(ax, (0.02, 0.03), f"{name} is slower", va="bottom")
    style.label_axes([axes[0, 0]], y=f"time of base /\ntime of {name}")
    bases = [base for base in plan["algorithms"] if base in set(rows["base"])]
    style.legend(figure, {titles.algorithm_title(base, plan): style.algorithm_style(base, plan) for base in bases})
    return figure
