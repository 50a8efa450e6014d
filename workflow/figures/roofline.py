"""A roofline of the machine with one point per pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import titles
from passline.derive import counted, selection

TABLES = ("passes", "ceilings", "registry", "tuning")
MODELLED = True
CAPTION = (
    "Roofline of the widest instruction set, one thread: slopes are the fastest loop that reads, with ordinary "
    "stores, at each level, the flat roof is peak multiply-add. Dashed: DRAM with non-temporal stores; dotted: "
    "DRAM with all cores. Points: each pass alone at the largest out-of-cache size, filled where its bytes were "
    "counted, hollow where they are modelled (write-allocate included), with 95 % intervals of their times. Names that "
    "stand together are of points that lie together."
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
    return pd.DataFrame(columns=["kind", "name", "isa", "intensity", "value", "low", "high", "source"])


def _point(row: pd.Series[Any]) -> dict[str, Any]:
    """A pass by the best bytes there are: a count of both directions that can be trusted, else the model's."""
    model = float(row["bytes_read_model"] + row["bytes_written_model"])
    moved, source = counted.total(row), str(row["source"])
    if not moved > 0 or row["confidence"] > WORST:
        moved, source = model, counted.MODEL
    flops = float(row["intensity_flop_per_byte"]) * model
    return {
        "kind": "pass", "name": row["pass"], "isa": row["isa"], "intensity": flops / moved,
        "value": row["flop_per_s"], "low": row["flop_per_s"] * row["time_median_s"] / row["time_high_s"],
        "high": row["flop_per_s"] * row["time_median_s"] / row["time_low_s"], "source": source,
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
    figure, axes = style.new(height=3.6)
    ax = axes[0, 0]
    points, roofs = rows[rows["kind"] == "pass"], rows[rows["kind"] == "roof"].set_index("name")["value"]
    reach = points["intensity"]
    x = np.geomspace(reach.min() / 3.0, max(8.0, reach.max() * 4.0), 200)
    peak = float(roofs.get("peak FMA", np.inf))
    bandwidths = roofs.drop(labels="peak FMA", errors="ignore")
    style.plain_log(ax, "x")
    style.plain_log(ax, "y")
    ax.set_xlim(x[0], x[-1])
    top = min(peak, float(bandwidths.max()) * x[-1]) if len(bandwidths) else float(points["value"].max())
    ax.set_ylim(points["value"].min() / 1e9 / 3.0, max(top, float(points["high"].max())) / 1e9 * 2.2)
    for name, value in bandwidths.items():
        _slope(ax, x, str(name), float(value), peak)
    if np.isfinite(peak):
        ax.plot(x, np.full_like(x, peak / 1e9), color="0.2", linewidth=1.3)
        ax.annotate(
            f"peak FMA, {peak / 1e9:.0f} GFLOP/s", (x[-1], peak / 1e9), xytext=(0, -3), textcoords="offset points",
            ha="right", va="top", fontsize=7,
        )  # fmt: skip
    for cluster in clusters(points):
        _points_of(ax, cluster, above=bool(cluster["value"].min() > 0.8 * peak))
    sources = dict.fromkeys("modelled" if source == counted.MODEL else "counted" for source in points["source"])
    ax.set_xlabel(f"arithmetic intensity (flop per {' or '.join(sources)} byte)")
    ax.set_ylabel("GFLOP/s")
    ax.set_title(titles.isa_title(str(points["isa"].iloc[0]), plan))
    ax.legend(loc="lower right")
    return figure


TOGETHER = 0.12
"""Points this near in both directions, as logarithms, share a label."""


def clusters(points: pd.DataFrame) -> list[pd.DataFrame]:
    """Points that lie together, from the highest to the lowest within each."""
    places = np.log(points[["intensity", "value"]].to_numpy(dtype=float))
    near = (np.abs(places[:, None, :] - places[None, :, :]) < TOGETHER).all(axis=2)
    first = near.argmax(axis=1)  # of each point the first one that it lies with
    return [points[first == each].sort_values("value", ascending=False) for each in dict.fromkeys(first)]


def _points_of(ax: Axes, rows: pd.DataFrame, *, above: bool) -> None:
    """Points that lie together, each with its interval, and their names above, or below and to the right of them."""
    for _, row in rows.iterrows():
        errors = [[(row["value"] - row["low"]) / 1e9], [(row["high"] - row["value"]) / 1e9]]
        ax.errorbar(
            row["intensity"], row["value"] / 1e9, yerr=errors, color=style.INK, marker="o", markersize=4.5, capsize=1.5,
            elinewidth=0.7, markerfacecolor="white" if row["source"] == counted.MODEL else style.INK, zorder=4,
        )  # fmt: skip
    height = float(rows["value"].max() if above else rows["value"].min()) / 1e9
    ax.annotate(
        "\n".join(rows["name"]), (float(rows["intensity"].max()), height), xytext=(0, 5) if above else (8, -4),
        textcoords="offset points", ha="center" if above else "left", va="bottom" if above else "top", fontsize=7.0,
        color=style.INK, zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.85},
    )  # fmt: skip


_LINES: dict[str, tuple[str, Any]] = {
    "L1": ("0.72", "-"), "L2": ("0.55", "-"), "LLC": ("0.38", "-"), "DRAM": ("0.0", "-"),
    "DRAM, non-temporal": ("0.0", (0, (5, 2))), "DRAM, all cores": ("0.0", (0, (1, 1.5))),
}  # fmt: skip


def _slope(ax: Axes, x: Any, name: str, value: float, peak: float) -> None:
    """A roof; those of caches carry their names, those of DRAM lie too close for it and have a legend."""
    colour, line = _LINES[name]
    words, direct = f"{name}, {value / 1e9:.3g} GB/s", not name.startswith("DRAM")
    ax.plot(
        x, np.minimum(x * value, peak) / 1e9, color=colour, linestyle=line, linewidth=1.1, zorder=1,
        label="_" if direct else words,
    )  # fmt: skip
    if direct:
        at = float(x[0]) * 1.15
        y = at * value / 1e9
        ax.text(
            at, y * 1.06, words, fontsize=7.0, color="0.25", rotation=float(np.degrees(np.arctan2(y, at))),
            rotation_mode="anchor", transform_rotates_text=True, va="bottom", ha="left",
        )  # fmt: skip
