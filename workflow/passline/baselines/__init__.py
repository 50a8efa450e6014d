"""Outside baselines: softmax as it ships elsewhere, timed in the same rounds as our own kernels.

One file each, and no list of them: the file's name is the algorithm's in every table. A file has

- `TITLE`, what figures and text call it;
- `probe()`, which says whether it can be had and what it tells of itself. It loads the library;
- `load()`, what a round binds to its rows.

Whatever a baseline needs is imported or opened inside these functions: without it, the rest runs.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import cffi
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Call = Callable[[], Any]

NOT_TOLD = "not told"

# One thread, whatever runtime a baseline brings. Runtimes read these as they are loaded.
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Availability:
    """Whether a baseline can be had, and what it tells of itself."""

    ok: bool
    reason: str = "-"  # why not
    version: str = "-"
    isa: str = "-"  # what it says it dispatches to, in its own words
    threads: int = 0


@dataclass(frozen=True)
class Softmax:
    """A loaded baseline.

    `bind` takes a row of x and one of y, float32[n], and gives a call without arguments that computes y. Where the
    library allocates its result instead, `outputs` gives the float32[n] of what the call returned, and y stays as it
    was.
    """

    bind: Callable[[Floats, Floats], Call]
    outputs: Callable[[Any], Floats] | None = None


class Baseline(Protocol):
    """What a file of this folder is."""

    TITLE: str

    def probe(self) -> Availability:
        """Whether it can be had."""

    def load(self) -> Softmax:
        """Load it, on one thread."""


def module(name: str) -> Baseline:
    """The baseline of that name, ready to run on one thread; ModuleNotFoundError where no file has the name."""
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    return cast("Baseline", importlib.import_module(f"{__name__}.{name}"))


def open_first(names: Sequence[str], declarations: str) -> tuple[Any, Any] | None:
    """The FFI of cffi and the first shared library of `names` that opens; None where none does."""
    for name in names:
        ffi = cffi.FFI()
        ffi.cdef(declarations)
        try:
            return ffi, ffi.dlopen(name)
        except OSError:
            continue
    return None
