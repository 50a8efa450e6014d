"""perf_event_open for real: software events, and msr/tsc as a look-alike of uncore units. No hardware is needed."""

import errno
import fcntl
import mmap
import os
import platform
import resource
import shutil
import subprocess
import time
from pathlib import Path

import cffi
import counting_library
import numpy as np
import pandas as pd
import pytest

from passline import build
from passline.counters import calibrate, chain, counting, provenance, rows, sysfs, validity
from passline.counters.counting import Counters
from passline.counters.perf import Perf
from passline.counters.probing import host_of
from passline.counters.records import Event, Group, Plan, document
from passline.counters.rights import rights
from passline.errors import MachineError
from passline.machine import detect
from passline.machine_sources import Tree
from passline.tables import KEY, conform

HERE = Tree(Path("/"))
TASK_CLOCK, PAGE_FAULTS, CONTEXT_SWITCHES = 1, 2, 3  # PERF_COUNT_SW_*, perf_event_open(2)


@pytest.fixture(scope="module")
def library(compiler, host_isas, tmp_path_factory):
    return counting_library.ceilings(compiler, host_isas, tmp_path_factory.mktemp("counting"))


@pytest.fixture
def perf(library):
    found = Perf(library.load())
    try:
        found.close(found.open(Group((software(TASK_CLOCK),), 0, -1)))
    except OSError as refusal:
        pytest.skip(f"perf_event_open is not to be had here: {refusal}")
    return found


@pytest.fixture
def msr():
    """The time-stamp counter as the kernel's msr unit shows it, on cpu 0; a skip where that may not be counted."""
    unit = sysfs.read_pmu(HERE, "msr")
    if unit is None or "tsc" not in unit.events:
        pytest.skip("this machine has no msr/tsc")
    if os.geteuid() != 0 and (rights().paranoid or 0) > 0:
        pytest.skip("counting a whole cpu is not permitted to this user")
    return unit


def software(number, direction="time", unit="ns"):
    return Event("software", 1, f"software {number}", f"config={number}", number, 0, 0, direction, 1.0, unit, "1", "-")


def tsc(unit, direction="read", config=None):
    code = sysfs.encode(unit, unit.events["tsc"].terms).config if config is None else config
    return Event("msr", unit.type, "tsc", "event=0x00", code, 0, 0, direction, 1.0, "B", "1 B", "look-alike")


def spin(seconds):
    """Use the processor for this long by the thread's own clock."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def touch_pages(count):
    """Fault in that many pages, one each."""
    fresh = mmap.mmap(-1, count * mmap.PAGESIZE)
    fresh[:: mmap.PAGESIZE] = bytes(count)


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_perf_event_a_group_of_software_events_counts_what_happens(perf):
    group = Group((software(TASK_CLOCK), software(PAGE_FAULTS), software(CONTEXT_SWITCHES)), 0, -1)
    handle = perf.open(group)
    (before,) = perf.read([handle])
    touch_pages(64)
    spin(0.01)
    (after,) = perf.read([handle])
    perf.close(handle)
    clock, faults, _ = validity.deltas(group, before, after)
    assert clock.refusal is None
    assert clock.count == pytest.approx(clock.enabled_ns, rel=0.05)
    assert clock.enabled_ns == clock.running_ns
    assert faults.count >= 64
    assert before.before_ns <= before.after_ns <= after.before_ns <= after.after_ns


@pytest.mark.parametrize("order", [(PAGE_FAULTS, TASK_CLOCK), (TASK_CLOCK, PAGE_FAULTS)])
def test_perf_event_every_event_of_a_group_counts_from_the_first_reading(perf, order):
    """An event that joined a group already running stood still for a while, and the group's times did not show it."""
    group = Group(tuple(software(number) for number in order), 0, -1)
    for _ in range(20):
        handle = perf.open(group)
        (before,) = perf.read([handle])
        touch_pages(64)
        (after,) = perf.read([handle])
        perf.close(handle)
        faults = validity.deltas(group, before, after)[order.index(PAGE_FAULTS)]
        assert faults.refusal is None
        assert faults.count >= 64


def test_perf_event_the_uncore_look_alike_counts_as_its_own_instruction_does(perf, msr, compiler, tmp_path):
    if platform.machine() != "x86_64":
        pytest.skip("rdtsc is an x86 instruction")
    source = tmp_path / "tsc.c"
    source.write_text("#include <x86intrin.h>\nunsigned long long read_tsc(void) { return __rdtsc(); }\n")
    build.run([compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(tmp_path / "tsc.so")])
    ffi = cffi.FFI()
    ffi.cdef("unsigned long long read_tsc(void);")
    own = ffi.dlopen(str(tmp_path / "tsc.so"))
    group = Group((tsc(msr), tsc(msr, "write")), -1, 0)
    handle = perf.open(group)
    outer = own.read_tsc()
    (before,) = perf.read([handle])
    inner = own.read_tsc()
    time.sleep(0.05)
    shortest = own.read_tsc() - inner
    (after,) = perf.read([handle])
    longest = own.read_tsc() - outer
    perf.close(handle)
    found = validity.deltas(group, before, after)
    assert [d.refusal for d in found] == [None, None]
    for delta in found:
        assert shortest <= delta.count <= longest
    assert abs(found[0].enabled_ns / (after.after_ns - before.before_ns) - 1) < validity.CLOCK_TOLERANCE


def test_perf_event_a_frozen_look_alike_is_found_by_the_clock(perf, msr):
    """An event opened, read, and read again through a stale copy: the clock went on, the event did not."""
    group = Group((tsc(msr),), -1, 0)
    handle = perf.open(group)
    (before,) = perf.read([handle])
    time.sleep(0.02)
    (after,) = perf.read([handle])
    perf.close(handle)
    stale = type(after)(after.before_ns, after.after_ns, before.bytes, before.words)
    (delta,) = validity.deltas(group, before, stale)
    assert delta.refusal.kind == "frozen"


@pytest.mark.parametrize(
    ("pid", "cpu", "kind", "config", "expected"),
    [
        (0, -1, 1500, 0, {errno.ENOENT}),  # a unit that no kernel has
        (-1, 0, 1500, 0, {errno.ENOENT}),
        (-1, -1, 1, TASK_CLOCK, {errno.EINVAL}),  # every thread on every cpu
        (-1, 1 << 20, 1, TASK_CLOCK, {errno.EINVAL, errno.ENODEV}),  # no such cpu
        (1 << 28, -1, 1, TASK_CLOCK, {errno.ESRCH}),  # no such thread
        (0, -1, 1, 99, {errno.ENOENT}),  # no such software event
    ],
)
def test_perf_event_refusals_come_back_as_errno(perf, pid, cpu, kind, config, expected):
    before = open_files()
    event = Event("unit", kind, "event", "-", config, 0, 0, "read", 1.0, "B", "1", "-")
    with pytest.raises(OSError, match="unit/event/") as refusal:
        perf.open(Group((event,), pid, cpu))
    assert refusal.value.errno in expected
    assert open_files() == before


def test_perf_event_the_look_alike_refuses_what_uncore_units_refuse(perf, msr):
    with pytest.raises(OSError, match="msr/tsc/") as refusal:
        perf.open(Group((tsc(msr),), 0, -1))  # one thread in user mode: excluding anything is refused
    assert refusal.value.errno == errno.EINVAL
    with pytest.raises(OSError, match="msr/tsc/") as refusal:
        perf.open(Group((tsc(msr, config=0xFF),), -1, 0))
    assert refusal.value.errno == errno.EINVAL


def test_perf_event_a_group_is_open_whole_or_not_at_all(perf):
    before = open_files()
    good, bad = software(TASK_CLOCK), Event("bad", 1500, "bad", "-", 0, 0, 0, "read", 1.0, "B", "1", "-")
    with pytest.raises(OSError, match="bad/bad/"):
        perf.open(Group((good, good, bad), 0, -1))
    assert open_files() == before
    for size in (0, 17):
        with pytest.raises(OSError, match="Invalid argument"):
            perf.open(Group((good,) * size, 0, -1))
    handle = perf.open(Group((good,) * 16, 0, -1))
    (reading,) = perf.read([handle])
    perf.close(handle)
    assert (reading.bytes, len(reading.values)) == (8 * 35, 16)
    assert open_files() == before


def test_perf_event_counters_are_closed_in_programs_that_are_started(perf):
    handle = perf.open(Group((software(TASK_CLOCK),), 0, -1))
    assert fcntl.fcntl(handle.fds[0], fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    perf.close(handle)


def test_perf_event_reading_what_is_closed_is_a_reason_and_no_crash(perf):
    group = Group((software(TASK_CLOCK),), 0, -1)
    handle = perf.open(group)
    (before,) = perf.read([handle])
    perf.close(handle)
    (after,) = perf.read([handle])
    assert after.bytes == -errno.EBADF
    (delta,) = validity.deltas(group, before, after)
    assert "EBADF" in delta.refusal.reason


def test_perf_event_the_limit_of_open_files_is_an_errno(perf):
    def starve():
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 2, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    def ask():
        try:
            perf.open(Group((software(TASK_CLOCK),) * 8, 0, -1))
        except OSError as refusal:
            return errno.errorcode[refusal.errno]
        return "opened"

    assert counting_library.in_child(starve, ask) == "EMFILE"


@pytest.mark.parametrize(("there", "elsewhere", "ratio"), [(4, 0, 1.0), (2, 2, 0.5), (3, 1, 0.75), (0, 4, 0.0)])
def test_perf_event_running_over_enabled_is_as_planned(perf, there, elsewhere, ratio):
    """A task-clock that counts on one cpu only, and a thread that runs on it for a planned share of its time."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("needs two cpus")
    group = Group((software(TASK_CLOCK),), 0, cpus[0])
    os.sched_setaffinity(0, {cpus[0] if there else cpus[1]})
    try:
        handle = perf.open(group)
        (before,) = perf.read([handle])
        for cpu, quarters in ((cpus[0], there), (cpus[1], elsewhere)):
            if quarters:
                os.sched_setaffinity(0, {cpu})
                spin(0.02 * quarters)
        (after,) = perf.read([handle])
    finally:
        os.sched_setaffinity(0, cpus)
    perf.close(handle)
    enabled, running = after.enabled_ns - before.enabled_ns, after.running_ns - before.running_ns
    assert running / enabled == pytest.approx(ratio, abs=0.03)
    (delta,) = validity.deltas(group, before, after)
    expected = {1.0: None, 0.0: "never ran"}.get(ratio, "multiplexed")
    assert (delta.refusal.kind if delta.refusal else None) == expected
    assert (delta.count is None) == (expected is not None)


def workload(built, rows, pass_name="fill"):
    library = built.load()
    name = next(v.name for v in built.study.variants if v.pass_name == pass_name and not v.non_temporal)
    made = library.workload([name], rows, rows)
    made.set_state({"scale": 3.0})
    return library, made


def test_perf_event_a_region_runs_its_calls_and_no_others(library):
    memory = [np.zeros(1000, np.float32) for _ in range(3)]
    loaded, fill = workload(library, memory)
    counted = Perf(loaded)
    assert counted.run([fill], [0], 0, []) == ((), ())
    assert [row.any() for row in memory] == [False, False, False]
    counted.run([fill], [0], 2, [])
    assert [(row == 3).all() for row in memory] == [True, True, False]


def test_perf_event_threads_run_inside_the_region(perf, library):
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        pytest.skip("needs two cpus")
    memory = [np.zeros(1000, np.float32) for _ in cpus]
    made = [workload(library, [row])[1] for row in memory]
    group = Group((software(TASK_CLOCK),), 0, -1)
    handle = perf.open(group)
    before, after = perf.run(made, cpus, 5, [handle])
    assert all((row == 3).all() for row in memory)
    assert validity.deltas(group, before[0], after[0])[0].refusal is None
    with pytest.raises(OSError, match="threads on cpus"):
        perf.run(made, [cpus[0], 1 << 20], 1, [handle])
    perf.close(handle)


def look_alike(msr, boxes=12):
    """A plan in the shape of an uncore source: boxes with a reading and a writing event each, all the same counter."""
    groups = tuple(Group((tsc(msr), tsc(msr, "write")), -1, 0, 0) for _ in range(boxes))
    return Plan("look-alike", "socket", (groups,), (), "A")


def test_perf_event_the_cost_of_an_empty_region(perf, msr, library, record_property):
    """Prints and records, asserts no time: 12 boxes of 2 events, read from their own cpu and from another."""
    _, fill = workload(library, [np.zeros(1000, np.float32)])
    cpus = sorted(os.sched_getaffinity(0))
    for cpu in (cpus[0], cpus[-1]):
        os.sched_setaffinity(0, {cpu})
        with Counters(perf, look_alike(msr), [cpu]) as counters:
            null = counters.null_region([fill])
            begin = time.perf_counter()
            for _ in range(100):
                counters.repetition([fill], 0)
            in_python = (time.perf_counter() - begin) / 100
        print(f"empty region, 12 groups of 2, read on cpu {cpu}, events on cpu 0: {null.cost_s * 1e6:.1f} us, "
              f"{in_python * 1e6:.0f} us with reading and judging")  # fmt: skip
        record_property(f"empty region on cpu {cpu} (s)", null.cost_s)
        assert null.cost_s > 0
        assert null.counted.keys() == {"read", "write"}
    os.sched_setaffinity(0, cpus)


def test_perf_event_the_look_alike_goes_the_whole_way(perf, msr, library):
    """Every step but the hardware: the look-alike's rate stands for bytes, and the table takes its rows."""
    memory = np.zeros(1 << 18, np.float32)
    loaded, fill = workload(library, [memory])
    plan, before_files = look_alike(msr, boxes=3), open_files()
    with Counters(perf, plan, [0]) as counters:
        null = counters.null_region([fill])
        quiet = calibrate.background(counters, 0.01)
        loops = calibrate.loop_variants(library.study.variants, next(iter(library.isas)))
        known = calibrate.calibrate(counters, loaded, loops, 1 << 18, null.cost_s)
        repetitions = counting.count(counters, [fill], null.cost_s)
        after = calibrate.background(counters, 0.01)
    assert open_files() == before_files
    assert loops.keys() == {"read", "nt_store", "store"}
    # The counters tick at one rate, which lies between the count over the longest and the shortest time it can be of.
    counts = [(counting.totals(counting.amounts(r))["read"] / 3, r.regions[0]) for r in repetitions]
    slowest, fastest = (
        max(count / region.span_s for count, region in counts),
        min(count / region.wall_s for count, region in counts),
    )
    assert slowest <= fastest * 1.001
    assert quiet["read"] / 3 >= slowest * 0.999
    assert all(r.wall_s >= counting.region_s(null.cost_s) for r in repetitions)
    background = calibrate.Background(quiet, after)
    # An event that has nothing to do with memory counts as much when idle: nobody may take it for traffic.
    share = provenance.background_share(background, repetitions)
    trust = provenance.confidence(plan, known, share)
    assert share > 0.9
    assert trust.letter == "C"
    assert any("an idle machine makes" in text for text in trust.warnings)
    key = {column: 1 if column in ("pass_index", "n_elements", "n_rows", "threads") else "-" for column in KEY}
    table = conform(
        "counters",
        pd.DataFrame(rows.counter_rows(key, plan, repetitions, calibration=known, background=background, trust=trust)),
    )
    assert len(table) == 2 * len(repetitions)
    assert set(table["status"]) == {"counted"}
    record = provenance.provenance(
        chain.Chosen("look-alike", plan.source, plan, (), None), repetitions, cpus=[0], footprint_bytes=memory.nbytes,
        llc_bytes=1 << 30, null_region=null, calibration=known, background=background, trust=trust, rights=rights(),
    )  # fmt: skip
    assert document(record)["mux_ratio"] == 1.0
    assert any("holds" in text for text in record.confidence.warnings)


def test_perf_event_this_machine_ends_in_a_source_or_in_the_model_with_every_errno(perf):
    machine = detect()
    host = host_of(machine, HERE)
    chosen = chain.choose("auto", host, perf, rights(), machine.hypervisor)
    print(f"{chosen.source}: {chosen.reason}")
    assert chosen.attempts[0].source == "perf_event"
    assert all(a.errno.startswith("E") for a in chosen.attempts if not a.ok)
    if chosen.plan is None:
        assert chosen.source == "model"
        assert len(chosen.attempts) > 2
        with pytest.raises(MachineError, match="counters: require: memory traffic cannot be counted here") as error:
            chain.choose("require", host, perf, rights(), machine.hypervisor)
        assert all(f"{a.source}: {a.errno}" in str(error.value) for a in chosen.attempts if not a.ok)
    else:
        assert chain.choose("require", host, perf, rights(), machine.hypervisor).source == chosen.source


def test_perf_event_compiles_for_arm(tmp_path):
    cross = shutil.which("aarch64-linux-gnu-gcc")
    if cross is None:
        pytest.skip("no aarch64-linux-gnu-gcc (apt install gcc-aarch64-linux-gnu libc6-dev-arm64-cross)")
    source = build.KERNELS / "runtime" / "perf_event.c"
    command = [cross, "-O2", *build.BASE_FLAGS, "-Werror", f"-I{build.KERNELS}", "-c", str(source)]
    assert subprocess.run([*command, "-o", str(tmp_path / "a.o")], check=False).returncode == 0
