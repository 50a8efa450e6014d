"""When a block has enough rounds: a rule fixed before the run, and a pure function of the rounds taken.

A block is looked at after fixed numbers of rounds. It ends at the first look where the interval of every ratio is
narrower than the target, or with its last round. A step that was killed comes to the same end, as each look uses the
rounds up to it and no others.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from passline.measure.spec import Block

TARGET, CAP, PLANNED = "target", "cap", "planned"

Ratios = list[float]
"""One round's ratio of each pair of the block, in the order of its stop rule."""


def ratios(values: Mapping[int, Sequence[float]], pairs: Sequence[Sequence[int]]) -> Ratios:
    """Median over sweeps of time of base / time of contender, for each (contender, base).

    Args:
        values: contender -> seconds per call, one of each sweep.
        pairs: what the stop rule looks at.
    """
    return [
        statistics.median(b / c for c, b in zip(values[contender], values[base], strict=False))
        for contender, base in pairs
    ]


def read_round(path: Path, block: Block) -> tuple[Ratios, dict[str, Any]]:
    """The ratios of a round and what it tells of itself, from its file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    about = metadata(document)
    values = {
        told["passline_contender"]: benchmark["runs"][0]["values"]
        for told, benchmark in zip(about, document["benchmarks"], strict=True)
    }
    facts: dict[str, Any] = json.loads(about[0]["passline_round"])
    return ratios(values, block["stop"]["pairs"]), facts


def metadata(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Metadata of each benchmark of a round; what all have in common, pyperf writes once: of a single one, all."""
    shared = document.get("metadata", {})
    return [{**shared, **benchmark.get("metadata", {})} for benchmark in document["benchmarks"]]


def half_widths(rounds: Sequence[Ratios], rank: int) -> list[float]:
    """Half the distance from the rank-th smallest to the rank-th largest ratio of each pair."""
    ordered = [sorted(values) for values in zip(*rounds, strict=True)]
    return [(values[-rank] - values[rank - 1]) / 2 for values in ordered]


def end_of(block: Block, rounds: Sequence[Ratios]) -> tuple[int, str] | None:
    """Rounds that the block has when its rule ends it, and what ended it; None where it needs more than there are.

    What ended it is `target`, `cap`, or `planned` where the block has no pairs.
    """
    stop = block["stop"]
    if stop["pairs"]:
        for number, rank in stop["looks"]:
            if number <= len(rounds) and max(half_widths(rounds[:number], rank)) <= stop["target"]:
                return number, TARGET
    if len(rounds) < block["rounds"]:
        return None
    return block["rounds"], CAP if stop["pairs"] else PLANNED


def expected(block: Block, rounds: Sequence[Ratios]) -> int:
    """Rounds that the block will have, if widths fall with the root of their number as until now."""
    stop = block["stop"]
    looked = [(number, rank) for number, rank in stop["looks"] if number <= len(rounds)]
    if not stop["pairs"] or not looked:
        return block["rounds"]
    number, rank = looked[-1]
    widest = max(half_widths(rounds[:number], rank))
    needed = math.ceil(number * (widest / stop["target"]) ** 2)
    return next((n for n, _ in stop["looks"] if n >= max(needed, len(rounds))), block["rounds"])
