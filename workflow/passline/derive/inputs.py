"""Whether some inputs are slow: each algorithm on each input family over the one on which it is fastest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline.derive.selection import single_rows
from passline.tables import NOT_APPLICABLE

CLIFF = 1.5
"""A family that takes so many times as long as the fastest is called a cliff."""

_KEY = ["isa", "n_elements", "algorithm"]
_COLUMNS = [*_KEY, "inputs", "seconds", "value", "low", "high"]


def over_fastest(ratios: pd.DataFrame, plan: Mapping[str, Any], protocol: str) -> pd.DataFrame:
    """Columns `isa`, `n_elements`, `algorithm`, `inputs`, `seconds`, `value`, `low`, `high`: time over the fastest.

    One row of x on one thread. Families are blocks of their own, and a machine may be slower in one of them: times are
    taken over those of one of the paper's algorithms in the same rounds, which does the same whatever the scores are
    (denormals are flushed). The interval of the quotient is from the ends of those of the two ratios: it holds the
    truth in at least 90 % of cases.

    Args:
        ratios: table `ratios` of one build.
        plan: the session's plan.
        protocol: cache protocol.
    """
    rows = single_rows(ratios)
    same = (rows["isa"] == rows["base_isa"]) & (rows["variant"] == rows["base_variant"]) & (rows["base_threads"] == 1)
    beyond = rows["algorithm"].isin(list(plan.get("beyond", {}).get("algorithms", {})))
    rows = rows[same & beyond & (rows["cache_protocol"] == protocol) & (rows["isa"] != NOT_APPLICABLE)]
    rows = rows[rows["base"] == _yardstick(rows, plan)].sort_values("ratio", ascending=False, kind="stable")
    rows = rows[rows.groupby(_KEY)["inputs"].transform("nunique") > 1]
    if rows.empty:
        return pd.DataFrame(columns=_COLUMNS)
    fastest = rows.groupby(_KEY)[["ratio", "ratio_low", "ratio_high"]].transform("first")
    own = rows["ratio"] == fastest["ratio"]
    found = rows.assign(
        seconds=rows["time_median_s"],
        value=fastest["ratio"] / rows["ratio"],
        low=(fastest["ratio_low"] / rows["ratio_high"]).where(~own, 1.0),
        high=(fastest["ratio_high"] / rows["ratio_low"]).where(~own, 1.0),
    )
    return found[_COLUMNS].sort_values([*_KEY, "inputs"]).reset_index(drop=True)


def _yardstick(rows: pd.DataFrame, plan: Mapping[str, Any]) -> str:
    """Of the paper's algorithms the one that most rows have as their base."""
    counts = rows["base"].value_counts()
    return max(map(str, plan["algorithms"]), key=lambda name: int(counts.get(name, 0)))
