"""Batches: time per element over the length of a row, in cache and streamed from memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passline import batches, beyond_report, formats, titles
from passline import figure_style as style
from passline.derive import selection
from passline.tables import FLOOR

TABLES = ("beyond", "ratios", "registry")
BEYOND = True
CAPTION = (
    "Batches, whose rows lie one behind the other, by the length of a row. Above: median time per element of calls, a "
    "row each, with 95 % intervals; grey dashes: the fastest floor, the same streams and stores without arithmetic. "
    "Below: time of the fastest of the paper's algorithms over time of ours, paired by round, with 95 % intervals; "
    "above 1, ours is faster. Dotted, and named above: lengths that are no powers of two, which are vocabularies."
)
LIMITS = (
    "Protocol hot, one thread. In cache: x and y of all rows fit into half of the last-level cache; streamed: x alone "
    "is four times as large as it, and x and y of one row are in the caches during a call where they fit."
)
SECTION = "details"
PANEL_IN = 2.1


data = batches.over_length


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message(batches.MISSING)
    isas = selection.vector_isas(rows, tables["registry"])
    places = [place for place in (batches.IN_CACHE, batches.BETWEEN, batches.STREAMED) if place in set(rows["where"])]
    figure, axes = style.new(
        2 * len(isas), len(places), height=PANEL_IN * 2 * len(isas), sharex=True, sharey="row",
        height_ratios=[1.4, 1.0] * len(isas),
    )  # fmt: skip
    marked = batches.vocabularies(rows["n_elements"])
    for number, isa in enumerate(isas):
        for column, place in enumerate(places):
            mine = rows[(rows["isa"] == isa) & (rows["where"] == place)]
            top, bottom = axes[2 * number, column], axes[2 * number + 1, column]
            _lines(top, mine[mine["panel"] == "time"], plan, scale=1e9)
            style.unity(bottom)
            _lines(bottom, mine[mine["panel"] == "ratio"], plan)
            _finish(top, bottom, marked)
            top.set_title(f"{place}, {titles.isa_title(isa, plan)}", pad=30 if marked else 6)
            bottom.set_xlabel("elements of a row" if number == len(isas) - 1 else "")
        style.label_axes([axes[2 * number, 0]], y="time per element (ns)")
        style.label_axes([axes[2 * number + 1, 0]], y="time of the paper's\nfastest / time of ours")
    names = beyond_report.ordered(set(rows["algorithm"]), plan)
    looks = {titles.algorithm_title(name, plan): _look(name, plan) for name in names}
    style.legend(figure, looks | ({"floor": style.FLOOR_LOOK} if FLOOR in set(rows["algorithm"]) else {}))
    return figure


def _look(name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    return style.FLOOR_LOOK if name == FLOOR else style.beyond_style(name, plan)


def _lines(ax: Axes, rows: pd.DataFrame, plan: Mapping[str, Any], scale: float = 1.0) -> None:
    for algorithm, line in rows.groupby("algorithm", sort=True):
        values = line.assign(**{end: line[end] * scale for end in ("value", "low", "high")})
        style.interval_line(ax, values, _look(str(algorithm), plan))


def _finish(top: Axes, bottom: Axes, marked: list[int]) -> None:
    style.plain_log(top)
    for ax in (top, bottom):
        style.size_axis(ax, label=False)
        style.grid(ax)
        for n in marked:
            ax.axvline(n, color="0.6", linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
    for n in marked:
        top.annotate(
            formats.count(n), (n, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
            ha="center", va="bottom", rotation=90, fontsize=5.5, color="0.3",
        )  # fmt: skip
