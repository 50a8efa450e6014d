"""Table `selftest`: what the instrument says where the truth is known, and how often it is right."""

from __future__ import annotations

from typing import Any

import pandas as pd
from scipy import stats

from passline.derive.rounds import Contender, block_values, pair
from passline.statistics import CONFIDENCE, EQUAL, SLOWER, UNDECIDED, half_width, paired_ratio, verdicts

PLAIN = "preset"


def selftest_table(timings: pd.DataFrame, rounds: pd.DataFrame, llc_bytes: int) -> pd.DataFrame:
    """Table `selftest` from the timings and rounds of blocks of kind `selftest`.

    Args:
        timings: values of the unmodified call (variant `preset`) and the same with a share of the elements handled
            twice (`preset+5%`).
        rounds: the rounds of these blocks.
        llc_bytes: size of the last-level cache that the measuring cpu reaches.
    """
    stops = rounds.groupby("block")["stop_reason"].first()
    rows, results = [], []
    for values in block_values(timings, "selftest"):
        for other in values.contenders:
            share = planted_fraction(other)
            if share is None:
                continue
            found = pair(values, other, (*other[:3], PLAIN))
            result = paired_ratio(found.ratio)
            results.append(result)
            rows.append({
                "machine": found.point["machine"], "session": found.point["session"], "build_id": other[0],
                "planted_fraction": share, "algorithm": other[1], "isa": other[2],
                "n_elements": found.point["n_elements"], "ratio": result.interval.median,
                "ratio_low": result.interval.low, "ratio_high": result.interval.high,
                "smallest_detectable": half_width(result.interval), "n_rounds": result.interval.n,
                "stop_reason": stops[found.block], "in_cache": 8 * found.point["n_elements"] <= llc_bytes // 2,
            })  # fmt: skip
    table = pd.DataFrame(rows)
    if len(table):
        table["p_adjusted"], table["verdict"] = verdicts(results, list(table["planted_fraction"]))
    return table


def planted_fraction(contender: Contender) -> float | None:
    """`preset+5%` as 0.05; None for the unmodified call."""
    _, plus, share = contender[3].partition("+")
    return float(share.removesuffix("%")) / 100.0 if plus else None


def goals(selftest: pd.DataFrame) -> pd.DataFrame:
    """How often the instrument was right, and how often it has to be.

    Returns:
        A row per goal: `goal`, `wanted` and `reached` (shares; for alarms, numbers), `low` and `high` (95 % interval
        of the share, Clopper and Pearson), `met`, and `n_points`. Shares of no point are NaN.
    """
    same = selftest[selftest["planted_fraction"] == 0]
    planted = selftest[selftest["planted_fraction"] > 0]
    truth = 1.0 / (1.0 + selftest["planted_fraction"])
    covered = (selftest["ratio_low"] <= truth) & (truth <= selftest["ratio_high"])
    slower = selftest["verdict"] == SLOWER
    least = float(stats.binom.ppf((1.0 - CONFIDENCE) / 2.0, max(1, len(same)), CONFIDENCE)) / max(1, len(same))
    alarms = int((~same["verdict"].isin([EQUAL, UNDECIDED])).sum())

    def at(fraction: float, in_cache: bool | None = None) -> pd.Series[bool]:
        rows = selftest[(selftest["planted_fraction"] - fraction).abs() < 1e-9]
        return slower[rows.index if in_cache is None else rows[rows["in_cache"] == in_cache].index]

    rows = [
        _share("same call, two names: intervals that contain 1", least, covered[same.index]),
        {"goal": "same call, two names: called different after correction", "wanted": 0.0, "reached": float(alarms),
         "low": float("nan"), "high": float("nan"), "met": alarms == 0, "n_points": len(same)},
        _share("planted 5 % found, in cache", 0.95, at(0.05, True)),
        _share("planted 10 % found", 0.95, at(0.10)),
        _share("planted slowdowns whose size the interval contains", 0.90, covered[planted.index]),
        _share("planted 2 % found, in cache", 0.95, at(0.02, True)),
        _share("planted 5 % found, out of cache", 0.95, at(0.05, False)),
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _share(goal: str, wanted: float, hits: pd.Series[bool]) -> dict[str, Any]:
    n, reached = len(hits), int(hits.sum())
    if n == 0:
        low = high = share = float("nan")
    else:
        low, high = stats.binomtest(reached, n).proportion_ci(CONFIDENCE)
        share = reached / n
    met = n > 0 and share >= wanted
    return {"goal": goal, "wanted": wanted, "reached": share, "low": low, "high": high, "met": met, "n_points": n}
