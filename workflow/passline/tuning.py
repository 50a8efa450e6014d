"""The best variant of each pass and ISA on this machine, and how it was found."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from passline.disassembly import HotLoop
from passline.registry import Variant

NEAR = 1.02
"""Times that tuning does not tell apart: then a hot loop without spills is taken, as it moves less between builds."""

_GROUP = ["build_id", "study", "pass", "isa", "variant", "n_elements"]


def tuning_rows(
    timings: pd.DataFrame,
    rounds: pd.DataFrame,
    variants: Mapping[str, Variant],
    loops: Mapping[tuple[str, str], HotLoop],
    usual: Collection[str] | None = None,
) -> pd.DataFrame:
    """Rows of table `tuning` from the timings of the tuning step.

    `loops` maps (build_id, variant) to its hot loop. Chosen is, per pass and ISA, the variant with the smallest
    geometric mean over the sizes of its median time, each in units of the fastest variant's. Among those within
    NEAR of it, variants whose hot loop neither calls nor touches the stack come first.
    Where the first algorithm that uses a pass fixes some of its dimensions, `usual` names the variants it admits, and
    the choice is among those.
    """
    clock = rounds[["block", "round", "clock_hz"]]
    taken = timings[~timings["is_warmup"]].merge(clock, on=["block", "round"])
    per_round = taken.groupby([*_GROUP, "block", "round", "machine", "session"], as_index=False).agg(
        time_s=("time_s", "min"), middle_s=("time_s", "median"), clock_hz=("clock_hz", "first")
    )
    vectors = per_round["n_elements"] / per_round["variant"].map(lambda name: variants[name].lanes)
    per_round["cycles"] = per_round["time_s"] * per_round["clock_hz"] / vectors
    rows = per_round.groupby(["machine", "session", *_GROUP], as_index=False).agg(
        time_median_s=("middle_s", "median"),
        time_minimum_s=("time_s", "min"),
        clock_hz=("clock_hz", "median"),
        cycles_per_vector=("cycles", "min"),
        n_rounds=("round", "nunique"),
    )
    found = [loops[key] for key in zip(rows["build_id"], rows["variant"], strict=True)]
    rows["instructions"] = [-1 if loop.instructions is None else loop.instructions for loop in found]
    rows["stack_references"] = [-1 if loop.stack_references is None else loop.stack_references for loop in found]
    rows["calls"] = [-1 if loop.calls is None else loop.calls for loop in found]
    rows["vectors_per_iteration"] = [variants[name].step // variants[name].lanes for name in rows["variant"]]
    rows["preset"] = [variants[name].preset for name in rows["variant"]]
    rows["finite_only"] = [variants[name].finite_only for name in rows["variant"]]
    best = winners(rows if usual is None else rows[rows["variant"].isin(usual)])
    keys = zip(rows["build_id"], rows["pass"], rows["isa"], rows["variant"], strict=True)
    rows["chosen"] = [best.get((build, name, isa)) == variant for build, name, isa, variant in keys]
    return rows


def winners(rows: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """(build, pass, ISA) -> the best of these variants: rows of table `tuning`, whatever they say was chosen."""
    group = ["build_id", "pass", "isa"]
    fastest = rows.groupby([*group, "n_elements"])["time_median_s"].transform("min")
    scores = rows.assign(score=np.log(rows["time_median_s"] / fastest)).groupby([*group, "variant"], as_index=False)
    summary = scores.agg(
        score=("score", "mean"),
        stack=("stack_references", "max"),
        calls=("calls", "max"),
        finite_only=("finite_only", "any"),
    )
    summary["spills"] = (summary["stack"] > 0) | (summary["calls"] > 0)
    summary = summary[~summary["finite_only"]]
    smallest = summary.groupby(group)["score"].transform("min")
    summary["slower"] = summary["score"] - smallest > np.log(NEAR)
    best = summary.sort_values(["slower", "spills", "score", "variant"]).groupby(group)["variant"].first()
    return {(str(build), str(name), str(isa)): str(variant) for (build, name, isa), variant in best.items()}
