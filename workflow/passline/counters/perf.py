"""perf_event_open(2) through libpassline.so: open groups, read them, and read them around a workload."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from passline.counters.records import Group, Reading
from passline.measure.library import Library, Workload

Readings = tuple[Reading, ...]


@dataclass(frozen=True)
class Handle:
    """An open group; fds[0] is its leader's."""

    fds: tuple[int, ...]


class Counting(Protocol):
    """What counting needs of the kernel. `Perf` is the real one; tests put fakes here, below read(2)."""

    def open(self, group: Group) -> Handle:
        """Open a group, which counts from then on; OSError where the kernel refuses, its filename the event."""

    def close(self, handle: Handle) -> None:
        """Stop counting."""

    def read(self, handles: Sequence[Handle]) -> Readings:
        """Read groups, in order."""

    def run(
        self, workloads: Sequence[Workload], cpus: Sequence[int], calls: int, handles: Sequence[Handle]
    ) -> tuple[Readings, Readings]:
        """Read, run `calls` calls of each workload, read again."""

    def idle(self, seconds: float, handles: Sequence[Handle]) -> tuple[Readings, Readings]:
        """Read, wait, read again."""


class Perf:
    """The kernel's counters."""

    def __init__(self, library: Library) -> None:
        """Use the counting functions of a built library."""
        self._ffi: Any = library.ffi
        self._lib: Any = library.lib

    def open(self, group: Group) -> Handle:
        """Open a pinned group. OSError(errno, text, event) where the kernel refuses it."""
        count = len(group.events)
        events = self._ffi.new("passline_event[]", count)
        for i, event in enumerate(group.events):
            events[i].type, events[i].config = event.type, event.config
            events[i].config1, events[i].config2 = event.config1, event.config2
        fds, failed = self._ffi.new("int[]", count), self._ffi.new("size_t *")
        error = self._lib.passline_counters_open(events, count, group.pid, group.cpu, fds, failed)
        if error:
            raise OSError(error, os.strerror(error), group.events[failed[0]].label if count else "an empty group")
        return Handle(tuple(fds))

    def close(self, handle: Handle) -> None:
        """Close a group."""
        self._lib.passline_counters_close(self._ffi.new("int[]", list(handle.fds)), len(handle.fds))

    def read(self, handles: Sequence[Handle]) -> Readings:
        """Read groups, in order."""
        leaders, readings = self._leaders(handles), self._readings(handles)
        self._lib.passline_counters_read(leaders, len(handles), readings)
        return self._parsed(readings, len(handles))

    def run(
        self, workloads: Sequence[Workload], cpus: Sequence[int], calls: int, handles: Sequence[Handle]
    ) -> tuple[Readings, Readings]:
        """One workload runs on the calling thread; several run each on a thread pinned to its cpu.

        The workloads may be of other builds: only their loop over calls is this library's.
        """
        leaders, before, after = self._leaders(handles), self._readings(handles), self._readings(handles)
        if len(workloads) == 1:
            cursor = self._ffi.new("uint64_t *", 0)
            self._lib.passline_run_counted(self._own(workloads[0]), calls, cursor, leaders, len(handles), before, after)
        else:
            count = len(workloads)
            array = self._ffi.new("passline_workload[]", [self._own(workload)[0] for workload in workloads])
            start, end = self._ffi.new("uint64_t[]", count), self._ffi.new("uint64_t[]", count)
            pinned = self._ffi.new("int[]", list(cpus[:count]))
            error = self._lib.passline_run_threads_counted(
                array, pinned, count, calls, start, end, leaders, len(handles), before, after
            )
            if error:
                raise OSError(error, os.strerror(error), f"threads on cpus {list(cpus)}")
        return self._parsed(before, len(handles)), self._parsed(after, len(handles))

    def idle(self, seconds: float, handles: Sequence[Handle]) -> tuple[Readings, Readings]:
        """Read, sleep, read: what the rest of the machine does meanwhile."""
        before = self.read(handles)
        time.sleep(seconds)
        return before, self.read(handles)

    def _own(self, workload: Workload) -> Any:
        """The workload's struct as a pointer of this library: cffi keeps the types of each apart."""
        return self._ffi.cast("passline_workload *", int(self._ffi.cast("uintptr_t", workload.c)))

    def _leaders(self, handles: Sequence[Handle]) -> Any:
        return self._ffi.new("int[]", [handle.fds[0] for handle in handles])

    def _readings(self, handles: Sequence[Handle]) -> Any:
        return self._ffi.new("passline_reading[]", max(1, len(handles)))

    def _parsed(self, readings: Any, count: int) -> Readings:
        return tuple(
            Reading(r.before_ns, r.after_ns, r.bytes, tuple(r.words[0 : max(0, r.bytes) // 8]))
            for r in (readings[i] for i in range(count))
        )
