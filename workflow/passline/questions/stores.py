"""What does it cost to fetch a line before it is written?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import beyond_report, formats
from passline.derive import selection
from passline.derive.stores import LOOP, stores_table
from passline.titles import algorithm_title, isa_title, vector_isas

FIGURE = "stores"


def title(plan: Mapping[str, Any]) -> str:  # noqa: ARG001  # every question is called alike
    """The question."""
    return "What does write-allocate cost?"


def asked(plan: Mapping[str, Any]) -> bool:  # noqa: ARG001  # every question is called alike
    """The plain loops answer it for every study."""
    return True


def answer(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    """Ordinary over non-temporal stores: plain loops in DRAM, then the algorithm that gains most."""
    rows = shown(tables, plan)
    if rows.empty:
        return ["Not known: nothing ran with both kinds of stores."]
    isa = vector_isas(selection.isas(rows, tables["registry"]))[-1]
    mine = rows[rows["isa"] == isa]
    loops = mine[mine["kind"] == LOOP]
    told = []
    if len(loops):
        points = [f"{row['what']} {_found(row)}" for _, row in loops.iterrows()]
        told.append(
            f"In DRAM with {isa_title(isa, plan)}, time of a plain loop with ordinary stores over its time with "
            f"non-temporal ones, which fetch nothing: {formats.listed(points)}."
        )
    whole = mine[(mine["kind"] != LOOP) & (mine["cache_protocol"] == beyond_report.PROTOCOL)]
    if len(whole):
        best = whole.sort_values("ratio").iloc[-1]
        row = whole[whole["what"] == best["what"]].sort_values("n_elements")
        worst = row.sort_values("ratio").iloc[0]
        told.append(
            f"{algorithm_title(best['what'], plan)}: {_found(best)} at {formats.binary_count(best['n_elements'])} "
            f"elements, {formats.ratio_with_interval(worst['ratio'], worst['low'], worst['high'])} at "
            f"{formats.binary_count(worst['n_elements'])}, where {_who(worst)}."
        )
    return told


def shown(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """Loops that write and fetch, and algorithms on the usual inputs."""
    rows = stores_table(tables, plan)
    usual = (rows["kind"] == LOOP) | (rows["inputs"] == beyond_report.main_inputs(tables))
    return rows[usual & (rows["model"] > 1.0)].reset_index(drop=True)


def in_words(what: str, kind: str, plan: Mapping[str, Any]) -> str:
    """A loop, or an algorithm, in a figure."""
    return what if kind == LOOP else algorithm_title(what, plan)


def _found(row: pd.Series[Any]) -> str:
    found = formats.ratio_with_interval(row["ratio"], row["low"], row["high"])
    return f"{found} where bytes alone make {row['model']:.2f}"


def _who(row: pd.Series[Any]) -> str:
    if row["high"] < 1.0:
        return "ordinary stores are faster"
    return "neither is decided to be faster" if row["low"] <= 1.0 else "they still win"
