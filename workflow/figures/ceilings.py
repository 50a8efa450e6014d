"""The roofs of the machine: bandwidth of each read/write mix at each level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from passline import figure_style as style
from passline import titles
from passline.derive import selection

TABLES = ("ceilings", "registry")
MODELLED = True
CAPTION = (
    "Ceilings of the widest instruction set, by plain loops: modelled bytes over time for each read/write mix "
    "and level, one thread and all, medians over rounds with 95 % intervals. Filled: ordinary stores, with the line "
    "fetched before it is written; hollow: non-temporal stores."
)
LIMITS = "Loops of our own over few streams, the fastest variant of each; another loop may be faster."
SECTION = "details"
LEVELS = ("L1", "L2", "LLC", "DRAM")


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:  # noqa: ARG001  # every figure is called alike
    """What is drawn, in bytes per second."""
    rows = tables["ceilings"]
    rows = rows[(rows["unit"] == "B/s") & rows["level"].isin(LEVELS) & rows["value"].notna()]
    columns = ["threads", "isa", "ceiling", "store", "level", "value", "low", "high", "n_values"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    widest = selection.isas(rows, tables["registry"])[-1]
    return rows.loc[rows["isa"] == widest, columns].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No bandwidth ceiling was measured.")
    threads = sorted(set(rows["threads"]))
    figure, axes = style.new(1, len(threads), height=2.7, sharey=True)
    mixes = sorted(set(rows["ceiling"]))
    for ax, number in zip(axes[0], threads, strict=True):
        _panel(ax, rows[rows["threads"] == number], mixes)
        ax.set_title(f"{titles.isa_title(str(rows['isa'].iloc[0]), plan)}, {number} thread{'s' if number > 1 else ''}")
    axes[0, 0].set_ylabel("GB/s")
    figure.legend(
        handles=_handles(mixes), loc="outside upper center", ncols=len(mixes) + 2, columnspacing=1.0, handletextpad=0.3
    )
    return figure


def _panel(ax: Any, rows: pd.DataFrame, mixes: list[str]) -> None:
    present = [level for level in LEVELS if level in set(rows["level"])]
    width = 0.8 / len(mixes)
    for position, mix in enumerate(mixes):
        for store in ("ordinary", "-", "nt"):
            mine = rows[(rows["ceiling"] == mix) & (rows["store"] == store)]
            x = np.array([present.index(level) for level in mine["level"]]) + (position - (len(mixes) - 1) / 2) * width
            errors = np.array([mine["value"] - mine["low"], mine["high"] - mine["value"]]) / 1e9
            look = _look(position)
            if store == "nt":
                look["markerfacecolor"] = "white"
            if len(mine):
                ax.errorbar(x, mine["value"] / 1e9, yerr=errors, linestyle="none", markersize=4, elinewidth=0.7, **look)
    ax.set_xticks(range(len(present)), present)
    ax.set_xlim(-0.5, len(present) - 0.5)
    for edge in range(1, len(present)):
        ax.axvline(edge - 0.5, color="0.9", linewidth=0.5)
    style.plain_log(ax)
    style.grid(ax)


def _look(position: int) -> dict[str, Any]:
    return {
        "color": style.INK,
        "marker": style.MARKERS[position % len(style.MARKERS)],
    }


def _handles(mixes: list[str]) -> list[Line2D]:
    return [
        *(
            Line2D([], [], linestyle="none", markersize=4, label=mix, **_look(position))
            for position, mix in enumerate(mixes)
        ),
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markersize=4,
            color="0.3",
            markerfacecolor="white",
            label="non-temporal",
        ),
    ]
