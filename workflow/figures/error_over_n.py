"""Error of whole algorithms over the length of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline.derive import selection
from passline.figure_errors import draw_errors, error_data

TABLES = ("error_over_n", "registry")
CAPTION = (
    "Error of whole algorithms against float64 over size (deterministic: no interval). Above: largest error of an "
    "output that is a normal number; below: distance of the sum of all outputs from 1. Single-precision sums lose "
    "digits as rows grow; more lanes and accumulators lose fewer. Outside baselines, where there are any, choose their "
    "instructions themselves and are the same in every panel."
)
LIMITS = "One family of scores and one seed; others give other errors, and the bounds are those of table accuracy."
SECTION = "answers"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:  # noqa: ARG001  # every figure is called alike
    """What is drawn."""
    return error_data(tables["error_over_n"])


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No error over size was computed.")
    names = [*plan["algorithms"], *plan.get("baselines", {})]
    return draw_errors(rows, selection.isas(rows, tables["registry"]), names, plan, style.contender_style)
