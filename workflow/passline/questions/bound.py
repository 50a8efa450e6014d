"""Is each pass bound by memory?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.derive import selection
from passline.derive.passes import MEMORY
from passline.titles import isa_title, pass_order

TITLE = "Is each pass bound by memory?"
FIGURE = "bars"

WORDS = {
    "memory": "memory bandwidth bounds {}",
    "core": "arithmetic bounds {}",
    "both": "neither alone explains {}",
    "-": "{} not judged",
}


def answer(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    """What bounds each pass at the largest size out of cache, and how far the passes are from plain loops."""
    rows = judged(tables, plan)
    if rows.empty:
        return ["Not known: no pass was timed alone out of cache."]
    n, by_isa = formats.count(rows["n_elements"].iloc[0]), list(rows.groupby("isa", sort=False))
    counts = [
        f"{(mine['bound'] == MEMORY).sum()} of {len(mine)} passes with {isa_title(str(isa), plan)}"
        for isa, mine in by_isa
    ]
    clauses = [f"{isa_title(str(isa), plan)} ({mine['choice'].iloc[0]}): {in_words(mine)}" for isa, mine in by_isa]
    told = [f"Out of cache ({n} elements), memory bandwidth bounds {formats.listed(counts)}. {'. '.join(clauses)}."]
    ranked = rows[rows["measured_over_memory"].notna()].sort_values("measured_over_memory")
    if len(ranked) > 1:
        first, last = ranked.iloc[0], ranked.iloc[-1]
        told.append(
            f"A pass takes from {_over_loop(first)} times ({_named(first, plan)}) to {_over_loop(last)} times "
            f"({_named(last, plan)}) as long as a plain loop with the same reads and writes, in the same rounds "
            f"(in brackets what the 95 % interval of the pass's own time makes of it).{_beaten(ranked)}"
        )
    return told


def _over_loop(row: pd.Series[Any]) -> str:
    """Time over that of the plain loop; the interval is that of the pass's time, the loop's median taken as it is."""
    times = row["measured_over_memory"], row["time_low_s"], row["time_high_s"]
    value, low, high = (float(time) for time in times)
    scale = value / float(row["time_median_s"])
    return f"{value:.2f} {formats.interval(low * scale, high * scale, 2)}"


def _beaten(rows: pd.DataFrame) -> str:
    """How many passes are faster than the plain loop, which is a yardstick and no limit."""
    faster = int((rows["measured_over_memory"] * rows["time_high_s"] / rows["time_median_s"] < 1.0).sum())
    if not faster:
        return ""
    return (
        f" {faster} of {len(rows)} are faster than their loop: it is one plain way to ask for these bytes, a yardstick "
        "and no limit; arithmetic spaces loads and stores, and memory may serve those better."
    )


def judged(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """The passes of the paper's algorithms at the largest size out of cache, tuned where that was timed (`choice`)."""
    far = max(selection.out_of_cache(plan), default=0)
    names = pass_order(plan)
    alone = selection.alone(tables["passes"])
    found = [alone.head(0)]
    for isa in reversed(selection.vector_isas(alone, tables["registry"])):
        by_choice = (
            selection.judged_passes(tables, names, isa, choice, far).assign(choice=choice)
            for choice in ("tuned", "preset")
        )
        found.append(next((rows for rows in by_choice if len(rows)), alone.head(0)))
    return pd.concat(found)


def in_words(rows: pd.DataFrame) -> str:
    """Which passes memory bounds, which arithmetic, and which neither alone explains."""
    parts = []
    for bound, phrase in WORDS.items():
        names = list(rows.loc[rows["bound"] == bound, "pass"])
        if names:
            parts.append(
                phrase.format(f"all {len(names)} passes" if len(names) == len(rows) else formats.listed(names))
            )
    return "; ".join(parts)


def _named(row: pd.Series[Any], plan: Mapping[str, Any]) -> str:
    return f"{row['pass']}, {isa_title(str(row['isa']), plan)}"
