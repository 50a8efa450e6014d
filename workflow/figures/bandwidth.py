"""Bandwidth of each pass out of cache, beside the ceilings."""

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

TABLES = ("passes", "ceilings", "registry", "tuning")
MODELLED = True
CAPTION = (
    "Modelled bytes (read, written, and lines fetched before they are written) over measured time, at the largest "
    "out-of-cache size. Left: each pass alone; the stroke | is the fastest plain loop with the same reads and writes "
    "in the same rounds, which the pass is held against; a diamond is the counted bytes over the time of the runs that "
    "counted them, where something counts. Right: the plain loops in rounds of their own before those, in DRAM, one "
    "thread, ordinary and non-temporal stores (these fetch no line first). So a loop has two values: what lies "
    "between them is what minutes and other buffers change."
)
LIMITS = (
    "A pass alone may find data in cache that it would not find in a whole call; the loops are our own, and "
    "another may be faster."
)
SECTION = "details"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn, in bytes per second: passes with their own ceiling, and the ceiling loops."""
    columns = ["panel", "isa", "name", "store", "value", "low", "high", "ceiling", "counted"]
    parts = [
        _passes(tables, plan, isa) for isa in selection.isas(selection.alone(tables["passes"]), tables["registry"])
    ]
    roofs = tables["ceilings"]
    roofs = roofs[(roofs["level"] == "DRAM") & (roofs["threads"] == 1) & roofs["value"].notna()]
    parts.append(
        roofs.assign(panel="ceilings", name=roofs["ceiling"], ceiling=float("nan"), counted=float("nan"))[columns]
    )
    filled = [part for part in parts if len(part)]
    return pd.concat(filled).reset_index(drop=True) if filled else pd.DataFrame(columns=columns)


def _passes(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any], isa: str) -> pd.DataFrame:
    sizes = selection.out_of_cache(plan)
    for variant in ("tuned", "preset"):
        rows = selection.judged_passes(tables, titles.pass_order(plan), isa, variant, max(sizes, default=0))
        if len(rows):
            total = rows["bytes_read_model"] + rows["bytes_written_model"]
            return pd.DataFrame({
                "panel": "passes", "isa": isa, "name": rows["pass"], "store": "ordinary",
                "value": rows["bandwidth_bytes_per_s"], "low": total / rows["time_high_s"],
                "high": total / rows["time_low_s"], "ceiling": total / rows["time_memory_s"],
                "counted": rows["bandwidth_counted_bytes_per_s"],
            })  # fmt: skip
    return pd.DataFrame()


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    passes, roofs = rows[rows["panel"] == "passes"], rows[rows["panel"] == "ceilings"]
    if passes.empty:
        return style.message("No pass was timed alone at an out-of-cache size.")
    isas = selection.isas(passes, tables["registry"])
    names = [name for name in titles.pass_order(plan) if name in set(passes["name"])]
    figure, axes = style.new(1, 2, height=0.9 + 0.32 * len(names), sharex=True, width_ratios=[1.15, 1.0])
    _passes_panel(axes[0, 0], passes, names, isas)
    _roofs_panel(axes[0, 1], roofs, tables)
    for ax in axes[0]:
        ax.set_xlabel("GB/s")
        ax.tick_params(axis="y", length=0)
        ax.set_xlim(left=0)
        style.grid(ax, "x")
    handles = _handles(isas, plan, counted=bool(passes["counted"].notna().any()))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), columnspacing=1.2)
    return figure


def _shade(isa: str, isas: list[str]) -> str:
    """One grey per ISA, darker as it widens."""
    return ("0.85", "0.65", "0.45", "0.3")[isas.index(isa) % 4]


def _passes_panel(ax: Any, rows: pd.DataFrame, names: list[str], isas: list[str]) -> None:
    height = 0.8 / len(isas)
    for position, isa in enumerate(isas):
        mine = rows[rows["isa"] == isa].set_index("name").reindex(names)
        places = np.arange(len(names)) + (position - (len(isas) - 1) / 2) * height
        ax.barh(places, mine["value"] / 1e9, height=height * 0.92, color=_shade(isa, isas))
        errors = np.array([mine["value"] - mine["low"], mine["high"] - mine["value"]]) / 1e9
        ax.errorbar(mine["value"] / 1e9, places, xerr=errors, fmt="none", ecolor="0.2", elinewidth=0.6)
        ax.plot(
            mine["ceiling"] / 1e9,
            places,
            marker="|",
            markersize=7,
            markeredgewidth=1.4,
            color="black",
            linestyle="none",
        )
        ax.plot(mine["counted"] / 1e9, places, marker="D", markersize=3.5, color="black", linestyle="none")
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_title("passes")


def _roofs_panel(ax: Any, rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> None:
    if rows.empty:
        ax.text(0.5, 0.5, "no loops in DRAM", transform=ax.transAxes, ha="center", style="italic")
        ax.set_yticks([])
        return
    widest = selection.isas(rows, tables["registry"])[-1]
    rows = rows[rows["isa"] == widest]
    names = sorted(set(rows["name"]))
    for store, face in (("ordinary", "black"), ("-", "black"), ("nt", "white")):
        mine = rows[rows["store"] == store]
        places = [names.index(name) for name in mine["name"]]
        errors = np.array([mine["value"] - mine["low"], mine["high"] - mine["value"]]) / 1e9
        ax.errorbar(
            mine["value"] / 1e9, places, xerr=errors, fmt="o", markersize=4.5, color="black",
            markerfacecolor=face, elinewidth=0.7,
        )  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_title("plain loops")


def _handles(isas: list[str], plan: Mapping[str, Any], *, counted: bool) -> list[Line2D]:
    bars = [
        Line2D(
            [],
            [],
            marker="s",
            linestyle="none",
            markersize=6,
            color=_shade(isa, isas),
            label=titles.isa_title(isa, plan),
        )
        for isa in isas
    ]
    return [
        *bars,
        Line2D(
            [],
            [],
            marker="|",
            linestyle="none",
            markersize=7,
            markeredgewidth=1.4,
            color="black",
            label="its plain loop",
        ),
        *([Line2D([], [], marker="D", linestyle="none", markersize=3.5, color="black", label="counted")] * counted),
        Line2D([], [], marker="o", linestyle="none", color="black", label="ordinary stores"),
        Line2D([], [], marker="o", linestyle="none", color="black", markerfacecolor="white", label="non-temporal"),
    ]
