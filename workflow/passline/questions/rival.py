"""Does the study's first algorithm beyond the paper do as well?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import beyond_report, formats
from passline.derive import selection
from passline.statistics import EQUAL, FASTER, SLOWER, UNDECIDED
from passline.titles import algorithm_title, in_sentence, isa_title

TITLE = "Does {beyond_rival} do as well?"
FIGURE = "rival"

VERBS = {FASTER: "faster", SLOWER: "slower", EQUAL: "within 1 %", UNDECIDED: "undecided after correction"}


def asked(plan: Mapping[str, Any]) -> bool:
    """Where the study has an algorithm beyond the paper."""
    return selection.rival(plan) is not None


def answer(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    """Against the contender at the shortest and the longest row, and against the fastest of the paper's at all."""
    rows = compared(tables, plan)
    if rows.empty:
        return ["Not known: it was not timed in this session."]
    contender, rival = selection.question(plan).contender, str(selection.rival(plan))
    isas = list(reversed(selection.vector_isas(rows, tables["registry"])))
    ends, counts = [], []
    for isa in isas:
        mine = rows[(rows["isa"] == isa) & (rows["base"] == contender)].sort_values("n_elements")
        if len(mine):
            points = [_point(row) for _, row in mine.iloc[[0, -1]].drop_duplicates("n_elements").iterrows()]
            ends.append(f"{isa_title(isa, plan)}: {formats.listed(points)}")
        best = beyond_report.faster_base(rows[rows["isa"] == isa], plan)
        said = [f"{VERBS[word]} at {count}" for word, count in best["verdict"].value_counts(sort=False).items()]
        counts.append(f"{isa_title(isa, plan)}: {formats.listed(said)} of {len(best)} sizes")
    title, other = algorithm_title(rival, plan), in_sentence(algorithm_title(contender, plan))
    alike = _alike(plan, rival, contender)
    told = [f"{title} against the fastest of the paper's algorithms at each size. {'. '.join(counts)}."]
    if ends:
        told.append(f"Time of {other} over time of {title}, in the same rounds{alike}. {'. '.join(ends)}.")
    return told


def _alike(plan: Mapping[str, Any], one: str, other: str) -> str:
    """What both are made of alike, on all ISAs: `, both with degree 5`."""
    parts = plan["beyond"].get("parts", {})
    mine, theirs = parts.get(one, {}), parts.get(other, {})
    shared = [set(mine[isa].items()) & set(theirs[isa].items()) for isa in mine if isa in theirs]
    common = set.intersection(*shared) if shared else set()
    said = [f"{name.replace('_', ' ')} {value}" for name, value in sorted(common) if value not in ("yes", "no")]
    return f", both with {formats.listed(said)}" if said else ""


def compared(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """Ratios of it to each of the paper's algorithms, one row of x on one thread."""
    rows = beyond_report.usual(tables, "ratios")
    same = (rows["isa"] == rows["base_isa"]) & (rows["variant"] == rows["base_variant"])
    return rows[same & (rows["algorithm"] == selection.rival(plan)) & rows["base"].isin(list(plan["algorithms"]))]


def _point(row: pd.Series[Any]) -> str:
    ratio = formats.ratio_with_interval(row["ratio"], row["ratio_low"], row["ratio_high"])
    return f"{ratio} at {formats.binary_count(row['n_elements'])} elements"
