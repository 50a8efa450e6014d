"""Where the contender wins and where it loses: its ratio to the fastest base over size, with the crossings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import formats, titles
from passline.derive.crossing import crossings
from passline.figure_parts import panels_over_size, say_who
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
RATIOS = ("value", "low", "high")
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
    name = titles.question_words(plan)["contender"]

    def panel(ax: Axes, mine: pd.DataFrame) -> None:
        _points(ax, mine[mine["kind"] == "point"], plan)
        for _, change in mine[mine["kind"] == "crossing"].iterrows():
            _change(ax, change)
        say_who(ax, name)

    figure = panels_over_size(rows, tables, plan, panel, height=2.9, y=f"time of base /\ntime of {name}")
    bases = [base for base in plan["algorithms"] if base in set(rows["base"])]
    style.legend(figure, {titles.algorithm_title(base, plan): _look(base, plan) for base in bases})
    return figure


def _look(name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    return style.algorithm_style(name, plan) | {"linestyle": "none"}


def _points(ax: Axes, rows: pd.DataFrame, plan: Mapping[str, Any]) -> None:
    line = rows.sort_values("n_elements")
    ax.plot(line["n_elements"], line["value"], color="0.7", linewidth=0.8, zorder=1)
    for base, mine in line.groupby("base", sort=True):
        style.interval_line(ax, mine, _look(str(base), plan))


def _change(ax: Axes, change: pd.Series[Any]) -> None:
    ax.axvspan(change["low"], change["high"], color="0.85", linewidth=0, zorder=0)
    ax.axvline(change["value"], color=style.INK, linewidth=0.8, zorder=1)
    ax.annotate(
        formats.about_binary(change["value"]), (change["value"], 0.03), xycoords=("data", "axes fraction"),
        xytext=(3, 0), textcoords="offset points", fontsize=7.0, va="bottom", ha="left", color=style.INK,
    )  # fmt: skip
