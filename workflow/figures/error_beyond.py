"""Error of all algorithms, those beyond the paper and outside baselines too, over the length of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import beyond_report, titles
from passline import figure_style as style
from passline.derive import selection
from passline.figure_errors import draw_errors, error_data

TABLES = ("error_over_n", "registry")
BEYOND = True
CAPTION = (
    "Error of all algorithms against float64 over size, as in the section on accuracy. Outside baselines, where there "
    "are any, choose their instructions themselves and are the same in every panel."
)


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: nothing where no algorithm beyond the paper was checked."""
    rows = error_data(tables["error_over_n"])
    ours = rows["algorithm"].isin(list(plan.get("beyond", {}).get("algorithms", {})))
    return rows if ours.any() else rows.head(0)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No algorithm beyond the paper's was checked over size.")
    isas = titles.vector_isas(selection.isas(rows, tables["registry"]))
    names = beyond_report.ordered(set(rows["algorithm"]), plan)
    return draw_errors(rows, isas, names, plan, style.beyond_style, columns=3)
