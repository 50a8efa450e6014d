"""Table `ratios`: who is faster, by how much, and how sure that is.

A ratio compares two contenders of one block, round by round: both ran in the same process,
on the same buffers, within the same second.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from passline.derive.rounds import by_round, round_medians
from passline.statistics import half_width, holm, median_interval, paired_ratio, verdict
from passline.tables import KEY

ALGORITHM_PAIRS = (
    ("two_pass", "three_pass_recompute"),
    ("two_pass", "three_pass_reload"),
    ("three_pass_reload", "three_pass_recompute"),
)
"""(contender, base): the questions of the paper."""

Contender = tuple[str, str, str, str]
"""(build_id, algorithm, isa, variant) of a whole algorithm in a block."""


def ratios_table(timings: pd.DataFrame, registry: pd.DataFrame, plan: Mapping[str, Any]) -> pd.DataFrame:
    """Table `ratios` from tables `timings` and `registry`; p values corrected within each family."""
    order = _isas_by_width(registry)
    stops: Mapping[str, str] = plan.get("stop_reasons", {})
    rows = []
    for block, members in round_medians(timings, "algorithms").groupby("block", sort=True):
        matrix = by_round(members, ["build_id", "algorithm", "isa", "variant"])
        point = members.iloc[0]
        for contender, base in pairs([tuple(column) for column in matrix.columns], order):
            both = matrix[[contender, base]].dropna()
            rows.append(
                _row(point, contender, base, both[base], both[contender], stops.get(str(block), "planned rounds done"))
            )
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    table["p_adjusted"] = holm(table["p_adjusted"].to_numpy(), families(table))
    table["verdict"] = [
        verdict(low, high, p)
        for low, high, p in zip(table["ratio_low"], table["ratio_high"], table["p_adjusted"], strict=True)
    ]
    return table


def families(ratios: pd.DataFrame) -> list[Hashable]:
    """The family of each row: one pair of contenders on one ISA under one protocol, over sizes and variants.

    Larger families would ask for more rounds than a session of minutes has: with twelve rounds, no ratio of a
    family of more than 102 can pass (see `statistics.rounds_that_can_decide`).
    """
    return [
        (
            row["algorithm"], row["base"], row["isa"], row["base_isa"], row["variant"] == row["base_variant"],
            row["cache_protocol"], row["inputs"], row["pages"], row["threads"], row["build_id"],
        )
        for _, row in ratios.iterrows()
    ]  # fmt: skip


def pairs(contenders: list[Contender], isas_by_width: list[str]) -> Iterator[tuple[Contender, Contender]]:
    """The (contender, base) pairs among the contenders of a block.

    Algorithms against each other on the same ISA; the same algorithm on the next narrower ISA; tuned against preset.
    """
    present = set(contenders)
    ranked = [isa for isa in isas_by_width if any(c[2] == isa for c in contenders)]
    narrower = dict(zip(ranked[1:], ranked, strict=False))
    for build, algorithm, isa, variant in sorted(present):
        bases = [(build, base, isa, variant) for contender, base in ALGORITHM_PAIRS if contender == algorithm]
        if isa in narrower:
            bases.append((build, algorithm, narrower[isa], variant))
        if variant == "tuned":
            bases.append((build, algorithm, isa, "preset"))
        yield from (((build, algorithm, isa, variant), base) for base in bases if base in present)


def _isas_by_width(registry: pd.DataFrame) -> list[str]:
    lanes = registry.drop_duplicates("isa").sort_values(["lanes", "isa"])
    return [str(isa) for isa in lanes["isa"]]


def _row(
    point: pd.Series[Any],
    contender: Contender,
    base: Contender,
    base_s: pd.Series[float],
    time_s: pd.Series[float],
    stop: str,
) -> dict[str, Any]:
    """One row; `p_adjusted` still holds the raw p, corrected when all rows are known."""
    result = paired_ratio(base_s, time_s)
    build_id, algorithm, isa, variant = contender
    chosen = {"build_id": build_id, "algorithm": algorithm, "isa": isa, "variant": variant}
    return {column: chosen.get(column, point[column]) for column in KEY} | {
        "base": base[1],
        "base_isa": base[2],
        "base_threads": int(point["threads"]),
        "base_variant": base[3],
        "base_time_median_s": median_interval(base_s).median,
        "time_median_s": median_interval(time_s).median,
        "ratio": result.interval.median,
        "ratio_low": result.interval.low,
        "ratio_high": result.interval.high,
        "p_adjusted": result.p if result.interval.n else math.nan,
        "effect_size": result.effect_size,
        "smallest_detectable": half_width(result.interval),
        "verdict": "",
        "n_rounds": result.interval.n,
        "stop_reason": stop,
    }
