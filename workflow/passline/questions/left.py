"""What is left to gain?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import beyond_report, core_floor, formats
from passline.derive import selection
from passline.tables import BEST
from passline.titles import algorithm_title, isa_title
from passline.trust_points import in_cache_elements

TITLE = "What is left to gain?"
FIGURE = "left_to_gain"

PAPERS = "the fastest of the paper's"


def asked(plan: Mapping[str, Any]) -> bool:
    """Where the study has algorithms beyond the paper: they run beside their floors."""
    return selection.rival(plan) is not None


def answer(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    """Times of floors over times: on the longest row, where most is left out of cache, and on the shortest in cache."""
    rows = of_floors(tables, plan)
    if rows.empty:
        return ["Not known: nothing was timed beside its floor."]
    isas = list(reversed(selection.vector_isas(rows, tables["registry"])))
    far, near = rows["n_elements"].max(), rows["n_elements"].min()
    told = [
        f"Time of the same streams and stores without arithmetic over time, on {formats.binary_count(far)} elements; "
        f"at 1 nothing is left, above it the plain loops are beaten. {_clauses(rows, isas, far, plan)}."
        f"{_most_left(rows, isas, plan)}"
    ]
    if near <= in_cache_elements(plan):
        ports = [said for isa in isas if (said := _ports(rows, tables, plan, isa, near))]
        told.append(
            f"In cache, on {formats.binary_count(near)} elements, where arithmetic cannot be hidden. "
            f"{_clauses(rows, isas, near, plan)}.{' '.join(['', *ports])}"
        )
    return told


def _most_left(rows: pd.DataFrame, isas: list[str], plan: Mapping[str, Any]) -> str:
    """Where most is left of all sizes whose x and y do not fit into the last-level cache, with each ISA."""
    fitting = 2 * in_cache_elements(plan)  # what counts as in cache takes half of it
    beyond = rows[(rows["n_elements"] > fitting) & (rows["who"] == BEST)]
    if beyond["n_elements"].nunique() < 2:
        return ""
    said = []
    for isa in isas:
        mine = beyond[beyond["isa"] == isa].sort_values("share").head(1)
        said += [
            f"{isa_title(isa, plan)}: {formats.ratio_with_interval(r['share'], r['low'], r['high'])} at "
            f"{formats.binary_count(r['n_elements'])} elements"
            for _, r in mine.iterrows()
        ]
    sizes = formats.listed([formats.binary_count(n) for n in sorted(set(beyond["n_elements"]))])
    return f" The least that {algorithm_title(BEST, plan)} reaches out of cache (timed: {sizes}). {'. '.join(said)}."


def of_floors(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """Of `best`, and of the paper's algorithm that is fastest at each size: time of its floor over its time.

    Columns `who`, `algorithm`, `isa`, `n_elements`, `share`, `low`, `high`, `time_s`.
    """
    rows = beyond_report.usual(tables, "beyond")
    rows = rows[rows["over_floor"].notna()]
    papers = rows[rows["algorithm"].isin(list(plan["algorithms"]))].sort_values("time_median_s")
    papers = papers.groupby(["isa", "n_elements"]).head(1).assign(who=PAPERS)
    best = rows[rows["algorithm"] == BEST].assign(who=BEST)
    found = pd.concat([best, papers]).sort_values(["isa", "who", "n_elements"])
    shares = {
        "share": 1 / found["over_floor"],
        "low": 1 / found["over_floor_high"],
        "high": 1 / found["over_floor_low"],
    }
    columns = ["who", "algorithm", "isa", "n_elements", "share", "low", "high", "time_s"]
    return found.assign(**shares, time_s=found["time_median_s"])[columns].reset_index(drop=True)


def _clauses(rows: pd.DataFrame, isas: list[str], n: int, plan: Mapping[str, Any]) -> str:
    said = []
    for isa in isas:
        mine = rows[(rows["isa"] == isa) & (rows["n_elements"] == n)]
        each = [
            f"{algorithm_title(r['who'], plan)} {formats.ratio_with_interval(r['share'], r['low'], r['high'])}"
            for _, r in mine.iterrows()
        ]
        said.append(f"{isa_title(isa, plan)}: {formats.listed(each) or 'not measured'}")
    return ". ".join(said)


def _ports(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any], isa: str, n: int) -> str:
    """How near `best` is to what a model of the ports allows; nothing where none answered for that length."""
    ports = core_floor.of_best(tables, plan)
    ports = ports[(ports["isa"] == isa) & (n < ports["upto"])]
    mine = rows[(rows["isa"] == isa) & (rows["n_elements"] == n) & (rows["who"] == BEST)]
    if ports.empty or mine.empty:
        return ""
    share = float(ports["seconds"].iloc[0]) * n / float(mine["time_s"].iloc[0])
    name, of = algorithm_title(BEST, plan), isa_title(isa, plan)
    if share > 1.0:
        return f"By a model of the core's ports {name} could not be as fast as it is with {of}: the model is wrong."
    doubted = core_floor.forbidden(tables)
    doubted = doubted[doubted["isa"] == isa]
    wrong, asked = int(doubted["wrong"].sum()), len(doubted)
    hint = f" (but it forbids what {wrong} of {asked} algorithms reached there, so it is a hint)" if wrong else ""
    return f"A model of the core's ports allows {name} {formats.ratio(share)} of its time with {of}{hint}."
