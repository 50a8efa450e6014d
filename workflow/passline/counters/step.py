"""The counting step: what every pass moves, in rows for table `counters` and records with all that they rest on.

Runs that count are none of the runs that are timed. Where nothing can be counted nothing is run, and every pass has
one row that says why.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from passline.counters import calibrate, chain, core, counting, provenance, rows
from passline.counters.calibrate import ELEMENT_BYTES, Background, Calibration
from passline.counters.chain import Chosen
from passline.counters.counting import Counters, NullRegion, Repetition
from passline.counters.perf import Counting
from passline.counters.planning import Batch
from passline.counters.probing import Host, nothing
from passline.counters.provenance import Confidence
from passline.counters.records import (
    COMBINED,
    CYCLES,
    INSTRUCTIONS,
    READ,
    WRITE,
    Availability,
    Plan,
    document,
    errno_name,
)
from passline.counters.rights import Rights
from passline.counters.validity import MOST_PER_S
from passline.measure.library import Library
from passline.measure.round import RowSet, Runner
from passline.measure.spec import Contender

IDLE_S = 0.2  # of each look at the idle machine
FASTER = 4  # so many times what the fastest loop of known traffic moved a second is more than threads can: refused


@dataclass(frozen=True)
class Sought:
    """What counts bytes for threads on some cpus, and what counts their cycles and instructions."""

    memory: Chosen
    work: Availability


@dataclass
class Bench:
    """What counting uses; `tell` is told the batch of each workload before it runs, and may raise to end the step."""

    counting: Counting
    libraries: Mapping[str, Library]
    loops: Mapping[str, str]  # loop of known traffic -> variant, of the first library
    moved: Mapping[
        str, tuple[int, int]
    ]  # variant -> bytes per element that it reads and writes, without write-allocate
    simulated: frozenset[str]  # variants whose traffic model a simulation confirmed
    llc_bytes: int
    local_socket: int | None
    rights: Rights
    key: Mapping[str, str]  # machine and session
    seed: int
    tell: Callable[[str], None] = lambda _: None
    calibrations: dict[tuple[str, int], tuple[Calibration, NullRegion]] = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    """What one plan counted of a batch: repetitions by contender."""

    plan: Plan
    null: NullRegion
    calibration: Calibration | None
    background: Background | None
    repetitions: Mapping[str, tuple[Repetition, ...]]


def seek(mode: str, host: Host, kernel: Counting, rights: Rights, hypervisor: str | None) -> Sought:
    """Find both sources for threads on the host's cpus; MachineError where one thread cannot have what is demanded."""
    # A demand is met by one thread: some sources count several only with more rights.
    find = chain.choose if len(host.cpus) == 1 else chain.seek
    chosen = find(mode, host, kernel, rights, hypervisor)
    work = nothing("counters: off") if chosen.mode == chain.OFF else core.probe_work(host, kernel)
    return Sought(chosen, work)


def run(
    batches: Sequence[Batch], sought: Mapping[int, Sought], bench: Bench
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Count every batch: rows of table `counters`, and a record per pass and plan.

    Args:
        batches: what to count.
        sought: number of threads -> what counts them.
        bench: what counting uses.

    Raises:
        MachineError: a source that was demanded was lost meanwhile.
    """
    made: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for batch in batches:
        found = sought[len(batch.cpus)]
        taken: list[Counts] = []
        if found.memory.plan is not None or found.work.plan is not None:
            found, taken = count(batch, found, bench)
            if found.work.reason != sought[len(batch.cpus)].work.reason:
                records.append({"batch": batch.block["name"], "work": found.work.reason})
        for contender in batch.block["contenders"]:
            if found.memory.plan is None:
                made.append(rows.unavailable_row(_key(contender, bench), found.memory, _model(batch, contender, bench)))
            for counts in taken:
                its_rows, record = outcome(batch, contender, found.memory, counts, bench)
                made += its_rows
                records.append(record)
    return made, records


def workloads(batches: Sequence[Batch], sought: Mapping[int, Sought]) -> int:
    """How many times `tell` is told of one."""
    plans = {threads: (found.memory.plan, found.work.plan) for threads, found in sought.items()}
    return sum(len(b.block["contenders"]) * sum(p is not None for p in plans[len(b.cpus)]) for b in batches)


def count(batch: Batch, found: Sought, bench: Bench) -> tuple[Sought, list[Counts]]:
    """Count a batch with each plan there is. A plan that fails all the same is given up, with the reason."""
    memory, work = found.memory, found.work
    taken = []
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {batch.cpus[0]})
    try:
        runners: list[Runner] = []
        if memory.plan is not None:
            try:
                _calibrated(memory.plan, batch.cpus, bench)  # before the batch takes its memory
                runners = _runners(batch, bench)
                taken.append(_repetitions(batch, memory.plan, runners, bench))
            except OSError as refusal:
                memory = _lost(memory, refusal)
        if work.plan is not None:
            try:
                runners = runners or _runners(batch, bench)
                taken.append(_repetitions(batch, work.plan, runners, bench))
            except OSError as refusal:
                work = nothing(f"lost while counting: {refusal}")
    finally:
        os.sched_setaffinity(0, own)
    return Sought(memory, work), taken


def _lost(chosen: Chosen, refusal: OSError) -> Chosen:
    what = f"{chosen.source} was lost while counting: {refusal.filename or 'its rows'}: {refusal.strerror}"
    found = chosen.without(chosen.source, errno_name(refusal.errno or 0), what)
    if chosen.mode != chain.AUTO and found.explanation is not None:
        raise chain.unmet(chosen.mode, found.attempts, found.explanation)
    return found


def _runners(batch: Batch, bench: Bench) -> list[Runner]:
    """Each pass bound to the batch's rows, which every thread touches first."""
    first = next(iter(bench.libraries.values()))
    rng = np.random.default_rng(bench.seed)
    cpus = list(batch.cpus)
    row_sets = [RowSet(batch.block, (1, 1), first, [cpu], rng) for cpu in (cpus if len(cpus) > 1 else [-1])]
    return [Runner(c, bench.libraries[c["library"]], batch.block, row_sets, cpus) for c in batch.block["contenders"]]


def _calibrated(plan: Plan, cpus: Sequence[int], bench: Bench) -> tuple[Calibration, NullRegion]:
    """Loops of known traffic on the measuring cpu, once for each plan and number of threads."""
    known = bench.calibrations.get((plan.source, len(cpus)))
    if known is None:
        library = next(iter(bench.libraries.values()))
        with Counters(bench.counting, plan, cpus) as counters:
            null = counters.null_region([])
            found = calibrate.calibrate(counters, library, bench.loops, bench.llc_bytes, null.cost_s)
        known = bench.calibrations[plan.source, len(cpus)] = found, null
    return known


def _repetitions(batch: Batch, plan: Plan, runners: Sequence[Runner], bench: Bench) -> Counts:
    traffic = bool(plan.directions - {CYCLES, INSTRUCTIONS})
    calibration = _calibrated(plan, batch.cpus, bench)[0] if traffic else None
    with Counters(bench.counting, plan, batch.cpus, _most_per_s(calibration, len(batch.cpus))) as counters:
        null = counters.null_region(runners[0].workloads)
        before = calibrate.background(counters, IDLE_S) if traffic else None
        found = {}
        for runner in runners:
            bench.tell(batch.block["name"])
            found[runner.contender["name"]] = counting.count(counters, runner.workloads, null.cost_s)
        after = calibrate.background(counters, IDLE_S) if traffic else None
    idle = None if before is None or after is None else Background(before, after)
    return Counts(plan, null, calibration, idle, found)


def _most_per_s(calibration: Calibration | None, threads: int) -> Mapping[str, float]:
    """What the machine can move by its own showing, with room for wrong scales, which the calibration tells."""
    if calibration is None or not calibration.loops:
        return MOST_PER_S
    fastest = max((loop.known_read + loop.known_written) / loop.wall_s for loop in calibration.loops)
    return {**MOST_PER_S, "B": FASTER * threads * fastest}


def outcome(
    batch: Batch, contender: Contender, chosen: Chosen, counts: Counts, bench: Bench
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows and record of one pass as one plan counted it."""
    repetitions = counts.repetitions[contender["name"]]
    idle = math.nan if counts.background is None else provenance.background_share(counts.background, repetitions)
    trust = provenance.confidence(counts.plan, counts.calibration, idle)
    key, moved = _key(contender, bench), expected(batch, contender, bench)
    made = rows.counter_rows(
        key,
        counts.plan,
        repetitions,
        calibration=counts.calibration,
        background=counts.background,
        trust=trust,
        local_socket=bench.local_socket,
        expected=moved if batch.out_of_cache else None,
    )
    record = provenance.provenance(
        chosen if counts.plan is chosen.plan else Chosen(chosen.mode, counts.plan.source, counts.plan, (), None),
        repetitions,
        cpus=batch.cpus,
        footprint_bytes=batch.footprint_bytes,
        llc_bytes=bench.llc_bytes,
        null_region=counts.null,
        calibration=counts.calibration,
        background=counts.background,
        trust=trust,
        rights=bench.rights,
    )
    return made, {"key": dict(key), "bytes_per_call_model": moved, **document(record)}


def expected(batch: Batch, contender: Contender, bench: Bench) -> dict[str, float]:
    """Bytes per call that must move out of cache: what the pass reads and writes, over all threads."""
    read, written = bench.moved[contender["variants"][0]]
    elements = batch.block["n_elements"] * len(batch.cpus)
    both = {READ: read, WRITE: written, COMBINED: read + written}
    return {direction: float(elements * each) for direction, each in both.items() if each}


def _key(contender: Contender, bench: Bench) -> dict[str, Any]:
    return {**bench.key, **contender["key"]}


def _model(batch: Batch, contender: Contender, bench: Bench) -> Confidence:
    confirmed = batch.out_of_cache and contender["variants"][0] in bench.simulated
    return provenance.model_confidence(confirmed=confirmed)


def seconds(batches: Sequence[Batch], read_s_per_byte: float) -> float:
    """About how long `run` takes where bytes and work are counted."""
    total = 0.0
    for batch in batches:
        call_s = batch.footprint_bytes * read_s_per_byte
        # Until a region is long enough, and then its repetitions; bytes and work apart.
        regions = 2 * (2 + counting.REPETITIONS) * max(counting.LEAST_S, call_s)
        total += 2 * IDLE_S + len(batch.block["contenders"]) * regions
        total += ELEMENT_BYTES * batch.block["n_elements"] * len(batch.cpus) * 2 * read_s_per_byte
    return total
