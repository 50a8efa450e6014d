"""Whether some inputs are slow: each algorithm on each input family over the one on which it is fastest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.beyond_report import PROTOCOL, ordered
from passline.derive import selection
from passline.report_tables import ReportTable, table
from passline.tables import FLOOR
from passline.titles import algorithm_title, isa_title

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

CLIFF = 1.5
"""A family that takes so many times as long as the fastest is called a cliff."""

KEY = ["isa", "n_elements", "algorithm"]
MISSING = "No input families were compared: no block of this session times a row of one length on two of them."


def missing(tables: Tables, plan: Plan) -> dict[str, str]:  # noqa: ARG001  # as all pages
    """Why there is nothing to draw; empty where there is something."""
    return {"inputs": MISSING if over_fastest(tables).empty else ""}


def over_fastest(tables: Tables) -> pd.DataFrame:
    """Columns `isa`, `n_elements`, `algorithm`, `inputs`, `seconds`, `value`, `low`, `high`: time over the fastest.

    Families are blocks of their own, whose rounds take turns: a quotient of medians, with an interval from the ends of
    theirs, which holds the truth in at least 90 % of cases.
    """
    rows = selection.single_rows(tables["beyond"])
    rows = rows[(rows["cache_protocol"] == PROTOCOL) & (rows["variant"] != FLOOR)]
    rows = rows[rows["isa"].isin(set(tables["registry"]["isa"]))].sort_values("time_median_s", kind="stable")
    columns = [*KEY, "inputs", "seconds", "value", "low", "high"]
    grouped = rows.groupby(KEY)
    rows = rows[grouped["inputs"].transform("nunique") > 1]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    ends = ["time_median_s", "time_low_s", "time_high_s"]
    fastest = rows.groupby(KEY)[ends].transform("first")
    own = rows["time_median_s"] == fastest["time_median_s"]
    low = (rows["time_low_s"] / fastest["time_high_s"]).where(~own, 1.0)
    high = (rows["time_high_s"] / fastest["time_low_s"]).where(~own, 1.0)
    found = rows.assign(
        seconds=rows["time_median_s"], value=rows["time_median_s"] / fastest["time_median_s"], low=low, high=high
    )
    return found[columns].sort_values([*KEY, "inputs"]).reset_index(drop=True)


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """Times of each algorithm on each family, and of the slowest over the fastest; empty where there is one family."""
    rows = over_fastest(tables)
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
