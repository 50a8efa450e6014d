"""Table `selftest`: what the instrument says where the truth is known, and whether that is good enough.

A self-test compares a call with the same call under another name, and with one that does a share of its work twice: a
slowdown of known size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from passline.derive.rounds import BlockValues, Contender, Pair, block_values, pair
from passline.effort import CONFIDENCE
from passline.statistics import FASTER, SLOWER, half_width, paired_ratio, verdicts

KIND = "selftest"
PLAIN = "preset"
FOUND = 0.95
"""Share of the planted slowdowns that must be found with the right sign."""

HELD = 0.90
"""Share of the intervals that must contain the planted size."""

_PLANTED = re.compile(rf"{PLAIN}\+(\d+(?:\.\d+)?)%")


def selftest_table(timings: pd.DataFrame, rounds: pd.DataFrame, llc_bytes: int) -> pd.DataFrame:
    """Table `selftest` from the timings and rounds of the self-test's blocks.

    Args:
        timings: rows of table `timings`; variant `preset` is the unmodified call, `preset+2%` the planted one.
        rounds: rows of table `rounds` of the same blocks.
        llc_bytes: last-level cache; points whose x and y fit into half of it are in cache.
    """
    if timings.empty:
        return pd.DataFrame()
    found = [each for values in block_values(timings, KIND) for each in _compared(values)]
    if not found:
        return pd.DataFrame()
    stops = rounds.drop_duplicates("block").set_index("block")["stop_reason"]
    results = [paired_ratio(each.ratio) for each, _ in found]
    table = pd.DataFrame(
        {
            "machine": each.point["machine"],
            "session": each.point["session"],
            "build_id": each.contender[0],
            "planted_fraction": planted,
            "algorithm": each.contender[1],
            "isa": each.contender[2],
            "n_elements": each.point["n_elements"],
            "ratio": result.interval.median,
            "ratio_low": result.interval.low,
            "ratio_high": result.interval.high,
            "smallest_detectable": half_width(result.interval),
            "n_rounds": result.interval.n,
            "stop_reason": str(stops[each.block]),
            "in_cache": 8 * each.point["n_elements"] <= llc_bytes // 2,
        }
        for (each, planted), result in zip(found, results, strict=True)
    )
    family = list(zip(table["build_id"], table["planted_fraction"], strict=True))
    table["p_adjusted"], table["verdict"] = verdicts(results, family)
    return table


def _compared(values: BlockValues) -> Iterator[tuple[Pair, float]]:
    """The planted calls of a block, each with its unmodified call as base, and the planted share."""
    for contender in values.contenders:
        build, algorithm, isa, variant, threads = contender
        base: Contender = (build, algorithm, isa, PLAIN, threads)
        planted = _PLANTED.fullmatch(variant)
        if planted and base in values.contenders:
            yield pair(values, contender, base), float(planted[1]) / 100


HOLDS = "slower: intervals that contain the planted size"


def holding(selftest: pd.DataFrame) -> tuple[float, float]:
    """Shares of intervals of slowdowns that contain the planted size: in cache and out of it; NaN without a point."""
    slower = selftest[selftest["planted_fraction"] > 0.0]
    inside, outside = (_holds(slower[slower["in_cache"] == place]) for place in (True, False))
    return tuple(float(held.mean()) if len(held) else np.nan for held in (inside, outside))  # type: ignore[return-value]


def goals(selftest: pd.DataFrame, paper: bool = False) -> pd.DataFrame:
    """What the instrument must reach, and what it did.

    Args:
        selftest: table `selftest`.
        paper: whether the effort is that of the session `paper`, of which more is wanted.

    Returns:
        One row per goal: `goal`; `wanted` (NaN where nothing is); `reached`; `low` and `high`, its 95 % interval
        (Clopper-Pearson) where it is a share; `met` (`yes`, `no`, or `-` where nothing is wanted or there is no
        point); `points`.
    """
    planted = selftest["planted_fraction"]
    same, slower = selftest[planted == 0.0], selftest[planted > 0.0]
    inside = selftest["in_cache"]
    finer = FOUND if paper else np.nan
    alarms = int(same["verdict"].isin([FASTER, SLOWER]).sum())
    rows = [
        _share("no difference: intervals that contain 1", _least(len(same)), _holds(same)),
        {
            "goal": "no difference: alarms after correction",
            "wanted": 0.0,
            "reached": float(alarms) if len(same) else np.nan,
            "low": np.nan,
            "high": np.nan,
            "met": ("yes" if alarms == 0 else "no") if len(same) else "-",
            "points": len(same),
        },
        _share("5 % slower, in cache: found", FOUND, _slower(selftest[(planted == 0.05) & inside])),
        _share("10 % slower: found", FOUND, _slower(selftest[planted == 0.10])),
        _share(HOLDS, HELD, _holds(slower)),
        _share(f"{HOLDS}, in cache", np.nan, _holds(slower[slower["in_cache"]])),
        _share(f"{HOLDS}, out of cache", np.nan, _holds(slower[~slower["in_cache"]])),
        _share("2 % slower, in cache: found", finer, _slower(selftest[(planted == 0.02) & inside])),
        _share("5 % slower, out of cache: found", finer, _slower(selftest[(planted == 0.05) & ~inside])),
        _share("2 % slower, out of cache: found", np.nan, _slower(selftest[(planted == 0.02) & ~inside])),
    ]
    return pd.DataFrame(rows)


def in_words(reached: pd.DataFrame) -> list[str]:
    """A sentence per goal, from `goals`."""
    return [_sentence(row) for _, row in reached.iterrows()]


def _sentence(row: pd.Series[Any]) -> str:
    if not row["points"]:
        return f"{row['goal']}: no points"
    begin = {"yes": "met: ", "no": "NOT MET: ", "-": "for information: "}[row["met"]] + str(row["goal"])
    if np.isnan(row["low"]):
        return f"{begin} {row['reached']:.0f} of {row['points']} points, wanted {row['wanted']:.0f}"
    wanted = "" if np.isnan(row["wanted"]) else f", wanted {row['wanted']:.1%}"
    interval = f"95 % interval {row['low']:.1%} to {row['high']:.1%}"
    return f"{begin} {row['reached']:.1%} of {row['points']} points ({interval}){wanted}"


def _least(points: int) -> float:
    """Lower end of the binomial 95 % range of the share of 95 % intervals that hold the truth."""
    return float(stats.binom.ppf((1.0 - CONFIDENCE) / 2.0, points, CONFIDENCE)) / points if points else np.nan


def _holds(rows: pd.DataFrame) -> pd.Series[bool]:
    truth = 1.0 / (1.0 + rows["planted_fraction"])
    return (rows["ratio_low"] <= truth) & (truth <= rows["ratio_high"])


def _slower(rows: pd.DataFrame) -> pd.Series[bool]:
    return rows["verdict"] == SLOWER


def _share(goal: str, wanted: float, hits: pd.Series[bool]) -> dict[str, Any]:
    points, reached = len(hits), int(hits.sum())
    if not points:
        nothing = {"reached": np.nan, "low": np.nan, "high": np.nan}
        return {"goal": goal, "wanted": wanted, **nothing, "met": "-", "points": 0}
    interval = stats.binomtest(reached, points).proportion_ci(CONFIDENCE)
    return {
        "goal": goal,
        "wanted": wanted,
        "reached": reached / points,
        "low": float(interval.low),
        "high": float(interval.high),
        "met": "-" if np.isnan(wanted) else "yes" if reached / points >= wanted else "no",
        "points": points,
    }
