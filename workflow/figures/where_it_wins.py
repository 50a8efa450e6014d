"""Where the contender wins and where it loses: its ratio to the fastest base over size, with the crossings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from passline import figure_style as style
from passline import formats, titles
from passline.derive import selection
from passline.derive.crossing import crossings
from passline.questions.wins import compared

TABLES = ("ratios", "registry", "machines")
CAPTION = (
    "Time of {fastest} (by colour, the one that is faster at that size) over time of {contender}, paired by round, "
    "with 95 % intervals: above 1, {contender} is faster. Bands across: where the lead changes, as the intervals "
    "allow; the line in a band is where the medians change sides. Dotted: x alone fills the cache."
)
LIMITS = (
    "Between two sizes the logarithm of the ratio is taken as straight over the logarithm of the size. Another "
    "protocol may move a crossing."
)
SECTION = "answers"
COLUMNS = ("isa", "kind", "base", "n_elements", "value", "low", "high", "verdict")


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: `kind` is point (a ratio at a size) or crossing (of sizes: `value`, `low` and `high`)."""
    rows = compared(tables, plan)
    points = rows[["isa", "base", "n_elements", "verdict"]].assign(
        kind="point", value=rows["ratio"], low=rows["ratio_low"], high=rows["ratio_high"]
    )
    changes = [
        {"isa": isa, "kind": "crossing", "base": "-", "value": c.n, "low": c.low, "high": c.high}
        for isa, mine in rows.groupby("isa")
        for c in crossings(mine)
    ]
    return pd.concat([points, pd.DataFrame(changes)])[list(COLUMNS)] if changes else points[list(COLUMNS)]


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No base was compared with the contender.")
    isas = titles.vector_isas(selection.isas(rows, tables["registry"]))
    figure, axes = style.new(1, len(isas), height=2.9, sharey=True)
    said = titles.question_words(plan)
    for ax, isa in zip(axes[0], isas, strict=True):
        mine = rows[rows["isa"] == isa]
        _points(ax, mine[mine["kind"] == "point"], plan)
        for _, change in mine[mine["kind"] == "crossing"].iterrows():
            _change(ax, change)
        style.size_axis(ax)
        style.mark_caches(ax, tables["machines"], names=True)
        ax.set_title(titles.isa_title(isa, plan), pad=10)
        style.direct(ax, (0.02, 0.97), f"{said['contender']} is faster", va="top")
        style.direct(ax, (0.02, 0.03), f"{said['contender']} is slower", va="bottom")
    style.label_axes([axes[0, 0]], y=f"time of base /\ntime of {said['contender']}")
    bases = [name for name in plan["algorithms"] if name in set(rows["base"])]
    style.legend(figure, {titles.algorithm_title(name, plan): _look(name, plan) for name in bases})
    return figure


def _look(name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    return style.algorithm_style(name, plan) | {"linestyle": "none"}


def _points(ax: Axes, rows: pd.DataFrame, plan: Mapping[str, Any]) -> None:
    style.unity(ax)
    line = rows.sort_values("n_elements")
    ax.plot(line["n_elements"], line["value"], color="0.7", linewidth=0.8, zorder=1)
    for base, mine in line.groupby("base", sort=True):
        style.interval_line(ax, mine, _look(str(base), plan))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    ax.margins(y=0.15)
    style.grid(ax)


def _change(ax: Axes, change: pd.Series[Any]) -> None:
    ax.axvspan(change["low"], change["high"], color="0.85", linewidth=0, zorder=0)
    ax.axvline(change["value"], color=style.INK, linewidth=0.8, zorder=1)
    ax.annotate(
        formats.about_binary(change["value"]), (change["value"], 0.03), xycoords=("data", "axes fraction"),
        xytext=(3, 0), textcoords="offset points", fontsize=7.0, va="bottom", ha="left", color=style.INK,
    )  # fmt: skip
