"""What a round is told: plain JSON, so that a round is a process that knows nothing of configs or studies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict


class Inputs(TypedDict):
    """How x is filled.

    Uniform on [low, high); normal with mean low and deviation high; a ramp from low to high; one_hot: low everywhere
    but at one place, which is high.
    """

    name: str
    distribution: str
    low: float
    high: float


class Contender(TypedDict):
    """One thing that is timed: an algorithm's passes in order, a single pass, or an outside baseline."""

    name: str
    library: str  # name of the build whose library holds the variants; none for a baseline
    baseline: str  # name of the outside baseline; none for passes
    variants: list[str]
    choices: str  # not empty: a call is passline_softmax with these choices, which run some of the variants
    threads: int  # that share a row, as the choices say; of a block on several threads each has rows of its own
    consumer: str  # reads y after each call, inside the clock; none but in protocol consumed
    prefix: list[str]  # run once beforehand: they leave the state that a pass alone starts from
    state: dict[str, float]  # fields of that state that are then set
    split: bool  # read the clock between passes
    scratch: bool  # some pass uses the third row
    whole: bool  # a whole algorithm, called as its user would: such are compared
    outputs_sum: float | None  # what y must sum to afterwards; None where nothing says so
    planted: float  # share of the work that is done twice: a slowdown of known size; 0 but in self-tests
    planted_every: int  # the calls that do it: 1 repeats the first elements in each call, k all elements in every k-th
    key: dict[str, Any]  # key columns of table timings


class Stop(TypedDict):
    """When a block has enough rounds; fixed before the first."""

    pairs: list[list[int]]  # [contender, base]: the ratios that must be known well enough; none: all rounds are taken
    target: float  # half-width of a ratio's interval
    looks: list[list[int]]  # [rounds, rank]: at so many rounds the interval reaches from rank to rank


class Block(TypedDict):
    """Contenders that share buffers, and so can be compared."""

    name: str
    protocol: str
    n_elements: int
    rows: int  # of a batch, one behind the other, that the calls of each thread walk over; 0: as the protocol has it
    threads: int
    inputs: Inputs
    pages: str
    rounds: int  # the most
    stop: Stop
    sweeps: int  # values per contender and round, fewer of long calls: forwards, backwards, forwards, ...
    value_s: float
    contenders: list[Contender]


class RoundSpec(TypedDict):
    """A block, and what differs from round to round."""

    block: Block
    round: int
    seed: int
    libraries: dict[str, str]
    cpus: list[int]
    llc_bytes: int
    padding_bytes: int
    parent: int  # process that the round ends with


def fingerprint(block: Block, code: Mapping[str, str]) -> str:
    """Hash of all that a block's numbers depend on: its contenders, their objects, and the code that measures.

    `code` maps what the block runs to a hash of it. How many rounds there are is left out: more rounds of the same
    block are the same block.
    """
    described = {key: value for key, value in block.items() if key not in ("rounds", "stop", "contenders")}
    contenders = [{key: value for key, value in c.items() if key != "key"} for c in block["contenders"]]
    text = json.dumps([described, contenders, sorted(code.items())], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def aside(path: Path) -> Path:
    """Where a file is written before it is renamed into place."""
    return path.with_name(f".{path.name}")


def write_json(path: Path, document: Any) -> None:
    """Write JSON aside, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside(path).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    aside(path).replace(path)
