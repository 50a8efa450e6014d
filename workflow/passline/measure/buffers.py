"""Rows of floats with a stated alignment, page size and placement.

`huge` maps memory at a 2 MiB boundary and asks for transparent huge pages, `small` forbids them, and `malloc`
takes what malloc gives (16-byte alignment, as std::vector in the paper's released benchmark).
"""

from __future__ import annotations

import errno
import math
import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from passline.measure.library import Floats

HUGE_PAGE = 2 << 20
ROW_PADDING = 128  # bytes: rows start on their own pair of cache lines, as in the paper's released benchmark
CACHE_LINE = 64
SLACK = 4096  # bytes behind the last row, so that rows can be moved within a page


@dataclass(frozen=True)
class Buffer:
    """`rows` equally long rows in one allocation, which lives as long as this object.

    `flat` is the whole of it: the rows, what pads them, and the slack behind the last.
    """

    rows: tuple[Floats, ...]
    flat: Floats

    @property
    def bytes(self) -> int:
        """Bytes of the allocation."""
        return self.flat.nbytes


def stride_bytes(n_elements: int, *, packed: bool = False) -> int:
    """Bytes from one row to the next: padded, or as in a batch one behind the other."""
    return 4 * n_elements if packed else math.ceil(4 * n_elements / ROW_PADDING) * ROW_PADDING


def allocate(n_rows: int, n_elements: int, pages: str, *, packed: bool = False) -> Buffer:
    """Allocate n_rows rows of n_elements floats. MemoryError where the system refuses."""
    stride = stride_bytes(n_elements, packed=packed)
    size = math.ceil(n_rows * stride / CACHE_LINE) * CACHE_LINE + SLACK
    if pages == "malloc":
        # Large requests to malloc start 16 bytes behind a page boundary.
        raw = np.empty(size + mmap.PAGESIZE + 16, np.uint8)
        start = (-raw.ctypes.data) % mmap.PAGESIZE + 16
    else:
        # Whole huge pages: a mapping that ends within one gets none there.
        whole_pages = math.ceil(size / HUGE_PAGE) * HUGE_PAGE
        mapped = _mapped(whole_pages + HUGE_PAGE)
        advise(mapped, pages)
        raw = np.frombuffer(mapped, np.uint8)
        start = (-raw.ctypes.data) % HUGE_PAGE
    flat = raw[start : start + size].view(np.float32)  # a view keeps the memory it is cut from
    return Buffer(tuple(flat[i * stride // 4 : i * stride // 4 + n_elements] for i in range(n_rows)), flat)


def _mapped(size: int) -> mmap.mmap:
    try:
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError(f"{size} bytes cannot be mapped") from error
        raise


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
    """Fill all of a buffer, as `Inputs` has it, so that a row that is moved is of the same kind.

    A block of at most 4 Mi random values is drawn and repeated: neither the kernels nor the caches can tell, and
    drawing hundreds of millions would take longer than measuring them.
    """
    if distribution in ("ramp", "one_hot"):
        _fill_rows(buffer, distribution, low, high, rng)
        return
    drawn = min(len(buffer.flat), 4 << 20)
    values = rng.standard_normal(drawn, np.float32) if distribution == "normal" else rng.random(drawn, np.float32)
    values *= high if distribution == "normal" else high - low
    values += low
    for start in range(0, len(buffer.flat), drawn):
        part = buffer.flat[start : start + drawn]
        part[:] = values[: len(part)]


def _fill_rows(buffer: Buffer, distribution: str, low: float, high: float, rng: np.random.Generator) -> None:
    moved = SLACK // 4  # elements by which a row may start later: a ramp goes on so far behind its end
    buffer.flat[:] = low
    for row in buffer.rows:
        n, start = len(row), (row.ctypes.data - buffer.flat.ctypes.data) // 4
        if distribution == "one_hot":
            row[rng.integers(min(moved, n - 1), n)] = high
            continue
        reached = buffer.flat[start : start + n + moved]
        step = (high - low) / max(1, n - 1)
        reached[:] = np.linspace(low, low + step * (len(reached) - 1), len(reached), dtype=np.float32)
