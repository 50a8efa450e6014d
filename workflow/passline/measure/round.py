"""A round: one fresh process for one block. Run as `python -m passline.measure.round OUT`, with its spec on stdin.

It allocates once, runs every contender of the block on the same buffers in random order, forwards and backwards in
turn (so that a steady drift cancels), and writes one pyperf file aside, then renames it. It ends with its parent.
"""

from __future__ import annotations

import copy
import ctypes
import datetime
import json
import math
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyperf

from passline.measure import buffers, environment
from passline.measure.library import Floats, Library, Workload
from passline.measure.outside import Outside
from passline.measure.spec import Block, Contender, RoundSpec, aside
from passline.measure.timed import Timed

CLOCK_S = 50e-6  # length of one clock measurement
SETTLE = 20  # before each value, 1/20 of its calls run untimed: the caches then hold this contender's own footprint
LONG = 4  # a call this many times longer than a value should be needs none of that: its row is too long for any cache
SLOW = 4  # a contender may take this many times longer in a round than sweeps of the usual values: longer calls are
LEAST_SWEEPS = 4  # timed in fewer sweeps, but in so many that all of them meet each alignment to four cache lines
# x and y start at one of 64 cache lines of a page, another one in each sweep: which sets they share, and whether their
# low address bits agree, changes the time of a kernel (Mytkowicz et al. 2009). Odd steps reach every line.
OFFSETS, X_STEP, Y_STEP = buffers.SLACK // buffers.CACHE_LINE, 13, 27
COLD_LLC_MULTIPLE = 4
SHARED = 1.5  # threads at once that take so many times longer than one alone do not have a core each
LEAST_FOR_QUARTILES = 4


def sweeps_of(block: Block, call_s: float) -> int:
    """Sweeps that time a contender whose call takes call_s."""
    affordable = max(LEAST_SWEEPS, round(SLOW * block["sweeps"] * block["value_s"] / call_s))
    return min(block["sweeps"], affordable)


def offsets(first: tuple[int, int], sweep: int) -> tuple[int, int]:
    """Bytes by which x and y are moved in a sweep, from those of the round's first."""
    lines = (start // buffers.CACHE_LINE + step * sweep for start, step in zip(first, (X_STEP, Y_STEP), strict=True))
    x, y = (line % OFFSETS * buffers.CACHE_LINE for line in lines)
    return x, y


def row_counts(block: Block, llc_bytes: int) -> tuple[int, int]:
    """Rows of x and of y that calls walk over.

    `paper`: one x, and y rotating over more than the LLC, 1 + ceil(LLC / row), as in the paper's released
    benchmark. `hot`: one of each, and `consumed` too. `cold`: rows streamed over 4 x LLC, so that both come from
    memory. A batch: its own.
    """
    if block["rows"]:
        return block["rows"], block["rows"]
    row_bytes = buffers.stride_bytes(block["n_elements"])
    if block["protocol"] == "paper":
        return 1, 1 + math.ceil(llc_bytes / row_bytes)
    if block["protocol"] == "cold":
        rows = max(1, math.ceil(COLD_LLC_MULTIPLE * llc_bytes / row_bytes))
        return rows, rows
    return 1, 1


def begin_at(block: Block, x_rows: int) -> list[float]:
    """At which share of its rows each contender begins: none finds in cache what the one before it left there.

    What goes by choices on several threads begins with the first: by a choice for fewer it computes other rows.
    """
    contenders = block["contenders"]
    first = [x_rows == 1 or bool(c["choices"] and block["threads"] > 1) for c in contenders]
    return [0.0 if at_first else (i + 1) / (len(contenders) + 1) for i, at_first in enumerate(first)]


class Runner(Timed):
    """Passes of a built library, on one thread or on several at once."""

    def __init__(
        self,
        contender: Contender,
        library: Library,
        block: Block,
        rows: list[RowSet],
        cpus: list[int],
        begin: float = 0.0,
    ) -> None:
        """Build the workloads and the state a single pass starts from; calls begin at this share of their rows.

        A contender that goes by choices has a batch as a whole, on all of its threads, and each of them computes a row
        of its part at a time.
        """
        super().__init__(contender)
        self._library, self._cpus = library, cpus[: block["threads"]]
        team = cpus[: contender["threads"]] if contender["choices"] else []
        batch = sum(len(r.x) for r in rows) if team and block["rows"] else 0
        self._calls_at_once = len(team) // len(rows) if batch else 1
        if batch:
            rows = [rows[0].part(0, self._calls_at_once)]
        self.workloads = [library.workload(contender["variants"], r.x, r.y, r.scratch) for r in rows]
        self.first_row = int(begin * len(rows[0].y))
        for workload, row_set in zip(self.workloads, rows, strict=True):
            if team:
                workload.choose(contender["choices"], contender["key"]["isa"], team, batch_rows=batch)
            if len(rows) > 1:
                workload.advance(self.first_row)
            else:
                workload.begin(self.first_row)
            if contender["prefix"]:
                workload.set_state(library.call(contender["prefix"], row_set.x[0], row_set.y[0], row_set.scratch))
            workload.set_state(contender["state"])
            if contender["consumer"]:
                workload.c.consumer = library.variants[contender["consumer"]]
            paper = block["protocol"] == "paper"
            workload.c.touch_x = workload.c.clock_each_call = int(paper)
            workload.c.planted_every = contender["planted_every"]
            share = contender["planted"] * contender["planted_every"]
            workload.c.planted_elements = round(share * block["n_elements"])

    def move(self, x_bytes: int, y_bytes: int) -> None:
        """Let the rows start so many bytes behind where their memory does."""
        for workload in self.workloads:
            workload.move(x_bytes, y_bytes)

    def run(self, calls: int) -> list[float]:
        """Seconds per call: of the whole, or of each pass where the contender is split."""
        if len(self.workloads) > 1:
            return [self._run_threads(calls) / calls]
        workload: Workload = self.workloads[0]
        steps = math.ceil(calls / self._calls_at_once)
        seconds = workload.run_split(steps) if self.contender["split"] else [workload.run(steps)]
        return [value / (steps * self._calls_at_once) for value in seconds]

    def _run_threads(self, calls: int) -> float:
        ffi, lib, count = self._library.ffi, self._library.lib, len(self.workloads)
        array = ffi.new("passline_workload[]", [w.c[0] for w in self.workloads])
        start, end = ffi.new("uint64_t[]", count), ffi.new("uint64_t[]", count)
        error = lib.passline_run_threads(array, ffi.new("int[]", self._cpus), count, calls, start, end)
        if error:
            raise OSError(error, os.strerror(error))
        for workload in self.workloads:
            workload.advance(calls)
        # From the first thread's start to the last thread's end: the time that the machine needed.
        return float(max(end) - min(start)) * 1e-9


class RowSet:
    """The rows of one thread, or of several: they share each row, or have an equal part of a batch each."""

    def __init__(
        self,
        block: Block,
        counts: tuple[int, int],
        library: Library,
        cpus: list[int],
        rng: np.random.Generator,
    ) -> None:
        """Allocate and fill; every page is first touched from the one of the cpus that works on it."""
        n = block["n_elements"]
        x, y = (buffers.allocate(c, n, block["pages"], packed=bool(block["rows"])) for c in counts)
        scratch = any(c["scratch"] for c in block["contenders"])
        extra = buffers.allocate(len(cpus), n, block["pages"]) if scratch else None
        self.buffers = [buffer for buffer in (x, y, extra) if buffer is not None]
        for buffer in self.buffers:
            for cpu, part in zip(cpus, np.array_split(buffer.flat, len(cpus)), strict=True):
                error = library.lib.passline_first_touch(library.row(part), len(part), cpu)
                if error:
                    raise OSError(error, f"first touch from cpu {cpu}: {os.strerror(error)}")
        inputs = block["inputs"]
        buffers.fill(x, inputs["distribution"], inputs["low"], inputs["high"], rng)
        self.x: tuple[Floats, ...] = x.rows
        self.y: tuple[Floats, ...] = y.rows
        self._y_flat = y.flat
        self._scratch = extra.rows if extra is not None else ()
        self.scratch = self._scratch[0] if self._scratch else None

    def part(self, number: int, of: int) -> RowSet:
        """One of `of` equal parts of the rows, in the same memory."""
        made = copy.copy(self)
        made.x, made.y = (rows[number * len(rows) // of : (number + 1) * len(rows) // of] for rows in (self.x, self.y))
        made.scratch = self._scratch[number % len(self._scratch)] if self._scratch else None
        return made

    def written(self, row: int, moved_bytes: int) -> Floats:
        """A row of y, where rows were moved so far."""
        start = (self.y[row].ctypes.data - self._y_flat.ctypes.data + moved_bytes) // 4
        return self._y_flat[start : start + len(self.y[row])]


def take(spec: RoundSpec) -> pyperf.BenchmarkSuite:
    """Run one round; return its pyperf suite, one benchmark per contender (and pass, where split)."""
    began, block, cpu = time.monotonic(), spec["block"], spec["cpus"][0]
    start_utc = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    os.sched_setaffinity(0, {cpu})
    steal, load = environment.steal_s(cpu), environment.load()
    rng = np.random.default_rng(spec["seed"])
    libraries = {name: Library(Path(path)) for name, path in spec["libraries"].items()}
    first = next(iter(libraries.values()))
    counts = row_counts(block, spec["llc_bytes"])
    threads = block["threads"]
    x_line, y_line = rng.integers(0, OFFSETS, 2)
    start = (buffers.CACHE_LINE * int(x_line), buffers.CACHE_LINE * int(y_line))
    contenders = block["contenders"]
    rows = row_sets(spec, counts, first)
    x, y = rows[1][0].buffers[:2]
    begins = begin_at(block, counts[0])
    runners: list[Timed] = [
        Outside(c, block, x, y, first.reader(c["consumer"]) if c["consumer"] else None)
        if c["baseline"]
        else Runner(c, libraries[c["library"]], block, rows[c["threads"]], spec["cpus"], begin)
        for c, begin in zip(contenders, begins, strict=True)
    ]
    # Values of the same length meet the same disturbances: a timer that strikes every few milliseconds is in each long
    # value and in few short ones.
    least = max(c["planted_every"] for c in contenders)
    order = list(range(len(runners)))
    random.Random(spec["seed"]).shuffle(order)

    clocks: list[float] = []
    doubts: list[str] = []
    warmups: dict[int, tuple[int, list[float]]] = {}
    values: dict[int, list[list[float]]] = {i: [] for i in order}
    most = max(threads, *(c["threads"] for c in contenders))
    slowdowns: list[float] = []
    for sweep in range(block["sweeps"]):
        moved = offsets(start, sweep)
        slowdowns += [first.slowdown(spec["cpus"][:most])] if most > 1 else []
        for index in order if (sweep + spec["round"]) % 2 == 0 else reversed(order):
            runner = runners[index]
            runner.move(*moved)
            if sweep == 0:
                warmups[index] = runner.calibrate(block["value_s"], least)
                doubts += runner.doubts(rows[contenders[index]["threads"]][0].written(runner.first_row, moved[1]))
            elif sweep >= sweeps_of(block, sum(warmups[index][1])):
                continue
            if sum(warmups[index][1]) < LONG * block["value_s"]:
                runner.run(1 + runner.calls // SETTLE)
            values[index].append(runner.run(runner.calls))
            clocks.append(first.clock_hz(CLOCK_S))

    duration = time.monotonic() - began
    stolen = environment.steal_s(cpu) - steal
    if stolen > 0.02 * duration:
        doubts.append(f"the hypervisor took {stolen:.2f} s of {duration:.2f} s")
    shared = [slowdown > SHARED for slowdown in slowdowns if not math.isnan(slowdown)]
    facts = {
        "block": block["name"],
        "round": spec["round"],
        "order": " ".join(map(str, order)),
        "start_utc": start_utc,
        "duration_s": duration,
        "process": os.getpid(),
        "seed": spec["seed"],
        "cpu": cpu,
        "clock_hz": statistics.median(clocks) or math.nan,
        "clock_low_hz": min(clocks) or math.nan,
        "steal_s": stolen,
        "core_shared": sum(shared) / len(shared) if shared else math.nan,
        "load": load,
        "involuntary_switches": environment.involuntary_switches(),
        "temperature_c": environment.temperature_c(),
        "throttle_count": environment.throttle_count(cpu),
        "huge_bytes": buffers.huge_bytes(),
        "buffer_bytes": sum({id(b): b.bytes for sets in rows.values() for r in sets for b in r.buffers}.values()),
        "env_bytes": spec["padding_bytes"],
        "offset_bytes": start[0],
        "offset_y_bytes": start[1],
        "noise": _noise(values.values()),
        "n_rows": counts[0] * threads,
        "marked": bool(doubts),
        "reason": "; ".join(doubts) or "-",
    }
    return _suite(runners, warmups, values, facts)


def row_sets(spec: RoundSpec, counts: tuple[int, int], library: Library) -> dict[int, list[RowSet]]:
    """By the number of threads that share a row, the rows that they share; where none does, those of each thread.

    What is shared is placed by those who share it, so each number has rows of its own, with the same contents. A batch
    on several threads is one: each has a part of it, as passline_softmax_batch has it.
    """
    block, seed = spec["block"], spec["seed"]
    threads = block["threads"]
    if threads > 1 and block["rows"]:
        all_rows = (counts[0] * threads, counts[1] * threads)
        batch = RowSet(block, all_rows, library, spec["cpus"][:threads], np.random.default_rng([seed, 0]))
        parts = [batch.part(i, threads) for i in range(threads)]
        return {1: parts, threads: parts}
    own = spec["cpus"][:threads] if threads > 1 else [-1]
    alone = [RowSet(block, counts, library, [cpu], np.random.default_rng([seed, i])) for i, cpu in enumerate(own)]
    several = sorted({c["threads"] for c in block["contenders"]} - {1})
    shared = {k: [RowSet(block, counts, library, spec["cpus"][:k], np.random.default_rng([seed, 0]))] for k in several}
    return {1: alone, **shared}


def _noise(values: Iterable[list[list[float]]]) -> float:
    """Median over contenders of the distance between quartiles over the median; NaN with fewer than four values."""
    totals = [sorted(map(sum, found)) for found in values if len(found) >= LEAST_FOR_QUARTILES]
    quartiles = [statistics.quantiles(found) for found in totals]
    return statistics.median((q[2] - q[0]) / q[1] for q in quartiles) if quartiles else math.nan


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` dies, as by kill -9 (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before it was asked for
        sys.exit(1)


def _suite(
    runners: list[Timed],
    warmups: dict[int, tuple[int, list[float]]],
    values: dict[int, list[list[float]]],
    facts: dict[str, object],
) -> pyperf.BenchmarkSuite:
    benchmarks = []
    described = json.dumps(facts)
    for index, runner in enumerate(runners):
        parts = runner.contender["variants"] if runner.contender["split"] else [""]
        for position, part in enumerate(parts):
            warm_calls, warm = warmups[index]
            metadata = {
                "name": f"{runner.contender['name']}/{part}" if part else runner.contender["name"],
                "unit": "second",
                "loops": runner.calls,
                "passline_contender": index,
                "passline_pass_index": position + 1 if part else 0,
                "passline_round": described,
            }
            if told := runner.told():
                metadata["passline_told"] = json.dumps(told)
            run = pyperf.Run(
                [value[position] for value in values[index]],
                warmups=[(warm_calls, warm[position])],
                metadata=metadata,
                collect_metadata=False,
            )
            benchmarks.append(pyperf.Benchmark([run]))
    return pyperf.BenchmarkSuite(benchmarks)


def main(out: Path) -> None:
    """Take the round that stdin describes and write it to `out`."""
    spec: RoundSpec = json.load(sys.stdin)
    end_with_parent(spec["parent"])
    suite = take(spec)
    suite.dump(str(aside(out)), replace=True)
    aside(out).replace(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
