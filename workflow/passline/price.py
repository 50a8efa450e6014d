"""What right answers for -inf and very negative scores cost: variants that leave them out, beside their twins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.derive import selection
from passline.derive.rounds import length_of
from passline.report_tables import ReportTable, table
from passline.titles import isa_title

MARK = "-finite"  # the part of a name that says: finite scores only


def prices(tuning: pd.DataFrame) -> pd.DataFrame:
    """Per finite-only variant and size: its cycles per vector, its twin's, and twin / it - 1.

    The twin is the same variant with every score handled; cycles are minima over the tuning rounds, which hold both.
    """
    plain = tuning[tuning["finite_only"]]
    twins = tuning.set_index(["build_id", "variant", "n_elements"])["cycles_per_vector"]
    keys = [
        (b, v.replace(MARK, ""), n)
        for b, v, n in zip(plain["build_id"], plain["variant"], plain["n_elements"], strict=True)
    ]
    handled = pd.Series([twins.get(key) for key in keys], index=plain.index, dtype=float)
    found = plain.assign(cycles_handled=handled)
    return found.assign(price=found["cycles_handled"] / found["cycles_per_vector"] - 1).dropna(subset=["price"])


def price_table(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> ReportTable:
    """Rows for the report: each finite-only variant with its price in L1 and in L2."""
    found = prices(tables["tuning"])
    found = found[found["build_id"] == plan.get("primary_build_id", found["build_id"])]
    sizes = {label: length_of(plan, label) for label in ("L1", "L2")}
    rows = []
    for isa in reversed(selection.isas(found, tables["registry"])):
        for (name, full), mine in found[found["isa"] == isa].groupby(["pass", "variant"], sort=False):
            cells = []
            for n in sizes.values():
                at = mine[mine["n_elements"] == n]
                cells += (
                    [formats.NOTHING] * 3
                    if at.empty
                    else [
                        formats.significant(float(at["cycles_handled"].iloc[0])),
                        formats.significant(float(at["cycles_per_vector"].iloc[0])),
                        f"{float(at['price'].iloc[0]):+.1%}".replace("%", " %"),
                    ]
                )
            rows.append([isa_title(isa, plan), str(name), str(full).split(f"-{isa}-")[-1].replace(MARK, ""), *cells])
    columns = ("all scores", "finite only", "price")
    return table(["ISA", "pass", "variant", *[f"{label}: {column}" for label in sizes for column in columns]], rows)
