"""Three bars per pass: what arithmetic takes, what memory takes, what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from passline import figure_style as style
from passline import titles
from passline.derive import selection
from passline.derive.rounds import length_of

TABLES = ("passes", "registry", "tuning")
CAPTION = (
    "Each pass alone, as tuned here (else the preset): its time in L1 (core), the time of the fastest plain loop with "
    "its own reads and writes in the same rounds (memory), and its measured time with 95 % interval. The word "
    "names what bounds it: a bound explains the measured time when it comes within 10 %; both: neither alone "
    "does."
)
LIMITS = (
    "Core time is time in L1, so it holds the loads and stores of L1. A bound within 10 % explains a time; it "
    "does not prove a cause. The loops are our own: a pass may be faster than one, and still counts as bound by "
    "memory."
)
SECTION = "answers"
ROLES = ("core", "memory", "measured")
FILLS = dict(zip(ROLES, style.FILLS, strict=True))


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: times in seconds per element, one row per ISA, size and pass."""
    rows = selection.alone(tables["passes"])
    parts = []
    for isa in selection.vector_isas(rows, tables["registry"]):
        for label in plan["bars"]:
            n = length_of(plan, label)
            for variant in ("tuned", "preset"):
                found = selection.judged_passes(tables, titles.pass_order(plan), isa, variant, n or 0)
                if len(found):
                    parts.append(found.assign(size=label))
                    break
    columns = ["isa", "size", "n_elements", "pass", "variant", "core", "memory", "measured", "low", "high", "bound"]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts)
    n = table["n_elements"]
    return table.assign(
        core=table["time_core_s"] / n, memory=table["time_memory_s"] / n, measured=table["time_median_s"] / n,
        low=table["time_low_s"] / n, high=table["time_high_s"] / n,
    )[columns].reset_index(drop=True)  # fmt: skip


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No pass was timed alone at these sizes.")
    isas, sizes = selection.isas(rows, tables["registry"]), [s for s in plan["bars"] if s in set(rows["size"])]
    names = [name for name in titles.pass_order(plan) if name in set(rows["pass"])]
    figure, axes = style.new(
        len(isas), len(sizes), height=0.7 + len(isas) * (0.35 + 0.3 * len(names)), sharex=True, sharey=True
    )
    for line, isa in enumerate(isas):
        for column, size in enumerate(sizes):
            ax = axes[line, column]
            _panel(ax, rows[(rows["isa"] == isa) & (rows["size"] == size)], names)
            ax.set_title(f"{titles.isa_title(isa, plan)}, {size}")
            if line == len(isas) - 1:
                ax.set_xlabel("ns per element")
    axes[0, 0].set_xlim(0.0, float(np.nanmax(rows[list(ROLES)].to_numpy(dtype=float))) * 1e9 * 1.5)
    figure.legend(handles=_handles(), loc="outside upper center", ncols=3)
    return figure


def _panel(ax: Any, rows: pd.DataFrame, names: list[str]) -> None:
    rows = rows.set_index("pass").reindex(names)
    places = np.arange(len(names))
    for offset, role in zip((-0.27, 0.0, 0.27), ROLES, strict=True):
        ax.barh(
            places + offset, rows[role] * 1e9, height=0.25, color=FILLS[role][0], hatch=FILLS[role][1],
            edgecolor="0.3", linewidth=0.3,
        )  # fmt: skip
    errors = np.array([rows["measured"] - rows["low"], rows["high"] - rows["measured"]]) * 1e9
    ax.errorbar(
        rows["measured"] * 1e9, places + 0.27, xerr=errors, fmt="none", ecolor="0.0", elinewidth=0.7, capsize=1.2
    )
    for place, (_, row) in zip(places, rows.iterrows(), strict=True):
        if isinstance(row["bound"], str) and row["bound"] != "-":
            end = np.nanmax([row["measured"], row["high"]]) * 1e9
            ax.annotate(
                row["bound"], (end, place + 0.27), xytext=(2, 0), textcoords="offset points", va="center", fontsize=6.5
            )
    ax.set_yticks(places, names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    style.grid(ax, "x")


def _handles() -> list[Patch]:
    words = {"core": "core: its time in L1", "memory": "memory: plain loop, same streams", "measured": "measured"}
    return [
        Patch(facecolor=FILLS[role][0], hatch=FILLS[role][1], edgecolor="0.3", linewidth=0.3, label=words[role])
        for role in ROLES
    ]
