"""The claims of the paper by machine: what each says to each, with what was measured for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.claims import HOLDS, HOLDS_NOT, NOT_REPRODUCED, NOT_THIS_MACHINE, RATIO_UNIT, REPRODUCED
from passline.report_tables import ReportTable, table
from passline.statistics import UNDECIDED
from passline.titles import isa_title, shown_variant

NOT_MEASURED = "not measured"
WORDS = {HOLDS: "holds", HOLDS_NOT: "does not", UNDECIDED: "undecided", NOT_MEASURED: "not measured"}
_ORDER = tuple(WORDS)

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]


def shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Claims of the tuned variants, or of the presets where no other was judged.

    Column `says` is the verdict here, but that of a claim for which nothing was measured there, as on a machine without
    its ISA, is no open question.
    """
    mine = rows[rows["variant"] == shown_variant(rows)]
    unknown = (mine["verdict_here"] == UNDECIDED) & mine["our_value"].isna()
    return mine.assign(says=mine["verdict_here"].mask(unknown, NOT_MEASURED))


def _letters(rows: pd.DataFrame) -> dict[str, str]:
    """What the matrix calls each claim: A, B, ... in the order of their names."""
    return {claim: chr(ord("A") + place) for place, claim in enumerate(sorted(set(rows["claim"])))}


def legend(tables: Tables) -> ReportTable:
    """Each claim in words: on how many machines it holds, does not, is open or not measured, or is reproduced.

    Machines that are one host count once, and only those of the paper's microarchitectures can reproduce a claim.
    """
    counted = tables["fleet_machines"].loc[tables["fleet_machines"]["counted"], "bundle"]
    rows = shown(tables["fleet_claims"])
    rows = rows[rows["bundle"].isin(counted)]
    letters = _letters(rows)
    found = []
    for claim, mine in rows.groupby("claim", sort=True):
        papers = mine[mine["verdict_paper_machine"] != NOT_THIS_MACHINE]
        counts = [formats.count((mine["says"] == word).sum()) for word in _ORDER]
        again = f"{(papers['verdict_paper_machine'] == REPRODUCED).sum()} of {len(papers)}" if len(papers) else ""
        of = letters[str(claim)]
        found.append([of, str(mine["statement"].iloc[0]), *counts, again or formats.NOTHING, _unit(mine)])
    return table(["", "claim", *(WORDS[word] for word in _ORDER), "reproduced", "value"], found)


def _unit(rows: pd.DataFrame) -> str:
    units = [unit for unit in rows["unit"] if unit != "-"]
    return units[0] if units else formats.NOTHING


def matrix(tables: Tables, grouped: pd.DataFrame, plan: Plan, of: str) -> ReportTable:
    """Claim x machine, or x group where there are many: the verdict, and our value with its interval where it has one.

    Args:
        tables: the fleet's tables.
        grouped: table `fleet_claims` with column `group`, the row that each belongs to.
        plan: what things are called.
        of: what a row is.
    """
    letters = _letters(shown(tables["fleet_claims"]))
    rows = []
    for group, mine in shown(grouped).groupby("group", sort=True):
        cells = [_cell(mine[mine["claim"] == claim], plan) for claim in letters]
        rows.append([str(group), *cells])
    return table([of, *letters.values()], rows)


def _cell(rows: pd.DataFrame, plan: Plan) -> str:
    if rows.empty:
        return formats.NOTHING
    if len(rows) == 1:
        row = rows.iloc[0]
        repeated = {REPRODUCED: ", reproduced", NOT_REPRODUCED: ", not reproduced"}
        if row["says"] == NOT_MEASURED:
            return WORDS[NOT_MEASURED]
        verdict = WORDS[row["says"]] + repeated.get(row["verdict_paper_machine"], "")
        isa = "" if row["isa"] == "-" else f"\n{isa_title(str(row['isa']), plan)}"
        return f"{verdict}\n{_value(row['our_value'], row['low'], row['high'], row['unit'])}{isa}"
    counts = rows["says"].value_counts()
    verdicts = ", ".join(f"{WORDS[word]} {formats.count(counts[word])}" for word in _ORDER if word in counts)
    values = rows["our_value"].dropna()
    if values.empty:
        return verdicts
    return f"{verdicts}\n{_value(values.median(), values.min(), values.max(), rows['unit'].iloc[0])}"


def _value(value: float, low: float, high: float, unit: str) -> str:
    """Ratios with three decimals, other values with three digits; an interval where there is one."""
    if pd.isna(value):
        return formats.NOTHING
    if unit == RATIO_UNIT:
        return formats.ratio_with_interval(value, low, high) if pd.notna(low) else formats.ratio(value)
    spread = "" if pd.isna(low) else f" [{formats.significant(low)}, {formats.significant(high)}]"
    return f"{formats.significant(value)}{spread}"
