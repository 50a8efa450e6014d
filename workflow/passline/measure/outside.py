"""Outside baselines in a round: the same buffers, sweeps and clock as our own kernels, called from Python.

What the call costs beside its elements, and the pages that the system must map for a result that each call allocates
anew, are measured beside the values: they are not the kernel's.
"""

from __future__ import annotations

import gc
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any

import numpy as np

from passline import baselines
from passline.measure.buffers import CACHE_LINE, Buffer
from passline.measure.library import Floats
from passline.measure.spec import Block, Contender
from passline.measure.timed import CHECKED_ELEMENTS, Timed

RELATIVE_ERROR, DRIFT = 1e-4, 1e-9
"""Allowed of any output, and for each element summed: of a million floats, sums in one vector are off by 4e-4."""

_NORMAL = float(np.finfo(np.float32).tiny)
_SHORT_CALLS, _SHORT_REPEATS = 100, 5  # of a row of one element
_DENORMAL = np.array([0.0, -100.0] * 16, np.float32)  # exp(-100) / 16 = 2e-45 is a denormal


class Outside(Timed):
    """A baseline bound to the block's buffers, on the calling thread."""

    def __init__(
        self,
        contender: Contender,
        block: Block,
        x: Buffer,
        y: Buffer,
        consumer: Callable[[Floats], None] | None = None,
    ) -> None:
        """Load it; ImportError, OSError or MeasurementError where that fails, though it was probed.

        `consumer` reads the outputs after each call, inside the clock.
        """
        super().__init__(contender)
        module = baselines.module(contender["baseline"])
        self.softmax = module.load()
        told = module.probe()
        self._facts = {
            "version": told.version,
            "dispatches_to": told.isa,
            "library_threads": told.threads,
            "denormals": denormals(self.softmax),
            "call_overhead_s": call_overhead_s(self.softmax),
        }
        self._rows = [_Rows(buffer) for buffer in (x, y)]
        self._count = max(len(x.rows), len(y.rows))  # protocols have one row of x, or as many as of y
        self._calls: dict[int, baselines.Call] = {}
        self._cursor = self._timed = self._faults = 0
        paper = block["protocol"] == "paper"
        self._run: Callable[[Sequence[baselines.Call], int], float] = self._run_each if paper else run_all
        self._moved = (0, 0)
        self._consumer = consumer

    def move(self, x_bytes: int, y_bytes: int) -> None:
        """Bind the rows anew, when they are first used."""
        if (x_bytes, y_bytes) != self._moved:
            self._moved = (x_bytes, y_bytes)
            self._calls.clear()

    def run(self, calls: int) -> list[float]:
        """Seconds per call."""
        bound = [self._call(self._cursor + k) for k in range(min(calls, self._count))]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        with without_collection():
            seconds = self._run(bound, calls)
        self._faults += resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        self._timed += calls
        self._cursor = (self._cursor + calls) % self._count
        return [seconds / calls]

    def calibrate(self, value_s: float, least: int = 1) -> tuple[int, list[float]]:
        """As every contender; page faults of these first calls, which warm memory up, do not count."""
        found = super().calibrate(value_s, least)
        self._timed = self._faults = 0
        return found

    def doubts(self, y: Floats) -> list[str]:
        """Compare one more call with float64."""
        x, y = self._row_pair(0)
        if len(x) > CHECKED_ELEMENTS:
            return []
        wrong = deviation(self.softmax, x, y)
        return [] if wrong is None else [f"{self.contender['name']}: {wrong}"]

    def told(self) -> dict[str, object]:
        """Version, threads and dispatch as the library tells them here, and what is not the kernel's."""
        faults = self._faults / self._timed if self._timed else float("nan")
        return self._facts | {"minor_faults_per_call": faults}

    def _row_pair(self, number: int) -> tuple[Floats, Floats]:
        x, y = (rows.at(number, moved) for rows, moved in zip(self._rows, self._moved, strict=True))
        return x, y

    def _call(self, number: int) -> baselines.Call:
        number %= self._count
        if number not in self._calls:
            x, y = self._row_pair(number)
            call = self.softmax.bind(x, y)
            self._calls[number] = call if self._consumer is None else consumed(self.softmax, call, y, self._consumer)
        return self._calls[number]

    def _run_each(self, bound: Sequence[baselines.Call], calls: int) -> float:
        """Touch x before each call and read the clock around it, as the workload of our own kernels does."""
        lines = self._row_pair(0)[0][:: CACHE_LINE // 4]
        clock, elapsed = time.perf_counter_ns, 0
        for call in islice(cycle(bound), calls):
            lines.max()
            start = clock()
            call()
            elapsed += clock() - start
        return elapsed * 1e-9


class _Rows:
    """Rows of a buffer, moved within its slack."""

    def __init__(self, buffer: Buffer) -> None:
        self._flat = buffer.flat
        self._length = len(buffer.rows[0])
        self._starts = [(row.ctypes.data - buffer.flat.ctypes.data) // 4 for row in buffer.rows]

    def at(self, number: int, moved_bytes: int) -> Floats:
        start = self._starts[number % len(self._starts)] + moved_bytes // 4
        return self._flat[start : start + self._length]


def run_all(bound: Sequence[baselines.Call], calls: int) -> float:
    """Seconds of `calls` calls, which take turns."""
    turns = islice(cycle(bound), calls)
    start = time.perf_counter_ns()
    for call in turns:
        call()
    return (time.perf_counter_ns() - start) * 1e-9


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of what is timed."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def outputs(softmax: baselines.Softmax, returned: Any, y: Floats) -> Floats:
    """Where a call left its outputs."""
    return y if softmax.outputs is None else softmax.outputs(returned)


def consumed(
    softmax: baselines.Softmax, call: baselines.Call, y: Floats, consumer: Callable[[Floats], None]
) -> baselines.Call:
    """The call, and one read of its outputs."""

    def both() -> Any:
        returned = call()
        consumer(outputs(softmax, returned, y))
        return returned

    return both


def deviation(softmax: baselines.Softmax, x: Floats, y: Floats) -> str | None:
    """How the outputs for x, float32[n], differ from float64 by more than they may, or None. May overwrite y."""
    if softmax.outputs is None:
        y.fill(np.nan)
    got = outputs(softmax, softmax.bind(x, y)(), y)
    if got.shape != x.shape:
        return f"{got.shape} outputs for {x.shape} inputs"
    terms = np.exp(x.astype(np.float64) - float(x.max()))
    want = terms / terms.sum()
    # Outputs that are no normal floats may be flushed: they must be small, no more.
    allowed = np.where(want >= _NORMAL, (RELATIVE_ERROR + DRIFT * len(x)) * want, _NORMAL)
    wrong = ~(np.abs(got - want) <= allowed)
    if not wrong.any():
        return None
    worst = int(np.flatnonzero(wrong)[0])
    return f"{int(wrong.sum())} of {len(x)} outputs are wrong, such as {got[worst]:.9g} in place of {want[worst]:.9g}"


def call_overhead_s(softmax: baselines.Softmax) -> float:
    """Seconds of a call on a row of one element, with the loop that makes it."""
    x, y = (np.zeros(CACHE_LINE, np.float32)[:1] for _ in range(2))  # some libraries read a little behind a row's end
    bound = [softmax.bind(x, y)]
    run_all(bound, _SHORT_CALLS)
    with without_collection():
        return statistics.median(run_all(bound, _SHORT_CALLS) / _SHORT_CALLS for _ in range(_SHORT_REPEATS))


def denormals(softmax: baselines.Softmax) -> str:
    """What becomes of outputs that are denormals: `kept` or `flushed`; and whether calls leave the thread flushing."""
    y = np.full_like(_DENORMAL, np.nan)
    got = outputs(softmax, softmax.bind(_DENORMAL, y)(), y)
    found = "kept" if got[1] > 0 else "flushed"
    half = np.array([_NORMAL], np.float32) * np.float32(0.5)
    return found if half[0] > 0 else f"{found}, and the thread flushes from then on"
