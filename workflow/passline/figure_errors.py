"""Errors over the length of a row, drawn for the paper's algorithms and for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import titles
from passline.derive import selection
from passline.tables import NOT_APPLICABLE

Plan = Mapping[str, Any]

LEAST_ULP, LEAST_SUM = 0.01, 1e-9
"""On logarithmic axes no error at all is drawn here."""


def error_data(errors: pd.DataFrame) -> pd.DataFrame:
    """What is drawn of table `error_over_n`: the shown variants, and outside baselines."""
    rows = selection.over_n(errors[errors["max_error_ulp"].notna()])
    rows = rows[(rows["variant"] == titles.shown_variant(rows)) | (rows["isa"] == NOT_APPLICABLE)]
    columns = ["isa", "variant", "algorithm", "inputs", "n_elements", "max_error_ulp", "sum_error"]
    return rows[columns].reset_index(drop=True)


def draw_errors(
    rows: pd.DataFrame,
    isas: Sequence[str],
    names: Sequence[str],
    plan: Plan,
    look: Callable[[str, Plan], dict[str, Any]],
) -> Figure:
    """One column of panels per ISA: the largest error; below, where outputs sum to 1, how far their sum is from it.

    `names` orders the legend; `look` gives the style of an algorithm or baseline.
    """
    summed = bool(rows["sum_error"].notna().any())
    lines = 2 if summed else 1
    shown = [name for name in names if name in set(rows["algorithm"])]
    columns = style.legend_columns([titles.algorithm_title(name, plan) for name in shown])
    height = 0.25 + 1.5 * lines + 0.14 * -(-len(shown) // columns)
    figure, axes = style.new(lines, len(isas), height=height, sharex=True, sharey="row")
    for column, isa in enumerate(isas):
        top, bottom = axes[0, column], axes[-1, column]
        for algorithm, line in rows[rows["isa"].isin([isa, NOT_APPLICABLE])].groupby("algorithm", sort=True):
            drawn = look(str(algorithm), plan)
            top.plot(line["n_elements"], line["max_error_ulp"].clip(lower=LEAST_ULP), **drawn)
            if summed:
                bottom.plot(line["n_elements"], line["sum_error"].abs().clip(lower=LEAST_SUM), **drawn)
        style.plain_log(top)
        if summed:
            bottom.set_yscale("log")
        style.size_axis(bottom)
        for ax in dict.fromkeys((top, bottom)):
            style.grid(ax)
        top.set_title(f"{titles.isa_title(isa, plan)}, inputs {selection.MAIN_INPUTS}")
    axes[0, 0].set_ylabel("largest error (ULP)")
    if summed:
        axes[1, 0].set_ylabel("|sum - 1|")
    handles = [
        axes[0, 0].plot([], [], label=titles.algorithm_title(name, plan), **look(name, plan))[0] for name in shown
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)
    return figure
