"""The state of the host that may change between two sessions, read once per measuring step.

Most of it is told by `machinestate` (https://github.com/RRZE-HPC/MachineState), run as a program and never imported:
it is under the GPL. Its document also holds the environment, paths and the whole kernel command line, so only the
values that `_TOLD` and the three groups below it name are taken, and it is given an environment that is all but empty.
What it does not tell is read here below a root directory, as in machine.py. Nothing here names the host or a person.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path
from typing import Any

from passline.machine import Machine
from passline.machine_sources import CPU, Found, Tree, cpuinfo, format_cpus

PROGRAM = Path(sys.executable).with_name("machinestate")
TIMEOUT_S = 60.0
"""It takes about 0.6 s; likwid, which it asks where there is one, a few seconds more."""

LIBRARIES = ("numpy", "cffi", "pyperf", "snakemake", "pandas", "scipy")

# fact, path in machinestate's document, unit, why it may be missing there
_NO_CPUFREQ = "the kernel shows no cpufreq, as in most virtual machines"
_NO_LIKWID = "it asks likwid, which is not installed or may not read the registers"
_KERNEL = "the kernel does not show it"
_TOLD = (
    ("frequency_driver", "CpuFrequency/Driver", "-", _NO_CPUFREQ),
    ("governor", "CpuFrequency/Cpu{cpu}/Governor", "-", _NO_CPUFREQ),
    ("energy_performance_preference", "CpuFrequency/Cpu{cpu}/EnergyPerfPreference", "-", _NO_CPUFREQ),
    ("scaling_minimum_hz", "CpuFrequency/Cpu{cpu}/MinFreq", "Hz", _NO_CPUFREQ),
    ("scaling_maximum_hz", "CpuFrequency/Cpu{cpu}/MaxFreq", "Hz", _NO_CPUFREQ),
    ("base_clock_hz", "TurboInfo/BaseClock", "Hz", _NO_LIKWID),
    ("turbo_clocks_hz", "TurboInfo/TurboFrequencies", "Hz", _NO_LIKWID),
    ("uncore_minimum_hz", "TurboInfo/MinUncoreClock", "Hz", _NO_LIKWID),
    ("uncore_maximum_hz", "TurboInfo/MaxUncoreClock", "Hz", _NO_LIKWID),
    ("performance_energy_bias", "TurboInfo/PerfEnergyBias", "-", _NO_LIKWID),
    ("prefetcher_hardware", "PrefetcherInfo/Cpu{cpu}/HW_PREFETCHER", "-", _NO_LIKWID),
    ("prefetcher_adjacent_line", "PrefetcherInfo/Cpu{cpu}/CL_PREFETCHER", "-", _NO_LIKWID),
    ("prefetcher_l1", "PrefetcherInfo/Cpu{cpu}/DCU_PREFETCHER", "-", _NO_LIKWID),
    ("prefetcher_l1_by_instruction", "PrefetcherInfo/Cpu{cpu}/IP_PREFETCHER", "-", _NO_LIKWID),
    ("transparent_huge_pages", "TransparentHugepages/State", "-", _KERNEL),
    ("transparent_huge_pages_defrag", "TransparentHugepages/Defrag", "-", _KERNEL),
    ("numa_balancing", "NumaBalancing/Enabled", "-", _KERNEL),
    ("aslr", "KernelInfo/ASLR", "-", _KERNEL),
    ("nmi_watchdog", "KernelInfo/NMIWatchdog", "-", _KERNEL),
    ("smt_active", "CpuInfo/SMT", "-", _KERNEL),
    ("operating_system", "OperatingSystemInfo/Name", "-", "no os-release file"),
    ("machinestate_version", "MachineState/Version", "-", "another version of it"),
)

# Kernel parameters that bear on speed or noise, `_` for `-` as the kernel takes them. The rest is only counted: a
# command line can hold addresses, keys and serial numbers.
_PARAMETERS = (
    "isolcpus", "nohz", "nohz_full", "rcu_nocbs", "rcu_nocb_poll", "irqaffinity", "threadirqs", "skew_tick",
    "mitigations", "nopti", "pti", "nospectre_v*", "spectre_v2*", "spec_store_bypass_disable", "spec_rstack_overflow",
    "l1tf", "mds", "tsx", "tsx_async_abort", "retbleed", "mmio_stale_data", "gather_data_sampling", "srbds",
    "intel_pstate", "amd_pstate", "cpufreq.*", "cpuidle*", "haltpoll.*", "idle", "*max_cstate", "nosmt", "maxcpus",
    "nr_cpus", "mem", "transparent_hugepage*", "hugepages*", "default_hugepagesz", "numa", "numa_balancing",
    "norandmaps", "init_on_alloc", "init_on_free", "clocksource", "tsc", "preempt", "nmi_watchdog", "nowatchdog",
    "nosoftlockup", "split_lock_detect",
)  # fmt: skip
# Values of such parameters are words, numbers and lists of cpus.
_PLAIN_VALUE = re.compile(r"[\w,.:+-]*")


@dataclass(frozen=True)
class State:
    """The document of machinestate; None, and the reason, where there is none."""

    document: Mapping[str, Any] | None
    reason: str = ""


@dataclass(frozen=True)
class Fact:
    """A fact under its name: the value as text, or None, with its origin or why it is unavailable."""

    key: str
    found: Found
    unit: str = "-"


def facts(machine: Machine, root: Path = Path("/"), cpu: int | None = None) -> list[dict[str, str]]:
    """Rows of table `machines` for the state of the host now; their keys are none of `machine.facts`.

    Args:
        machine: the host, as detected below `root`.
        root: directory that holds proc, sys and etc; machinestate runs only where it is that of the live host.
        cpu: the cpu that is measured on, where it is not the one that the machine's facts name.
    """
    cpu = machine.measuring_cpu if cpu is None else cpu
    stored = State(None, "machinestate tells of the live host only, and this is a stored tree")
    state = run_machinestate() if root == Path("/") else stored
    found = [*told(state, cpu), *read(Tree(root), machine, cpu), *versions()]
    return [
        {
            "machine": machine.id,
            "key": fact.key,
            "value": "unavailable" if fact.found.value is None else str(fact.found.value),
            "unit": fact.unit,
            "origin": fact.found.origin,
        }
        for fact in found
    ]


def merged(states: Sequence[Sequence[Mapping[str, str]]]) -> list[dict[str, str]]:
    """One row per fact from the states in which rounds were taken: values that changed meanwhile stand in order."""
    rows: dict[str, dict[str, str]] = {}
    for state in states:
        for fact in state:
            known = rows.setdefault(fact["key"], dict(fact))
            if fact["value"] not in known["value"].split("; later "):
                known["value"] += f"; later {fact['value']}"
    return list(rows.values())


def run_machinestate(program: Path = PROGRAM, timeout_s: float = TIMEOUT_S) -> State:
    """Run machinestate and read its document; a failure of any kind is a reason."""
    # It would read a configuration from the working directory or from HOME, and so tell other things than asked for.
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        run = subprocess.run(
            [program, "-a", "-s"],
            cwd="/",
            env=environment | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return State(None, f"machinestate did not end within {timeout_s:g} s")
    except OSError as error:
        what = "is not installed beside Python" if isinstance(error, FileNotFoundError) else "could not be started"
        return State(None, f"machinestate {what}")
    if run.returncode:
        return State(None, f"machinestate ended with status {run.returncode}")
    try:
        # Complaints of its own may stand before the document.
        document = json.loads(run.stdout[run.stdout.find("{") :])
    except ValueError:
        return State(None, "what machinestate printed is not JSON")
    return State(document)


def told(state: State, cpu: int) -> Iterator[Fact]:
    """The facts that machinestate tells, by the allow-list of this module."""
    for key, path, unit, why in _TOLD:
        place = path.format(cpu=cpu)
        value = _shown(_look_up(state, place))
        yield Fact(key, Found(value, _origin(state, place, why if value is None else "")), unit)
    yield from _huge_page_pools(state)
    yield from _power_caps(state)
    yield from _mitigations(state)


def _huge_page_pools(state: State) -> Iterator[Fact]:
    pools = _entries(_look_up(state, "Hugepages"))
    counts = {name: _shown(pool.get("Count")) for name, pool in pools.items() if isinstance(pool, Mapping)}
    for name, count in counts.items():
        place = f"Hugepages/{name}/Count"
        yield Fact(f"reserved_{_slug(name)}", Found(count, _origin(state, place, "" if count else _KERNEL)), "pages")
    if not counts:
        yield Fact("reserved_hugepages", Found(None, _origin(state, "Hugepages", _KERNEL)))


def _power_caps(state: State) -> Iterator[Fact]:
    caps = list(_limits("PowercapInfo", _look_up(state, "PowercapInfo")))
    for place, microwatts in caps:
        name = _slug(place.removeprefix("PowercapInfo/"))
        yield Fact(f"power_cap_{name}_w", Found(f"{microwatts / 1e6:g}", _origin(state, place, "")), "W")
    if not caps:
        why = "no RAPL interface, as in most virtual machines, or root alone may read it"
        yield Fact("power_caps", Found(None, _origin(state, "PowercapInfo", why)))


def _limits(place: str, node: object) -> Iterator[tuple[str, float]]:
    """Every power limit at or below a node of the document: where it stands, and its value in microwatts."""
    for name, below in _entries(node).items():
        if name == "PowerLimitUw" and isinstance(below, int | float):
            yield place, float(below)
        yield from _limits(f"{place}/{name}", below)


def _mitigations(state: State) -> Iterator[Fact]:
    section = "VulnerabilitiesInfo"
    entries = {name: text for name, text in _entries(_look_up(state, section)).items() if isinstance(text, str)}
    spared = sorted(_slug(name) for name, text in entries.items() if text == "Not affected")
    for name, text in entries.items():
        if text and text != "Not affected":
            yield Fact(f"mitigation_{_slug(name)}", Found(text, _origin(state, f"{section}/{name}", "")))
    value = " ".join(spared) or "none" if entries else None
    yield Fact("vulnerabilities_not_affected", Found(value, _origin(state, section, "" if entries else _KERNEL)))


def _look_up(state: State, place: str) -> object:
    node: object = state.document
    for name in place.split("/"):
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _entries(node: object) -> dict[str, Any]:
    """The entries of a section without machinestate's notes on itself."""
    return {name: below for name, below in node.items() if name != "_meta"} if isinstance(node, Mapping) else {}


def _origin(state: State, place: str, why: str) -> str:
    if state.document is None:
        return state.reason
    return f"machinestate tells no {place}: {why}" if why else f"machinestate: {place}"


def _shown(value: object) -> str | None:
    """A value of the document as text; None where it is empty, as what machinestate could not read is."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return " ".join(str(item) for item in value if isinstance(item, int | float | str)) or None
    return str(value) if isinstance(value, int | float | str) and value != "" else None


def _slug(name: str) -> str:
    """`SpecStoreBypass` as spec_store_bypass, `Package-0/LongTerm` as package_0_long_term."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z0-9])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def read(tree: Tree, machine: Machine, cpu: int) -> Iterator[Fact]:
    """The facts that machinestate does not tell, read below the tree's root."""
    block = cpuinfo(tree).get(cpu, {})
    microcode = block.get("microcode") or None
    why = "proc/cpuinfo: microcode" if microcode else "proc/cpuinfo has no line 'microcode'"
    yield Fact("microcode", Found(microcode, why))
    core = next((threads for threads in machine.core_cpus if cpu in threads), (cpu,))
    siblings = format_cpus([other for other in core if other != cpu]) or "none"
    yield Fact("smt_siblings", Found(siblings, machine.origins["core_cpus"]))
    yield Fact("turbo", turbo(tree))
    # machinestate 0.6.0 reads it as empty.
    path = "sys/devices/system/clocksource/clocksource0/current_clocksource"
    source = tree.text(path)
    yield Fact("clock_source", Found(source or None, path if source else f"{path} is missing"))
    parameters, others = kernel_parameters(tree)
    yield Fact("kernel_parameters", parameters)
    yield Fact("kernel_parameters_not_shown", others)
    yield Fact("power_source", power_source(tree))


def turbo(tree: Tree) -> Found:
    """Whether clocks above the nominal one are allowed: on or off."""
    for path, on in ((f"{CPU}/intel_pstate/no_turbo", 0), (f"{CPU}/cpufreq/boost", 1)):
        value = tree.integer(path)
        if value is not None:
            return Found("on" if value == on else "off", path)
    return Found(None, f"neither {CPU}/intel_pstate/no_turbo nor {CPU}/cpufreq/boost exists: {_NO_CPUFREQ}")


def kernel_parameters(tree: Tree) -> tuple[Found, Found]:
    """The parameters the kernel was started with that bear on speed or noise, and how many others there were.

    What stands behind ``--`` goes to the first process and is left out.
    """
    path = "proc/cmdline"
    line = tree.text(path)
    if line is None:
        missing = Found(None, f"{path} cannot be read")
        return missing, missing
    words = re.findall(r'(?:[^\s"]|"[^"]*")+', line)
    given = words[: words.index("--")] if "--" in words else words
    shown = []
    for word in given:
        name, equals, value = word.partition("=")
        if any(fnmatchcase(name.replace("-", "_"), pattern) for pattern in _PARAMETERS):
            shown.append(f"{name}{equals}{value if _PLAIN_VALUE.fullmatch(value) else '(not shown)'}")
    return Found(" ".join(shown) or "none", path), Found(str(len(given) - len(shown)), path)


def power_source(tree: Tree) -> Found:
    """`mains` or `battery`; batteries of mice and keyboards are no source.

    The entries' names are left out of the origin: a wireless device's holds its address.
    """
    folder = "sys/class/power_supply"
    supplies = [f"{folder}/{name}" for name in _children(tree, folder)]
    own = [supply for supply in supplies if tree.text(f"{supply}/scope") != "Device"]
    kinds = {supply: tree.text(f"{supply}/type") for supply in own}
    adapters = [tree.integer(f"{supply}/online") for supply, kind in kinds.items() if kind in ("Mains", "USB")]
    states = [tree.text(f"{supply}/status") for supply, kind in kinds.items() if kind == "Battery"]
    if 1 in adapters:
        return Found("mains", f"{folder}/*/online")
    if "Discharging" in states:
        return Found("battery", f"{folder}/*/status")
    if states:
        return Found("mains", f"{folder}/*/status")
    return Found(None, f"{folder} lists no battery and no adapter: a desktop, a server or a virtual machine")


def _children(tree: Tree, path: str) -> list[str]:
    try:
        return sorted(entry.name for entry in (tree.root / path).iterdir())
    except OSError:
        return []


def versions() -> Iterator[Fact]:
    """Python and the libraries that measuring and analysis rest on."""
    yield Fact("python_version", Found(platform.python_version(), "the interpreter"))
    for name in LIBRARIES:
        try:
            found = Found(metadata.version(name), f"metadata of package {name}")
        except metadata.PackageNotFoundError:
            found = Found(None, f"package {name} is not installed")
        yield Fact(f"{name}_version", found)
