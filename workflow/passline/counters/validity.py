"""Two readings of a group become counts, or the reason why they cannot be believed. Pure functions.

Nothing is scaled: a group that did not count all the time is refused. That enabled and running agree does not prove
that the event ran: the events of a cpu that went offline freeze with both equal, and only the clock shows it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from passline.counters.records import CYCLES, INSTRUCTIONS, Event, Group, Reading, errno_name

CLOCK_TOLERANCE = 0.01
# No limit of a machine, but of what any can do: what lies above is no count.
MOST_PER_S: Mapping[str, float] = {"B": 1e13, CYCLES: 1e10, INSTRUCTIONS: 1e11}
SATURATED = 2**48 - 1  # AMD's memory controllers stop there (Linux before 6d937e044bc9)
GARBAGE = 2**63
COUNTER_WIDTHS = (32, 44, 48)  # bits of the counters behind the events, widest last
FLAT_SHARE = 0.01  # of what must have moved: less is a counter that stands still


@dataclass(frozen=True)
class Refusal:
    """Why a number is not believed."""

    kind: str
    reason: str


@dataclass(frozen=True)
class Delta:
    """What an event counted between two readings; `count` is None where it is refused."""

    event: Event
    group: Group
    count: int | None
    enabled_ns: int
    running_ns: int
    refusal: Refusal | None = None

    @property
    def value(self) -> float | None:
        """The count in the event's unit."""
        return None if self.count is None else self.count * self.event.per_count


def deltas(
    group: Group, before: Reading, after: Reading, most_per_s: Mapping[str, float] = MOST_PER_S
) -> tuple[Delta, ...]:
    """What each event of a group counted, or why not. `most_per_s`: unit -> what the machine can move a second."""
    refusal = unreadable(before, len(group.events)) or unreadable(after, len(group.events)) or _changed(before, after)
    if refusal is not None:
        return tuple(Delta(event, group, None, 0, 0, refusal) for event in group.events)
    enabled, running = after.enabled_ns - before.enabled_ns, after.running_ns - before.running_ns
    refusal = mistimed(before, after, own_thread=group.own_thread)
    found = []
    for event, first, last in zip(group.events, before.values, after.values, strict=True):
        most = most_per_s.get(event.unit, MOST_PER_S.get(event.unit, math.inf)) / event.per_count
        why = refusal or unbelievable(first, last, (after.after_ns - before.before_ns) * 1e-9, most)
        found.append(Delta(event, group, None if why else last - first, enabled, running, why))
    return tuple(found)


def unreadable(reading: Reading, n_events: int) -> Refusal | None:
    """A reading that holds no counts."""
    if reading.bytes < 0:
        why = f"read failed: {errno_name(-reading.bytes)}, {os.strerror(-reading.bytes)}"
        return Refusal("unreadable", why)
    if reading.bytes == 0:
        return Refusal("unscheduled", "the group had lost its hardware counters: another profiler holds them")
    wanted = 8 * (3 + 2 * n_events)
    if reading.bytes != wanted or len(reading.words) * 8 != wanted or reading.words[0] != n_events:
        return Refusal("garbage", f"read {reading.bytes} bytes where {n_events} events have {wanted}")
    if reading.running_ns == 0:
        return Refusal("never ran", f"the group never ran in {reading.enabled_ns} ns")
    return None


def _changed(before: Reading, after: Reading) -> Refusal | None:
    if before.ids != after.ids:
        return Refusal("garbage", "the two readings are not of the same events")
    return None


def mistimed(before: Reading, after: Reading, *, own_thread: bool) -> Refusal | None:
    """A group that did not count from the first reading to the second, by its own times and by the clock."""
    enabled, running = after.enabled_ns - before.enabled_ns, after.running_ns - before.running_ns
    if enabled < 0 or running < 0:
        return Refusal("negative", f"the times went backwards: enabled {enabled} ns, running {running} ns")
    if running == 0 < enabled:
        return Refusal("never ran", f"the group did not run in {enabled} ns enabled")
    if running != enabled:
        return Refusal("multiplexed", f"counted {running / max(enabled, 1):.3f} of the time: never scaled, refused")
    shortest, longest = after.before_ns - before.after_ns, after.after_ns - before.before_ns
    # A thread's own events stand still while another runs on its cpu: less than the clock is no fault.
    low = 1 if own_thread else shortest * (1 - CLOCK_TOLERANCE)
    if not low <= enabled <= longest * (1 + CLOCK_TOLERANCE):
        kind = "frozen" if enabled < low else "garbage"
        what = f"enabled for {enabled} ns while the clock advanced {shortest} to {longest} ns"
        return Refusal(kind, what + (": did its cpu go offline?" if kind == "frozen" else ""))
    return None


def unbelievable(first: int, last: int, seconds: float, most_per_s: float) -> Refusal | None:
    """Counts that no hardware of this kind makes in this time."""
    if first >= GARBAGE or last >= GARBAGE:
        return Refusal("garbage", f"a count of {max(first, last)} is none: it went below zero somewhere")
    if last < first:
        width = wrapped(first, last)
        hint = f"; as a wrap at {width} bits it would be {last - first + 2**width}" if width else ""
        return Refusal("negative", f"the count went backwards, from {first} to {last}{hint}")
    if last == first >= SATURATED:
        return Refusal("saturated", f"the count stands at {last}: the counter has reached its end. Open it anew")
    if last - first > most_per_s * seconds:
        what = f"{last - first} counts in {seconds:.6g} s are more than the {most_per_s:.3g} a second possible"
        return Refusal("impossible", what)
    return None


def wrapped(first: int, last: int) -> int | None:
    """The width in bits at which a counter would have started anew between two counts; None where none fits."""
    near = (w for w in COUNTER_WIDTHS if first < 2**w <= first + 2 ** (w - 2) and last < 2 ** (w - 2))
    return next(near, None)


def flat(counted: float, expected: float) -> Refusal | None:
    """A sum that stood still although at least `expected` must have moved; 0 where nothing is known to move."""
    if counted < FLAT_SHARE * expected:
        what = f"counted {counted:.6g} where {expected:.6g} must have moved: the counter stands still"
        return Refusal("flat", what)
    return None


def first_refusal(found: Sequence[Delta]) -> Refusal | None:
    """The first refusal among deltas that are summed: a sum without one of its parts is no sum."""
    for delta in found:
        if delta.refusal is not None:
            where = f"{delta.event.label} on cpu {delta.group.cpu}" if delta.group.cpu >= 0 else delta.event.label
            return Refusal(delta.refusal.kind, f"{where}: {delta.refusal.reason}")
    return None
