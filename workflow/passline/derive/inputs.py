"""Whether some inputs are slow: each algorithm on each input family over the one on which it is fastest."""

from __future__ import annotations

import pandas as pd

from passline.derive.selection import single_rows
from passline.tables import FLOOR, NOT_APPLICABLE

CLIFF = 1.5
"""A family that takes so many times as long as the fastest is called a cliff."""

_KEY = ["isa", "n_elements", "algorithm"]


def over_fastest(beyond: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Columns `isa`, `n_elements`, `algorithm`, `inputs`, `seconds`, `value`, `low`, `high`: time over the fastest.

    One row of x on one thread. Families are blocks of their own, whose rounds take turns: a quotient of medians, with
    an interval from the ends of theirs, which holds the truth in at least 90 % of cases.

    Args:
        beyond: table `beyond` of one build.
        protocol: cache protocol.
    """
    rows = single_rows(beyond)
    rows = rows[(rows["cache_protocol"] == protocol) & (rows["variant"] != FLOOR) & (rows["isa"] != NOT_APPLICABLE)]
    rows = rows.sort_values("time_median_s", kind="stable")
    rows = rows[rows.groupby(_KEY)["inputs"].transform("nunique") > 1]
    columns = [*_KEY, "inputs", "seconds", "value", "low", "high"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    ends = ["time_median_s", "time_low_s", "time_high_s"]
    fastest = rows.groupby(_KEY)[ends].transform("first")
    own = rows["time_median_s"] == fastest["time_median_s"]
    found = rows.assign(
        seconds=rows["time_median_s"],
        value=rows["time_median_s"] / fastest["time_median_s"],
        low=(rows["time_low_s"] / fastest["time_high_s"]).where(~own, 1.0),
        high=(rows["time_high_s"] / fastest["time_low_s"]).where(~own, 1.0),
    )
    return found[columns].sort_values([*_KEY, "inputs"]).reset_index(drop=True)
