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
from passline.derive import counted, selection

TABLES = ("passes", "ceilings", "registry", "tuning")
MODELLED = True
CAPTION = (
    "Roofline of the widest instruction set, one thread: slopes are the fastest loop that reads, with ordinary "
    "stores, at each level, the flat roof is peak multiply-add. Dashed: DRAM with non-temporal stores; dotted: "
    "DRAM with all cores. Points: each pass alone at the largest out-of-cache size, filled where its bytes were "
    "counted, hollow where they are modelled (write-allocate included). Thin lines join the passes of an "
    "algorithm, in order."
)
LIMITS = (
    "Additions and rounding run beside multiply-adds where ports are free, so a pass may exceed the flat roof. "
    "A pass alone may find data in cache that it would not find in a whole call."
)
SECTION = "details"
LEVELS = ("L1", "L2", "LLC", "DRAM")
FILL = "fill"
WORST = "B"  # confidence that a count must have to stand for the model's bytes


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
                return pd.DataFrame([_point(row) for _, row in rows.iterrows()])
    return pd.DataFrame(columns=["kind", "name", "isa", "intensity", "value", "source"])


def _point(row: pd.Series[Any]) -> dict[str, Any]:
    """A pass by the best bytes there are: a count of both directions that can be trusted, else the model's."""
    model = float(row["bytes_read_model"] + row["bytes_written_model"])
    moved, source = counted.total(row), str(row["source"])
    if not moved > 0 or row["confidence"] > WORST:
        moved, source = model, counted.MODEL
    flops = float(row["intensity_flop_per_byte"]) * model
    return {
        "kind": "pass", "name": row["pass"], "isa": row["isa"], "intensity": flops / moved,
        "value": row["flop_per_s"], "source": source,
    }  # fmt: skip


def _roofs(ceilings: pd.DataFrame, isa: str) -> pd.DataFrame:
    mine = ceilings[(ceilings["isa"] == isa) & ceilings["value"].notna()]
    moving = mine[mine["unit"] == "B/s"]
    one, most = moving[moving["threads"] == 1], moving[moving["threads"] == moving["threads"].max()]
    # A loop that reads nothing is left out: hardware may not fetch the lines that it writes, as the model takes it.
    one, most = one[one["ceiling"] != FILL], most[most["ceiling"] != FILL]
    chosen = {f"{level}": one[(one["level"] == level) & (one["store"] != "nt")] for level in LEVELS}
    chosen["DRAM, non-temporal"] = one[(one["level"] == "DRAM") & (one["store"] == "nt")]
    if len(moving) and moving["threads"].max() > 1:
        chosen["DRAM, all cores"] = most[(most["level"] == "DRAM") & (most["store"] != "nt")]
    chosen["peak FMA"] = mine[(mine["unit"] == "flop/s") & (mine["threads"] == 1)]
    rows = [
        {"kind": "roof", "name": name, "isa": isa, "value": float(rows["value"].max())}
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
    _join(ax, points, plan)
    # Passes with the same streams and flops share an intensity: markers of falling size nest, none hides another.
    nesting = points.groupby(points["intensity"].round(6)).cumcount()
    for (_, row), depth in zip(points.iterrows(), nesting, strict=True):
        look = style.pass_style(row["name"], plan)
        size = max(3.5, 8.5 - 2.5 * depth)
        ax.plot(
            row["intensity"],
            row["value"] / 1e9,
            markersize=size,
            markerfacecolor="none" if row["source"] == counted.MODEL else look["color"],
            markeredgewidth=1.2,
            linestyle="none",
            **look,
        )
    ax.set_xlim(x[0], x[-1])
    style.plain_log(ax, "x")
    style.plain_log(ax, "y")
    ax.set_ylim(points["value"].min() / 1e9 / 2.5, None)
    sources = dict.fromkeys("modelled" if source == counted.MODEL else "counted" for source in points["source"])
    ax.set_xlabel(f"arithmetic intensity (flop per {' or '.join(sources)} byte)")
    ax.set_ylabel("GFLOP/s")
    ax.set_title(titles.isa_title(str(points["isa"].iloc[0]), plan))
    _legend(figure, points, bandwidths, plan)
    return figure


def _join(ax: Any, points: pd.DataFrame, plan: Mapping[str, Any]) -> None:
    """Lines from pass to pass of each algorithm."""
    places = points.drop_duplicates("name").set_index("name")
    for name, spec in plan["algorithms"].items():
        order = [each for each in spec["passes"] if each in places.index]
        if len(order) > 1:
            look = {**style.algorithm_style(name, plan), "marker": None}
            ax.plot(places.loc[order, "intensity"], places.loc[order, "value"] / 1e9, linewidth=0.8, zorder=1.5, **look)


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
    joined = [
        Line2D(
            [], [], linewidth=0.8, label=titles.algorithm_title(name, plan),
            **{**style.algorithm_style(name, plan), "marker": None},
        )
        for name, spec in plan["algorithms"].items()
        if len(set(spec["passes"]) & set(points["name"])) > 1
    ]  # fmt: skip
    figure.legend(handles=[*roofs, *marks, *joined], loc="outside right center")
