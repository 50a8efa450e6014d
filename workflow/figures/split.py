"""Time of whole calls out of cache, split by pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import titles
from passline.derive import selection
from passline.figure_parts import stacked_call

TABLES = ("passes", "registry")
CAPTION = (
    "Time of each pass inside whole calls (time stamps between passes, in rounds of their own), at the largest "
    "out-of-cache size: medians over rounds, side by side, in tints of the algorithm's colour. The whisker at the end "
    "of a pass is the 95 % interval of its own time. The number at the right is the sum of the medians."
)
LIMITS = "Reading the clock between passes costs time of its own, and passes alone need not take what they take here."
SECTION = "details"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: seconds per pass, algorithm and ISA."""
    rows = selection.split(tables["passes"])
    sizes = [n for n in selection.out_of_cache(plan) if n in set(rows["n_elements"])]
    rows = rows[rows["n_elements"] == max(sizes)] if sizes else rows.head(0)
    rows = selection.primary(rows, plan)
    rows = rows[rows["variant"] == titles.shown_variant(rows)]
    columns = [
        "isa",
        "variant",
        "algorithm",
        "pass_index",
        "pass",
        "n_elements",
        "time_median_s",
        "time_low_s",
        "time_high_s",
    ]
    return rows[columns].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No whole call was split by pass at an out-of-cache size.")
    isas = selection.vector_isas(rows, tables["registry"])
    algorithms = [name for name in plan["algorithms"] if name in set(rows["algorithm"])]
    figure, axes = style.new(len(isas), 1, height=0.5 + len(isas) * (0.25 + 0.42 * len(algorithms)), sharex=True)
    widest_call = float(rows[rows["isa"].isin(isas)].groupby(["isa", "algorithm"])["time_median_s"].sum().max()) * 1e3
    for ax, isa in zip(axes[:, 0], isas, strict=True):
        mine = rows[rows["isa"] == isa]
        for place, algorithm in enumerate(algorithms):
            stacked_call(ax, mine[mine["algorithm"] == algorithm], place, plan, scale=1e3, widest=widest_call)
        ax.set_yticks(range(len(algorithms)), [titles.algorithm_title(name, plan) for name in algorithms])
        ax.set_ylim(len(algorithms) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0)
        ax.set_title(f"{titles.isa_title(isa, plan)}, {mine['variant'].iloc[0]}")
        ax.margins(x=0.1)
        style.grid(ax, "x")
    axes[-1, 0].set_xlabel("ms per call")
    return figure
