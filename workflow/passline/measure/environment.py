"""What varies while a round runs: clock, load, steal, temperature, throttling. Unavailable is NaN, never zero."""

from __future__ import annotations

import math
import os
import resource
from pathlib import Path


def read_number(path: Path) -> float:
    """A file that holds one number; NaN where it is missing or holds something else."""
    try:
        return float(path.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return math.nan


def load(root: Path = Path("/")) -> float:
    """One-minute load average."""
    return read_number(root / "proc/loadavg")


def steal_s(cpu: int, root: Path = Path("/")) -> float:
    """Seconds a cpu was ready to run but the hypervisor ran others, since boot (proc(5), field steal)."""
    try:
        lines = (root / "proc/stat").read_text(encoding="ascii").splitlines()
        fields = next(line for line in lines if line.startswith(f"cpu{cpu} ")).split()
        return float(fields[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration):
        return math.nan


def temperature_c(root: Path = Path("/")) -> float:
    """Hottest thermal zone, degrees Celsius."""
    zones = [read_number(path) for path in (root / "sys/class/thermal").glob("thermal_zone*/temp")]
    known = [zone / 1000 for zone in zones if not math.isnan(zone)]
    return max(known, default=math.nan)


def throttle_count(cpu: int, root: Path = Path("/")) -> float:
    """Thermal throttle events of a cpu's core since boot (Intel only)."""
    return read_number(root / f"sys/devices/system/cpu/cpu{cpu}/thermal_throttle/core_throttle_count")


def involuntary_switches() -> int:
    """Involuntary context switches of this process so far (getrusage(2))."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
