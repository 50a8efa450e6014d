"""What one core counts itself: lines it fetched from memory (a lower bound of its reads), cycles and instructions.

These need no rights beyond the default: a thread may count its own user mode. They miss writes, and more or less of
what the prefetchers fetch; the table says what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from passline.counters import sysfs
from passline.counters.perf import Counting
from passline.counters.probing import Host, event, nothing, opened
from passline.counters.records import CYCLES, INSTRUCTIONS, NONE, READ_LOWER_BOUND, Availability, Event, Group, Plan
from passline.counters.sysfs import Pmu
from passline.errors import MachineError
from passline.schema import load_yaml

TABLE = Path(__file__).with_name("core.yaml")
LINE_BYTES = 64
_UNITS = re.compile(r"cpu|cpu_core|cpu_atom|armv[89]_\w+")
# PERF_TYPE_HARDWARE and its numbers, from perf_event_open(2): the kernel knows the codes of every processor.
_HARDWARE, _CYCLES, _INSTRUCTIONS = 0, 0, 1
_EXTENDED_SHIFT = 32  # on hybrid machines the unit's type stands above the number (Linux 5.13)


@cache
def table() -> Mapping[str, Any]:
    """The table core.yaml."""
    rows: Mapping[str, Any] = load_yaml(TABLE, MachineError)
    return rows


def unit_of(host: Host) -> Pmu | None:
    """The core unit of the cpus the workload runs on; None where the kernel shows none."""
    units = [pmu for pmu in sysfs.pmus(host.tree).values() if _UNITS.fullmatch(pmu.name)]
    return next((pmu for pmu in units if pmu.cpus is None or set(host.cpus) <= set(pmu.cpus)), None)


def probe(host: Host, counting: Counting) -> Availability:
    """Lines fetched from memory: a lower bound of the bytes read."""
    pmu = unit_of(host)
    if pmu is None:
        # The kernel itself says why: its answer to an event that every core unit has.
        refused = opened(Plan("core", "process", ((_work_group(host, None)[0],),)), counting)
        return nothing("no core unit in /" + sysfs.DEVICES) if refused.ok else refused
    row = _row(host)
    if row is None:
        return nothing(f"no event for lines from memory is known for {host.microarchitecture}")
    origin = f"{TABLE.name} version {table()['version']}"
    try:
        events = [
            event(pmu, e["name"], e["terms"], READ_LOWER_BOUND, LINE_BYTES, f"{LINE_BYTES} B", origin)
            for e in row["events"]
        ]
    except MachineError as error:
        return Availability(False, str(error), "EINVAL")
    notes = (f"misses {row['misses']}", "misses all writes")
    return opened(Plan("core", scope(host), (_groups(host, events),), ("own process",), "C", notes), counting)


def probe_work(host: Host, counting: Counting) -> Availability:
    """Cycles and instructions of the cores that run the workload."""
    return opened(Plan("core", scope(host), (_work_group(host, unit_of(host)),), ("own process",), "A"), counting)


def scope(host: Host) -> str:
    """One thread counts itself; for several the cpus they run on are counted, with all else on them."""
    return "process" if len(host.cpus) == 1 else "cpus"


def _row(host: Host) -> Mapping[str, Any] | None:
    return next(
        (
            row
            for row in table()["sources"]
            if host.microarchitecture in row["microarchitectures"] and host.model in row.get("models", [host.model])
        ),
        None,
    )


def _work_group(host: Host, pmu: Pmu | None) -> tuple[Group, ...]:
    extended = pmu.type << _EXTENDED_SHIFT if pmu is not None and pmu.name in ("cpu_core", "cpu_atom") else 0
    name = pmu.name if pmu is not None else "cpu"

    def generic(direction: str, number: int) -> Event:
        return Event(
            name, _HARDWARE, direction, direction, extended | number, 0, 0, direction, 1.0, direction, "1", NONE
        )

    return _groups(host, [generic(CYCLES, _CYCLES), generic(INSTRUCTIONS, _INSTRUCTIONS)])


def _groups(host: Host, events: Sequence[Event]) -> tuple[Group, ...]:
    members = tuple(events)
    if len(host.cpus) == 1:
        return (Group(members, 0, -1),)
    return tuple(Group(members, -1, cpu, sysfs.socket_of(host.tree, cpu)) for cpu in host.cpus)
