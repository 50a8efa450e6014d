"""Whether counting will happen: for certain where a library is built, else by what sysfs shows.

Without a library no event can be opened, and whether those of a unit open is only known then. That a kernel shows no
unit, though, is certain.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from passline.counters import chain
from passline.counters.chain import Chosen
from passline.counters.perf import Handle, Perf, Readings
from passline.counters.probing import Host
from passline.counters.records import Group, Reading
from passline.counters.rights import Rights
from passline.measure.library import Library, Workload


class Unasked:
    """Stands for a kernel that was not asked: it refuses nothing, so that a source is found by what sysfs shows."""

    def open(self, group: Group) -> Handle:
        """Open nothing."""
        del group
        return Handle((-1,))

    def close(self, handle: Handle) -> None:
        """Close nothing."""

    def read(self, handles: Sequence[Handle]) -> Readings:
        """Say that something was read, and no more."""
        now = time.monotonic_ns()
        return tuple(Reading(now, now, 8, ()) for _ in handles)

    def run(
        self, workloads: Sequence[Workload], cpus: Sequence[int], calls: int, handles: Sequence[Handle]
    ) -> tuple[Readings, Readings]:
        """Run nothing."""
        del workloads, cpus, calls
        return self.read(handles), self.read(handles)

    def idle(self, seconds: float, handles: Sequence[Handle]) -> tuple[Readings, Readings]:
        """Wait for nothing."""
        del seconds
        return self.read(handles), self.read(handles)


def foresee(mode: str, host: Host, rights: Rights, hypervisor: str | None, library: Path) -> tuple[Chosen, bool]:
    """What will count, and whether the kernel was asked; `library` is a built libpassline.so, if it is there."""
    asked = library.is_file()
    return chain.seek(mode, host, Perf(Library(library)) if asked else Unasked(), rights, hypervisor), asked


def in_words(chosen: Chosen, *, asked: bool) -> str:
    """One or two sentences."""
    if chosen.mode == chain.OFF:
        return "Memory traffic is not counted: counters: off."
    if chosen.plan is not None:
        certain = "" if asked else "; whether its events open is known once the library is built"
        return f"Memory traffic is counted by {chosen.source}{certain}."
    end = " The run would end there, as it is demanded." if chosen.mode != chain.AUTO else ""
    return f"Memory traffic is not counted: {chosen.reason}.{end}"
