"""libpassline.so through cffi's ABI mode: no Python headers, no generated C."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import numpy.typing as npt

HEADER = Path(__file__).parents[3] / "kernels" / "passline.h"
_BEGIN, _END = "// cdef: begin", "// cdef: end"

Floats = npt.NDArray[np.float32]


def declarations(header: Path = HEADER) -> str:
    """The part of passline.h that cffi reads: the text between the two cdef markers."""
    text = header.read_text(encoding="utf-8")
    return text[text.index(_BEGIN) : text.index(_END)]


def state_fields() -> tuple[str, ...]:
    """The numbers of passline_state, in order: what passes tell each other, and what they leave."""
    ffi = cffi.FFI()
    ffi.cdef(declarations())
    return tuple(name for name, member in ffi.typeof("passline_state").fields if member.type.cname == "float")


class Library:
    """A built libpassline.so: its variants by name, and the calls of passline.h."""

    def __init__(self, path: Path) -> None:
        """Load the library; OSError where it cannot be loaded."""
        self.ffi: Any = cffi.FFI()
        self.ffi.cdef(declarations())
        self.fields = state_fields()
        self.lib: Any = self.ffi.dlopen(str(path))
        count = self.ffi.new("size_t *")
        table = self.lib.passline_variants(count)
        self.variants: Mapping[str, Any] = {
            self.ffi.string(table[i].name).decode(): self.ffi.addressof(table, i) for i in range(count[0])
        }

    def row(self, row: Floats | None) -> Any:
        """Pointer to a row's first element; NULL for None. The caller keeps the array alive."""
        return self.ffi.NULL if row is None else self.ffi.cast("float *", row.ctypes.data)

    def workload(
        self,
        names: Sequence[str],
        x_rows: Sequence[Floats],
        y_rows: Sequence[Floats],
        scratch: Floats | None = None,
    ) -> Workload:
        """A workload of the named variants, in order, over rows of equal length."""
        return Workload(self, names, x_rows, y_rows, scratch)

    def call(self, names: Sequence[str], x: Floats, y: Floats, scratch: Floats | None = None) -> dict[str, float]:
        """Run the named variants once over x and y, each float32[n]; return the state they leave."""
        return self.workload(names, [x], [y], scratch).call()

    def reader(self, name: str) -> Callable[[Floats], None]:
        """A call of the named variant that reads a contiguous row, float32[n], in place of x."""
        run, state, cast = self.variants[name].run, self.ffi.new("passline_state *"), self.ffi.cast

        def read(row: Floats) -> None:
            start = cast("float *", row.ctypes.data)
            run(len(row), start, start, state)

        return read

    def clock_hz(self, duration_s: float) -> float:
        """Core clock of the calling thread; 0 where the chain's latency is not known."""
        return float(self.lib.passline_clock_hz(int(duration_s * 1e9)))

    def slowdown(self, cpus: Sequence[int]) -> float:
        """Time of arithmetic on these cpus at once over its time on the first alone; NaN where it cannot be told."""
        return float(self.lib.passline_slowdown(self.ffi.new("int[]", list(cpus)), len(cpus)))

    def clock_cost_s(self) -> float:
        """Median cost of reading the clock once."""
        return float(self.lib.passline_clock_cost_ns()) * 1e-9


class Workload:
    """A passline_workload and the Python objects that keep its memory alive."""

    def __init__(
        self,
        library: Library,
        names: Sequence[str],
        x_rows: Sequence[Floats],
        y_rows: Sequence[Floats],
        scratch: Floats | None,
    ) -> None:
        """Build the C struct; KeyError for a variant that the library does not hold."""
        ffi = library.ffi
        self._library = library
        self.n_passes = len(names)
        self._passes = ffi.new("passline_variant *[]", [library.variants[name] for name in names])
        self._starts = [np.array([row.ctypes.data for row in rows], np.uintp) for rows in (x_rows, y_rows)]
        self._pointers = [starts.copy() for starts in self._starts]
        x, y = (ffi.cast("float *const *", pointers.ctypes.data) for pointers in self._pointers)
        self._alive = (x_rows, y_rows, scratch)
        self._cursor = ffi.new("uint64_t *", 0)
        self.c = ffi.new("passline_workload *")
        self.c.passes, self.c.n_passes, self.c.n_elements = self._passes, len(names), len(x_rows[0])
        self.c.x_rows, self.c.n_x_rows = x, len(x_rows)
        self.c.y_rows, self.c.n_y_rows = y, len(y_rows)
        self.c.initial.scratch = library.row(scratch)

    def move(self, x_bytes: int, y_bytes: int) -> None:
        """Let the rows of x and y start so many bytes behind where their arrays do; the memory must reach so far."""
        for pointers, starts, offset in zip(self._pointers, self._starts, (x_bytes, y_bytes), strict=True):
            pointers[:] = starts + np.uintp(offset)

    def choose(self, choices: str, isa: str, cpus: Sequence[int], *, batch_rows: int = 0) -> None:
        """Let a call be passline_softmax with these choices of an ISA; OSError where they are wrong.

        With `batch_rows` the first row begins a batch of so many, one behind the other, and as many calls as there are
        rows are one passline_softmax_batch of it.
        Rows may be split over as many threads as there are `cpus`: the calling one, and others pinned to the rest.
        """
        ffi, lib = self._library.ffi, self._library.lib
        best = lib.passline_best_new(choices.encode(), isa.encode(), ffi.new("int[]", list(cpus)), len(cpus))
        if best == ffi.NULL:
            raise OSError(ffi.errno, f"passline_best_new for {isa}: {os.strerror(ffi.errno)}")
        self.c.best = self._best = ffi.gc(best, lib.passline_best_free)
        self.c.batch_rows = batch_rows

    def begin(self, call: int) -> None:
        """Let the next call be of this number."""
        self._cursor[0] = call

    def advance(self, calls: int) -> None:
        """Let the next call be on the row that `calls` calls lead to, for runs that start with the first."""
        for rows in (*self._starts, *self._pointers):
            rows[:] = np.roll(rows, -(calls % len(rows)))

    def set_state(self, state: Mapping[str, float]) -> None:
        """Set fields of the state that each call starts from."""
        for name, value in state.items():
            setattr(self.c.initial, name, value)

    def call(self) -> dict[str, float]:
        """Run the passes once over the first rows; return the state they leave."""
        state = self._library.ffi.new("passline_state *")
        self._library.lib.passline_call(self.c, state)
        return {name: float(getattr(state, name)) for name in self._library.fields}

    def run(self, calls: int) -> float:
        """Seconds inside the clock for `calls` calls."""
        return float(self._library.lib.passline_run(self.c, calls, self._cursor, self._library.ffi.NULL)) * 1e-9

    def run_split(self, calls: int) -> list[float]:
        """Seconds of each pass, summed over `calls` whole calls."""
        passes = self._library.ffi.new("uint64_t[]", self.n_passes)
        self._library.lib.passline_run(self.c, calls, self._cursor, passes)
        return [passes[i] * 1e-9 for i in range(self.n_passes)]
