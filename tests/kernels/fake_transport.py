"""A fake below read(2), and no measurement: real kernels run, and counters show what the traffic model says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from passline.counters.perf import Handle, Perf, Readings
from passline.counters.records import CYCLES, INSTRUCTIONS, READ, WRITE, Group, Reading
from passline.measure.library import Library, Workload

PER_ELEMENT = {CYCLES: 0.125, INSTRUCTIONS: 0.25}  # few enough for the fastest pass to have them in a real second


@dataclass
class FakeTransport:
    """Implements perf.Counting. A table from descriptor to bytes stands where the kernel's counters would.

    A call of a variant moves what `model` says, bytes read and written per element, through the units of `socket`,
    shared equally; rows that fit into `cache_bytes` move nothing. `scale` multiplies what is counted of bytes.
    """

    library: Library
    model: Mapping[str, tuple[float, float]]
    socket: int
    cache_bytes: int
    scale: float = 1.0
    calls: dict[str, int] = field(default_factory=dict)
    most_open: int = 0
    _groups: dict[int, tuple[Group, int]] = field(default_factory=dict)
    _moved: dict[str, float] = field(default_factory=dict)
    _next: int = 100

    def open(self, group: Group) -> Handle:
        self._next += 1
        self._groups[self._next] = group, time.monotonic_ns()
        self.most_open = max(self.most_open, len(self._groups))
        return Handle((self._next,))

    def close(self, handle: Handle) -> None:
        del self._groups[handle.fds[0]]

    def read(self, handles: Sequence[Handle]) -> Readings:
        return tuple(self._reading(handle.fds[0]) for handle in handles)

    def run(
        self, workloads: Sequence[Workload], cpus: Sequence[int], calls: int, handles: Sequence[Handle]
    ) -> tuple[Readings, Readings]:
        before = self.read(handles)
        Perf(self.library).run(workloads, cpus, calls, [])
        for workload in workloads:
            self._move(workload.c, calls)
        return before, self.read(handles)

    def idle(self, seconds: float, handles: Sequence[Handle]) -> tuple[Readings, Readings]:
        before = self.read(handles)
        time.sleep(seconds)
        return before, self.read(handles)

    def _move(self, workload: Any, calls: int) -> None:
        n, names = workload.n_elements, [self._name(workload.passes[i]) for i in range(workload.n_passes)]
        for name in names:
            self.calls[name] = self.calls.get(name, 0) + calls
            read, written = self.model[name] if 8 * n > self.cache_bytes else (0.0, 0.0)
            moved = {READ: self.scale * read, WRITE: self.scale * written, **PER_ELEMENT}
            for direction, each in moved.items():
                self._moved[direction] = self._moved.get(direction, 0.0) + calls * n * each

    def _name(self, variant: Any) -> str:
        name: bytes = self.library.ffi.string(variant.name)
        return name.decode()

    def _reading(self, fd: int) -> Reading:
        group, since = self._groups[fd]
        before = time.monotonic_ns()
        words = [len(group.events), before - since + 1, before - since + 1]
        for i, event in enumerate(group.events):
            here = group.own_thread or group.socket is None or group.socket == self.socket
            sharing = [g for g, _ in self._groups.values() if g.socket == group.socket and g.pid == group.pid]
            share = self._moved.get(event.direction, 0.0) / len(sharing) if here else 0.0
            words += [round(share / event.per_count), 100 * fd + i]
        return Reading(before, time.monotonic_ns(), 8 * len(words), tuple(words))

    @property
    def left_open(self) -> int:
        """Groups that nobody closed."""
        return len(self._groups)
