"""Half-widths of the ratios' intervals over size, beside the targets of the stop rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from passline import figure_style as style
from passline import titles, trust_points
from passline.derive import selection

TABLES = ("ratios", "registry", "machines")
CAPTION = (
    "Half-width of the 95 % interval of each ratio of {contender} to {each} (the base, by colour), as a "
    "difference of ratios: 1 % is 0.01. Line: the target at which measuring stops, fixed before the run, in "
    "cache and beyond. A block ends as a whole, so some of its ratios may be below the line and not filled. "
    "Filled: ended by the target; hollow: by the most rounds; half filled: all rounds were planned. Dotted: x "
    "alone fills the cache."
)
LIMITS = "Intervals speak of this session's rounds, not of another boot, compiler or neighbour."
SECTION = "trust"
FILLS = {"target": "full", "cap": "none", "planned": "left"}


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: half-widths as differences of ratios, one row per point that has an interval."""
    rows = trust_points.judged(tables["ratios"], plan)
    rows = rows.assign(half_width=trust_points.half_width(rows))
    columns = ["isa", "cache_protocol", "variant", "base", "n_elements", "half_width", "n_rounds", "stop_reason"]
    return rows.loc[rows["half_width"].notna(), columns].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No ratio has an interval.")
    isas = selection.isas(rows, tables["registry"])
    protocols = [p for p in dict.fromkeys((plan["primary_protocol"], "hot")) if p in set(rows["cache_protocol"])]
    figure, axes = style.new(
        len(protocols), len(isas), height=0.75 + 1.35 * len(protocols), sharex=True, sharey=True
    )  # fmt: skip
    for line, protocol in enumerate(protocols):
        for column, isa in enumerate(isas):
            ax = axes[line, column]
            _panel(ax, rows[(rows["isa"] == isa) & (rows["cache_protocol"] == protocol)], plan)
            ax.set_title(f"{titles.isa_title(isa, plan)}, protocol {protocol}", pad=10 if line == 0 else 4)
    # Limits and scales are shared, so they are set when all points are in place.
    style.plain_log(axes[0, 0])
    for line, ax in [(line, ax) for line, row in enumerate(axes) for ax in row]:
        style.size_axis(ax, label=line == len(protocols) - 1)
        _targets(ax, plan)
        style.mark_caches(ax, tables["machines"], names=line == 0)
    style.label_axes(axes[:, 0], y="half-width (%)")
    figure.legend(handles=_handles(rows, plan), loc="outside upper center", ncols=6, columnspacing=1.2)
    return figure


def _panel(ax: Any, rows: pd.DataFrame, plan: Mapping[str, Any]) -> None:
    for base, mine in rows.groupby("base", sort=True):
        look = style.algorithm_style(str(base), plan) | {"linestyle": "none"}
        for reason, fill in FILLS.items():
            points = mine[mine["stop_reason"] == reason]
            ax.plot(points["n_elements"], points["half_width"] * 100, fillstyle=fill, **look)
    style.grid(ax)


def _targets(ax: Any, plan: Mapping[str, Any]) -> None:
    """The target over size: a step where rows leave half of the last-level cache."""
    low, high = ax.get_xlim()
    edge = trust_points.in_cache_elements(plan)
    inside, outside = (plan["design"][key] * 100 for key in ("target_in_cache", "target"))
    steps = [(low, inside), (edge, inside), (edge, outside), (high, outside)]
    if not low < edge < high:
        steps = [(low, inside if edge >= high else outside), (high, inside if edge >= high else outside)]
    ax.plot(*zip(*steps, strict=True), color="0.2", linewidth=0.9, zorder=1)
    ax.set_xlim(low, high)


def _handles(rows: pd.DataFrame, plan: Mapping[str, Any]) -> list[Line2D]:
    bases = [name for name in plan["algorithms"] if name in set(rows["base"])]
    words = {"target": "ended by target", "cap": "by most rounds", "planned": "planned"}
    dot: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": "0.3"}
    return [
        *(
            Line2D(
                [],
                [],
                label=titles.algorithm_title(b, plan),
                **(style.algorithm_style(b, plan) | {"linestyle": "none"}),
            )
            for b in bases
        ),
        *(
            Line2D([], [], fillstyle=FILLS[reason], label=label, **dot)
            for reason, label in words.items()
            if reason in set(rows["stop_reason"])
        ),
        Line2D([], [], color="0.2", linewidth=0.9, label="target"),
    ]
