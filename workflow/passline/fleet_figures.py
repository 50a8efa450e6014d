"""Figures of the fleet report: who wins where, and how close passes come to each machine's own ceilings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import fleet_report, titles

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

ROW_IN, CELL_IN, REST_IN = 0.2, 0.26, 1.1
LEAST_ROWS = 5  # fewer are as high: labels and stamps need the room
CAPTIONS = {
    "fleet_ratios": (
        "Time of {fastest} over time of {contender}, at sizes named by each machine's own caches; right of 1, "
        "{contender} is faster. A row is {rows}; bars: {spread}. Rows are in order of their gain out of cache."
    ),
    "fleet_bandwidth": (
        "Out of cache: bandwidth of each pass as a fraction of the machine's own ceiling (time that this allows over "
        "time taken), the median where a row is several machines. Each machine on the ISA that is nearest to its "
        "ceiling, which stands below the number (of several machines that of most). 1: as fast as a plain loop with "
        "the same reads and writes; a pass may be faster than its loop."
    ),
}


@style.styled
def ratios(tables: Tables, plan: Plan) -> Figure:
    """One panel per size in and out of cache, one row per group, a marker per ISA."""
    rows = fleet_report.grouped_ratios(tables)
    sizes = [label for label in plan.get("bars", []) if label in set(rows["size"])]
    names = _ordered(rows, plan)
    if not sizes or not names:
        return style.message("No machine has a ratio at a labelled size.")
    figure, axes = style.new(1, len(sizes), height=REST_IN + ROW_IN * max(LEAST_ROWS, len(names)), sharey=True)
    isas = sorted(set(rows["isa"]))
    for ax, size in zip(axes[0], sizes, strict=True):
        style.unity(ax, "x", most=3)  # numbers of neighbouring panels must not meet
        for place, isa in enumerate(isas):
            mine = rows[(rows["size"] == size) & (rows["isa"] == isa)]
            y = mine["group"].map(names.index) + 0.18 * (place - (len(isas) - 1) / 2)
            errors = np.abs([mine["ratio"] - mine["low"], mine["high"] - mine["ratio"]])
            look = style.ordinal_style(place) | {"linestyle": "none"}
            label = titles.isa_title(isa, plan)
            ax.errorbar(mine["ratio"], y, xerr=errors, markersize=3, elinewidth=0.7, label=label, **look)
        ax.set_title(size)
        style.grid(ax, "x")
        ax.tick_params(axis="y", length=0)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    said = titles.question_words(plan)
    figure.supxlabel(f"time of {said['fastest'].removeprefix('the ')} / time of {said['contender']}", fontsize=8.0)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(4, len(labels)))
    return figure


@style.styled
def bandwidth(tables: Tables, plan: Plan) -> Figure:
    """A cell per group and pass."""
    rows = fleet_report.grouped_passes(tables)
    if rows.empty:
        return style.message("No machine has a pass that was judged by its ceilings.")
    cells = rows.pivot(index="group", columns="pass", values="fraction")[fleet_report.ordered_passes(rows, plan)]
    isas = rows.pivot(index="group", columns="pass", values="isa")[list(cells.columns)]
    figure, axes = style.new(height=REST_IN + CELL_IN * max(LEAST_ROWS, len(cells)))
    ax = axes[0, 0]
    image = ax.imshow(cells.to_numpy(), cmap="cividis", vmin=0.5, vmax=1.0, aspect="auto")
    ax.set_yticks(range(len(cells)), list(cells.index))
    ax.set_xticks(range(len(cells.columns)), list(cells.columns), rotation=20, ha="right", rotation_mode="anchor")
    for line, column in np.ndindex(cells.shape):
        value = cells.iat[line, column]
        if not np.isnan(value):
            told = f"{value:.2f}\n{titles.isa_title(isas.iat[line, column], plan)}"
            ax.text(column, line, told, ha="center", va="center", fontsize=5.5, linespacing=1.0, color=_ink(value))
    figure.colorbar(image, ax=ax, label="fraction of own ceiling")
    return figure


def _ink(value: float) -> str:
    """Light on the dark end of the scale, dark on the light one."""
    return "white" if value < 0.75 else "black"


def _ordered(rows: pd.DataFrame, plan: Plan) -> list[str]:
    """Groups, the one that gains most out of cache first."""
    far = rows[rows["size"].isin(plan.get("out_of_cache", []))]
    gains = far.groupby("group")["ratio"].max().sort_values(ascending=False, kind="stable")
    return [*gains.index, *sorted(set(rows["group"]) - set(gains.index))]


FIGURES = {"fleet_ratios": ratios, "fleet_bandwidth": bandwidth}
