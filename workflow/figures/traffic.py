"""Bytes that each pass moves out of cache: the model beside what was counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from passline import figure_style as style
from passline import titles
from passline.derive import counted, selection

TABLES = ("passes", "registry", "tuning")
MODELLED = True
CAPTION = (
    "Bytes per element that each pass moves at the largest out-of-cache size. Bars are the model: read, fetched "
    "before it is written (write-allocate: less where hardware avoids it), and written. Points are counted, each from "
    "zero, where something counts: filled with confidence A or B, hollow with C (a lower bound, or a scale that is "
    "off)."
)
LIMITS = "The model moves every line once; what prefetching or neighbours move besides is not in it."
SECTION = "details"
READ, ALLOCATED, WRITTEN, BOTH = "read", "write-allocate", "written", "read and written"
SURE = ("A", "B")
COLUMNS = ["isa", "threads", "pass", "direction", "origin", "confidence", "value"]


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn, in bytes per element; `origin` is model or the source that counted.

    Counted reads hold the lines fetched before they are written; the model's are apart.
    """
    rows = shown(tables, plan)
    parts = [_of_pass(row) for _, row in rows.iterrows()]
    found = pd.DataFrame([each for part in parts for each in part], columns=COLUMNS)
    return found[found["value"].notna() & ((found["origin"] != counted.MODEL) | (found["value"] > 0))].reset_index(
        drop=True
    )


def shown(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of table `passes` that are drawn: out of cache, one thread, and several where they were counted."""
    passes, names = tables["passes"], titles.pass_order(plan)
    far = max(selection.out_of_cache(plan), default=0)
    several = selection.on_threads(passes)
    parts = []
    for isa in selection.vector_isas(selection.alone(passes), tables["registry"]):
        for variant in ("tuned", "preset"):
            one = selection.judged_passes(tables, names, isa, variant, far)
            if len(one):
                parts += [one, several[several["variant"].isin(one["variant"]) & (several["isa"] == isa)]]
                break
    return pd.concat(parts) if parts else passes.head(0)


def _of_pass(row: pd.Series[Any]) -> list[dict[str, Any]]:
    elements = int(row["n_elements"]) * int(row["threads"])
    model = {
        READ: row["bytes_read_low_model"],
        ALLOCATED: row["bytes_read_model"] - row["bytes_read_low_model"],
        WRITTEN: row["bytes_written_model"],
    }
    counts = {
        READ: row["bytes_read_counted"],
        WRITTEN: row["bytes_written_counted"],
        BOTH: row["bytes_combined_counted"],
    }
    return [
        {
            "isa": row["isa"],
            "threads": int(row["threads"]),
            "pass": row["pass"],
            "direction": direction,
            "origin": origin,
            # A letter is that of the counts, where there are some.
            "confidence": "-" if origin != row["source"] else row["confidence"],
            "value": float(value) / elements,
        }
        for origin, amounts in ((counted.MODEL, model), (str(row["source"]), counts))
        for direction, value in amounts.items()
    ]


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No pass was timed alone at an out-of-cache size.")
    panels = _panels(rows, tables["registry"])
    names = [name for name in titles.pass_order(plan) if name in set(rows["pass"])]
    figure, axes = style.new(1, len(panels), height=0.9 + 0.27 * len(names), sharey=True, sharex=True)
    for ax, (isa, threads) in zip(axes[0], panels, strict=True):
        mine = rows[rows["threads"] == threads]
        mine = mine[mine["isa"] == (isa or mine["isa"].iloc[-1])]
        _panel(ax, mine, names)
        number = f"{threads} thread{'s' if threads > 1 else ''}"
        ax.set_title("model" if isa is None else f"{titles.isa_title(isa, plan)}, {number}")
        ax.set_xlabel("bytes per element")
    figure.legend(handles=_handles(rows), loc="outside upper center", ncols=6, columnspacing=1.2)
    return figure


def _panels(rows: pd.DataFrame, registry: pd.DataFrame) -> list[tuple[str | None, int]]:
    """A panel per ISA and number of threads that was counted; where nothing was, one: the model knows no ISA."""
    counts = rows[rows["origin"] != counted.MODEL]
    if counts.empty:
        return [(None, 1)]
    isas = selection.isas(counts, registry)[-1:] if counts["threads"].max() > 1 else selection.isas(counts, registry)
    return [(isa, int(threads)) for isa in isas for threads in sorted(set(counts["threads"]))]


_FACES: Mapping[str, tuple[str, str]] = {
    READ: ("0.8", ""),
    ALLOCATED: ("white", "////"),
    WRITTEN: ("0.45", ""),
}
_MARKERS = {READ: ("black", "o"), WRITTEN: ("black", "s"), BOTH: ("black", "D")}


def _panel(ax: Any, rows: pd.DataFrame, names: Sequence[str]) -> None:
    places = np.arange(len(names))
    model = rows[rows["origin"] == counted.MODEL]
    left = np.zeros(len(names))
    for part, (face, hatch) in _FACES.items():
        values = model[model["direction"] == part].set_index("pass")["value"].reindex(list(names)).fillna(0.0)
        ax.barh(places, values, left=left, height=0.6, color=face, hatch=hatch, edgecolor="0.4", linewidth=0.4)
        left = left + values.to_numpy()
    counts = rows[rows["origin"] != counted.MODEL]
    for direction, (colour, marker) in _MARKERS.items():
        for sure in (True, False):
            mine = counts[(counts["direction"] == direction) & (counts["confidence"].isin(SURE) == sure)]
            ax.plot(
                mine["value"], [names.index(name) for name in mine["pass"]], linestyle="none", marker=marker,
                markersize=4.5, color=colour, markerfacecolor=colour if sure else "white", zorder=3,
            )  # fmt: skip
    ax.set_yticks(places, names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.tick_params(axis="y", length=0)
    style.grid(ax, "x")


def _handles(rows: pd.DataFrame) -> list[Any]:
    bars = [
        Patch(facecolor=face, hatch=hatch, edgecolor="0.4", linewidth=0.4, label=f"model: {name}")
        for name, (face, hatch) in _FACES.items()
    ]
    counts = set(rows.loc[rows["origin"] != counted.MODEL, "direction"])
    marks = [
        Line2D([], [], linestyle="none", marker=marker, markersize=4.5, color=colour, label=f"counted: {name}")
        for name, (colour, marker) in _MARKERS.items()
        if name in counts
    ]
    return [*bars, *marks]
