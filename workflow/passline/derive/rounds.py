"""Values to rounds: the median of a contender's values in a round is what all statistics work on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline.errors import TableError
from passline.tables import KEY

KEYS = [*KEY, "block", "round"]
CEILINGS = "ceilings"


def round_medians(timings: pd.DataFrame, kind: str | None = None) -> pd.DataFrame:
    """One row per contender and round: the median of its values (s per call), warm-ups left out.

    Args:
        timings: table `timings`.
        kind: first word of the blocks to keep (`algorithms`, `split`, `passes`, `ceilings`); None keeps all.

    Returns:
        The key columns, `block`, `round` and `time_s`.
    """
    kept = timings[~timings["is_warmup"]]
    if kind is not None:
        kept = kept[block_kind(kept["block"]) == kind]
    return kept.groupby(KEYS, sort=True, observed=True)["time_s"].median().reset_index()


def block_kind(blocks: pd.Series[str]) -> pd.Series[str]:
    """First word of each block's name: what was measured in it."""
    return blocks.str.split("-", n=1).str[0]


def by_round(rows: pd.DataFrame, contender: list[str]) -> pd.DataFrame:
    """A matrix of times (s): one row per round of a block, one column per contender."""
    return rows.pivot_table(index="round", columns=contender, values="time_s", aggfunc="median", observed=True)


def length_of(plan: Mapping[str, Any], label: str) -> int | None:
    """Elements of the size with that label, or None where the plan has no such size."""
    n = plan["labels"].get(label)
    return None if n is None else int(n)


def variant_rows(registry: pd.DataFrame) -> dict[tuple[str, str], pd.Series[Any]]:
    """Rows of table `registry` by (build, variant)."""
    return {(str(row["build_id"]), str(row["variant"])): row for _, row in registry.iterrows()}


def registered(rows: Mapping[tuple[str, str], pd.Series[Any]], build_id: str, variant: str) -> pd.Series[Any]:
    """The registry's row of a variant; TableError where there is none."""
    try:
        return rows[(build_id, variant)]
    except KeyError as error:
        raise TableError(
            "table registry",
            f"has no variant {variant!r} of build {build_id}, but timings do",
            "Build and measure again: snakemake",
        ) from error


def streams(cell: str) -> frozenset[str]:
    """Streams of a cell such as `x y`; `-` and the empty cell are none."""
    return frozenset(name for name in str(cell).split() if name != "-")


def mix_of(row: pd.Series[Any]) -> tuple[int, int, bool]:
    """Streams read, streams written, in place: what decides which ceiling a pass is compared with."""
    return len(streams(row["reads"])), len(streams(row["writes"])), bool(row["in_place"])


def non_temporal(variant: str) -> bool:
    """Whether a variant's name says that it stores past the caches."""
    return "nt" in variant.split("-")
