"""What does it cost to fetch a line before it is written?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from passline import beyond_report, formats
from passline.derive import selection
from passline.derive.stores import ALGORITHM, LOOP, stores_table
from passline.titles import algorithm_title, isa_title

TITLE = "What does write-allocate cost?"
FIGURE = "stores"


def asked(plan: Mapping[str, Any]) -> bool:
    """Whether algorithms write anything."""
    return not plan.get("result")


def answer(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    """Ordinary over non-temporal stores: plain loops in DRAM, then the algorithm that gains most."""
    rows = shown(tables, plan)
    isas = selection.vector_isas(rows, tables["registry"])
    told = [*_loops(rows, isas, plan), *_algorithms(rows, isas, plan)]
    return told or ["Not known: nothing ran with both kinds of stores."]


def _loops(rows: pd.DataFrame, isas: list[str], plan: Mapping[str, Any]) -> Iterator[str]:
    loops = rows[rows["kind"] == LOOP]
    for isa in isas[-1:]:
        points = [f"{row['what']} {_found(row)}" for _, row in loops[loops["isa"] == isa].iterrows()]
        if points:
            yield (
                f"In DRAM with {isa_title(isa, plan)}, time of a plain loop with ordinary stores over its time with "
                f"non-temporal ones, which fetch nothing: {formats.listed(points)}."
                f"{_unfetched(loops[loops['isa'] == isa])}"
            )


def _unfetched(loops: pd.DataFrame) -> str:
    """Loops whose whole interval lies nearer to 1 than to what fetching each line would make."""
    spared = loops[(loops["high"] < (1.0 + loops["model"]) / 2.0) & (loops["low"] <= 1.0)]
    if spared.empty:
        return ""
    names, verb = formats.listed(list(spared["what"])), "seems" if len(spared) == 1 else "seem"
    return (
        f" So {names} {verb} to fetch nothing with ordinary stores either: hardware can own a line that is written "
        "whole without reading it. The others cost about what fetching would."
    )


def _algorithms(rows: pd.DataFrame, isas: list[str], plan: Mapping[str, Any]) -> Iterator[str]:
    whole = rows[(rows["kind"] == ALGORITHM) & (rows["cache_protocol"] == beyond_report.PROTOCOL)]
    for isa in isas[-1:]:
        mine = whole[whole["isa"] == isa].sort_values("ratio")
        if mine.empty:
            continue
        best = mine.iloc[-1]
        worst = mine[mine["what"] == best["what"]].iloc[0]
        said = [f"{_found(best)} at {formats.binary_count(best['n_elements'])} elements"]
        if worst["n_elements"] != best["n_elements"]:
            least = formats.ratio_with_interval(worst["ratio"], worst["low"], worst["high"])
            said.append(f"{least} at {formats.binary_count(worst['n_elements'])}, where {_who(worst)}")
        name = algorithm_title(best["what"], plan)
        yield f"Whole calls of {name} with {isa_title(isa, plan)}: {'; '.join(said)}."


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
    return "non-temporal stores are faster" if row["low"] > 1.0 else "neither is decided to be faster"
