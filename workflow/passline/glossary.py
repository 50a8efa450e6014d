"""The report's table of passes: what their names stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from passline.report_tables import ReportTable, table
from passline.titles import algorithm_title, pass_order


def glossary(plan: Mapping[str, Any]) -> ReportTable:
    """What each pass of the paper's algorithms computes, and in which it is, in the study's own words."""
    told = plan.get("passes", {})
    users = {name: [algorithm_title(a, plan) for a, spec in plan["algorithms"].items() if name in spec["passes"]]
             for name in pass_order(plan)}  # fmt: skip
    return table(["pass", "what it computes", "in"], [
        [name, str(told[name]), "; ".join(users[name])] for name in pass_order(plan) if name in told
    ])  # fmt: skip
