"""What the host is: stable hardware facts, each with where it was read, or why it could not be.

Everything is read below a root directory (``/`` by default), so that stored
``/proc`` and ``/sys`` trees of other machines can stand in. What varies from run to
run (load, clock, temperature) belongs to the rounds and is not here. Sizes are bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passline import machine_sources as sources
from passline.errors import MachineError
from passline.machine_sources import Cache, Found, Tree
from passline.schema import load_yaml, validate

MICROARCHITECTURES = Path(__file__).with_name("microarchitectures.yaml")
# Only tells hashes made here from hashes made elsewhere; it is no secret.
_SALT = b"passline machine v1:"
# Words of a model name that tell no machine from another.
_NOISE = re.compile(
    r"\((r|tm|c)\)|@.*$|\bwith\b.*$|\bcpu\b|\bprocessor\b|\b\d+th gen\b|\b[\w-]+-core\b|\bintel\b|\bamd\b|\bgenuine\b",
    re.IGNORECASE,
)
_UNITS = {"l1d_bytes": "B", "l2_bytes": "B", "llc_bytes": "B", "memory_bytes": "B", "cache_line_bytes": "B"}


@dataclass(frozen=True)
class Machine:
    """Hardware facts of a host; None where a fact could not be read, with the reason in `origins`."""

    id: str  # safe as a folder name, the same on every run
    architecture: str
    vendor: str | None
    family: int | None
    model: int | None
    stepping: int | None
    model_name: str | None
    microarchitecture: str
    cpu_flags: tuple[str, ...]
    online_cpus: tuple[int, ...]
    usable_cpus: tuple[int, ...]  # online and allowed to this process
    core_cpus: tuple[tuple[int, ...], ...]  # the hardware threads of each core, by their lowest cpu
    cores: int
    threads_per_core: int  # of the core with the most
    socket_cpus: Mapping[str, tuple[int, ...]]
    sockets: int
    numa_nodes: Mapping[str, tuple[int, ...]]
    core_types: Mapping[str, tuple[int, ...]]  # {"performance": ..., "efficiency": ...}, or empty
    l1d: Cache | None
    l2: Cache | None
    llc: Cache | None  # last-level cache instance that the measuring cpu reaches
    cache_line_bytes: int | None
    memory_bytes: int | None
    huge_pages: str | None  # mode of transparent huge pages
    hypervisor: str | None
    kernel: str | None
    machine_id_hash: str | None
    measuring_cpu: int
    measuring_cpu_reason: str
    origins: Mapping[str, str]  # fact -> the file it was read from, or why it is unavailable

    @property
    def hybrid(self) -> bool:
        """Whether cores of different speed share the machine."""
        return len(self.core_types) > 1

    @property
    def one_cpu_per_core(self) -> tuple[int, ...]:
        """The lowest usable cpu of each core as fast as the measuring one: where one thread per core goes."""
        kinds = [set(cpus) for cpus in self.core_types.values() if self.measuring_cpu in cpus]
        fast = set(self.usable_cpus).intersection(*kinds)
        return tuple(min(fast & set(threads)) for threads in self.core_cpus if fast & set(threads))

    def same_node(self, cpu: int) -> tuple[int, ...]:
        """The cpus of the NUMA node of a cpu; all usable ones where no node lists it."""
        return next((cpus for cpus in self.numa_nodes.values() if cpu in cpus), self.usable_cpus)

    def same_socket(self, cpu: int) -> tuple[int, ...]:
        """The cpus of the socket of a cpu."""
        return next((cpus for cpus in self.socket_cpus.values() if cpu in cpus), self.usable_cpus)

    def caches_of(self, cpus: Sequence[int]) -> int:
        """How many last-level caches these cpus reach together, if each serves as many as the measuring cpu's."""
        sharing = len(set(self.llc.cpus) & set(cpus)) if self.llc else len(cpus)
        return -(-len(cpus) // max(1, sharing))


def detect(root: Path = Path("/")) -> Machine:
    """Read the facts below `root`; raise MachineError where there is no Linux to read them from."""
    live = root == Path("/")
    if live and sys.platform != "linux":
        raise MachineError("machine", f"this is {sys.platform}, and Passline runs on Linux only", "Use a Linux machine")
    tree = Tree(root)
    blocks = sources.cpuinfo(tree)
    if not blocks:
        what = "no processor is listed, so this is not a Linux machine or /proc is not mounted"
        raise MachineError(root / "proc/cpuinfo", what, "Use a Linux machine with /proc")

    found: dict[str, Found] = {"online_cpus": sources.online_cpus(tree, blocks)}
    online: tuple[int, ...] = found["online_cpus"].value
    found["usable_cpus"] = sources.allowed_cpus(tree, online)
    found["core_cpus"] = sources.core_cpus(tree, blocks, online)
    found["numa_nodes"] = sources.numa_nodes(tree, online)
    found["core_types"] = sources.core_types(tree, online)
    cpu, reason = choose_cpu(
        found["usable_cpus"].value,
        found["core_cpus"].value,
        found["numa_nodes"].value,
        found["core_types"].value,
        sources.isolated_cpus(tree),
    )
    block = blocks.get(cpu, next(iter(blocks.values())))
    arm = "CPU implementer" in block
    if live:
        refuse_emulation(os.uname().machine, tree, block)
    found["architecture"] = sources.architecture(tree, block, live=live)
    found |= sources.identity(block)
    found |= sources.caches(tree, cpu, online, block, live=live)
    found["socket_cpus"] = sources.sockets(tree, blocks, online)
    found["sockets"] = Found(len(found["socket_cpus"].value), found["socket_cpus"].origin)
    found["memory_bytes"] = sources.memory(tree)
    found["huge_pages"] = sources.huge_pages(tree)
    found["hypervisor"] = sources.hypervisor(tree, block)
    found["kernel"] = sources.kernel(tree, live=live)
    found["machine_id_hash"] = _machine_id_hash(tree)
    table = load_yaml(MICROARCHITECTURES, MachineError)
    microarchitecture = _arm_name(table, block) if arm else _x86_name(table, found)
    core_cpus = found["core_cpus"].value
    values = {key: fact.value for key, fact in found.items()}
    return Machine(
        id=_label(table, values, microarchitecture, len(core_cpus)),
        microarchitecture=microarchitecture,
        cores=len(core_cpus),
        threads_per_core=max(len(threads) for threads in core_cpus),
        measuring_cpu=cpu,
        measuring_cpu_reason=reason,
        origins={key: fact.origin for key, fact in sorted(found.items())},
        **values,
    )


def refuse_emulation(process: str, tree: Tree, block: Mapping[str, str]) -> None:
    """MachineError where anything names a processor that does not run `process`, an architecture: an emulator does.

    An emulator may answer for /proc/cpuinfo (newer ones do), and leave the other files to the kernel of the host.
    """
    by_cpuinfo = "arm" if "CPU implementer" in block else "x86" if {"vendor_id", "flags"} <= block.keys() else ""
    modalias = re.match(r"cpu:type:([^:,]+)", tree.text(f"{sources.CPU}/modalias") or "")
    listed = {
        "/proc/cpuinfo": by_cpuinfo,
        "/proc/sys/kernel/arch": tree.text("proc/sys/kernel/arch") or "",
        f"/{sources.CPU}/modalias": modalias.group(1) if modalias else "",
    }
    for path, processor in listed.items():
        if processor and _family(processor) != _family(process):
            what = f"this process is of {process}, and the processor in {path} is of {processor}: it is emulated"
            raise MachineError("machine", what, "Measure on the processor itself: an emulator's times say nothing")


def _family(architecture: str) -> str:
    """The processors that run one another's programs: x86 of x86_64, i686; arm of aarch64, armv7l; ppc of ppc64le."""
    for family, names in {"arm": "arm|aarch64", "x86": r"x86|i\d86"}.items():
        if re.match(names, architecture):
            return family
    return re.split(r"\d", architecture)[0]


def choose_cpu(
    usable: tuple[int, ...],
    core_cpus: tuple[tuple[int, ...], ...],
    nodes: Mapping[str, tuple[int, ...]],
    types: Mapping[str, tuple[int, ...]],
    isolated: tuple[int, ...] = (),
) -> tuple[int, str]:
    """Pick the cpu to measure on, and say why.

    The last core of the first NUMA node: cpu 0 takes most interrupts and kernel work.
    Performance cores only, isolated cpus before others, the first hardware thread of a core.
    """
    pool = set(usable)
    why = []
    for wanted, phrase in (
        (types.get("performance", ()), "performance cores"),
        (isolated, "cpus isolated from the scheduler"),
    ):
        if pool & set(wanted):
            pool &= set(wanted)
            why.append(phrase)
    for name, cpus in nodes.items():
        if pool & set(cpus):
            pool &= set(cpus)
            if len(nodes) > 1:
                why.append(f"NUMA node {name}")
            break
    firsts = sorted(min(pool & set(threads)) for threads in core_cpus if pool & set(threads))
    if len(firsts) < 2:
        return (firsts or sorted(pool))[-1], " of the ".join(["the only core", *reversed(why)])
    place = " of the ".join(["the last core", *reversed(why)])
    return firsts[-1], f"{place}; cpu 0 takes most interrupts"


def _machine_id_hash(tree: Tree) -> Found:
    path = "etc/machine-id"
    text = tree.text(path)
    if not text:
        return Found(None, f"{path} is missing or empty")
    return Found(hashlib.sha256(_SALT + text.encode()).hexdigest()[:16], f"{path}, salted SHA-256")


def _x86_name(table: Mapping[str, Any], found: Mapping[str, Found]) -> str:
    vendor, family = found["vendor"].value, found["family"].value
    model, stepping = found["model"].value, found["stepping"].value
    for row in table["x86"]:
        first, last = row.get("model_range", (model, model))
        low, high = row.get("steppings", (stepping, stepping))
        if (
            (row["vendor"], row["family"]) == (vendor, family)
            and model in row.get("models", [model])
            and model is not None
            and first <= model <= last
            and (stepping is None or low <= stepping <= high)
        ):
            return str(row["name"])
    return "unknown" if family is None else f"unknown (family {family} model {model})"


def _arm_name(table: Mapping[str, Any], block: Mapping[str, str]) -> str:
    implementer, part = block["CPU implementer"], block.get("CPU part", "?")
    for row in table["arm"]:
        if (row["implementer"], row["part"]) == (implementer, part):
            return str(row["name"])
    return f"unknown (implementer {implementer} part {part})"


def _label(table: Mapping[str, Any], values: Mapping[str, Any], microarchitecture: str, cores: int) -> str:
    """For instance intel-skylake-x-xeon-w-2135-6c: vendor, microarchitecture, model name, cores."""
    vendor = table["vendors"].get(values["vendor"], values["vendor"] or values["architecture"])
    words = _NOISE.sub(" ", values["model_name"] or "")
    parts = [_slug(vendor), _slug(microarchitecture), _slug(words)[:40].strip("-"), f"{cores}c"]
    return "-".join(part for part in parts if part)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def to_document(machine: Machine) -> dict[str, Any]:
    """The machine as plain JSON types."""
    document: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(machine)))
    return document


def write_machine(machine: Machine, path: Path) -> bool:
    """Write machine.json aside and rename it into place; leave it alone, and return False, if nothing changed."""
    text = json.dumps(to_document(machine), indent=1, sort_keys=True) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
    return True


def read_machine(path: Path) -> Machine:
    """Read and validate a machine.json; raise MachineError where it is missing, malformed or of another version."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise MachineError(path, "the file does not exist", "Run the workflow, which writes it") from cause
    except json.JSONDecodeError as cause:
        raise MachineError(path, f"is not JSON ({cause})", "Delete it and run the workflow again") from cause
    validate(document, "machine", path, MachineError)
    for name in ("cpu_flags", "online_cpus", "usable_cpus"):
        document[name] = tuple(document[name])
    for name in ("numa_nodes", "core_types", "socket_cpus"):
        document[name] = {key: tuple(cpus) for key, cpus in document[name].items()}
    for name in ("l1d", "l2", "llc"):
        cache = document[name]
        document[name] = cache and Cache(cache["level"], cache["bytes"], tuple(cache["cpus"]))
    document["core_cpus"] = tuple(tuple(threads) for threads in document["core_cpus"])
    return Machine(**document)


def facts(machine: Machine) -> list[dict[str, str]]:
    """Rows of table `machines`: one fact each, `unavailable` with the reason as its origin where it is not known."""
    rows = []
    for field in dataclasses.fields(machine):
        if field.name in ("origins", "id"):
            continue
        value = getattr(machine, field.name)
        origin = machine.origins.get(field.name, "derived")
        key = f"{field.name}_bytes" if field.name in ("l1d", "l2", "llc") else field.name
        rows.append((key, value.bytes if isinstance(value, Cache) else value, origin))
        if isinstance(value, Cache):
            rows += [(f"{field.name}_cpus", value.cpus, origin), (f"{field.name}_level", value.level, origin)]
    rows.append(("hybrid", machine.hybrid, "derived"))
    return [
        {
            "machine": machine.id,
            "key": key,
            "value": _shown(value),
            "unit": _UNITS.get(key, "-"),
            "origin": origin,
        }
        for key, value, origin in rows
    ]


def _shown(value: object) -> str:
    if value is None:
        return "unavailable"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_shown(cpus)}" for key, cpus in value.items()) or "none"
    if isinstance(value, tuple):
        if value and all(isinstance(item, int) for item in value):
            return sources.format_cpus(value)
        return " ".join(f"({_shown(item)})" if isinstance(item, tuple) else str(item) for item in value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
