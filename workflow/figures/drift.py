"""The headline ratios, round by round, over wall-clock time, and what the machine was like meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from passline import figure_style as style
from passline import titles, trust_points
from passline.derive import selection

TABLES = ("ratios", "round_ratios", "rounds", "registry")
CAPTION = (
    "Drift. Above: time of {fastest} (the base, by colour) over time of {contender} in each round, over wall-clock "
    "time, at the sizes of the headlines; line and band: median and its 95 % interval. Below: the machine in each "
    "round of the session: core clock, noise (distance of the quartiles of a contender's values over their median; "
    "the median of contenders), share of time that the hypervisor took, and load. Hollow: marked rounds; triangles at "
    "an edge: values beyond it; grey stripes: pauses of the session, cut out."
)
LIMITS = "What is not drawn here, such as temperature, this machine may not tell; marked rounds stay in all statistics."
SECTION = "trust"
STATE = {
    "clock_hz": ("clock\n(GHz)", 1e-9),
    "noise": ("noise\n(%)", 100.0),
    "steal_share": ("steal\n(%)", 100.0),
    "load": ("load", 1.0),
}
PAUSE_MIN, STRIPE_MIN = 15.0, 0.4
"""A time without rounds longer than the first is drawn as long as the second: a session may go on after days."""


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: one row per round of a headline point, and per round and quantity of the machine's state.

    Returns:
        Columns `panel` (a size's label, or a quantity), `isa`, `base`, `block`, `round`, `minutes` (since the first
        round, pauses cut out), `value` (SI units), `median`, `low`, `high`, `marked`.
    """
    points = trust_points.headline_points(tables["ratios"], plan, plan["bars"])
    drawn = trust_points.with_rounds(points, tables["round_ratios"])
    columns = ["panel", "isa", "base", "block", "round", "minutes", "value", "median", "low", "high", "marked"]
    if drawn.empty:
        return pd.DataFrame(columns=columns)
    of_point = points.rename(columns={"label": "panel", "ratio": "median", "ratio_low": "low", "ratio_high": "high"})
    ratios = drawn.rename(columns={"ratio": "value"}).join(of_point[["panel", "median", "low", "high"]], on="point")
    rounds = tables["rounds"].assign(steal_share=tables["rounds"]["steal_s"] / tables["rounds"]["duration_s"])
    states = [
        rounds.assign(panel=name, isa="-", base="-", value=rounds[name], median=np.nan, low=np.nan, high=np.nan)
        for name in STATE
    ]
    everything = pd.concat([ratios, *states]).reset_index(drop=True)
    return everything.assign(minutes=minutes(everything["start_utc"])[0])[columns]


def minutes(start_utc: pd.Series[str]) -> tuple[pd.Series[float], list[float]]:
    """Minutes since the first start, long pauses cut out, and where they were."""
    starts = pd.to_datetime(start_utc, utc=True, format="ISO8601")
    distinct = starts.drop_duplicates().sort_values()
    gaps = distinct.diff().dt.total_seconds().fillna(0.0) / 60.0
    long = gaps > PAUSE_MIN
    elapsed = gaps.where(~long, STRIPE_MIN).cumsum()
    cut = elapsed[long] - STRIPE_MIN / 2
    return starts.map(pd.Series(elapsed.to_numpy(), index=distinct)), [float(at) for at in cut]


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No round has a ratio at a size of the headlines.")
    rows = rows[rows["value"].notna()]
    ratios = rows[rows["isa"] != "-"]
    isas = selection.isas(ratios, tables["registry"])
    labels = [label for label in plan["bars"] if label in set(ratios["panel"])]
    states = [name for name in STATE if name in set(rows["panel"])]
    below = -(-len(states) // len(isas))
    heights = [1.0] * len(labels) + [0.8] * below
    figure, axes = style.new(
        len(heights), len(isas), height=0.6 + 0.66 * sum(heights), sharex=True, height_ratios=heights
    )
    for line, label in enumerate(labels):
        for column, isa in enumerate(isas):
            _ratio_panel(axes[line, column], ratios[(ratios["isa"] == isa) & (ratios["panel"] == label)], label, plan)
    for column, isa in enumerate(isas):
        axes[0, column].set_title(titles.isa_title(isa, plan))
    places = axes[len(labels) :].flat
    for ax, name in zip(places, states, strict=False):
        words, factor = STATE[name]
        mine = rows[rows["panel"] == name]
        _dots(ax, mine["minutes"], mine["value"] * factor, mine["marked"], GREY_DOT)
        ax.set_ylabel(words)
        ax.yaxis.set_major_locator(MaxNLocator(3))
        ax.margins(y=0.15)
    for ax in list(places)[len(states) :]:
        ax.set_visible(False)
    for ax in axes.flat:
        style.grid(ax)
        for at in minutes(tables["rounds"]["start_utc"])[1]:
            ax.axvspan(at - STRIPE_MIN / 2, at + STRIPE_MIN / 2, color="0.85", linewidth=0, zorder=0)
    style.label_axes(axes[-1], x="minutes since the first round")
    figure.legend(handles=_handles(ratios, plan), loc="outside upper center", ncols=4)
    return figure


GREY_DOT: dict[str, Any] = {"marker": ".", "color": "0.35", "markersize": 3.0}


def _ratio_panel(ax: Any, rows: pd.DataFrame, label: str, plan: Mapping[str, Any]) -> None:
    ax.set_ylabel(f"{label}\nratio")
    if rows.empty:
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", style="italic")
        return
    median, low, high = rows[["median", "low", "high"]].iloc[0]
    bottom, top = trust_points.reach(rows["value"], low, high)
    look = style.algorithm_style(rows["base"].iloc[0], plan)
    ax.axhline(median, color=look["color"], linewidth=0.8, zorder=1)
    if not np.isnan(low):
        ax.axhspan(low, high, color=look["color"], alpha=0.2, linewidth=0, zorder=0)
    if bottom < 1.0 < top:
        style.unity(ax)
    inside = rows[rows["value"].between(bottom, top)]
    _dots(ax, inside["minutes"], inside["value"], inside["marked"], look | {"markersize": 2.8, "linestyle": "none"})
    for beyond, edge, marker in ((rows["value"] < bottom, bottom, "v"), (rows["value"] > top, top, "^")):
        ax.plot(
            rows.loc[beyond, "minutes"], [edge] * int(beyond.sum()), linestyle="none", marker=marker, color="black",
            clip_on=False, in_layout=False,
        )  # fmt: skip
    ax.yaxis.set_major_locator(style.AroundOne(3))
    ax.set_ylim(bottom, top)


def _dots(ax: Any, x: Any, y: Any, hollow: pd.Series[bool], look: Mapping[str, Any]) -> None:
    style_of = {"linestyle": "none", "markeredgewidth": 0.6} | dict(look)
    ax.plot(x[~hollow], y[~hollow], **style_of)
    ax.plot(x[hollow], y[hollow], **(style_of | {"marker": "o", "markersize": 4.0, "markerfacecolor": "white"}))


def _handles(ratios: pd.DataFrame, plan: Mapping[str, Any]) -> list[Line2D]:
    bases = [name for name in plan["algorithms"] if name in set(ratios["base"])]
    dots = [
        Line2D(
            [], [], label=titles.algorithm_title(b, plan), **(style.algorithm_style(b, plan) | {"linestyle": "none"})
        )
        for b in bases
    ]
    hollow = Line2D([], [], linestyle="none", marker="o", color="0.3", markerfacecolor="white", label="marked round")
    return [*dots, hollow]
