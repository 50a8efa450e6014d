"""perf_event_open(2) without libpassline.so: enough to ask what may be counted before anything is built."""

from __future__ import annotations

import fcntl
import os
import platform
import struct
import sys
import time
from collections.abc import Sequence
from typing import Any

import cffi

from passline.counters.perf import Handle, Readings
from passline.counters.records import Event, Group, Reading
from passline.errors import MachineError
from passline.measure.library import Workload

# The call's number, and the direction bits of an ioctl without an argument, by `uname -m`. Source: Linux,
# arch/*/**/syscall*.tbl and include/uapi/asm-generic/{unistd,ioctl}.h.
_NUMBERS = {
    "x86_64": (298, 0),
    "aarch64": (241, 0),
    "riscv64": (241, 0),
    "loongarch64": (241, 0),
    "s390x": (331, 0),
    "ppc64le": (319, 1 << 29),
}
_ENABLE = ord("$") << 8  # PERF_EVENT_IOC_ENABLE: no argument, type '$', number 0
_CLOSE_ON_EXEC = 8  # PERF_FLAG_FD_CLOEXEC
_DISABLED, _PINNED, _EXCLUDE_KERNEL = 1 << 0, 1 << 2, 1 << 5  # bits of perf_event_attr
_READ_FORMAT = 1 | 2 | 4 | 8  # times enabled and running, ids, the whole group
# type, size, config, period, sample_type, read_format, bits, wakeup_events, bp_type, config1, config2
_ATTRIBUTES = struct.Struct("=IIQQQQQIIQQ")
_MOST_BYTES = 8 * (3 + 2 * 16)


class SystemCall:
    """The kernel's counters, opened as `perf.Perf` opens them. A counting.Counting that runs no workloads."""

    def __init__(self) -> None:
        """MachineError where the call's number is not known."""
        architecture = platform.machine()
        if architecture not in _NUMBERS or sys.maxsize < 2**32:
            what = f"the number of the call is not known for a process of {8 * struct.calcsize('P')} bits on "
            raise MachineError("perf_event_open", what + architecture, "Use libpassline.so, which knows it")
        self._number, self._ioctl_bits = _NUMBERS[architecture]
        self._ffi: Any = cffi.FFI()
        self._ffi.cdef("long syscall(long number, ...);")
        self._libc: Any = self._ffi.dlopen(None)

    def open(self, group: Group) -> Handle:
        """Open a pinned group. OSError(errno, text, event) where the kernel refuses it."""
        fds: list[int] = []
        try:
            for event in group.events:
                fds.append(self._open(event, group, fds[0] if fds else -1))
            fcntl.ioctl(fds[0], _ENABLE | self._ioctl_bits, 0)
        except OSError:
            self.close(Handle(tuple(fds)))
            raise
        return Handle(tuple(fds))

    def close(self, handle: Handle) -> None:
        """Close a group, its leader last."""
        for fd in reversed(handle.fds):
            os.close(fd)

    def read(self, handles: Sequence[Handle]) -> Readings:
        """Read groups, in order."""
        return tuple(_reading(handle.fds[0]) for handle in handles)

    def run(
        self, workloads: Sequence[Workload], cpus: Sequence[int], calls: int, handles: Sequence[Handle]
    ) -> tuple[Readings, Readings]:
        """Read twice around nothing. MachineError for a workload: it runs in the library only."""
        del cpus
        if workloads and calls:
            raise MachineError("perf_event_open", "a workload needs libpassline.so", "Count it with perf.Perf")
        return self.read(handles), self.read(handles)

    def idle(self, seconds: float, handles: Sequence[Handle]) -> tuple[Readings, Readings]:
        """Read, sleep, read."""
        before = self.read(handles)
        time.sleep(seconds)
        return before, self.read(handles)

    def _open(self, event: Event, group: Group, leader: int) -> int:
        bits = _DISABLED | _PINNED if leader < 0 else 0
        bits |= _EXCLUDE_KERNEL if group.own_thread else 0
        words = (event.config, 0, 0, _READ_FORMAT, bits, 0, 0, event.config1, event.config2)
        attributes = self._ffi.new("char[]", _ATTRIBUTES.pack(event.type, _ATTRIBUTES.size, *words))
        numbers = (self._ffi.cast("long", value) for value in (group.pid, group.cpu, leader, _CLOSE_ON_EXEC))
        fd = int(self._libc.syscall(self._number, attributes, *numbers))
        if fd < 0:
            error = int(self._ffi.errno)
            raise OSError(error, os.strerror(error), event.label)
        return fd


def _reading(fd: int) -> Reading:
    before = time.monotonic_ns()
    try:
        data = os.read(fd, _MOST_BYTES)
    except OSError as error:
        return Reading(before, time.monotonic_ns(), -(error.errno or 0), ())
    return Reading(before, time.monotonic_ns(), len(data), struct.unpack(f"={len(data) // 8}Q", data))
