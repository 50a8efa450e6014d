"""What would disturb a measurement now, and how the machine is set: for `passline doctor`, which changes none of it."""

from __future__ import annotations

import fcntl
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from passline import quiet
from passline.machine import Machine
from passline.machine_sources import CPU, Tree, format_cpus
from passline.measure import lock
from passline.measure.environment import load
from passline.session_state import turbo

_UNTIL_BOOT = "until the next boot"


@dataclass(frozen=True)
class Setting:
    """How one thing is set. `good` is None where it is only a fact; `fix` is the smallest change where it is bad."""

    name: str
    value: str
    good: bool | None
    means: str
    fix: str


@dataclass(frozen=True)
class Noise:
    """What was watched for about a second; not-a-number where it could not be."""

    watched: bool
    measuring: str | None  # who measures on this machine now; then nothing is watched
    load: float
    steal: float
    findings: tuple[str, ...]
    settings: tuple[Setting, ...]


def examine(machine: Machine, root: Path = Path("/")) -> Noise:
    """Watch the machine, unless a measurement runs on it, and read its settings."""
    holder = measuring()
    tree = Tree(root)
    found = tuple(settings(machine, tree))
    if holder is not None:
        return Noise(False, holder, load(root), math.nan, (), found)
    seen = quiet.observe(machine, machine.measuring_cpu, root)
    # The governor is among the settings, with its remedy.
    told = tuple(sentence for sentence in quiet.judge(seen) if "governor" not in sentence)
    return Noise(True, None, load(root), seen.steal, told, found)


def measuring(path: Path | None = None) -> str | None:
    """Who holds the lock of a measurement; None where nobody does. A shared lock, given back at once, tells."""
    try:
        with (path or lock.PATH).open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip() or "another user's measurement"
    except OSError:
        return None
    return None


def settings(machine: Machine, tree: Tree) -> Iterator[Setting]:
    """Huge pages, governor, turbo, SMT: each with what it does to a measurement."""
    yield _huge_pages(machine.huge_pages)
    governor = tree.text(f"{CPU}/cpu{machine.measuring_cpu}/cpufreq/scaling_governor")
    yield _governor(governor, tree.text(f"{CPU}/cpu{machine.measuring_cpu}/cpufreq/scaling_driver"))
    yield _turbo(turbo(tree).value, tree)
    yield _smt(machine)


def _huge_pages(mode: str | None) -> Setting:
    name = "huge pages"
    if mode in ("always", "madvise"):
        return Setting(name, mode, True, "the rows ask for them", "-")
    if mode is None:
        what = "the kernel has no transparent huge pages: long rows miss the TLB, and measure it too"
        return Setting(name, "none", None, what, "-")
    fix = f"`echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled`, {_UNTIL_BOOT}"
    return Setting(name, mode, False, "rows lie on small pages: long ones miss the TLB, and measure it too", fix)


def _governor(governor: str | None, driver: str | None) -> Setting:
    name = "governor"
    if governor is None:
        return Setting(
            name, "not shown", None, "the kernel shows no cpufreq: the host or the firmware sets clocks", "-"
        )
    if governor == "performance":
        return Setting(name, governor, True, "the clock does not wait for load", "-")
    held = governor == "powersave" and driver not in ("intel_pstate", "amd-pstate-epp")
    what = "it holds the lowest clock" if held else "the clock follows the load, and lags behind it"
    return Setting(name, governor, False, what, f"`sudo cpupower frequency-set -g performance`, {_UNTIL_BOOT}")


def _turbo(state: str | None, tree: Tree) -> Setting:
    name = "turbo"
    if state is None:
        return Setting(name, "not shown", None, "the clock may change from round to round; each round records it", "-")
    if state == "off":
        return Setting(name, state, True, "the clock keeps to its nominal value", "-")
    intel = tree.text(f"{CPU}/intel_pstate/no_turbo") is not None
    command = f"echo {1 if intel else 0} | sudo tee /{CPU}/{'intel_pstate/no_turbo' if intel else 'cpufreq/boost'}"
    what = "the clock depends on heat and on the other cores; ratios within a round hardly do"
    return Setting(name, state, None, what, f"for a steady clock `{command}`, {_UNTIL_BOOT}")


def _smt(machine: Machine) -> Setting:
    name, cpu = "SMT", machine.measuring_cpu
    core = next((threads for threads in machine.core_cpus if cpu in threads), (cpu,))
    others = format_cpus([c for c in core if c != cpu])
    if not others:
        return Setting(name, "off", True, f"cpu {cpu}, on which is measured, has its core for itself", "-")
    what = f"cpu {cpu}, on which is measured, shares its core with cpu {others}: what runs there slows it"
    fix = f"leave cpu {others} idle, or `echo off | sudo tee /{CPU}/smt/control`, {_UNTIL_BOOT}"
    return Setting(name, "on", None, what, fix)
