"""Which passes are counted, where: from the blocks of the timing step, so that counts and times are of the same code.

One thread counts the longest rows in cache and those out of cache; one thread per physical core of the measuring
cpu's NUMA node counts out of cache, each thread on its own part of the row, which it touched first. Hardware threads
that share a core are left out, as in the ceilings: they share its paths to memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from passline.counters.calibrate import ELEMENT_BYTES
from passline.counters.provenance import COLD_LLC_MULTIPLE
from passline.measure.spec import Block

ROWS = 2  # x and y
IN_CACHE_LLC_SHARE = 0.5  # of the last-level cache, that x and y may take to stay there
MEMORY_SHARE = 0.8  # that rows may take, as in the timing step
CEILINGS = "ceilings"
PASSES, HOT = "passes", "hot"


@dataclass(frozen=True)
class Place:
    """Where threads run: the measuring cpu and those of its NUMA node, one per core, and the caches these reach."""

    cpus: tuple[int, ...]  # the measuring one first
    llc_bytes: int
    llc_instances: int
    memory_bytes: int


@dataclass(frozen=True)
class Batch:
    """Passes that share rows, as a block of the timing step or on more threads; n_elements is of each thread."""

    block: Block
    cpus: tuple[int, ...]
    out_of_cache: bool

    @property
    def footprint_bytes(self) -> int:
        """Bytes of all rows."""
        return ROWS * ELEMENT_BYTES * self.block["n_elements"] * len(self.cpus)


def batches(blocks: Sequence[Block], place: Place) -> tuple[list[Batch], list[str]]:
    """What is counted, and why something is not.

    Args:
        blocks: of the timing step; those of single passes under protocol `hot` are counted, of each length the first.
        place: where threads run.
    """
    of_length: dict[int, Block] = {}
    for block in blocks:
        if block["name"].startswith(f"{PASSES}-") and block["protocol"] == HOT and _passes(block):
            of_length.setdefault(block["n_elements"], block)
    near = [n for n in of_length if ROWS * ELEMENT_BYTES * n <= IN_CACHE_LLC_SHARE * place.llc_bytes]
    far = sorted(n for n in of_length if ELEMENT_BYTES * n >= COLD_LLC_MULTIPLE * place.llc_bytes)
    one = place.cpus[:1]
    found = [_batch(of_length[n], n, one, out_of_cache=False) for n in ([max(near)] if near else [])]
    found += [_batch(of_length[n], n, one, out_of_cache=True) for n in far]
    if not of_length:
        return found, ["no pass was timed alone with its rows in place, so there is none to count"]
    if not far:
        return found, [f"no pass was timed alone at {COLD_LLC_MULTIPLE} x LLC or more"]
    if len(place.cpus) == 1:
        return found, ["the NUMA node has one core for this process, so there are no further threads"]
    # Together they reach more than one last-level cache, and the rows must be longer than all of these.
    n = math.ceil(far[0] * place.llc_instances / len(place.cpus))
    shared = _batch(of_length[far[0]], n, place.cpus, out_of_cache=True)
    if shared.footprint_bytes > MEMORY_SHARE * place.memory_bytes:
        why = f"rows of {shared.footprint_bytes / 1e9:.1f} GB do not fit into {MEMORY_SHARE:.0%} of the memory"
        return found, [f"{len(place.cpus)} threads: {why}"]
    return [*found, shared], []


def _passes(block: Block) -> bool:
    return any(c["key"]["study"] != CEILINGS for c in block["contenders"])


def _batch(block: Block, n: int, cpus: tuple[int, ...], *, out_of_cache: bool) -> Batch:
    point = {"n_elements": n, "threads": len(cpus), "n_rows": len(cpus)}
    contenders = [{**c, "key": {**c["key"], **point}} for c in block["contenders"] if c["key"]["study"] != CEILINGS]
    counted: Block = {**block, "n_elements": n, "threads": len(cpus), "contenders": contenders}  # type: ignore[typeddict-item]  # a contender with another key is one
    return Batch(counted, cpus, out_of_cache)
