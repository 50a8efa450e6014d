"""Fake machines for the counter tests: sysfs trees from tests/fixtures/pmu, and a fake kernel below read(2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from passline.counters.perf import Handle, Readings
from passline.counters.probing import Host
from passline.counters.records import Group, Plan, Reading
from passline.machine_sources import Tree

FIXTURE = Path(__file__).parents[1] / "fixtures" / "pmu" / "families.yaml"
DEVICES = "sys/bus/event_source/devices"
FIRST_TYPE = 1500
CPUS, CPUS_PER_SOCKET = 16, 8
FAMILIES: Mapping[str, Any] = yaml.safe_load(FIXTURE.read_text(encoding="utf-8"))["families"]


def build(name: str, root: Path) -> Host:
    """Write the tree of a family below `root`; the host as the probes see it, its workload on cpu 5."""
    family = FAMILIES[name]
    files = {f"sys/devices/system/cpu/{kind}": f"0-{CPUS - 1}" for kind in ("online", "possible", "present")}
    for cpu in range(CPUS):
        package = cpu // CPUS_PER_SOCKET if family.get("sockets", 2) == 2 else 0
        files[f"sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id"] = str(package)
    number = FIRST_TYPE
    for pattern, pmu in family["pmus"].items():
        for unit in units(pattern):
            folder = f"{DEVICES}/{unit}"
            files[f"{folder}/type"] = str(pmu.get("type", number))
            number += 1
            files |= {f"{folder}/{key}": pmu[key] for key in ("cpumask", "cpus") if key in pmu}
            files |= {f"{folder}/format/{term}": bits for term, bits in pmu["format"].items()}
            for event, spec in pmu["events"].items():
                files[f"{folder}/events/{event}"] = spec["terms"]
                files |= {f"{folder}/events/{event}.{key}": spec[key] for key in ("scale", "unit") if key in spec}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n", encoding="utf-8")
    return Host(Tree(root), cpus=(5,), **family["host"])


def units(pattern: str) -> list[str]:
    """``uncore_imc_{0-2}`` as three names."""
    match = re.search(r"\{(\d+)-(\d+)\}", pattern)
    if match is None:
        return [pattern]
    return [pattern.replace(match.group(0), str(i)) for i in range(int(match.group(1)), int(match.group(2)) + 1)]


@dataclass
class FakeKernel:
    """A fake, and no measurement: a kernel whose clock and counters move as told. Implements perf.Counting.

    `refuse` maps a unit's name to the errno of opening it; `lost` are units whose groups get no counters. A call of
    a workload takes `call_s` and moves `traffic` (direction -> bytes), shared equally by the plan's events of that
    direction; `background` moves besides, per second. `scale` multiplies what is counted.
    """

    refuse: Mapping[str, int] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    traffic: Mapping[str, float] = field(default_factory=dict)
    background: Mapping[str, float] = field(default_factory=dict)
    scale: float = 1.0
    call_s: float = 1e-3
    read_s: float = 10e-6
    plan: Plan | None = None
    now_ns: int = 1_000_000_000
    opened: list[Group] = field(default_factory=list)
    _open: dict[int, Group] = field(default_factory=dict)
    _since: dict[int, int] = field(default_factory=dict)
    _moved: dict[str, float] = field(default_factory=dict)

    def open(self, group: Group) -> Handle:
        unit = re.sub(r"_\d+$", "", group.events[0].pmu)
        number = self.refuse.get(group.events[0].pmu, self.refuse.get(unit, self.refuse.get("*", 0)))
        if number:
            raise OSError(number, "fake refusal", group.events[0].label)
        fd = 100 + len(self.opened)
        self.opened.append(group)
        self._open[fd], self._since[fd] = group, self.now_ns
        return Handle((fd,))

    def close(self, handle: Handle) -> None:
        del self._open[handle.fds[0]]

    def read(self, handles: Sequence[Handle]) -> Readings:
        return tuple(self._reading(handle.fds[0]) for handle in handles)

    def run(
        self, workloads: Sequence[Any], cpus: Sequence[int], calls: int, handles: Sequence[Handle]
    ) -> tuple[Readings, Readings]:
        del workloads, cpus
        before = self.read(handles)
        self._pass(calls * self.call_s)
        for direction, amount in self.traffic.items():
            self._moved[direction] = self._moved.get(direction, 0.0) + calls * amount
        return before, self.read(handles)

    def idle(self, seconds: float, handles: Sequence[Handle]) -> tuple[Readings, Readings]:
        before = self.read(handles)
        self._pass(seconds)
        return before, self.read(handles)

    def _pass(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
        for direction, amount in self.background.items():
            self._moved[direction] = self._moved.get(direction, 0.0) + seconds * amount

    def _reading(self, fd: int) -> Reading:
        group = self._open[fd]
        before = self.now_ns
        self.now_ns += round(self.read_s * 1e9)
        if group.events[0].pmu in self.lost:
            return Reading(before, self.now_ns, 0, ())
        age = before - self._since[fd]
        words = [len(group.events), age + 1, age + 1]
        for i, event in enumerate(group.events):
            share = self._moved.get(event.direction, 0.0) / self._shares(event.direction)
            words += [round(self.scale * share / event.per_count), fd * 100 + i]
        return Reading(before, self.now_ns, 8 * len(words), tuple(words))

    def _shares(self, direction: str) -> int:
        if self.plan is None:
            return 1
        return sum(e.direction == direction for group in self.plan.groups for e in group.events)

    @property
    def left_open(self) -> int:
        """Groups that nobody closed."""
        return len(self._open)
