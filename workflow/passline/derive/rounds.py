"""Values to rounds: the median of a contender's values in a round, or of its ratios, is what all statistics work on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from passline.errors import TableError
from passline.tables import KEY

KEYS = [*KEY, "block", "round"]
CONTENDER = ["build_id", "algorithm", "isa", "variant", "threads"]

Contender = tuple[str, str, str, str, int]
"""(build_id, algorithm, isa, variant, threads) of a whole algorithm in a block."""

CEILINGS = "ceilings"

Floats = npt.NDArray[np.float64]


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
    return blocks.map({name: block_kind_of(name) for name in blocks.unique()})


def block_kind_of(block: str) -> str:
    """First word of a block's name."""
    return block.split("-", 1)[0]


def by_round(rows: pd.DataFrame, contender: list[str]) -> pd.DataFrame:
    """A matrix of times (s): one row per round of a block, one column per contender."""
    return rows.pivot_table(index="round", columns=contender, values="time_s", aggfunc="median", observed=True)


@dataclass(frozen=True)
class BlockValues:
    """All values of whole algorithms in a block, warm-ups left out.

    `seconds` is per call, of shape (contender, round, sweep), NaN where there is none; rounds are in order of time.
    """

    block: str
    point: Mapping[str, Any]  # key columns that all contenders share
    contenders: tuple[Contender, ...]
    rounds: npt.NDArray[np.int64]
    seconds: Floats


@dataclass(frozen=True)
class Pair:
    """A contender and a base in the rounds of a block that both have; arrays of shape (n_rounds,)."""

    block: str
    point: Mapping[str, Any]
    contender: Contender
    base: Contender
    rounds: npt.NDArray[np.int64]
    ratio: Floats  # median over sweeps of time of base / time of contender
    base_s: Floats  # medians over sweeps
    time_s: Floats


def block_values(timings: pd.DataFrame, kind: str) -> Iterator[BlockValues]:
    """The blocks of a kind, such as `algorithms`, of table `timings`, in order of their names."""
    kept = timings[(block_kind(timings["block"]) == kind) & ~timings["is_warmup"]]
    shared = [column for column in KEY if column not in CONTENDER]
    for block, members in kept.groupby("block", sort=True):
        contender, contenders = pd.MultiIndex.from_frame(members[CONTENDER]).factorize(sort=True)
        number, rounds = pd.factorize(members["round"], sort=True)
        sweep, sweeps = pd.factorize(members["value_index"], sort=True)
        seconds = np.full((len(contenders), len(rounds), len(sweeps)), np.nan)
        seconds[contender, number, sweep] = members["time_s"]
        yield BlockValues(
            str(block), members[shared].iloc[0].to_dict(), tuple(contenders), np.asarray(rounds, np.int64), seconds
        )


def pair(values: BlockValues, contender: Contender, base: Contender) -> Pair:
    """Two contenders of a block, compared within each sweep: there they ran milliseconds apart.

    Most of what disturbs a value lasts longer than a sweep, and cancels in its ratio; it does not in the ratio of the
    medians of a round. Sweeps that only one of the two has are left out, and so are rounds without a common sweep.
    """
    time_s, base_s = (values.seconds[values.contenders.index(name)] for name in (contender, base))
    within = base_s / time_s
    both = ~np.isnan(within).all(axis=1)
    medians = (np.nanmedian(matrix[both], axis=1) for matrix in (within, base_s, time_s))
    return Pair(values.block, values.point, contender, base, values.rounds[both], *medians)


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
