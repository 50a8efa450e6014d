"""A roofline of the machine with one point per pass."""

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
CAPTION = (
    "Roofline of the widest instruction set, one thread: slopes are the fastest loop with ordinary stores at each "
    "level, the flat roof is peak multiply-add. Dashed: DRAM with non-temporal stores; dotted: DRAM with all "
    "cores. Hollow points: each pass alone at the largest out-of-cache size, with modelled bytes (write-allocate "
    "included), not counted ones."
)
LEVELS = ("L1", "L2", "LLC", "DRAM")


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: roofs (value in B/s or flop/s) and points (intensity in flop/B, value in flop/s)."""
    points = _points(tables, plan)
    if points.empty:
        return points
    roofs = _roofs(tables["ceilings"], str(points["isa"].iloc[0]))
    return pd.concat([part for part in (roofs, points) if len(part)]).reset_index(drop=True)


def _points(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    isas = selection.isas(selection.alone(tables["passes"]), tables["registry"])
    sizes = selection.out_of_cache(plan)
    for variant in ("tuned", "preset"):
        if isas and sizes:
            rows = selection.judged_passes(tables, titles.pass_order(plan), isas[-1], variant, max(sizes))
            if len(rows):
                return pd.DataFrame({
                    "kind": "pass", "name": rows["pass"], "isa": rows["isa"],
                    "intensity": rows["intensity_flop_per_byte"], "value": rows["flop_per_s"],
                })  # fmt: skip
    return pd.DataFrame(columns=["kind", "name", "isa", "intensity", "value"])


def _roofs(ceilings: pd.DataFrame, isa: str) -> pd.DataFrame:
    mine = ceilings[(ceilings["isa"] == isa) & ceilings["value"].notna()]
    moving = mine[mine["unit"] == "B/s"]
    one, most = moving[moving["threads"] == 1], moving[moving["threads"] == moving["threads"].max()]
    chosen = {f"{level}": one[(one["level"] == level) & (one["store"] != "nt")] for level in LEVELS}
    chosen["DRAM, non-temporal"] = one[(one["level"] == "DRAM") & (one["store"] == "nt")]
    if len(moving) and moving["threads"].max() > 1:
        chosen["DRAM, all cores"] = most[(most["level"] == "DRAM") & (most["store"] != "nt")]
    chosen["peak FMA"] = mine[(mine["unit"] == "flop/s") & (mine["threads"] == 1)]
    rows = [
        {"kind": "roof", "name": name, "isa": isa, "intensity": float("nan"), "value": float(rows["value"].max())}
        for name, rows in chosen.items()
        if len(rows)
    ]
    return pd.DataFrame(rows)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No pass was timed alone at an out-of-cache size: no point for a roofline.")
    figure, axes = style.new(height=3.3)
    ax = axes[0, 0]
    points, roofs = rows[rows["kind"] == "pass"], rows[rows["kind"] == "roof"].set_index("name")["value"]
    x = np.geomspace(points["intensity"].min() / 2.5, max(64.0, points["intensity"].max() * 4), 200)
    peak = float(roofs.get("peak FMA", np.inf))
    bandwidths = roofs.drop(labels="peak FMA", errors="ignore")
    for name, value in bandwidths.items():
        _slope(ax, x, str(name), float(value), peak)
    if np.isfinite(peak):
        ax.plot(x, np.full_like(x, peak / 1e9), color="0.2", linewidth=1.3)
        ax.annotate(
            f"peak FMA, {peak / 1e9:.0f} GFLOP/s",
            (x[-1], peak / 1e9),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=7,
        )
    # Passes with the same streams and flops share an intensity: markers of falling size nest, none hides another.
    nesting = points.groupby(points["intensity"].round(6)).cumcount()
    for (_, row), depth in zip(points.iterrows(), nesting, strict=True):
        look = style.pass_style(row["name"], plan)
        size = max(3.5, 8.5 - 2.5 * depth)
        ax.plot(
            row["intensity"],
            row["value"] / 1e9,
            markersize=size,
            markerfacecolor="none",
            markeredgewidth=1.2,
            linestyle="none",
            **look,
        )
    ax.set_xlim(x[0], x[-1])
    style.plain_log(ax, "x")
    style.plain_log(ax, "y")
    ax.set_ylim(points["value"].min() / 1e9 / 2.5, None)
    ax.set_xlabel("arithmetic intensity (flop per modelled byte)")
    ax.set_ylabel("GFLOP/s")
    ax.set_title(titles.isa_title(str(points["isa"].iloc[0]), plan))
    _legend(figure, points, bandwidths, plan)
    return figure


_LINES = {
    "L1": ("0.72", "-"), "L2": ("0.55", "-"), "LLC": ("0.38", "-"), "DRAM": ("0.0", "-"),
    "DRAM, non-temporal": ("0.0", (0, (5, 2))), "DRAM, all cores": ("0.0", (0, (1, 1.5))),
}  # fmt: skip


def _slope(ax: Any, x: Any, name: str, value: float, peak: float) -> None:
    colour, line = _LINES[name]
    ax.plot(x, np.minimum(x * value, peak) / 1e9, color=colour, linestyle=line, linewidth=1.1, zorder=1)


def _legend(figure: Figure, points: pd.DataFrame, bandwidths: pd.Series[float], plan: Mapping[str, Any]) -> None:
    roofs = [
        Line2D(
            [], [], color=_LINES[str(name)][0], linestyle=_LINES[str(name)][1], label=f"{name}, {value / 1e9:.3g} GB/s"
        )
        for name, value in bandwidths.items()
    ]
    marks = [
        Line2D(
            [],
            [],
            linestyle="none",
            markersize=6,
            markerfacecolor="none",
            markeredgewidth=1.3,
            label=name,
            **style.pass_style(name, plan),
        )
        for name in points["name"]
    ]
    figure.legend(handles=[*roofs, *marks], loc="outside right center")
