"""Ratios that one number does not describe: all rounds of bimodal points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from passline import figure_style as style
from passline import titles, trust_points

TABLES = ("ratios", "round_ratios")
CAPTION = (
    "Distributions: each dot is the ratio of one round, time of what stands before the stroke in the title over time "
    "of what stands after it; the first round is on top. Line and band: median and its 95 % interval. Hollow: marked "
    "rounds; triangles at an edge: values beyond it."
)
LIMITS = (
    "Only points whose rounds look as if they had two modes, where there are none the headlines' points; all are in "
    "table round_ratios."
)
SECTION = "trust"
COLUMNS = 3


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: every round of each point, with the point's median, interval and whether it is bimodal.

    All bimodal ratios of two algorithms, the headline points where there are none.
    """
    points = trust_points.bimodal_pairs(tables["ratios"], plan)
    if points.empty:
        points = trust_points.headline_points(tables["ratios"], plan, plan["bars"])
    drawn = trust_points.with_rounds(points, tables["round_ratios"]).rename(columns={"ratio": "value"})
    of_point = points.rename(columns={"ratio": "median", "ratio_low": "low", "ratio_high": "high"})
    drawn = drawn.join(of_point[["median", "low", "high", "bimodal"]], on="point")
    return drawn[[
        "point", "algorithm", "base", "isa", "variant", "n_elements", "cache_protocol", "inputs", "pages",
        "round", "value", "median", "low", "high", "bimodal", "marked",
    ]].reset_index(drop=True)  # fmt: skip


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    rows = rows[rows["value"].notna()]
    if rows.empty:
        return style.message("No round has a ratio.")
    numbers = list(dict.fromkeys(rows["point"]))[: trust_points.MOST_DRAWN]
    lines = -(-len(numbers) // COLUMNS)
    figure, axes = style.new(lines, COLUMNS, height=0.35 + 0.95 * lines)
    for ax, number in zip(axes.flat, numbers, strict=False):
        mine = rows[rows["point"] == number]
        _panel(ax, mine, plan)
        ax.set_title(_title(mine.iloc[0], plan), fontsize=6.5, linespacing=1.15, pad=3)
    for ax in axes.flat[len(numbers) :]:
        ax.set_visible(False)
    figure.supxlabel("ratio of a round", fontsize=8.0)
    return figure


def _title(row: pd.Series[Any], plan: Mapping[str, Any]) -> str:
    base, algorithm = (titles.algorithm_title(row[key], plan).rpartition(", ")[2] for key in ("base", "algorithm"))
    size = trust_points.size_name(row["n_elements"], plan)
    return f"{base} / {algorithm}, {titles.isa_title(row['isa'], plan)}\n{size}, {trust_points.conditions(row, plan)}"


def _panel(ax: Any, rows: pd.DataFrame, plan: Mapping[str, Any]) -> None:
    median, low, high = rows[["median", "low", "high"]].iloc[0]
    left, right = trust_points.reach(rows["value"], low, high)
    colour = style.algorithm_style(rows["base"].iloc[0], plan)["color"]
    ax.axvline(median, color=colour, linewidth=0.9, zorder=1)
    if not np.isnan(low):
        ax.axvspan(low, high, color=colour, alpha=0.2, linewidth=0, zorder=0)
    within = rows["value"].between(left, right)
    look: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": colour, "markeredgewidth": 0.6}
    full, hollow = rows[within & ~rows["marked"]], rows[within & rows["marked"]]
    ax.plot(full["value"], full["round"], markersize=2.4, **look)
    ax.plot(hollow["value"], hollow["round"], markersize=3.6, markerfacecolor="white", **look)
    for beyond, edge, marker in ((rows["value"] < left, left, "<"), (rows["value"] > right, right, ">")):
        ax.plot(
            [edge] * int(beyond.sum()), rows.loc[beyond, "round"], linestyle="none", marker=marker, color="black",
            clip_on=False, in_layout=False,
        )  # fmt: skip
    ax.set_xlim(left, right)
    ax.set_ylim(rows["round"].max() + 1, rows["round"].min() - 1)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(4))
