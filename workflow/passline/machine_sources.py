"""Where each hardware fact is read: /proc, /sys and, on the live host, getconf.

Every function takes the tree it reads and returns the value with its origin. A
value that cannot be had is None and its origin says why: containers and virtual
machines hide much, and that is no error.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CPU = "sys/devices/system/cpu"
# Capacities closer than this are the same kind of core: favoured cores of one die differ by a few per cent.
_SAME_CAPACITY = 0.9


@dataclass(frozen=True)
class Found:
    """A value and the file it was read from, or None and why there is none."""

    value: Any
    origin: str


@dataclass(frozen=True)
class Cache:
    """One cache instance: its level, its size in bytes, and the cpus that share it."""

    level: int
    bytes: int
    cpus: tuple[int, ...]


@dataclass(frozen=True)
class Tree:
    """A directory that holds proc, sys and etc."""

    root: Path

    def text(self, path: str) -> str | None:
        """The stripped text of a file; None where it cannot be read.

        Some kernels end lists of cpus (5.15), and all end the device tree's strings, with a NUL.
        """
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip(" \t\n\0")
        except OSError:
            return None

    def integer(self, path: str) -> int | None:
        """A file that holds one integer; None where it does not."""
        text = self.text(path)
        return int(text) if text is not None and re.fullmatch(r"-?\d+", text) else None

    def cpus(self, path: str) -> tuple[int, ...] | None:
        """A file that holds a cpu list such as 0-3,8; None where it cannot be read or is empty."""
        text = self.text(path)
        return parse_cpus(text) if text else None

    def names(self, path: str, pattern: str) -> list[str]:
        """Entries of a directory that match `pattern`, by their number."""
        try:
            entries = [entry.name for entry in (self.root / path).iterdir()]
        except OSError:
            return []
        matching = [name for name in entries if re.fullmatch(pattern, name)]
        return sorted(matching, key=lambda name: int(re.sub(r"\D", "", name)))


def parse_cpus(text: str) -> tuple[int, ...]:
    """``0-2,8`` as (0, 1, 2, 8)."""
    cpus: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            cpus.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(cpus))


def format_cpus(cpus: Sequence[int]) -> str:
    """(0, 1, 2, 8) as ``0-2,8``."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and parts[-1][-1] == cpu - 1:
            parts[-1].append(cpu)
        else:
            parts.append([cpu])
    return ",".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def cpuinfo(tree: Tree) -> dict[int, dict[str, str]]:
    """Processor number -> its lines of /proc/cpuinfo; lines outside any processor are added to each."""
    blocks: dict[int, dict[str, str]] = {}
    shared: dict[str, str] = {}
    for paragraph in re.split(r"\n\s*\n", tree.text("proc/cpuinfo") or ""):
        pairs = (line.partition(":") for line in paragraph.splitlines() if ":" in line)
        lines = {key.strip(): value.strip() for key, _, value in pairs}
        number = lines.get("processor", "")
        if number.isdigit():
            blocks[int(number)] = lines
        else:
            shared |= lines
    return {number: shared | lines for number, lines in blocks.items()}


def online_cpus(tree: Tree, blocks: Mapping[int, Mapping[str, str]]) -> Found:
    """Cpus that are switched on."""
    path = f"{CPU}/online"
    cpus = tree.cpus(path)
    return Found(cpus, path) if cpus else Found(tuple(sorted(blocks)), "proc/cpuinfo")


def allowed_cpus(tree: Tree, online: tuple[int, ...]) -> Found:
    """Online cpus that this process may run on: containers and taskset leave fewer."""
    path = "proc/self/status"
    match = re.search(r"^Cpus_allowed_list:\s*(\S+)", tree.text(path) or "", re.MULTILINE)
    allowed = tuple(cpu for cpu in parse_cpus(match.group(1)) if cpu in online) if match else ()
    return Found(allowed, path) if allowed else Found(online, f"all online cpus: {path} lists none")


def isolated_cpus(tree: Tree) -> tuple[int, ...]:
    """Cpus that the kernel's isolcpus= keeps free of other processes."""
    return tree.cpus(f"{CPU}/isolated") or ()


def core_cpus(tree: Tree, blocks: Mapping[int, Mapping[str, str]], online: tuple[int, ...]) -> Found:
    """The hardware threads of each core."""
    for name in ("thread_siblings_list", "core_cpus_list"):
        siblings = {cpu: tree.cpus(f"{CPU}/cpu{cpu}/topology/{name}") for cpu in online}
        if all(siblings.values()):
            cores = {tuple(c for c in threads or () if c in online) for threads in siblings.values()}
            return Found(tuple(sorted(cores)), f"{CPU}/cpu*/topology/{name}")
    groups: dict[tuple[str, ...], list[int]] = {}
    for cpu in online:
        block = blocks.get(cpu, {})
        key = (block.get("physical id", "0"), block["core id"]) if "core id" in block else (f"cpu {cpu}",)
        groups.setdefault(key, []).append(cpu)
    return Found(tuple(sorted(tuple(g) for g in groups.values())), "proc/cpuinfo: no topology in /sys")


def sockets(tree: Tree, blocks: Mapping[int, Mapping[str, str]], online: tuple[int, ...]) -> Found:
    """Number of each package -> its online cpus."""
    name = "topology/physical_package_id"
    packages: dict[int, str | None] = {}
    for cpu in online:
        package = tree.integer(f"{CPU}/cpu{cpu}/{name}")
        packages[cpu] = None if package is None else str(package)
    origin = f"{CPU}/cpu*/{name}"
    if None in packages.values():
        packages = {cpu: blocks.get(cpu, {}).get("physical id", "0") for cpu in online}
        origin = "proc/cpuinfo: no topology in /sys"
    found = sorted(set(filter(None, packages.values())))
    return Found({one: tuple(cpu for cpu in online if packages[cpu] == one) for one in found}, origin)


def numa_nodes(tree: Tree, online: tuple[int, ...]) -> Found:
    """Node number -> its online cpus; nodes of memory alone are left out. One node where /sys shows none."""
    path = "sys/devices/system/node"
    nodes = {}
    for name in tree.names(path, r"node\d+"):
        cpus = tuple(cpu for cpu in tree.cpus(f"{path}/{name}/cpulist") or () if cpu in online)
        if cpus:
            nodes[name.removeprefix("node")] = cpus
    return Found(nodes, f"{path}/node*/cpulist") if nodes else Found({"0": online}, f"{path} is missing: taken as one")


def core_types(tree: Tree, online: tuple[int, ...]) -> Found:
    """Performance and efficiency cpus of a hybrid machine; empty where all cores are alike."""
    core = tree.cpus("sys/devices/cpu_core/cpus")
    atom = tree.cpus("sys/devices/cpu_atom/cpus")
    if core and atom:
        # Cores of a third kind (cpu_lowpower) are slower still.
        types = {
            "performance": tuple(cpu for cpu in online if cpu in core),
            "efficiency": tuple(cpu for cpu in online if cpu not in core),
        }
        return Found(types, "sys/devices/cpu_core/cpus and sys/devices/cpu_atom/cpus")
    name = "cpu_capacity"
    capacities = {cpu: tree.integer(f"{CPU}/cpu{cpu}/{name}") for cpu in online}
    known = {cpu: capacity for cpu, capacity in capacities.items() if capacity is not None}
    if len(known) < len(online):
        return Found({}, "taken as alike: /sys shows no kinds of cores")
    least = _SAME_CAPACITY * max(known.values())
    fast = tuple(cpu for cpu in online if known[cpu] >= least)
    slow = tuple(cpu for cpu in online if known[cpu] < least)
    return Found({"performance": fast, "efficiency": slow} if slow else {}, f"{CPU}/cpu*/{name}")


def architecture(tree: Tree, block: Mapping[str, str], *, live: bool) -> Found:
    """Architecture as uname -m spells it."""
    path = "proc/sys/kernel/arch"
    name = tree.text(path)
    if name:
        return Found(name, path)
    if live:
        return Found(os.uname().machine, "uname")
    if "vendor_id" in block and "flags" in block:
        return Found("x86_64" if " lm " in f" {block['flags']} " else "i686", "proc/cpuinfo")
    if "CPU implementer" in block:
        return Found("aarch64" if block.get("CPU architecture") == "8" else "arm", "proc/cpuinfo")
    return Found("unknown", "proc/cpuinfo names none")


def identity(block: Mapping[str, str]) -> dict[str, Found]:
    """Vendor, family, model, stepping, name and flags of a processor."""
    origin = "proc/cpuinfo"

    def fact(key: str, *names: str, number: bool = False) -> Found:
        for name in names:
            text = block.get(name)
            if text and (not number or re.fullmatch(r"\d+", text)):
                return Found(int(text) if number else text, f"{origin}: {name}")
        return Found(None, f"{origin} has no {' or '.join(repr(n) for n in names)} ({key})")

    flags = block.get("flags") or block.get("Features") or ""
    return {
        "vendor": fact("vendor", "vendor_id", "CPU implementer"),
        "family": fact("family", "cpu family", number=True),
        "model": fact("model", "model", number=True),
        "stepping": fact("stepping", "stepping", number=True),
        "model_name": fact("model name", "model name", "cpu model", "cpu"),
        "cpu_flags": Found(tuple(sorted(set(flags.split()))), f"{origin}: flags or Features"),
    }


def caches(tree: Tree, cpu: int, online: tuple[int, ...], block: Mapping[str, str], *, live: bool) -> dict[str, Found]:
    """The L1 data, L2 and last-level cache that `cpu` reaches, and the length of an L1 line."""
    folder = f"{CPU}/cpu{cpu}/cache"
    found: dict[int, Cache] = {}
    lines: dict[int, int] = {}
    for index in tree.names(folder, r"index\d+"):
        level = tree.integer(f"{folder}/{index}/level")
        size = parse_size(tree.text(f"{folder}/{index}/size"))
        if tree.text(f"{folder}/{index}/type") == "Instruction" or not level or not size:
            continue
        length = tree.integer(f"{folder}/{index}/coherency_line_size")
        lines |= {level: length} if length else {}
        found[level] = Cache(level, size, tree.cpus(f"{folder}/{index}/shared_cpu_list") or (cpu,))
    origin = folder
    if not found and live:
        found, origin = _getconf(cpu, online), "getconf"
        length = _getconf_value("LEVEL1_DCACHE_LINESIZE")
        lines = {1: length} if length else {}
    if not found:
        # Intel reports the last level on this line, AMD the L2: only the former helps.
        size = parse_size(block.get("cache size"))
        if size and block.get("vendor_id") == "GenuineIntel":
            found, origin = {3: Cache(3, size, online)}, "proc/cpuinfo: cache size"
    nothing = f"neither {folder} nor getconf nor proc/cpuinfo shows it"
    last = max(found, default=0)
    line = lines.get(min(lines, default=0))
    others = "".join(f"; {length} in level {level}" for level, length in sorted(lines.items()) if length != line)
    return {
        "l1d": Found(found.get(1), origin if 1 in found else nothing),
        "l2": Found(found.get(2), origin if 2 in found else nothing),
        "llc": Found(found[last], f"{origin}, level {last}") if last > 1 else Found(None, nothing),
        "cache_line_bytes": Found(line, f"{origin}{others}" if line else nothing),
    }


def parse_size(text: str | None) -> int | None:
    """``32K``, ``8448 KB``, ``32M``, ``1G`` or ``512`` in bytes; None for anything else and for 0."""
    match = re.fullmatch(r"(\d+)\s*([KMG]?)i?B?", text or "", re.IGNORECASE)
    return int(match.group(1)) * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[match.group(2).upper()] if match else None


def _getconf(cpu: int, online: tuple[int, ...]) -> dict[int, Cache]:
    """Sizes by glibc, which asks the processor itself; it does not say who shares a cache."""
    names = {1: "LEVEL1_DCACHE_SIZE", 2: "LEVEL2_CACHE_SIZE", 3: "LEVEL3_CACHE_SIZE"}
    sizes = {level: _getconf_value(name) for level, name in names.items()}
    return {level: Cache(level, size, online if level == 3 else (cpu,)) for level, size in sizes.items() if size}


def _getconf_value(name: str) -> int | None:
    try:
        run = subprocess.run(["getconf", name], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_size(run.stdout.strip()) or None


def memory(tree: Tree) -> Found:
    """Bytes this process may use: installed memory, or a smaller limit of its control group."""
    match = re.search(r"^MemTotal:\s*(\d+) kB", tree.text("proc/meminfo") or "", re.MULTILINE)
    limits = [(int(match.group(1)) * 1024, "proc/meminfo: MemTotal")] if match else []
    limits += _cgroup_limits(tree)
    if not limits:
        return Found(None, "proc/meminfo has no MemTotal, and no control group limits memory")
    value, origin = min(limits)
    return Found(value, origin)


def _cgroup_limits(tree: Tree) -> list[tuple[int, str]]:
    """Limits of the process's control groups and of all groups above them, versions 1 and 2."""
    limits = []
    names: tuple[str, ...]
    for line in (tree.text("proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            # Above `high` the kernel takes pages away and holds the group up: as good as a limit.
            base, names = "sys/fs/cgroup", ("memory.max", "memory.high")
        elif "memory" in controllers.split(","):
            base, names = "sys/fs/cgroup/memory", ("memory.limit_in_bytes",)
        else:
            continue
        # Inside a container the path may be that of the host, where nothing is mounted here: its own root counts too.
        parts = [part for part in group.split("/") if part and part != ".."]
        for depth, name in itertools.product(range(len(parts), -1, -1), names):
            value = tree.integer("/".join([base, *parts[:depth], name]))
            if value is not None:
                # The group's own name is left out: it may be new in every session, and machine.json is not.
                limits.append((value, f"{name} of a control group"))
    return limits


def huge_pages(tree: Tree) -> Found:
    """Mode of transparent huge pages: always, madvise or never."""
    path = "sys/kernel/mm/transparent_hugepage/enabled"
    match = re.search(r"\[(\w+)\]", tree.text(path) or "")
    return Found(match.group(1), path) if match else Found(None, f"{path} is missing: no transparent huge pages")


def hypervisor(tree: Tree, block: Mapping[str, str]) -> Found:
    """Name of the hypervisor, `none`, or `unnamed` where there is one that does not say."""
    kind = tree.text("sys/hypervisor/type")
    if kind:
        return Found(kind, "sys/hypervisor/type")
    compatible = tree.text("proc/device-tree/hypervisor/compatible")
    if compatible:
        return Found(compatible, "proc/device-tree/hypervisor/compatible")
    dmi = "sys/class/dmi/id"
    product = " ".join(text for key in ("sys_vendor", "product_name") if (text := tree.text(f"{dmi}/{key}")))
    if "hypervisor" in block.get("flags", "").split():
        return Found(product or "unnamed", f"proc/cpuinfo: flags, and {dmi}")
    if "flags" in block:
        return Found("none", "proc/cpuinfo: flags")
    if re.search(r"kvm|qemu|vmware|virtual|xen|amazon ec2", product, re.IGNORECASE) and "metal" not in product.lower():
        return Found(product, dmi)
    return Found(None, "this architecture has no flag for it, and the firmware names none")


def kernel(tree: Tree, *, live: bool) -> Found:
    """Release of the kernel."""
    path = "proc/sys/kernel/osrelease"
    release = tree.text(path)
    if release:
        return Found(release, path)
    return Found(os.uname().release, "uname") if live else Found(None, f"{path} is missing")
