"""Where does the contender win, and where does it lose?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.derive import selection
from passline.derive.crossing import Crossing, crossings
from passline.titles import isa_title, question_words, shown_variant

TITLE = "Where does {contender} win, and where does it lose?"
FIGURE = "where_it_wins"


def asked(plan: Mapping[str, Any]) -> bool:
    """Where the study compares anything."""
    return bool(selection.question(plan).bases)


def answer(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    """Where the lead changes, and the largest gain and loss."""
    rows, said = compared(tables, plan), question_words(plan)
    if rows.empty:
        return ["Not known: no size was measured."]
    isas = list(reversed(selection.vector_isas(rows, tables["registry"])))
    leads = [f"{isa_title(isa, plan)}: {_lead(rows[rows['isa'] == isa], said['contender'])}" for isa in isas]
    extremes = []
    for isa in isas:
        mine = rows[rows["isa"] == isa].sort_values("ratio")
        ends = dict.fromkeys(_point(row) for _, row in mine.iloc[[0, -1]].iterrows())
        extremes.append(f"{isa_title(isa, plan)}: {' to '.join(ends)}")
    return [
        f"{said['contender']} against {said['fastest']} ({rows['variant'].iloc[0]}, protocol "
        f"{plan['primary_protocol']}). {'. '.join(leads)}.",
        f"Time of {said['fastest']} over that of {said['contender']}, least to most. {'. '.join(extremes)}.",
    ]


def compared(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """The contender against its fastest base over size: the shown variants, under the primary protocol."""
    rows = selection.against_fastest(selection.primary(tables["ratios"], plan), plan)
    return rows[rows["variant"] == shown_variant(rows)]


def _point(row: pd.Series[Any]) -> str:
    ratio = formats.ratio_with_interval(row["ratio"], row["ratio_low"], row["ratio_high"])
    return f"{ratio} at {formats.binary_count(row['n_elements'])} elements"


def _lead(rows: pd.DataFrame, contender: str) -> str:
    """Who leads from where on."""
    found = crossings(rows)
    if found:
        return "; ".join(_change(each, contender) for each in found)
    if (rows["ratio_low"] > 1.0).any():
        return f"no size is decided against {contender}"
    if (rows["ratio_high"] < 1.0).any():
        return f"no size is decided for {contender}"
    return "no size is decided"


def _change(found: Crossing, contender: str) -> str:
    verb = "takes the lead" if found.ahead else "loses the lead"
    return (
        f"{contender} {verb} at about {formats.about_binary(found.n)} elements (between "
        f"{formats.about_binary(found.low)} and {formats.about_binary(found.high)})"
    )
