"""Rows of floats with a stated alignment, page size and placement.

`huge` maps memory at a 2 MiB boundary and asks for transparent huge pages, `small` forbids them, and `malloc`
takes what malloc gives (16-byte alignment, as std::vector in the paper's released benchmark).
"""

from __future__ import annotations

import math
import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from passline.measure.library import Floats

HUGE_PAGE = 2 << 20
ROW_PADDING = 128  # bytes: rows start on their own pair of cache lines, as in the paper's released benchmark


@dataclass(frozen=True)
class Buffer:
    """`rows` equally long rows in one allocation, which lives as long as this object."""

    rows: tuple[Floats, ...]
    bytes: int
    owner: object


def allocate(n_rows: int, n_elements: int, pages: str, offset: int = 0) -> Buffer:
    """Allocate n_rows rows of n_elements floats, `offset` bytes behind where their memory would start.

    Raises MemoryError where the system refuses.
    """
    stride = math.ceil(4 * n_elements / ROW_PADDING) * ROW_PADDING
    size = n_rows * stride
    if pages == "malloc":
        # Large requests to malloc start 16 bytes behind a page boundary; the array owns the memory it is cut from.
        raw = np.empty(size + mmap.PAGESIZE + 16 + offset, np.uint8)
        start = (-raw.ctypes.data) % mmap.PAGESIZE + 16 + offset
        flat, owner = raw[start : start + size], raw
    else:
        # Whole huge pages: a mapping that ends within one gets none there.
        whole_pages = math.ceil((size + offset) / HUGE_PAGE) * HUGE_PAGE
        mapped = mmap.mmap(-1, whole_pages + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        advise(mapped, pages)
        whole = np.frombuffer(mapped, np.uint8)
        start = (-whole.ctypes.data) % HUGE_PAGE + offset
        flat, owner = whole[start : start + size], whole
    rows = tuple(flat[i * stride : i * stride + 4 * n_elements].view(np.float32) for i in range(n_rows))
    return Buffer(rows, size, owner)


def advise(mapped: mmap.mmap, pages: str) -> None:
    """Ask for huge pages or forbid them; a kernel without transparent huge pages refuses, and `huge_bytes` tells."""
    # MADV_NOHUGEPAGE has no name in Python's mmap before 3.12 on some builds; 15 is its number (madvise(2)).
    advice = mmap.MADV_HUGEPAGE if pages == "huge" else getattr(mmap, "MADV_NOHUGEPAGE", 15)
    try:
        mapped.madvise(advice)
    except OSError:
        return


def huge_bytes(smaps: Path = Path("/proc/self/smaps_rollup")) -> float:
    """Bytes of this process that lie on huge pages; NaN where the kernel does not tell."""
    try:
        for line in smaps.read_text(encoding="ascii").splitlines():
            if line.startswith("AnonHugePages:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    return math.nan


def fill(buffer: Buffer, distribution: str, low: float, high: float, rng: np.random.Generator) -> None:
    """Fill all rows: `uniform` on [low, high), `normal` with mean low and deviation high.

    A block of at most 4 Mi values is drawn and repeated: neither the kernels nor the caches can tell, and
    drawing hundreds of millions would take longer than measuring them.
    """
    row_length = len(buffer.rows[0])
    drawn = min(row_length * len(buffer.rows), 4 << 20)
    values = rng.standard_normal(drawn, np.float32) if distribution == "normal" else rng.random(drawn, np.float32)
    values *= high if distribution == "normal" else high - low
    values += low
    position = 0
    for row in buffer.rows:
        filled = 0
        while filled < row_length:
            take = min(drawn - position, row_length - filled)
            row[filled : filled + take] = values[position : position + take]
            filled += take
            position = (position + take) % drawn
