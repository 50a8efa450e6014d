"""Rows between guard pages, and the processor's denormal mode: the stage on which variants are checked."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from passline.reference import Floats

# A quiet NaN with a payload: as data it spoils any result, as memory it is easy to tell from one.
CANARY = 0x7FC0BEEF
_PROT_NONE = 0
_LIBC = ctypes.CDLL(None, use_errno=True)


class GuardedRow:
    """Room for a row of floats, full of canaries, between two pages that no access survives.

    Rows that start or end flush with a page show any access outside them as a signal.
    """

    def __init__(self, least: int, file: int = -1) -> None:
        """Map at least `least` floats, of a file that another process maps too, or of none.

        OSError where the pages cannot be protected.
        """
        page = self.guard_bytes = mmap.PAGESIZE
        size = -(-least * 4 // page) * page
        if file >= 0:
            os.ftruncate(file, size + 2 * page)
        kind = mmap.MAP_SHARED if file >= 0 else mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._map = mmap.mmap(file, size + 2 * page, flags=kind)
        everything = np.frombuffer(self._map, dtype=np.uint8)
        start = everything.ctypes.data
        for guard in (start, start + page + size):
            if _LIBC.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), _PROT_NONE):
                raise OSError(ctypes.get_errno(), f"mprotect: {os.strerror(ctypes.get_errno())}")
        self.floats: Floats = everything[page : page + size].view(np.float32)
        self._words = self.floats.view(np.uint32)
        self._pairs = self.floats.view(np.uint64)
        self._words[:] = CANARY
        self._pair = np.uint64(CANARY << 32 | CANARY)
        self.capacity = size // 4

    def flush_right(self, n: int) -> int:
        """Offset of a row of n floats that ends at the upper guard page."""
        return self.capacity - n

    def address(self, offset: int) -> int:
        """Address of the float at `offset`."""
        return int(self.floats.ctypes.data) + 4 * offset

    def put(self, offset: int, row: Floats) -> None:
        """Write a row."""
        self.floats[offset : offset + row.size] = row

    def take(self, offset: int, n: int) -> Floats:
        """Copy a row out and put canaries in its place."""
        row = self.floats[offset : offset + n].copy()
        self._words[offset : offset + n] = CANARY
        return row

    def intact(self) -> bool:
        """Whether all is canaries; where it is not, they are put back."""
        if bool((self._pairs == self._pair).all()):
            return True
        self._words[:] = CANARY
        return False


# Where fenv_t holds the control register, and its bits that flush denormals (x86: MXCSR FTZ and DAZ; Arm: FPCR FZ).
_FLUSH = {"x86_64": (7, 0x8040), "aarch64": (0, 1 << 24)}


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Flush denormals to zero while the block runs; does nothing on an architecture not known here."""
    if platform.machine() not in _FLUSH:
        yield
        return
    word, bits = _FLUSH[platform.machine()]
    before = (ctypes.c_uint32 * 16)()
    _LIBC.fegetenv(before)
    flushed = (ctypes.c_uint32 * 16)(*before)
    flushed[word] |= bits
    _LIBC.fesetenv(flushed)
    try:
        yield
    finally:
        _LIBC.fesetenv(before)
