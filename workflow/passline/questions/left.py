"""What is left to gain?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import beyond_report, core_floor, formats
from passline.derive import selection
from passline.derive.beyond import BEST
from passline.titles import isa_title, vector_isas

FIGURE = "left_to_gain"

PAPERS = "fastest of the paper's"


def title(plan: Mapping[str, Any]) -> str:  # noqa: ARG001  # every question is called alike
    """The question."""
    return "What is left to gain?"


def asked(plan: Mapping[str, Any]) -> bool:
    """Where the study has algorithms beyond the paper: they run beside their floors."""
    return selection.rival(plan) is not None


def answer(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    """Times over floors: on the longest row, and on the shortest, where the core's ports are the floor."""
    rows = over_floors(tables, plan)
    if rows.empty:
        return ["Not known: nothing was timed beside its floor."]
    isas = list(reversed(vector_isas(selection.isas(rows, tables["registry"]))))
    far, near = rows["n_elements"].max(), rows["n_elements"].min()
    out = [f"{isa_title(isa, plan)}: {_clause(rows, isa, far)}" for isa in isas]
    cached = [f"{isa_title(isa, plan)}: {_clause(rows, isa, near)}{_ports(tables, plan, isa, near)}" for isa in isas]
    return [
        f"On {formats.binary_count(far)} elements, time over that of its own streams and stores without arithmetic. "
        f"{'. '.join(out)}.",
        f"In cache, on {formats.binary_count(near)} elements, where no such floor can be reached. {'. '.join(cached)}.",
    ]


def over_floors(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """Of `best`, and of the paper's algorithm that is fastest at each size: times over those of their floors.

    Columns `who`, `algorithm`, `isa`, `n_elements`, `over`, `low`, `high`, `time_s`.
    """
    rows = beyond_report.usual(tables, "beyond")
    rows = rows[rows["over_floor"].notna()]
    papers = rows[rows["algorithm"].isin(list(plan["algorithms"]))].sort_values("time_median_s")
    papers = papers.groupby(["isa", "n_elements"]).head(1).assign(who=PAPERS)
    best = rows[rows["algorithm"] == BEST].assign(who=BEST)
    found = pd.concat([best, papers]).sort_values(["isa", "who", "n_elements"])
    names = {"over_floor": "over", "over_floor_low": "low", "over_floor_high": "high", "time_median_s": "time_s"}
    columns = ["who", "algorithm", "isa", "n_elements", *names.values()]
    return found.rename(columns=names)[columns].reset_index(drop=True)


def _clause(rows: pd.DataFrame, isa: str, n: int) -> str:
    mine = rows[(rows["isa"] == isa) & (rows["n_elements"] == n)]
    words = {BEST: "Best", PAPERS: f"the {PAPERS}"}
    said = [(r["who"], formats.ratio_with_interval(r["over"], r["low"], r["high"])) for _, r in mine.iterrows()]
    return formats.listed([f"{words[who]} {over}" for who, over in said]) or "not measured"


def _ports(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any], isa: str, n: int) -> str:
    """How far `best` is from what a model of the ports allows, where one answered and may be right."""
    ports = core_floor.of_best(tables, plan).set_index("isa")["seconds"]
    rows = over_floors(tables, plan)
    mine = rows[(rows["isa"] == isa) & (rows["n_elements"] == n) & (rows["who"] == BEST)]
    if isa not in ports.index or mine.empty:
        return ""
    over = float(mine["time_s"].iloc[0]) / n / float(ports[isa])
    return f"; Best over what its ports allow by the model: {over:.2f}"
