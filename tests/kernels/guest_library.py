"""Kernels of another architecture, run by an emulator, behind the face of `passline.measure.library.Library`.

The check calls variants and judges them as it does those of this machine; only the calls take place in the guest
(guest/passes.c), on rows that both map. A guest says whether a kernel is right and never how long it takes.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import pytest

from passline import conformance_bench
from passline.conformance_memory import GuardedRow
from passline.measure.library import declarations, state_fields
from passline.reference import FLT_MIN

FIELDS = state_fields()
_PADDING = -4 * (1 + len(FIELDS)) % 8  # behind the denormals' flag and the state, as a C compiler adds it
REQUEST = struct.Struct(f"<IIQQQQI{len(FIELDS)}f{_PADDING}x")  # as in guest/passes.c
STATE = struct.Struct(f"<{len(FIELDS)}f")
MAP_ROW, RUN, FINISH, COMBINE = range(4)


class GuestDiedError(Exception):
    """The guest ended in the middle of a call; the message says by what."""


@dataclass(frozen=True)
class Entry:
    """A variant of the guest: `run`, `finish` and `combine` are called as those of a library are."""

    run: Any
    finish: Any
    combine: Any


class Guest:
    """A running guest program; `variants` and `ffi` are what the check uses of a library."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        """Start the program in a folder of its own, where its rows are."""
        self.ffi: Any = cffi.FFI()
        self.ffi.cdef(declarations())
        self.fields = FIELDS
        self.folder = folder
        self.rows: list[GuardedRow] = []
        self._process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, bufsize=0
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, os.fdopen(os.dup(self._process.stdout.fileno()), "rb")
        self.variants: dict[str, Entry] = {}
        for number, line in enumerate(iter(lambda: self._out.readline().decode().strip(), "")):
            name, finishes, combines = line.split()
            self.variants[name] = Entry(
                partial(self._call, RUN, number),
                partial(self._call, FINISH, number, 0, None, None) if finishes == "1" else None,
                partial(self._combine, number) if combines == "1" else None,
            )

    def row(self, least: int) -> GuardedRow:
        """A row that the guest maps too."""
        number = len(self.rows)
        with (self.folder / f"row-{number}").open("w+b") as file:
            self.rows.append(GuardedRow(least, file.fileno()))
        self._ask(MAP_ROW, number, 0, (0, 0, 0), [0.0] * len(FIELDS))
        return self.rows[-1]

    def close(self) -> None:
        """End the guest."""
        self._in.close()
        self._process.wait()
        self._out.close()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _place(self, pointer: Any) -> int:
        address = 0 if pointer is None else int(self.ffi.cast("uintptr_t", pointer))
        if not address:
            return 0
        for number, row in enumerate(self.rows):
            offset = address - row.address(0)
            if 0 <= offset <= 4 * row.capacity:
                return (number + 1 << 32) + row.guard_bytes + offset
        raise ValueError(f"{address:#x} lies in no row of the guest")

    def _call(self, task: int, variant: int, n: int, x: Any, y: Any, state: Any) -> None:
        places = self._place(x), self._place(y), self._place(state.scratch) if task == RUN else 0
        left = self._ask(task, variant, n, places, [getattr(state, name) for name in FIELDS])
        for name, value in zip(FIELDS, left, strict=True):
            setattr(state, name, value)

    def _combine(self, variant: int, parts: Any, n_parts: int) -> None:
        """One request says how many parts there are; one for each follows, and is answered with its new state."""
        self._ask(COMBINE, variant, n_parts, (0, 0, 0), [0.0] * len(FIELDS))
        for part in parts:
            places = self._place(part.x), self._place(part.y), 0
            self._tell(COMBINE, variant, part.n, places, [getattr(part.state, name) for name in FIELDS])
        for part in parts:
            for name, value in zip(FIELDS, self._told(), strict=True):
                setattr(part.state, name, value)

    def _ask(
        self, task: int, variant: int, n: int, places: tuple[int, int, int], state: Sequence[float]
    ) -> tuple[float, ...]:
        self._tell(task, variant, n, places, state)
        return self._told()

    def _tell(self, task: int, variant: int, n: int, places: tuple[int, int, int], state: Sequence[float]) -> None:
        flushed = np.float32(FLT_MIN) * np.float32(0.5) == 0  # the guest does as this process does
        with suppress(BrokenPipeError):  # the answer that does not come says it
            self._in.write(REQUEST.pack(task, variant, n, *places, bool(flushed), *state))

    def _told(self) -> tuple[float, ...]:
        answer = self._out.read(STATE.size)
        if len(answer) < STATE.size:
            status = self._process.wait()
            raise GuestDiedError(signal.Signals(-status).name if status < 0 else f"status {status}")
        return STATE.unpack(answer)


@contextmanager
def running(command: Sequence[str | Path], folder: Path) -> Iterator[Guest]:
    """A guest whose rows the check uses in place of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    guest = Guest(command, folder)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(conformance_bench, "GuardedRow", guest.row)
            yield guest
    finally:
        guest.close()
