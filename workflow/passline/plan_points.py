"""Where a block measures: protocol, row length, inputs, pages, and the batch and threads that its calls walk over."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

HOT, CONSUMED = "hot", "consumed"
IN_CACHE, STREAMED = "in_cache", "streamed"
IN_CACHE_LLC_SHARE = 0.5  # of the last-level cache, that x and y of a batch may take
STREAMED_LLC_MULTIPLE = 4  # of the last-level cache: x alone of a batch that is streamed from memory, as in cold
BYTES_PER_ELEMENT = 4


@dataclass(frozen=True)
class Batch:
    """Rows of each thread, one behind the other, that calls walk over, and threads; no rows: as the protocol has it."""

    rows: int = 0
    threads: int = 1


ALONE = Batch()


@dataclass(frozen=True)
class Point:
    """What the contenders of a block share."""

    protocol: str
    n_elements: int
    family: str = "uniform"
    pages: str = "huge"
    batch: Batch = ALONE

    @property
    def name(self) -> str:
        """As block names have it: `hot-n4096-r512-t2-uniform-huge`."""
        batch = [f"r{self.batch.rows}"] if self.batch.rows else []
        threads = [f"t{self.batch.threads}"] if self.batch.threads > 1 else []
        return "-".join([self.protocol, f"n{self.n_elements}", *batch, *threads, self.family, self.pages])

    def key_of(self, threads: int) -> dict[str, Any]:
        """Columns of table timings, where so many threads share a row; how many rows there were, the round tells."""
        return {
            "n_elements": self.n_elements,
            "threads": max(self.batch.threads, threads),
            "cache_protocol": self.protocol,
            "inputs": self.family,
            "pages": self.pages,
        }


def rows_of(wanted: int | str, n: int, threads: int, llc_bytes: int) -> int:
    """Rows of each thread: a number, or as many as stay in cache, or as are streamed from memory, for all threads."""
    row = BYTES_PER_ELEMENT * n
    if wanted == IN_CACHE:
        return max(1, int(IN_CACHE_LLC_SHARE * llc_bytes) // (2 * row * threads))
    if wanted == STREAMED:
        return math.ceil(STREAMED_LLC_MULTIPLE * llc_bytes / (row * threads))
    return int(wanted)


def thread_counts(listed: Iterable[int | str], node: int, socket: int, cores: int) -> list[int]:
    """The numbers of threads that a config lists in numbers and words, each once.

    `node` and `socket` are the cores of the measuring cpu's NUMA node and of its socket, `cores` those of the session.
    """
    words = {
        "powers_of_two": [1 << power for power in range(cores.bit_length())],
        "node": [node],
        "socket": [socket],
        "all": [cores],
    }
    return sorted({count for each in listed for count in (words[each] if isinstance(each, str) else [each])})
