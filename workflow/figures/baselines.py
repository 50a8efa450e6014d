"""Outside baselines beside Best: how many times as long each takes, with and without the call itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from passline import beside_baselines, titles
from passline import figure_style as style
from passline.derive import selection
from passline.tables import NOT_APPLICABLE

TABLES = ("beyond", "ratios", "baselines", "registry")
BEYOND = True
CAPTION = (
    "Outside baselines: time of each over time of Best, paired by round, with 95 % intervals, at each length of a row; "
    "right of 1, Best is faster. Hollow: the same without the call itself, which was timed on a row of one element; "
    "where it is far left of the filled one, the call costs more than the work."
)
LIMITS = (
    "One row on one thread, protocol hot. Baselines choose their instructions themselves, and are called as people "
    "call them, from Python or C; page faults of results that they allocate anew are part of both points."
)
SECTION = "details"


data = beside_baselines.drawn


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message(beside_baselines.missing(tables, plan)["baselines"])
    isas = selection.vector_isas(rows, tables["registry"])
    names = [name for name in plan["baselines"] if name in set(rows["algorithm"])]
    sizes = sorted(set(rows["n_elements"]))
    looks = {n: style.ordinal_style(place) | {"linestyle": "none"} for place, n in enumerate(sizes)}
    height = 0.8 + len(names) * (0.16 + 0.13 * len(sizes))
    figure, axes = style.new(1, len(isas), height=height, sharey=True, sharex=True)
    for ax, isa in zip(axes[0], isas, strict=True):
        for place, name in enumerate(names):
            mine = rows[(rows["isa"] == isa) & (rows["algorithm"] == name)].set_index("n_elements")
            for number, n in enumerate(sizes):
                if n in mine.index:
                    _point(ax, mine.loc[n], _height(place, number, len(sizes)), looks[n])
            ax.axhline(place + 0.5, color="0.85", linewidth=0.5)
        style.unity(ax, "x")
        style.plain_log(ax, "x")
        style.grid(ax, "x")
        ax.set_title(f"Best with {titles.isa_title(isa, plan)}")
        ax.set_xlabel("time of the baseline / time of Best")
        ax.tick_params(axis="y", length=0)
    ax = axes[0, 0]
    ax.set_yticks(range(len(names)), [_name(rows, name, plan) for name in names])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(len(names) - 0.5, -0.5)
    style.legend(figure, {f"{style.binary(n)} elements": look for n, look in looks.items()})
    return figure


def _name(rows: pd.DataFrame, name: str, plan: Mapping[str, Any]) -> str:
    version = rows.loc[rows["algorithm"] == name, "version"].iloc[0]
    title = titles.algorithm_title(name, plan)
    return title if version == NOT_APPLICABLE else f"{title}\n{version}"


def _height(place: int, number: int, count: int) -> float:
    """Where the points of a size lie, those of a baseline around its place."""
    return place + 0.7 * ((number + 0.5) / count - 0.5)


def _point(ax: Axes, row: pd.Series[Any], y: float, look: Mapping[str, Any]) -> None:
    style.interval_point(ax, row, y, look)
    if row["without_call"] == row["without_call"]:
        ax.plot([row["without_call"], row["value"]], [y, y], color=look["color"], linewidth=0.5, alpha=0.6)
        ax.plot(row["without_call"], y, **{**look, "markerfacecolor": "white"})
