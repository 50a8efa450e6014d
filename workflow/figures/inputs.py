"""Whether some inputs are slow: time on each input family over the same algorithm's fastest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.beyond import shown_algorithms
from passline import beyond_report, input_families, titles
from passline import figure_style as style
from passline.derive import selection
from passline.derive.inputs import CLIFF, over_fastest

TABLES = ("beyond", "ratios", "registry")
BEYOND = True
CAPTION = (
    "Time on each input family over time of the same algorithm on the family on which it is fastest, at each length of "
    "a row. Dashed: 1.5 times as long, above which a family is called a cliff."
)
LIMITS = (
    "Families are blocks of their own, so times are over those of one of the paper's algorithms in the same rounds, "
    "which does the same whatever the scores are. Intervals, from the ends of those of two ratios, hold the truth in "
    "at least 90 % of cases. Of many algorithms the first, Best and the fastest are drawn."
)
SECTION = "details"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: see `derive.inputs.over_fastest`."""
    rows = over_fastest(tables["ratios"], plan, beyond_report.PROTOCOL)
    kept = shown_algorithms(beyond_report.usual(tables, "beyond"), plan)
    return rows[rows["algorithm"].isin(kept)].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message(input_families.MISSING)
    isas = selection.vector_isas(rows, tables["registry"])
    sizes, families = sorted(set(rows["n_elements"])), sorted(set(rows["inputs"]))
    names = beyond_report.ordered(set(rows["algorithm"]), plan)
    figure, axes = style.new(
        len(sizes), len(isas), height=0.7 + 1.25 * len(sizes), sharex=True, sharey=True
    )  # fmt: skip
    for row, n in enumerate(sizes):
        for column, isa in enumerate(isas):
            ax = axes[row, column]
            _panel(ax, rows[(rows["n_elements"] == n) & (rows["isa"] == isa)], families, names, plan)
            ax.set_title(f"{style.binary(n)} elements, {titles.isa_title(isa, plan)}")
        axes[row, 0].set_ylabel("time /\nfastest family")
    style.legend(figure, {titles.algorithm_title(name, plan): _look(name, plan) for name in names})
    return figure


def _look(name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    return style.beyond_style(name, plan) | {"linestyle": "none"}


def _panel(ax: Axes, rows: pd.DataFrame, families: list[str], names: list[str], plan: Mapping[str, Any]) -> None:
    ax.axhline(CLIFF, color="0.3", linestyle="--", linewidth=0.8)
    style.unity(ax)
    for place, name in enumerate(names):
        mine = rows[rows["algorithm"] == name]
        shift = 0.7 * ((place + 0.5) / len(names) - 0.5)
        style.interval_line(ax, mine.assign(at=mine["inputs"].map(families.index) + shift), _look(name, plan), x="at")
    for place in range(1, len(families)):
        ax.axvline(place - 0.5, color="0.9", linewidth=0.5)
    ax.set_xticks(range(len(families)), [family.replace("_", "\n") for family in families])
    ax.set_xlim(-0.5, len(families) - 0.5)
    ax.tick_params(axis="x", length=0)
    style.grid(ax)
