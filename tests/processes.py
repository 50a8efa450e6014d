"""Processes that a test started, as /proc shows them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROUND = "passline.measure.round"


def _fields(pid: int) -> list[str]:
    """State, parent, group, session, ... (proc(5), stat); empty where the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _everything() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (fields := _fields(int(entry.name))):
            yield int(entry.name), fields


def children(parent: int) -> list[int]:
    """Processes whose parent this is."""
    return [pid for pid, fields in _everything() if int(fields[1]) == parent]


def of_session(leader: int) -> list[int]:
    """Processes of a session (setsid(2)) that run, whoever their parent is by now."""
    return [pid for pid, fields in _everything() if int(fields[3]) == leader and fields[0] != "Z"]


def command(pid: int) -> str:
    """The command line of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def round_of(parent: int) -> int | None:
    """The process of a round that a measuring process has started."""
    return next((pid for pid in children(parent) if ROUND in command(pid)), None)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    return _fields(pid)[:1] not in ([], ["Z"])


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for a condition; AssertionError where it does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.04)


def kill(pid: int) -> None:
    """Kill -9."""
    os.kill(pid, 9)
