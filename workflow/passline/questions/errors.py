"""How wrong are the sums, and what is made of them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.derive import selection
from passline.titles import algorithm_title, isa_title, shown_variant

TITLE = "How wrong are the sums?"
FIGURE = "error_over_n"
DETERMINISTIC = True
LONG_ULP, LEAST_PERCENT = 1000.0, 1e-4  # from here on in powers of ten; below here no per cent


def answer(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    """The largest errors of an output on the longest row, and how far its outputs' sum is from what it should be."""
    rows = selection.over_n(tables["error_over_n"])
    rows = rows[rows["max_error_ulp"].notna() & rows["algorithm"].isin(_ours(plan))]
    rows = rows[rows["variant"] == shown_variant(rows)]
    if rows.empty:
        return ["Not known: no error over size was computed."]
    isa = selection.vector_isas(rows, tables["registry"])[-1]
    mine = rows[rows["isa"] == isa]
    mine = mine[mine["n_elements"] == mine["n_elements"].max()]
    n = mine["n_elements"].iloc[0]
    what = "the result" if plan.get("result") else "an output"
    told = [
        f"On {formats.count(n)} {mine['inputs'].iloc[0]} inputs with {isa_title(isa, plan)}, the largest error of "
        f"{what}. {_spread(mine, 'max_error_ulp', plan, _ulp)}{_preset(tables, plan, isa, n)}"
    ]
    if mine["sum_error"].notna().any():
        mine = mine.assign(sum_error=mine["sum_error"].abs())
        told.append(
            f"How far the sum of the outputs is from 1. {_spread(mine, 'sum_error', plan, _share)} Why: in single "
            "precision a partial sum that has grown large rounds away the last digits of each term, mostly in one "
            "direction, so errors grow with the terms in a partial sum; sums of short blocks, kept in double "
            "precision, lose next to nothing."
        )
    return told


def _ours(plan: Mapping[str, Any]) -> list[str]:
    return [*plan["algorithms"], *plan.get("beyond", {}).get("algorithms", {})]


def _spread(rows: pd.DataFrame, column: str, plan: Mapping[str, Any], shown: Any) -> str:
    """From the least to the most, with who has it; within the paper's algorithms and those beyond apart."""
    rows = rows.dropna(subset=column)
    papers = rows["algorithm"].isin(list(plan["algorithms"]))
    said = []
    for mine, whose in ((rows[papers], "of the paper's algorithms"), (rows[~papers], "of those beyond it")):
        if len(mine):
            by_value = mine.sort_values(column).groupby(mine[column].map(shown), sort=False)["algorithm"].agg(list)
            ends = {value: formats.listed([algorithm_title(name, plan) for name in by_value[value]])
                    for value in (by_value.index[0], by_value.index[-1])}  # fmt: skip
            said.append((" to ".join(f"{value} ({names})" for value, names in ends.items()), whose))
    if len(said) == 1:
        return f"{said[0][0]}."
    return " ".join(f"{whose[0].upper()}{whose[1:]}: {told}." for told, whose in said)


def _preset(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any], isa: str, n: int) -> str:
    """What the contender's preset errs by, where it is not what is shown: it may keep another number of sums."""
    rows, contender = selection.over_n(tables["error_over_n"]), selection.question(plan).contender
    one = rows[(rows["algorithm"] == contender) & (rows["isa"] == isa) & (rows["n_elements"] == n)]
    preset = one[one["variant"] == "preset"]["max_error_ulp"].dropna()
    if preset.empty or shown_variant(rows) == "preset":
        return ""
    found = _ulp(float(preset.iloc[0]))
    return f" These are tuned variants; as preset {algorithm_title(contender, plan)} errs by {found}."


def _ulp(value: float) -> str:
    shown = formats.significant(value) if value < LONG_ULP else formats.scientific(value)
    return f"{shown}{formats.NARROW}ULP"


def _share(value: float) -> str:
    return formats.percent(value, 2) if value >= LEAST_PERCENT else formats.scientific(value)
