"""What algorithms are made of, and what each part gains: the ablation, from tables `beyond` and `ratios`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import ablation, formats
from passline.beyond_report import faster_base, ordered, per_element, usual, widest_first
from passline.derive import selection
from passline.derive.rounds import length_of
from passline.report_tables import ReportTable, table
from passline.titles import algorithm_title, isa_title

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

NEAR, FAR = "in cache", "out of cache"
MISSING = (
    "No part of a gain was told apart: the plan of this session tells of no two algorithms that differ in one part "
    "alone and were timed in the same rounds."
)


def missing(tables: Tables, plan: Plan) -> dict[str, str]:
    """Why there is nothing to draw; empty where there is something."""
    return {"ablation": MISSING if gains(tables, plan).empty else ""}


def near_and_far(rows: pd.DataFrame, plan: Plan) -> list[int]:
    """The measured size nearest to that of L2, and the largest one."""
    sizes = sorted(set(rows["n_elements"]))
    if not sizes:
        return []
    wanted = length_of(plan, "L2") or sizes[0]
    return list(dict.fromkeys([min(sizes, key=lambda n: abs(math.log(n / wanted))), sizes[-1]]))


def gains(tables: Tables, plan: Plan) -> pd.DataFrame:
    """Ratios of algorithms that differ in one part alone: time of the base / time of the contender.

    Columns `isa`, `part`, `has` and `instead_of` (of the part), `alike` (the other parts), `algorithm`, `base`,
    `place`, `n_elements`, `value`, `low`, `high`.
    """
    rows = usual(tables, "ratios")
    places = dict(zip(near_and_far(usual(tables, "beyond"), plan), (NEAR, FAR), strict=False))
    columns = ["isa", "part", "has", "instead_of", "alike", "algorithm", "base", "place", "n_elements"]
    found = []
    for isa in reversed(selection.isas(rows, tables["registry"])):
        for one in ablation.differences(plan.get("beyond", {}).get("parts", {}), isa):
            pair = selection.against(rows, one.contender, one.base)
            for _, row in pair[(pair["isa"] == isa) & pair["n_elements"].isin(list(places))].iterrows():
                n = int(row["n_elements"])
                key = (isa, one.part, one.has, one.instead_of, ", ".join(one.alike), one.contender, one.base)
                ends = {"value": row["ratio"], "low": row["ratio_low"], "high": row["ratio_high"]}
                found.append({**dict(zip(columns, (*key, places[n], n), strict=True)), **ends})
    return pd.DataFrame(found, columns=[*columns, "value", "low", "high"])


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """What each algorithm is made of, and what that gains: in cache and far out of it."""
    rows = usual(tables, "beyond")
    made = plan.get("beyond", {}).get("parts", {})
    sizes = near_and_far(rows, plan)
    found_parts = dict.fromkeys(part for by_isa in made.values() for found in by_isa.values() for part in found)
    names = sorted(found_parts, key=lambda part: part != ablation.REFERENCE)
    over_papers = faster_base(usual(tables, "ratios"), plan)
    shown = []
    for isa in widest_first(tables, rows):
        mine = rows[rows["isa"] == isa]
        for name in ordered(set(mine["algorithm"]), plan):
            found = made.get(name, {}).get(isa, {})
            against = over_papers[(over_papers["algorithm"] == name) & (over_papers["isa"] == isa)]
            cells = [
                cell
                for n in sizes
                for cell in _gain(
                    mine[(mine["algorithm"] == name) & (mine["n_elements"] == n)], against[against["n_elements"] == n]
                )
            ]
            described = [found.get(part, formats.NOTHING) for part in names]
            shown.append([isa_title(isa, plan), algorithm_title(name, plan), *described, *cells])
    head = ["ns", "gain", "over floor"] * len(sizes)
    told = table(["ISA", "algorithm", *(name.replace("_", " ") for name in names), *head], shown)
    groups = [f"{formats.binary_count(n)} elements" for n in sizes]
    return {"beyond_parts": told | {"groups": groups, "described": len(names)}}


def _gain(times: pd.DataFrame, ratios: pd.DataFrame) -> list[str]:
    over = formats.NOTHING if times.empty else formats.significant(float(times["over_floor"].iloc[0]))
    gain = formats.NOTHING if ratios.empty else formats.ratio(float(ratios["ratio"].iloc[0]))
    return [per_element(times), gain, over]
