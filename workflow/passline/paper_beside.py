"""What this session measured of each thing that the paper shows, in the paper's terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from passline import beyond_report, titles
from passline.derive import selection

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

COLUMNS = ("algorithm", "pass", "n_elements", "threads", "value", "low", "high")


def ours(slot: pd.Series[Any], tables: Tables, plan: Plan) -> pd.DataFrame:
    """Rows of `COLUMNS`, in the units of the slot's kind; none where this session or machine does not answer it."""
    if why_not(slot, tables):
        return pd.DataFrame(columns=list(COLUMNS))
    found = _KINDS[str(slot["kind"])](slot, tables, plan)
    return found.reindex(columns=list(COLUMNS)).reset_index(drop=True)


def why_not(slot: pd.Series[Any], tables: Tables) -> str:
    """Why this machine cannot answer a slot; empty where it can."""
    facts = dict(zip(tables["machines"]["key"], tables["machines"]["value"], strict=True))
    wanted, here = str(slot["microarchitecture"]), str(facts.get("microarchitecture", "unavailable"))
    if wanted not in ("-", here):
        return f"this machine is {here}"
    isa = str(slot["isa"])
    return "" if isa in set(tables["registry"]["isa"]) | {"-"} else f"this machine has no {isa}"


def _algorithms(slot: pd.Series[Any], plan: Plan) -> list[str]:
    asked = [] if slot["algorithms"] == "-" else str(slot["algorithms"]).split()
    return [name for name in plan["algorithms"] if not asked or name in asked]


def _rate(rows: pd.DataFrame, elements: pd.Series[float]) -> pd.DataFrame:
    """Elements per second; the longest time gives the lowest rate."""
    return rows.assign(
        value=elements / rows["time_median_s"],
        low=elements / rows["time_high_s"],
        high=elements / rows["time_low_s"],
    )


def _over_size(slot: pd.Series[Any], tables: Tables, plan: Plan) -> pd.DataFrame:
    rows = selection.primary(selection.whole(tables["passes"]), plan)
    rows = rows[(rows["isa"] == slot["isa"]) & rows["algorithm"].isin(_algorithms(slot, plan))]
    rows = rows[rows["variant"] == titles.shown_variant(rows)]
    return _rate(rows, rows["n_elements"])


def _passes(slot: pd.Series[Any], tables: Tables, plan: Plan) -> pd.DataFrame:
    far = max(selection.out_of_cache(plan), default=0)
    for choice in reversed(selection.VARIANTS):  # as all figures: tuned where that was timed
        rows = selection.judged_passes(tables, titles.pass_order(plan), str(slot["isa"]), choice, far)
        if len(rows):
            break
    spread = rows["time_median_s"] / rows[["time_high_s", "time_low_s"]].T
    rate = rows["bandwidth_bytes_per_s"]
    return rows.assign(value=rate, low=rate * spread.loc["time_high_s"], high=rate * spread.loc["time_low_s"])


def _split(slot: pd.Series[Any], tables: Tables, plan: Plan) -> pd.DataFrame:
    rows = selection.primary(selection.split(tables["passes"]), plan)
    far = max(selection.out_of_cache(plan), default=0)
    rows = rows[(rows["isa"] == slot["isa"]) & (rows["n_elements"] == far)]
    rows = rows[rows["variant"] == titles.shown_variant(rows)].sort_values(["algorithm", "pass_index"])
    return rows.assign(value=rows["time_median_s"], low=rows["time_low_s"], high=rows["time_high_s"])


def _threads(slot: pd.Series[Any], tables: Tables, plan: Plan) -> pd.DataFrame:
    """Threads with rows of their own, of the longest row that several have."""
    rows = tables["beyond"]
    rows = rows[(rows["isa"] == slot["isa"]) & rows["algorithm"].isin(_algorithms(slot, plan))]
    rows = rows[(rows["inputs"] == beyond_report.main_inputs(tables)) & (rows["pages"] == beyond_report.PAGES)]
    several = rows[(rows["threads"] > 1) & (rows["n_rows"] > 1)]
    if several.empty:
        return several
    longest = several["n_elements"].max()
    alone = rows[(rows["threads"] == 1) & (rows["n_rows"] == 1)]
    rows = pd.concat([alone, several])
    rows = rows[(rows["n_elements"] == longest) & (rows["cache_protocol"] == beyond_report.PROTOCOL)]
    return _rate(rows, rows["n_elements"] * rows["threads"])


def _baseline(slot: pd.Series[Any], tables: Tables, plan: Plan) -> pd.DataFrame:
    """On the longest row that it was compared on."""
    rows = beyond_report.usual(tables, "ratios")
    rows = rows[(rows["base"] == slot["baseline"]) & (rows["isa"] == slot["isa"])]
    rows = rows[rows["algorithm"].isin(_algorithms(slot, plan)) & (rows["n_elements"] == rows["n_elements"].max())]
    return rows.assign(value=rows["ratio"], low=rows["ratio_low"], high=rows["ratio_high"])


_KINDS: Mapping[str, Callable[[pd.Series[Any], Tables, Plan], pd.DataFrame]] = {
    "over_size": _over_size,
    "passes": _passes,
    "split": _split,
    "threads": _threads,
    "baseline": _baseline,
}
