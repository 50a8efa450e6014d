"""Error of whole algorithms over the length of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import titles
from passline.derive import selection
from passline.tables import NOT_APPLICABLE

TABLES = ("error_over_n", "registry")
CAPTION = (
    "Error of whole algorithms against float64 over size (deterministic: no interval). Above: largest error of an "
    "output that is a normal number; below: distance of the sum of all outputs from 1. Single-precision sums lose "
    "digits as rows grow; more lanes and accumulators lose fewer. Outside baselines, where there are any, choose their "
    "instructions themselves and are the same in every panel."
)


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:  # noqa: ARG001  # every figure is called alike
    """What is drawn."""
    rows = tables["error_over_n"]
    rows = rows[rows["max_error_ulp"].notna()]
    rows = rows[(rows["variant"] == titles.shown_variant(rows)) | (rows["isa"] == NOT_APPLICABLE)]
    columns = ["isa", "variant", "algorithm", "inputs", "n_elements", "max_error_ulp", "sum_error"]
    return rows[columns].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No error over size was computed.")
    isas, inputs = selection.isas(rows, tables["registry"]), sorted(set(rows["inputs"]))
    rows = rows[rows["inputs"] == inputs[0]]
    figure, axes = style.new(2, len(isas), height=3.4, sharex=True, sharey="row")
    for column, isa in enumerate(isas):
        top, bottom = axes[0, column], axes[1, column]
        for algorithm, line in rows[rows["isa"].isin([isa, NOT_APPLICABLE])].groupby("algorithm", sort=True):
            look = style.contender_style(str(algorithm), plan)
            top.plot(line["n_elements"], line["max_error_ulp"], **look)
            bottom.plot(line["n_elements"], line["sum_error"].abs().clip(lower=1e-9), **look)
        style.plain_log(top)
        bottom.set_yscale("log")
        style.size_axis(bottom)
        for ax in (top, bottom):
            style.grid(ax)
        top.set_title(f"{titles.isa_title(isa, plan)}, inputs {inputs[0]}")
    axes[0, 0].set_ylabel("largest error (ULP)")
    axes[1, 0].set_ylabel("|sum - 1|")
    shown = [name for name in (*plan["algorithms"], *plan.get("baselines", {})) if name in set(rows["algorithm"])]
    handles = [
        axes[0, 0].plot([], [], label=titles.algorithm_title(name, plan), **style.contender_style(name, plan))[0]
        for name in shown
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 5))
    return figure
