"""All that the report's pages beyond the paper show: their tables, their sentences, and why a figure is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import batches, beside_baselines, beyond_parts, beyond_report, core_floor, input_families
from passline.derive.inputs import CLIFF
from passline.report_tables import ReportTable

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

_TABLES = (beyond_report, beyond_parts, input_families, batches, beside_baselines, core_floor)
_FIGURES = (beyond_report, beyond_parts, input_families, batches, beside_baselines)


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """Tables by name; all are empty where nothing beyond the paper was timed."""
    return {name: each for page in _TABLES for name, each in page.report_tables(tables, plan).items()}


def values(tables: Tables, plan: Plan) -> dict[str, str]:
    """Sentences by name; `no_<figure>` says why there is nothing to draw, and is empty where there is something."""
    why = {f"no_{name}": reason for page in _FIGURES for name, reason in page.missing(tables, plan).items()}
    cliff = {"cliff": f"{CLIFF:g}"}
    return beyond_report.values(tables, plan) | core_floor.values(tables) | cliff | why
