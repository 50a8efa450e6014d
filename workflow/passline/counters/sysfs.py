"""Performance-monitoring units as the kernel describes them below /sys/bus/event_source/devices.

A unit's folder holds its `type`, the cpus to open its events on (`cpumask`, one per socket; core units have `cpus`
or nothing), where each term goes in the event's configuration words (`format/umask`: ``config:8-15,24-27``), and
named events (`events/cas_count_read`: ``event=0x04,umask=0x03``, with `.scale` and `.unit`). Source: Linux,
Documentation/ABI/testing/sysfs-bus-event_source-devices-{events,format}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from passline.errors import MachineError
from passline.machine_sources import Tree, parse_cpus

DEVICES = "sys/bus/event_source/devices"
WORDS = ("config", "config1", "config2")
_BYTES = {"b": 1, "bytes": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


@dataclass(frozen=True)
class Field:
    """Where a term goes: a configuration word and its bits, lowest bit of the value first."""

    word: str
    bits: tuple[int, ...]


@dataclass(frozen=True)
class NamedEvent:
    """An event that the kernel names: its terms, and the scale and unit of a count where it gives them."""

    name: str
    terms: str
    scale: str | None
    unit: str | None


@dataclass(frozen=True)
class Pmu:
    """A performance-monitoring unit; `cpus` is None where the kernel lists none."""

    name: str
    type: int
    cpus: tuple[int, ...] | None
    format: Mapping[str, Field]
    events: Mapping[str, NamedEvent]


@dataclass(frozen=True)
class Encoding:
    """The configuration words of an event, as in perf_event_open(2)."""

    config: int = 0
    config1: int = 0
    config2: int = 0


def pmus(tree: Tree) -> dict[str, Pmu]:
    """Every unit below the tree's root, by name; those whose type cannot be read are left out."""
    try:
        names = sorted(path.name for path in (tree.root / DEVICES).iterdir())
    except OSError:
        return {}
    found = (read_pmu(tree, name) for name in names)
    return {pmu.name: pmu for pmu in found if pmu is not None}


def read_pmu(tree: Tree, name: str) -> Pmu | None:
    """One unit; None where its type cannot be read."""
    folder = f"{DEVICES}/{name}"
    number = tree.integer(f"{folder}/type")
    if number is None:
        return None
    cpus = tree.text(f"{folder}/cpumask") or tree.text(f"{folder}/cpus")
    formats = {key: _field(text) for key, text in _files(tree, f"{folder}/format").items()}
    files = _files(tree, f"{folder}/events")
    events = {
        key: NamedEvent(key, terms, files.get(f"{key}.scale"), files.get(f"{key}.unit"))
        for key, terms in files.items()
        if not key.endswith((".scale", ".unit", ".per-pkg", ".snapshot"))
    }
    kept = {key: field for key, field in formats.items() if field is not None}
    return Pmu(name, number, parse_cpus(cpus) if cpus else None, kept, events)


def _files(tree: Tree, folder: str) -> dict[str, str]:
    try:
        names = sorted(path.name for path in (tree.root / folder).iterdir())
    except OSError:
        return {}
    texts = ((name, tree.text(f"{folder}/{name}")) for name in names)
    return {name: text for name, text in texts if text}


def _field(text: str) -> Field | None:
    """``config:0-7,32-35`` as a field; None for anything else."""
    match = re.fullmatch(r"(config[0-9]?):(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)", text)
    if match is None:
        return None
    bits: list[int] = []
    for part in match.group(2).split(","):
        first, _, last = part.partition("-")
        bits.extend(range(int(first), int(last or first) + 1))
    return Field(match.group(1), tuple(bits))


def encode(pmu: Pmu, terms: str) -> Encoding:
    """The configuration words of ``event=0x04,umask=0x03``; MachineError where the unit cannot express it."""
    words = dict.fromkeys(WORDS, 0)
    for term in terms.split(","):
        name, _, text = (part.strip() for part in term.partition("="))
        field = pmu.format.get(name) or (Field(name, tuple(range(64))) if name in WORDS else None)
        where = f"{pmu.name}: term {term.strip()!r} of {terms!r}"
        if field is None or field.word not in WORDS:
            known = ", ".join(sorted(pmu.format)) or "none"
            raise MachineError(where, f"the unit has no such term (it has {known})", "Report it: doctor --dump-sysfs")
        try:
            value = int(text, 0) if text else 1
        except ValueError as cause:
            raise MachineError(where, "the value is no number", "Report it: doctor --dump-sysfs") from cause
        if value < 0 or value >> len(field.bits):
            what = f"the value does not fit its {len(field.bits)} bits"
            raise MachineError(where, what, "Report it: doctor --dump-sysfs")
        words[field.word] |= sum((value >> i & 1) << bit for i, bit in enumerate(field.bits))
    return Encoding(**words)


def bytes_per_count(scale: str | None, unit: str | None) -> float | None:
    """Bytes that one count stands for (``6.103515625e-5`` of a ``MiB`` are 64); None where they are not bytes."""
    factor = _BYTES.get((unit or "").strip().lower())
    try:
        return float(scale or "1") * factor if factor else None
    except ValueError:
        return None


def socket_of(tree: Tree, cpu: int) -> int | None:
    """The package that a cpu sits in."""
    return tree.integer(f"sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id")
