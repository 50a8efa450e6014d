"""Table `counters` as columns of table `passes`: medians over repetitions, per call.

A sum without one of its parts is no sum: where a socket's units were refused in a repetition, so is that repetition.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from passline.tables import KEY, NOT_APPLICABLE

MODEL = "model"
COUNTED, UNAVAILABLE = "counted", "unavailable"
READ, WRITE, COMBINED, LOWER_BOUND = "read", "write", "combined", "read_lower_bound"
CYCLES, INSTRUCTIONS = "cycles", "instructions"
NOT_COUNTED = "the counting step has no such row: passes alone are counted, at a size in cache and out of it"

COLUMNS = (
    "bytes_read_counted",
    "bytes_written_counted",
    "bytes_combined_counted",
    "local_share",
    "time_counted_s",
    "bandwidth_counted_bytes_per_s",
    "cycles_per_element",
    "instructions_per_element",
)
NOTHING: dict[str, Any] = {**dict.fromkeys(COLUMNS, math.nan), "source": MODEL, "reason": NOT_COUNTED}


def by_pass(counters: pd.DataFrame) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Key columns -> what was counted of that pass: COLUMNS, `source`, `reason`, and `confidence` where counted."""
    return {
        tuple(key): _of_one(rows, int(rows["n_elements"].iloc[0]) * int(rows["threads"].iloc[0]))
        for key, rows in counters.groupby(list(KEY), sort=False)
    }


def _of_one(rows: pd.DataFrame, elements: int) -> dict[str, Any]:
    traffic = rows[rows["direction"] != NOT_APPLICABLE]
    sums = _sums(traffic, "direction")
    work = _sums(rows[rows["event"].isin((CYCLES, INSTRUCTIONS))], "event")
    read = sums.get(READ, sums.get(LOWER_BOUND, math.nan))
    found = {
        **NOTHING,
        "bytes_read_counted": read,
        "bytes_written_counted": sums.get(WRITE, math.nan),
        "bytes_combined_counted": sums.get(COMBINED, math.nan),
        "cycles_per_element": work.get(CYCLES, math.nan) / elements,
        "instructions_per_element": work.get(INSTRUCTIONS, math.nan) / elements,
        "reason": _reason(rows, traffic),
    }
    good = traffic[traffic["status"] == COUNTED]
    if not sums:
        return found
    found["source"], found["confidence"] = str(good["source"].iloc[0]), str(good["confidence"].max())
    found["time_counted_s"] = float((good["time_s"] / good["calls"]).median())
    found["bandwidth_counted_bytes_per_s"] = total(found) / found["time_counted_s"]
    total_bytes = float(good["value"].sum())
    if good["local"].any() and total_bytes > 0:
        found["local_share"] = float(good.loc[good["local"], "value"].sum()) / total_bytes
    return found


def total(row: Any) -> float:
    """Bytes read and written as counted; not-a-number where one of them was not."""
    combined = float(row["bytes_combined_counted"])
    return float(row["bytes_read_counted"] + row["bytes_written_counted"]) if math.isnan(combined) else combined


def _sums(rows: pd.DataFrame, name: str) -> dict[str, float]:
    """Per call: sums over sockets, medians over the repetitions of which no part is refused."""
    found = {}
    for key, mine in rows.groupby(name, sort=False):
        whole = mine.groupby("repetition").filter(lambda part: bool((part["status"] == COUNTED).all()))
        if len(whole):
            found[str(key)] = float((whole["value"] / whole["calls"]).groupby(whole["repetition"]).sum().median())
    return found


def _reason(rows: pd.DataFrame, traffic: pd.DataFrame) -> str:
    """Why bytes are missing; - where all were counted."""
    missing = rows[(rows["status"] == UNAVAILABLE) | (rows.index.isin(traffic.index) & (rows["status"] != COUNTED))]
    return str(missing["reason"].iloc[0]) if len(missing) else NOT_APPLICABLE
