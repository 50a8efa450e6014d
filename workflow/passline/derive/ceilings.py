"""Table `ceilings`: the roofs of the machine, from the timings of the ceiling loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline.derive.rounds import non_temporal, registered, round_medians, variant_rows
from passline.intervals import median_interval
from passline.tables import NOT_APPLICABLE

FMA = "fma"


def ceilings_table(timings: pd.DataFrame, registry: pd.DataFrame, plan: Mapping[str, Any]) -> pd.DataFrame:
    """Table `ceilings` from the timings of the ceiling loops.

    A rate is all bytes (or flops) of all threads over the time of a call, one value per round. Bytes
    are those of the model: read, written, and with ordinary stores the line fetched before it is
    written (write-allocate), at every level alike, as in table `passes`.

    Args:
        timings: timings of blocks of kind `ceilings`; `n_elements` is the length each thread works on.
        registry: table `registry`, with the ceiling loops.
        plan: `ceiling_levels`, a list of `level`, `threads` and `n_elements` (per thread).
    """
    known = variant_rows(registry)
    levels = {(int(row["n_elements"]), int(row["threads"])): str(row["level"]) for row in plan["ceiling_levels"]}
    medians = round_medians(timings, "ceilings")
    rows = []
    for (build_id, variant, n, threads), contender in medians.groupby(
        ["build_id", "variant", "n_elements", "threads"], sort=True
    ):
        declared = registered(known, str(build_id), str(variant))
        per_element, unit = work(declared)
        rate = median_interval(int(n) * int(threads) * per_element / contender["time_s"])
        first = contender.iloc[0]
        rows.append({
            "machine": first["machine"], "session": first["session"], "build_id": build_id,
            "ceiling": declared["pass"], "isa": declared["isa"],
            "level": NOT_APPLICABLE if declared["pass"] == FMA else levels[int(n), int(threads)],
            "store": _store(declared), "threads": int(threads), "n_elements": int(n), "value": rate.median,
            "low": rate.low, "high": rate.high, "unit": unit, "n_values": rate.n, "reason": NOT_APPLICABLE,
        })  # fmt: skip
    return pd.DataFrame(rows)


def work(declared: pd.Series[Any]) -> tuple[float, str]:
    """Bytes or flops per element of a ceiling loop, and the unit of its rate."""
    if declared["pass"] == FMA:
        return float(declared["flops_per_element"]), "flop/s"
    allocated = 0.0 if non_temporal(str(declared["variant"])) else float(declared["bytes_write_allocate_per_element"])
    return float(declared["bytes_read_per_element"]) + float(declared["bytes_written_per_element"]) + allocated, "B/s"


def _store(declared: pd.Series[Any]) -> str:
    if str(declared["writes"]) in ("", NOT_APPLICABLE):
        return NOT_APPLICABLE
    return "nt" if non_temporal(str(declared["variant"])) else "ordinary"
