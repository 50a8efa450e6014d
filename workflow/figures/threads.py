"""One row on several threads, over its length: how much faster than on one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from passline import beyond_report, titles
from passline import figure_style as style
from passline.derive import selection

TABLES = ("ratios", "registry", "machines")
BEYOND = True
CAPTION = (
    "One row on several threads: time on one thread over time on as many as are named, with 95 % intervals. Dashed: as "
    "many times faster as there are threads. At 1 and near it Best leaves a row to one thread."
)
LIMITS = "Pinned threads of this machine; where two cpus are one core, a gain is the second thread's of that core."
SECTION = "details"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:  # noqa: ARG001  # as all figures
    """What is drawn: columns `isa`, `threads`, `n_elements`, `ratio`, `ratio_low`, `ratio_high`; protocol hot."""
    rows = beyond_report.shared_rows(tables["ratios"])
    rows = rows[rows["cache_protocol"] == beyond_report.PROTOCOL]
    return rows[["isa", "threads", "n_elements", "ratio", "ratio_low", "ratio_high"]].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No row was timed on several threads.")
    isas = titles.vector_isas(selection.isas(rows, tables["registry"]))
    figure, axes = style.new(1, len(isas), height=2.4, sharey=True)
    for ax, isa in zip(axes[0], isas, strict=True):
        style.unity(ax)
        for place, (threads, line) in enumerate(rows[rows["isa"] == isa].groupby("threads", sort=True)):
            errors = [(line["ratio"] - line["ratio_low"]).to_numpy(), (line["ratio_high"] - line["ratio"]).to_numpy()]
            look = style.ordinal_style(place)
            ax.errorbar(
                line["n_elements"], line["ratio"], yerr=errors, capsize=1.5, elinewidth=0.7,
                label=f"{threads} threads", **look,
            )  # fmt: skip
            ax.axhline(float(threads), color=look["color"], linestyle="--", linewidth=0.7)
        style.size_axis(ax)
        style.mark_caches(ax, tables["machines"], names=True)
        ax.set_title(titles.isa_title(isa, plan), pad=10)
        ax.yaxis.set_major_locator(MaxNLocator(5))
        style.grid(ax)
    style.label_axes([axes[0, 0]], y="time on one thread /\ntime on several")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(4, len(handles)))
    return figure
