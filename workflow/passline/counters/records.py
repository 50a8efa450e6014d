"""What the parts of the package hand to each other: events, plans, readings, attempts. Plain data, nothing live."""

from __future__ import annotations

import dataclasses
import errno
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

READ, WRITE, COMBINED, READ_LOWER_BOUND = "read", "write", "combined", "read_lower_bound"
CYCLES, INSTRUCTIONS = "cycles", "instructions"
MODEL = "model"
NONE = "-"
UNSCHEDULED = "EOF"  # where an errno stands: read(2) gave no bytes, so a pinned group did not get its counters


@dataclass(frozen=True)
class Event:
    """One event of a unit, and what a count of it means."""

    pmu: str
    type: int
    name: str
    terms: str  # as sysfs or the table spells them
    config: int
    config1: int
    config2: int
    direction: str
    per_count: float  # units per count
    unit: str  # B, cycles or instructions
    scale: str  # as sysfs or the table spells it
    scale_origin: str  # sysfs, or the table and its version

    @property
    def label(self) -> str:
        """As perf spells it: uncore_imc_0/cas_count_read/."""
        return f"{self.pmu}/{self.name}/"


@dataclass(frozen=True)
class Group:
    """Events that count together on one cpu's unit (pid -1), or for the calling thread (pid 0, cpu -1)."""

    events: tuple[Event, ...]
    pid: int
    cpu: int
    socket: int | None = None

    @property
    def own_thread(self) -> bool:
        """Whether it counts one thread only, and only while that thread runs."""
        return self.pid != -1


@dataclass(frozen=True)
class Plan:
    """What a source counts. Runs follow one another: their groups would not fit the counters together."""

    source: str
    scope: str  # socket, or process
    runs: tuple[tuple[Group, ...], ...]
    includes: tuple[str, ...] = ()
    most_confidence: str = "A"
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of all runs."""
        return tuple(group for run in self.runs for group in run)

    @property
    def directions(self) -> frozenset[str]:
        """What it counts."""
        return frozenset(event.direction for group in self.groups for event in group.events)


@dataclass(frozen=True)
class Availability:
    """Whether a source can be used, and if not, why; `errno` is a name such as EACCES, or -."""

    ok: bool
    reason: str
    errno: str = NONE
    plan: Plan | None = None


@dataclass(frozen=True)
class Attempt:
    """A source that was tried."""

    source: str
    ok: bool
    errno: str
    reason: str


@dataclass(frozen=True)
class Reading:
    """One reading of a group: clock before and after (ns), what read(2) returned or -errno, and its words."""

    before_ns: int
    after_ns: int
    bytes: int
    words: tuple[int, ...]

    @property
    def enabled_ns(self) -> int:
        """Time enabled so far."""
        return self.words[1]

    @property
    def running_ns(self) -> int:
        """Time on a counter so far."""
        return self.words[2]

    @property
    def values(self) -> tuple[int, ...]:
        """Counts so far, in the order the events were opened."""
        return self.words[3::2]

    @property
    def ids(self) -> tuple[int, ...]:
        """The kernel's ids of the events."""
        return self.words[4::2]


def errno_name(number: int) -> str:
    """EACCES for 13; the number itself where it has no name."""
    return errno.errorcode.get(number, str(number))


def document(value: Any) -> Any:
    """A record as plain JSON types; not-a-number becomes null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: document(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): document(item) for key, item in value.items()}
    if isinstance(value, (tuple, list, frozenset)):
        return [document(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return json.loads(json.dumps(value))
