"""Memory controllers whose units and events the kernel names in sysfs: no table of processors is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from passline.counters import sysfs
from passline.counters.perf import Counting
from passline.counters.probing import Host, event, groups_of, nothing, opened
from passline.counters.records import COMBINED, READ, WRITE, Availability, Event, Group, Plan
from passline.counters.sysfs import Pmu
from passline.errors import MachineError
from passline.schema import load_yaml

TABLE = Path(__file__).with_name("uncore.yaml")
INCLUDES = ("hardware prefetches", "write-backs", "non-temporal stores", "other processes")


@dataclass(frozen=True)
class Source:
    """A row of uncore.yaml: one kind of memory controller."""

    name: str
    architectures: tuple[str, ...]
    vendors: tuple[str, ...]  # none: any
    module: str
    assumed: bool  # the bytes of a count stand in no source
    boxes: tuple[Mapping[str, Any], ...]
    version: int

    def probe(self, host: Host, counting: Counting) -> Availability:
        """Find its units in sysfs, and prove by opening them that they count."""
        try:
            groups = self.groups(host)
        except MachineError as error:
            return Availability(False, str(error), "EINVAL")
        if isinstance(groups, str):
            return nothing(groups)
        return opened(self.plan(groups), counting)

    def plan(self, groups: tuple[Group, ...]) -> Plan:
        """What counting with it means."""
        combined = any(e.direction == COMBINED for group in groups for e in group.events)
        notes = ("bytes per count are assumed",) if self.assumed else ()
        return Plan(self.name, "socket", (groups,), INCLUDES, "B" if combined or self.assumed else "A", notes)

    def groups(self, host: Host) -> tuple[Group, ...] | str:
        """A group per unit and socket, or why there is none. MachineError where an event cannot be encoded."""
        found: list[Group] = []
        unnamed = []
        for pmu in sysfs.pmus(host.tree).values():
            for box in self.boxes:
                # The whole name: uncore_imc_0 is one thing, uncore_imc_free_running_0 another.
                if re.fullmatch(box["pmu"], pmu.name):
                    events = self._events(pmu, box["events"], host.microarchitecture)
                    found.extend(groups_of(host.tree, pmu, events) if events else ())
                    unnamed += [] if events else [pmu.name]
        if found:
            return tuple(found)
        if unnamed:
            return f"{', '.join(unnamed)}: the kernel names no events of reads and writes"
        patterns = " or ".join(box["pmu"] for box in self.boxes)
        return f"no unit named {patterns} in /{sysfs.DEVICES}"

    def _events(self, pmu: Pmu, choices: list[Mapping[str, Any]], microarchitecture: str) -> list[Event]:
        for choice in choices:
            if microarchitecture not in choice.get("only", [microarchitecture]):
                continue
            wanted = [(d, name) for d in (READ, WRITE, COMBINED) for name in choice.get(d, [])]
            if all("=" in name or name in pmu.events for _, name in wanted):
                return [self._event(pmu, direction, name, choice) for direction, name in wanted]
        return []

    def _event(self, pmu: Pmu, direction: str, name: str, choice: Mapping[str, Any]) -> Event:
        named = pmu.events.get(name)
        if named is not None and (named.scale or named.unit):
            size = sysfs.bytes_per_count(named.scale, named.unit)
            if size is None:
                what = f"a scale of {named.scale!r} {named.unit!r} is no number of bytes"
                raise MachineError(f"{pmu.name}/{name}/", what, "Report it: doctor --dump-sysfs")
            return event(pmu, name, named.terms, direction, size, f"{named.scale or 1} {named.unit}", "sysfs")
        size = choice.get(f"{direction}_bytes", choice.get("bytes"))
        if size is None:
            what = "the kernel gives no scale, and the table no bytes per count"
            raise MachineError(f"{pmu.name}/{name}/", what, "Report it: doctor --dump-sysfs")
        terms = named.terms if named is not None else name
        return event(pmu, name, terms, direction, float(size), f"{size} B", f"{TABLE.name} version {self.version}")


@cache
def sources() -> tuple[Source, ...]:
    """The rows of uncore.yaml, in order."""
    table = load_yaml(TABLE, MachineError)
    return tuple(
        Source(
            row["source"],
            tuple(row["architectures"]),
            tuple(row.get("vendors", ())),
            row["modprobe"],
            row.get("assumed", False),
            tuple(row["boxes"]),
            table["version"],
        )
        for row in table["sources"]
    )
