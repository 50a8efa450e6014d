"""What the report says of slow inputs: times of each algorithm on each family, and of the slowest over the fastest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.beyond_report import PROTOCOL, ordered
from passline.derive import selection
from passline.derive.inputs import CLIFF, over_fastest
from passline.report_tables import ReportTable, table
from passline.titles import algorithm_title, isa_title

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

MISSING = "No input families were compared: no block of this session times a row of one length on two of them."


def missing(tables: Tables, plan: Plan) -> dict[str, str]:
    """Why there is nothing to draw; empty where there is something."""
    return {"inputs": MISSING if over_fastest(tables["ratios"], plan, PROTOCOL).empty else ""}


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """Times of each algorithm on each family, and of the slowest over the fastest; empty where there is one family."""
    rows = over_fastest(tables["ratios"], plan, PROTOCOL)
    families = sorted(set(rows["inputs"]))
    shown = []
    for n, at_size in rows.groupby("n_elements", sort=True):
        for isa in reversed(selection.isas(at_size, tables["registry"])):
            mine = at_size[at_size["isa"] == isa]
            for name in ordered(set(mine["algorithm"]), plan):
                each = mine[mine["algorithm"] == name].set_index("inputs")
                times = [formats.significant(each["seconds"][f] / n * 1e9) if f in each.index else formats.NOTHING
                         for f in families]  # fmt: skip
                worst = each.sort_values("value").iloc[-1]
                shown.append([
                    isa_title(isa, plan), formats.binary_count(n), algorithm_title(name, plan), *times,
                    formats.ratio_with_interval(worst["value"], worst["low"], worst["high"]), verdict(worst),
                ])  # fmt: skip
    head = [family.replace("_", " ") for family in families]
    return {"beyond_inputs": table(["ISA", "elements", "algorithm", *head, "slowest / fastest", ""], shown)}


def verdict(worst: pd.Series[Any]) -> str:
    """Whether the slowest family is within the limit, by the whole interval."""
    if worst["low"] > CLIFF:
        return "cliff"
    return "no cliff" if worst["high"] <= CLIFF else "undecided"
