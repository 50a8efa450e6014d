"""Made-up tables with every doubt in them: dependent rounds, outliers, two modes, marked rounds, and a self-test.

Nothing in them was measured. Each doubt sits at a known place, so that sentences and figures can be tested.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import synthetic

from passline.tables import KEY, conform

DEPENDENT = ("avx2", 65536)
BIMODAL = (("avx512f", 4194304), ("avx2", 2933659))
CHANGED = ("avx512f", 65536)
DESIGN: dict[str, Any] = {
    "rounds_least": 12,
    "rounds_most_in_cache": 24,
    "rounds_most": 18,
    "target_in_cache": 0.01,
    "target": 0.03,
    "sweeps": 16,
    "value_s": 5e-4,
    "ceiling_rounds": 7,
    "tune_rounds": 7,
    "tune_value_s": 5e-4,
}
PLANTED = (0.0, 0.02, 0.05, 0.10)


def plan() -> dict[str, Any]:
    """The made-up plan, with the design that the doubtful tables speak of."""
    return synthetic.plan() | {"effort": 1, "design": DESIGN, "primary_build_id": synthetic.BUILD}


def _at(rows: pd.DataFrame, isa: str, n: int, base: str = "three_pass_recompute") -> pd.Series[bool]:
    """Two-Pass against one Three-Pass at a point, tuned, primary protocol."""
    return (
        (rows["algorithm"] == "two_pass")
        & (rows["base"] == base)
        & (rows["isa"] == isa)
        & (rows["base_isa"] == isa)
        & (rows["variant"] == "tuned")
        & (rows["base_variant"] == "tuned")
        & (rows["n_elements"] == n)
        & (rows["cache_protocol"] == "paper")
    )


def tables(full: dict[str, pd.DataFrame], seed: int = 3) -> dict[str, pd.DataFrame]:
    """The full made-up tables with doubts written into `ratios`, `round_ratios` and `rounds`, and with `selftest`."""
    ratios, rng = full["ratios"].copy(), np.random.default_rng(seed)
    far = ratios["n_elements"] > 2 * 1048576
    width = np.where(far, 0.02, 0.004) * rng.lognormal(0.0, 0.5, len(ratios))
    ratios = ratios.assign(
        ratio_low=ratios["ratio"] - width,
        ratio_high=ratios["ratio"] + width,
        smallest_detectable=width,
        n_rounds=np.where(width < np.where(far, 0.03, 0.01), 12, 18),
        stop_reason=np.where(width < np.where(far, 0.03, 0.01), "target", "cap"),
        outliers=rng.poisson(0.4, len(ratios)),
        autocorrelation=0.1 * rng.standard_normal(len(ratios)),
        p_dependence=0.5,
        bimodal=False,
        n_marked=0,
        ratio_unmarked=ratios["ratio"],
        verdict_unmarked=ratios["verdict"],
    )
    here = _at(ratios, *DEPENDENT)
    ratios.loc[here, ["autocorrelation", "p_dependence", "verdict"]] = [0.7, 0.001, "undecided"]
    ratios.loc[here, ["ratio_low", "ratio_high", "p_adjusted"]] = [0.90, 0.95, 0.001]
    ratios.loc[here, "verdict_unmarked"] = "undecided"
    for isa, n in BIMODAL:
        ratios.loc[_at(ratios, isa, n), "bimodal"] = True
    touched = (ratios["n_elements"] == 65536) & (ratios["cache_protocol"] == "paper")
    ratios.loc[touched, "n_marked"] = 2
    ratios.loc[touched, "ratio_unmarked"] *= 1.001
    here = _at(ratios, *CHANGED)
    ratios.loc[here, "ratio_unmarked"] = ratios.loc[here, "ratio"] * 1.0125
    ratios.loc[here, ["verdict", "verdict_unmarked"]] = ["slower", "undecided"]
    ratios = conform("ratios", ratios)
    return {
        **full,
        "ratios": ratios,
        "round_ratios": round_ratios(ratios, rng),
        "rounds": rounds(full["rounds"], rng),
        "selftest": selftest(rng),
    }


def with_ratios(tables: dict[str, pd.DataFrame], **columns: Any) -> dict[str, pd.DataFrame]:
    """The tables with other columns of table `ratios`."""
    return {**tables, "ratios": tables["ratios"].assign(**columns)}


def _start(minute: float) -> str:
    return (pd.Timestamp("2026-01-01T08:00:00+00:00") + pd.Timedelta(minutes=minute)).isoformat(timespec="seconds")


def round_ratios(ratios: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Table `round_ratios`: scatter about each ratio, a drift where rounds depend, two humps where it is bimodal."""
    same = ratios[(ratios["isa"] == ratios["base_isa"]) & (ratios["variant"] == ratios["base_variant"])]
    rows: list[dict[str, Any]] = []
    for place, (_, row) in enumerate(same.iterrows()):
        count = int(row["n_rounds"])
        scatter = 0.9 * row["smallest_detectable"] * rng.standard_normal(count)
        if row["bimodal"]:
            scatter += row["smallest_detectable"] * 4 * (rng.random(count) < 0.4)
        if row["p_dependence"] < 0.05:
            scatter += row["smallest_detectable"] * np.linspace(-3, 3, count)
        scatter[rng.random(count) < 0.02] += 0.4
        for number in range(count):
            rows.append(
                {column: row[column] for column in (*KEY, "base", "base_isa", "base_variant")}
                | {
                    "block": f"algorithms-{row['cache_protocol']}-n{row['n_elements']}-uniform-huge",
                    "round": number,
                    # The session paused for a day after its eighth round of every block.
                    "start_utc": _start(number * 0.8 + place % 40 / 50 + (1440 if number >= 8 else 0)),
                    "ratio": row["ratio"] + scatter[number],
                    "marked": bool(row["n_marked"]) and number in (2, 5),
                }
            )
    return conform("round_ratios", pd.DataFrame(rows))


def rounds(plain: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Table `rounds`: one of another clock in thirty, some steal, a layout of its own for each."""
    count = len(plain)
    marked = rng.random(count) < 0.03
    minute = plain["round"] * 0.8 + np.arange(count) % 40 / 50 + np.where(plain["round"] >= 8, 1440, 0)
    changed = plain.assign(
        start_utc=[_start(m) for m in minute],
        clock_hz=np.where(marked, 3.3e9, 3.69e9) * (1 + 0.001 * rng.standard_normal(count)),
        steal_s=np.where(rng.random(count) < 0.05, 0.01, 0.0),
        load=1.0 + 0.2 * rng.random(count),
        noise=0.004 * rng.lognormal(0.0, 0.6, count),
        env_bytes=rng.integers(0, 4096, count),
        offset_bytes=64 * rng.integers(0, 64, count),
        offset_y_bytes=64 * rng.integers(0, 64, count),
        stop_reason="target",
        marked=marked,
        reason=np.where(marked, "core clock 3.30 GHz, 10.6 % from the session's median", "-"),
    )
    return conform("rounds", changed)


def selftest(rng: np.random.Generator | None = None) -> pd.DataFrame:
    """Table `selftest`: honest intervals, but that some slowdowns of 2 % are not found."""
    rng = rng or np.random.default_rng(5)
    sizes = (512, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 33554432)
    rows = []
    for share in PLANTED:
        for n in sizes if share == 0.0 else sizes[3:]:
            for algorithm in synthetic.ALGORITHMS:
                for isa in ("avx2", "avx512f"):
                    width = (0.004 if n <= 1048576 else 0.018) * rng.lognormal(0.0, 0.3)
                    ratio = 1.0 / (1.0 + share) + 0.45 * width * rng.standard_normal()
                    low, high = ratio - width, ratio + width
                    verdict = "slower" if high < 1 else "equal" if low > 0.99 and high < 1.01 else "undecided"
                    rows.append(
                        {
                            "machine": synthetic.MACHINE,
                            "session": synthetic.SESSION,
                            "build_id": synthetic.BUILD,
                            "planted_fraction": share,
                            "algorithm": algorithm,
                            "isa": isa,
                            "n_elements": n,
                            "ratio": ratio,
                            "ratio_low": low,
                            "ratio_high": high,
                            "p_adjusted": 0.001 if verdict == "slower" else 0.4,
                            "verdict": verdict,
                            "smallest_detectable": width,
                            "n_rounds": 18,
                            "stop_reason": "target",
                            "in_cache": n <= 2097152,
                        }
                    )
    return conform("selftest", pd.DataFrame(rows))
