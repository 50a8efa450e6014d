"""A second opinion where likwid is installed: its group MEM around the same loops of known traffic.

The output that is read here, `likwid-perfctr -O`, is described by likwid's own sources (src/applications/likwid.lua,
groups/*/MEM.txt of RRZE-HPC/likwid); it was never seen from a likwid that counts.
"""

from __future__ import annotations

import csv
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from passline.counters.calibrate import LOOPS

PROGRAM = "likwid-perfctr"
GROUP = "MEM"
LEAST_BYTES = 8 << 30  # moved by the calls: a second or so, long beside what starting Python moves
TIMEOUT_S = 120.0
_VOLUMES = {
    "read": re.compile(r"Memory (read|load) data volume \[GBytes\]"),
    "written": re.compile(r"Memory (write|writeback|evict) data volume \[GBytes\]"),
    "combined": re.compile(r"Memory data volume( \(channels [\d-]+\))? \[GBytes\]"),
}


@dataclass(frozen=True)
class Counted:
    """Known and counted bytes of one loop; not-a-number where the group has no such metric."""

    loop: str
    known_read: float
    known_written: float
    read: float
    written: float
    combined: float

    @property
    def ratio(self) -> float:
        """Counted over known bytes of the loop's own direction; of both where the group cannot tell them apart."""
        if math.isnan(self.read) and math.isnan(self.written):
            return self.combined / (self.known_read + self.known_written)
        return self.read / self.known_read if self.known_read else self.written / self.known_written


@dataclass(frozen=True)
class Opinion:
    """What likwid counted, or why it counted nothing; `reason` is - where it did."""

    program: str | None
    loops: tuple[Counted, ...]
    reason: str


def program() -> str | None:
    """Where likwid-perfctr is; None where it is not installed."""
    return shutil.which(PROGRAM)


def opinion(found: str, library: Path, variants: Mapping[str, str], row_bytes: int, cpu: int) -> Opinion:
    """Count the loops that read only and that write only, each less the same process without its calls."""
    calls = max(1, -(-LEAST_BYTES // row_bytes))
    counted: list[Counted] = []
    for loop in LOOPS:
        if loop.name not in variants or (loop.read and loop.written):
            continue
        sums = []
        for n in (0, calls):
            command = [found, "-O", "-g", GROUP, "-C", str(cpu)]
            own = [sys.executable, "-m", "passline.counters.known_traffic"]
            try:
                sums.append(volumes(_run([*command, *own, str(library), variants[loop.name], str(row_bytes), str(n)])))
            except ValueError as error:
                return Opinion(found, tuple(counted), str(error))
        moved = {key: sums[1][key] - sums[0][key] for key in _VOLUMES}
        known = float(calls * row_bytes)
        counted.append(Counted(loop.name, loop.read * known, loop.written * known, **moved))
    return Opinion(found, tuple(counted), "-" if counted else "the library holds no loop of known traffic")


def _run(command: Sequence[str]) -> str:
    """What the program printed; ValueError with the last thing it said where it failed."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as cause:
        raise ValueError(f"it did not end within {TIMEOUT_S:g} s") from cause
    except OSError as cause:
        raise ValueError(f"it could not be started ({cause.strerror})") from cause
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise ValueError(f"it ended with status {done.returncode} and said: {said}")
    return done.stdout


def volumes(printed: str) -> dict[str, float]:
    """Bytes by direction of the tables of metrics; ValueError where none of them is there."""
    found = dict.fromkeys(_VOLUMES, math.nan)
    for name, text in metrics(printed):
        for key, pattern in _VOLUMES.items():
            if pattern.fullmatch(name):
                before = 0.0 if math.isnan(found[key]) else found[key]
                found[key] = before + float(text) * 1e9
    if all(math.isnan(value) for value in found.values()):
        raise ValueError(f"what it printed holds no data volume of memory (group {GROUP})")
    return found


def metrics(printed: str) -> list[tuple[str, str]]:
    """(metric, value on the first cpu) of every table of metrics, statistics over cpus left out."""
    rows: list[tuple[str, str]] = []
    inside = False
    for row in csv.reader(printed.splitlines()):
        if row and row[0] in ("TABLE", "STRUCT"):
            inside = row[0] == "TABLE" and re.fullmatch(r"Group \d+ Metric", row[1] if len(row) > 1 else "") is not None
        elif inside and len(row) > 1 and _is_number(row[1]):
            rows.append((row[0].strip(), row[1]))
    return rows


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False
