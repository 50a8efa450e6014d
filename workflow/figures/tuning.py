"""Cycles per vector of every variant: how the tuned choice and the presets stand among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from passline import figure_style as style
from passline import titles
from passline.derive import selection
from passline.derive.rounds import length_of

TABLES = ("tuning", "registry")
CAPTION = (
    "Cycles per vector of every variant at the size that fits L1 (smallest time over rounds, at the clock of its "
    "round). Hollow: the hot loop touches the stack. The box marks the tuned choice, which may rest on larger "
    "sizes too; the diamond marks {preset}."
)
LIMITS = "Smallest times over few rounds, which choose and never judge."
SECTION = "details"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: one row per variant at the smallest tuned size, L1 where it was tuned there."""
    rows = tables["tuning"]
    rows = rows[rows["cycles_per_vector"].notna()]
    columns = ["isa", "pass", "variant", "n_elements", "cycles_per_vector", "stack_references", "preset", "chosen"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    in_l1 = rows[rows["n_elements"] == length_of(plan, "L1")]
    rows = in_l1 if len(in_l1) else rows[rows["n_elements"] == rows["n_elements"].min()]
    return rows[columns].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No variant was tuned.")
    isas = selection.isas(rows, tables["registry"])
    names = [name for name in titles.pass_order(plan) if name in set(rows["pass"])]
    figure, axes = style.new(1, len(isas), height=0.9 + 0.27 * len(names), sharey=True)
    for ax, isa in zip(axes[0], isas, strict=True):
        for place, name in enumerate(names):
            _strip(ax, rows[(rows["isa"] == isa) & (rows["pass"] == name)], place)
        ax.set_title(titles.isa_title(isa, plan))
        ax.set_xlabel("cycles per vector")
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlim(left=0)
        ax.tick_params(axis="y", length=0)
        style.grid(ax, "x")
    figure.legend(
        handles=_handles(titles.question_words(plan)["preset"].removeprefix("the ")),
        loc="outside upper center",
        ncols=4,
    )
    return figure


def _strip(ax: Any, rows: pd.DataFrame, place: int) -> None:
    for _, row in rows.iterrows():
        face = "white" if row["stack_references"] > 0 else "0.6"
        ax.plot(
            row["cycles_per_vector"],
            place,
            marker="o",
            markersize=4,
            color="0.3",
            markerfacecolor=face,
            markeredgewidth=0.7,
            alpha=0.8,
        )
    for flag, marker, size, colour in (("chosen", "s", 8.5, "black"), ("preset", "D", 7.0, "black")):
        mine = rows[rows[flag]]
        ax.plot(
            mine["cycles_per_vector"], [place] * len(mine), marker=marker, markersize=size, color=colour,
            markerfacecolor="none", markeredgewidth=1.0, linestyle="none",
        )  # fmt: skip


def _handles(preset: str) -> list[Line2D]:
    dot: dict[str, Any] = {
        "linestyle": "none",
        "marker": "o",
        "markersize": 4,
        "color": "0.3",
        "markeredgewidth": 0.7,
    }
    return [
        Line2D([], [], markerfacecolor="0.6", label="variant", **dot),
        Line2D([], [], markerfacecolor="white", label="touches the stack", **dot),
        Line2D(
            [],
            [],
            linestyle="none",
            marker="s",
            markersize=8.5,
            color="black",
            markerfacecolor="none",
            label="tuned choice",
        ),
        Line2D(
            [],
            [],
            linestyle="none",
            marker="D",
            markersize=7,
            color="black",
            markerfacecolor="none",
            label=preset,
        ),
    ]
