"""Error of whole algorithms over the length of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import beyond_report
from passline import figure_style as style
from passline.derive import selection
from passline.figure_errors import draw_errors, error_data

TABLES = ("error_over_n", "registry")
BEYOND = True
DETERMINISTIC = True
CAPTION = (
    "Error of whole algorithms against float64 over size, tuned variants (deterministic: no interval){leading}. "
    "Above: largest error of an output that is a normal number{summed}, over as many rows as hold 262 144 elements. "
    "Single-precision sums lose digits as rows grow; more lanes and accumulators lose fewer, sums of blocks in double "
    "precision hardly any. In short rows one score may have most of the sum, which then rounds what follows. Outside "
    "baselines, where there are any, choose their instructions themselves and are the same in every panel."
)
LIMITS = (
    "One family of scores; others give other errors. How many partial sums a tuned variant keeps "
    "was chosen for speed, and decides its error."
)
SECTION = "answers"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn."""
    beyond = plan.get("beyond", {})
    picked = {selection.rival(plan), *(choice["algorithm"] for choice in beyond.get("choices", []))}
    rows = error_data(tables["error_over_n"])
    return rows[~rows["algorithm"].isin(set(beyond.get("algorithms", {})) - picked)].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No error over size was computed.")
    isas = selection.vector_isas(rows, tables["registry"])
    names = beyond_report.ordered(set(rows["algorithm"]), plan)
    return draw_errors(rows, isas, names, plan, style.beyond_style)
