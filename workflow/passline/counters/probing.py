"""What every source's probe shares: the host it asks about, building events, and opening them as the proof.

That sysfs shows a unit proves nothing: containers see their host's. A source is available when its events open and
their first reading holds counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from passline.counters import sysfs
from passline.counters.perf import Counting, Handle
from passline.counters.records import NONE, UNSCHEDULED, Availability, Event, Group, Plan, errno_name
from passline.counters.sysfs import Pmu
from passline.errors import MachineError
from passline.machine import Machine
from passline.machine_sources import Tree

MOST_EVENTS = 16  # of one group: room in passline_reading


@dataclass(frozen=True)
class Host:
    """What the choice of events depends on; `cpus` are those the workload's threads run on."""

    tree: Tree
    architecture: str
    vendor: str | None  # as /proc/cpuinfo spells it
    microarchitecture: str
    model: int | None
    cpus: tuple[int, ...]


def host_of(machine: Machine, tree: Tree, cpus: Sequence[int] = ()) -> Host:
    """The host as the probes see it; the measuring cpu alone where no cpus are given."""
    chosen = tuple(cpus) or (machine.measuring_cpu,)
    return Host(tree, machine.architecture, machine.vendor, machine.microarchitecture, machine.model, chosen)


def event(
    pmu: Pmu, name: str, terms: str, direction: str, per_count: float, scale: str, origin: str, unit: str = "B"
) -> Event:
    """An event of a unit, encoded; MachineError where the unit cannot express its terms."""
    code = sysfs.encode(pmu, terms)
    return Event(
        pmu.name, pmu.type, name, terms, code.config, code.config1, code.config2,
        direction, per_count, unit, scale, origin,
    )  # fmt: skip


def groups_of(tree: Tree, pmu: Pmu, events: Iterable[Event]) -> tuple[Group, ...]:
    """A group of the events on each cpu of the unit's mask: once per socket, never once per cpu."""
    members = tuple(events)
    if not pmu.cpus:
        what = (
            "the kernel lists no cpu to open its events on, and opening them on every cpu would count them repeatedly"
        )
        raise MachineError(pmu.name, what, "Report it: doctor --dump-sysfs")
    return tuple(Group(members, -1, cpu, sysfs.socket_of(tree, cpu)) for cpu in pmu.cpus)


def nothing(reason: str) -> Availability:
    """The source is not there at all."""
    return Availability(False, reason, "ENOENT")


def opened(plan: Plan, counting: Counting) -> Availability:
    """Open the plan's groups run by run, read them once and close them: the proof that the source counts."""
    for run in plan.runs:
        handles: list[Handle] = []
        try:
            for group in run:
                handles.append(counting.open(group))
            readings = counting.read(handles)
        except OSError as refusal:
            return _refused(refusal, group)
        finally:
            for handle in handles:
                counting.close(handle)
        for group, reading in zip(run, readings, strict=True):
            where = f"{group.events[0].label} on {_place(group)}"
            if reading.bytes < 0:
                name = errno_name(-reading.bytes)
                return Availability(False, f"reading {where}: {os.strerror(-reading.bytes)}", name)
            if reading.bytes == 0:
                what = "opened but got no hardware counters: another profiler holds them, or the unit has too few"
                return Availability(False, f"{where}: {what}", UNSCHEDULED)
    return Availability(True, NONE, NONE, plan)


def _refused(refusal: OSError, group: Group) -> Availability:
    number = refusal.errno or 0
    what = f"perf_event_open of {refusal.filename} on {_place(group)}: {os.strerror(number)}"
    return Availability(False, what, errno_name(number))


def _place(group: Group) -> str:
    return f"cpu {group.cpu}" if group.cpu >= 0 else "the calling thread"
