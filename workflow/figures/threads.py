"""One row on several threads, over its length: how much faster than on one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passline import beyond_report
from passline import figure_style as style
from passline.figure_parts import panels_over_size

TABLES = ("ratios", "registry", "machines")
BEYOND = True
CAPTION = (
    "One row on several threads: time on one thread over time on as many as are named, with 95 % intervals. Dashed: as "
    "many times faster as there are threads. At 1 and near it Best leaves a row to one thread."
)
LIMITS = "Pinned threads of this machine; where two cpus are one core, a gain is the second thread's of that core."
RATIOS = ("value", "low", "high")
SECTION = "details"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:  # noqa: ARG001  # as all figures
    """What is drawn: columns `isa`, `threads`, `n_elements`, `ratio`, `ratio_low`, `ratio_high`; protocol hot."""
    rows = beyond_report.shared_rows(tables["ratios"])
    rows = rows[rows["cache_protocol"] == beyond_report.PROTOCOL]
    rows = rows.rename(columns={"ratio": "value", "ratio_low": "low", "ratio_high": "high"})
    return rows[["isa", "threads", "n_elements", "value", "low", "high"]].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message(beyond_report.NO_THREADS)
    looks = {count: style.ordinal_style(place) for place, count in enumerate(sorted(set(rows["threads"])))}

    def panel(ax: Axes, mine: pd.DataFrame) -> None:
        for count, line in mine.groupby("threads", sort=True):
            style.interval_line(ax, line, looks[count])
            ax.axhline(float(str(count)), color=looks[count]["color"], linestyle="--", linewidth=0.7)

    figure = panels_over_size(rows, tables, plan, panel, height=2.4, y="time on one thread /\ntime on several")
    style.legend(figure, {f"{count} threads": look for count, look in looks.items()})
    return figure
