"""The instrument tested: measured ratios of calls whose true ratio is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from passline import figure_style as style
from passline import formats, titles
from passline.derive import selection
from passline.statistics import FASTER, SLOWER

TABLES = ("registry", "machines")
OPTIONAL = ("selftest",)
CAPTION = (
    "Self-test: time of the unmodified call over time of the same call under another name (nothing planted), or of one "
    "that handles a known share of its elements twice, with uncorrected 95 % intervals. The thick line is the true "
    "ratio. Filled: the verdict is right (slower where something is planted, else neither faster nor slower); hollow: "
    "it is not. Points of one size stand side by side. Dotted: x alone fills the cache."
)
LIMITS = "What is planted is work done twice; a slowdown of another kind may be harder or easier to see."
SECTION = "trust"
STEP = 2.0**0.16
"""Points of the same size stand this far apart, so that none hides another."""


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:  # noqa: ARG001  # every figure is called alike
    """What is drawn: measured and true ratio of each point."""
    rows = tables["selftest"]
    columns = ["planted_fraction", "isa", "algorithm", "n_elements", "ratio", "ratio_low", "ratio_high", "verdict"]
    right = np.where(rows["planted_fraction"] > 0, rows["verdict"] == SLOWER, ~rows["verdict"].isin([FASTER, SLOWER]))
    return rows[columns].assign(truth=1.0 / (1.0 + rows["planted_fraction"]), right=right.astype(bool))


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    if tables["selftest"].empty:
        return style.message(f"No self-test has run on this machine: {plan['command']} selftest")
    rows = data(tables, plan)
    isas = selection.isas(rows, tables["registry"])
    shares = sorted(set(rows["planted_fraction"]))
    algorithms = [name for name in plan["algorithms"] if name in set(rows["algorithm"])]
    figure, axes = style.new(len(shares), len(isas), height=0.75 + 0.75 * len(shares), sharex=True, sharey="row")
    for line, share in enumerate(shares):
        for column, isa in enumerate(isas):
            mine = rows[(rows["planted_fraction"] == share) & (rows["isa"] == isa)]
            _panel(axes[line, column], mine, algorithms, 1.0 / (1.0 + share), plan)
            if line == 0:
                axes[line, column].set_title(titles.isa_title(isa, plan), pad=10)
        axes[line, 0].set_ylabel(f"{formats.percent(share)} planted\nratio", fontsize=7.0)
    for line, ax in [(line, ax) for line, row in enumerate(axes) for ax in row]:
        style.size_axis(ax, label=line == len(shares) - 1)
        style.mark_caches(ax, tables["machines"], names=line == 0)
    figure.legend(handles=_handles(algorithms, plan), loc="outside upper center", ncols=6, columnspacing=1.2)
    return figure


def _panel(ax: Any, rows: pd.DataFrame, algorithms: list[str], truth: float, plan: Mapping[str, Any]) -> None:
    ax.axhline(truth, color="0.2", linewidth=1.3, zorder=1)
    if truth != 1.0:
        ax.axhline(1.0, color="0.6", linewidth=0.6, zorder=1)
    for position, name in enumerate(algorithms):
        look = style.algorithm_style(name, plan) | {"linestyle": "none"}
        for right, face in ((True, look["color"]), (False, "white")):
            mine = rows[(rows["algorithm"] == name) & (rows["right"] == right)]
            x = mine["n_elements"] * STEP ** (position - (len(algorithms) - 1) / 2)
            errors = [(mine["ratio"] - mine["ratio_low"]).to_numpy(), (mine["ratio_high"] - mine["ratio"]).to_numpy()]
            ax.errorbar(
                x, mine["ratio"], yerr=errors, elinewidth=0.6, markersize=2.8, markerfacecolor=face,
                markeredgewidth=0.7, **look,
            )  # fmt: skip
    ax.yaxis.set_major_locator(MaxNLocator(4))
    style.grid(ax)


def _handles(algorithms: list[str], plan: Mapping[str, Any]) -> list[Line2D]:
    dot: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": "0.3"}
    return [
        *(
            Line2D(
                [],
                [],
                label=titles.algorithm_title(a, plan),
                **(style.algorithm_style(a, plan) | {"linestyle": "none"}),
            )
            for a in algorithms
        ),
        Line2D([], [], label="verdict right", **dot),
        Line2D([], [], label="not right", markerfacecolor="white", **dot),
        Line2D([], [], color="0.2", linewidth=1.3, label="true ratio"),
    ]
