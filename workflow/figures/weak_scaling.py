"""As many rows as threads: throughput over that of one row on one thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from passline import batches, beyond_report, titles
from passline import figure_style as style
from passline.derive import selection
from passline.figure_parts import panels_over_size

TABLES = ("beyond", "registry", "machines")
BEYOND = True
CAPTION = (
    "Weak scaling, as the paper has it: each thread a row of its own, which it touched first; elements a second on "
    "several threads, over those of the same algorithm with one row on one thread. Dashed: as many times as there are "
    "threads."
)
LIMITS = (
    "Numbers of threads are blocks of their own: quotients of medians, whose intervals, from the ends of theirs, hold "
    "the truth in at least 90 % of cases. Pinned threads; where two cpus are one core, they share its arithmetic."
)
SECTION = "details"


data = batches.weak_scaling


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    found = data(tables, plan)
    if found.empty:
        return style.message(batches.MISSING_WEAK)
    counts = sorted(set(found["threads"]))
    return _over_size(found, tables, plan) if len(counts) == 1 else _over_threads(found, tables, plan)


def _over_size(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Of one number of threads: over the length of a row."""
    count = int(rows["threads"].iloc[0])

    def panel(ax: Axes, mine: pd.DataFrame) -> None:
        ax.axhline(count, color="0.3", linestyle="--", linewidth=0.8)
        for name, line in mine.groupby("algorithm", sort=True):
            style.interval_line(ax, line, style.beyond_style(str(name), plan))
        ax.set_ylim(bottom=0.0)

    figure = panels_over_size(rows, tables, plan, panel, height=2.6, y=f"throughput of {count} threads /\nof one")
    _legend(figure, rows, plan)
    return figure


def _over_threads(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Of several: over threads, a panel for each length of a row on the widest instruction set."""
    isa = selection.vector_isas(rows, tables["registry"])[-1]
    rows = rows[rows["isa"] == isa]
    sizes = sorted(set(rows["n_elements"]))
    figure, axes = style.new(1, len(sizes), height=2.4, sharey=True)
    for ax, n in zip(axes[0], sizes, strict=True):
        mine = rows[rows["n_elements"] == n]
        most = int(mine["threads"].max())
        ax.plot([1, most], [1, most], color="0.3", linestyle="--", linewidth=0.8)
        for name, line in mine.groupby("algorithm", sort=True):
            style.interval_line(ax, line, style.beyond_style(str(name), plan), x="threads")
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.set_title(f"{style.binary(n)} elements a row")
        ax.set_xlabel("threads")
        style.grid(ax)
    axes[0, 0].set_ylabel("throughput / that of one thread")
    _legend(figure, rows, plan)
    return figure


def _legend(figure: Figure, rows: pd.DataFrame, plan: Mapping[str, Any]) -> None:
    names = beyond_report.ordered(set(rows["algorithm"]), plan)
    style.legend(figure, {titles.algorithm_title(name, plan): style.beyond_style(name, plan) for name in names})
