"""Whether the machine is quiet enough to measure: what disturbs, and what to do about it.

`observe` looks at the host for about a second, `judge` is a pure function of what it saw. The findings name processes:
they are for the person at the terminal and belong in no table.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types

from passline.machine import Machine
from passline.machine_sources import CPU, Tree
from passline.measure.environment import steal_s
from passline.session_state import power_source

WATCH_S = 0.6
"""Time that processes and cpus are watched: the kernel counts in ticks of 10 ms, so a share is known to 2 %."""

SPIN_S = 0.25
"""Time of the spin: as long as a short round."""

BUSY_PROCESS = 0.2
"""Share of one cpu. A process that runs a fifth of the time meets most values of a round, on any cpu: caches and memory
bandwidth are shared. What runs less meets few of them, and a median passes over these."""

BUSY_CPU = 0.1
"""Share of the measuring cpu, or of a hardware thread of its core, that others use while nothing of ours runs. Timer
ticks and the kernel's own work stay under 2 % of an idle cpu."""

LEAST_SPIN = 0.95
"""Share of wall time that the spin must get as CPU time. Alone it gets over 0.99; a second busy thread leaves 0.5."""

MOST_STEAL = 0.05
"""Share of the spin's wall time that the hypervisor gave to others: one tick of 10 ms is 0.04 and may be chance."""

SHOWN_PROCESSES = 3
"""More names than these help nobody to find the cause."""


@dataclass(frozen=True)
class Process:
    """A process of somebody else: its share of one cpu, above 1 where it has several busy threads."""

    pid: int
    name: str
    cpu_share: float


@dataclass(frozen=True)
class Observation:
    """What was seen. Shares are of one cpu, in [0, 1]; NaN or None where it could not be read."""

    cpu: int
    processes: tuple[Process, ...]
    busy: Mapping[int, float]  # cpu -> share in use while we slept, for the measuring cpu and its siblings
    spin: float  # CPU time over wall time of a spin on the measuring cpu
    steal: float  # share of that spin's wall time that the hypervisor gave to others
    runnable: float  # threads of others that wanted to run, median over the watch
    online: int  # cpus
    governor: str | None
    driver: str | None
    power: str | None  # mains or battery


def findings(machine: Machine, cpu: int | None = None, root: Path = Path("/")) -> list[str]:
    """What disturbs a measurement on `cpu` now, a sentence each; empty where it is quiet.

    Without `cpu` it is the machine's measuring cpu. `root` is where proc and sys are.
    """
    return judge(observe(machine, machine.measuring_cpu if cpu is None else cpu, root))


def judge(seen: Observation) -> list[str]:
    """A sentence for each thing above its threshold: what was seen, and what to do."""
    return [*_of_processes(seen), *_of_cpus(seen), *_of_spin(seen), *_of_power(seen)]


def _of_processes(seen: Observation) -> Iterator[str]:
    busy = sorted((p for p in seen.processes if p.cpu_share >= BUSY_PROCESS), key=lambda p: -p.cpu_share)
    for process in busy[:SHOWN_PROCESSES]:
        yield (
            f"process {process.name} ({process.pid}) uses {process.cpu_share:.0%} of a cpu: "
            "stop it, or wait for its end; rounds taken meanwhile will be noisy"
        )
    rest = busy[SHOWN_PROCESSES:]
    if rest:
        total = sum(process.cpu_share for process in rest)
        noun = "process uses" if len(rest) == 1 else "processes together use"
        yield f"{len(rest)} more {noun} {total:.0%} of a cpu: stop what is not needed"
    if seen.runnable >= seen.online:
        yield (
            f"{seen.runnable:g} threads of others want to run on {seen.online} cpus, so that one shares the measuring "
            "cpu: stop what is not needed, or wait"
        )


def _of_cpus(seen: Observation) -> Iterator[str]:
    for cpu, share in seen.busy.items():
        if not share >= BUSY_CPU:
            continue
        if cpu == seen.cpu:
            yield (
                f"cpu {cpu}, on which is measured, is {share:.0%} busy with other things: stop what runs there, or "
                "name another under cpu in the config"
            )
        else:
            yield (
                f"cpu {cpu} shares its core with the measuring cpu {seen.cpu} and is {share:.0%} busy: stop what runs "
                "there, or switch SMT off"
            )


def _of_spin(seen: Observation) -> Iterator[str]:
    if seen.steal > MOST_STEAL:
        yield (
            f"the hypervisor took {seen.steal:.0%} of cpu {seen.cpu} away while we ran (steal): wait for quieter "
            "neighbours, or use a dedicated host; rounds it happens in are marked"
        )
    elif seen.spin < LEAST_SPIN:
        yield (
            f"a busy thread of ours got {seen.spin:.0%} of cpu {seen.cpu}: something else runs there, or a limit on "
            "CPU time holds (containers, batch systems); stop it or lift it, or measure on another cpu"
        )


def _of_power(seen: Observation) -> Iterator[str]:
    if seen.governor == "powersave":
        # These drivers choose clocks themselves and only take the name for a preference; others stay at the lowest.
        own = seen.driver in ("intel_pstate", "amd-pstate-epp")
        effect = "lets the clock wander with the load" if own else "holds the lowest clock"
        yield (
            f"the frequency governor of cpu {seen.cpu} is powersave, which {effect}: set performance "
            "(cpupower frequency-set -g performance)"
        )
    if seen.power == "battery":
        yield "the machine runs on its battery, which lowers clocks: connect its power supply"


def observe(machine: Machine, cpu: int, root: Path = Path("/")) -> Observation:
    """Watch the host: asleep for WATCH_S, then in a spin of SPIN_S on the measuring cpu.

    Governor, power, runnable threads and steal are read below `root`; processes and loads are always the live host's.
    """
    tree = Tree(root)
    core = next((threads for threads in machine.core_cpus if cpu in threads), (cpu,))
    online = machine.online_cpus
    before, began, cpus_before = _processes(), time.monotonic(), _cpu_times(online)
    runnable = _watch_runnable(tree)
    cpus_after, seconds, after = _cpu_times(online), time.monotonic() - began, _processes()
    spin, steal = _spin(cpu, root)
    return Observation(
        cpu=cpu,
        processes=tuple(
            # What was not there before has begun meanwhile, and used all of its time meanwhile.
            Process(pid, name, (used - before.get((pid, started), ("", 0.0))[1]) / seconds)
            for (pid, started), (name, used) in after.items()
            if pid != os.getpid()
        ),
        busy={one: _share(cpus_before.get(one), cpus_after.get(one)) for one in (cpu, *(c for c in core if c != cpu))},
        spin=spin,
        steal=steal,
        runnable=runnable,
        online=len(online),
        governor=tree.text(f"{CPU}/cpu{cpu}/cpufreq/scaling_governor"),
        driver=tree.text(f"{CPU}/cpu{cpu}/cpufreq/scaling_driver"),
        power=power_source(tree).value,
    )


def _processes() -> dict[tuple[int, float], tuple[str, float]]:
    """(pid, start) -> name and CPU time so far, s; what ended meanwhile or is hidden is left out."""
    seen = {}
    for process in psutil.process_iter():
        try:
            times = process.cpu_times()
            seen[process.pid, process.create_time()] = (process.name(), float(times.user + times.system))
        except psutil.Error:
            continue
    return seen


def _cpu_times(online: tuple[int, ...]) -> dict[int, tuple[float, float]]:
    """Cpu -> (time in use, all time), s. Waiting for a disk is no use, and time of guests is in the others already."""
    numbers = {}
    for cpu, t in zip(online, psutil.cpu_times(percpu=True), strict=False):
        used = t.user + t.nice + t.system + t.irq + t.softirq
        numbers[cpu] = (used, used + t.idle + t.iowait + t.steal)
    return numbers


def _share(before: tuple[float, float] | None, after: tuple[float, float] | None) -> float:
    if before is None or after is None or after[1] <= before[1]:
        return math.nan
    return (after[0] - before[0]) / (after[1] - before[1])


def _watch_runnable(tree: Tree, samples: int = 6) -> float:
    """Sleep for WATCH_S; the median number of other threads that wanted to run meanwhile, NaN where it is not shown."""
    counts = []
    for _ in range(samples):
        time.sleep(WATCH_S / samples)
        running = (tree.text("proc/loadavg") or "").split()[3:4]
        count = running[0].partition("/")[0] if running else ""
        if count.isdigit():
            counts.append(int(count) - 1)  # the reader itself runs
    return statistics.median(counts) if counts else math.nan


def _spin(cpu: int, root: Path) -> tuple[float, float]:
    """CPU time and steal, as shares of the wall time of a busy loop on `cpu`; NaN where it cannot be pinned there."""
    try:
        with pinned(cpu):
            stolen, used, began = steal_s(cpu, root), time.thread_time(), time.perf_counter()
            while (wall := time.perf_counter() - began) < SPIN_S:
                pass
            return (time.thread_time() - used) / wall, (steal_s(cpu, root) - stolen) / wall
    except OSError:
        return math.nan, math.nan


@contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """Run this thread on one cpu; OSError where it may not."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
