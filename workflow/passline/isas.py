"""Instruction sets: kernels/simd/isa.yaml, and which of them a host has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from passline.errors import MachineError, StudyError
from passline.schema import load_yaml, validate
from passline.study_file import KERNELS


@dataclass(frozen=True)
class Isa:
    """An instruction set: a row of kernels/simd/isa.yaml."""

    name: str
    title: str
    header: str
    lanes: int
    architectures: tuple[str, ...]
    cflags: tuple[str, ...]
    cpu_flags: tuple[str, ...]
    like: str | None = None  # whose variants and presets it takes in studies that do not name it

    def of(self, named: Collection[str]) -> str | None:
        """The name by which a study's list means it: its own, else that of the ISA it is like, or None."""
        return next((name for name in (self.name, self.like) if name is not None and name in named), None)

    def missing(self, architecture: str, cpu_flags: Iterable[str]) -> str | None:
        """Why a host cannot run it, or None."""
        if "any" not in self.architectures and architecture not in self.architectures:
            return f"needs {' or '.join(self.architectures)}, this machine is {architecture}"
        absent = [flag for flag in self.cpu_flags if flag not in set(cpu_flags)]
        return f"the CPU does not show {', '.join(absent)} in /proc/cpuinfo" if absent else None


def load_isas(path: Path = KERNELS / "simd" / "isa.yaml") -> dict[str, Isa]:
    """Parse isa.yaml; raise StudyError where it is wrong."""
    document = load_yaml(path, StudyError)
    validate(document, "isa", path, StudyError)
    names = list(document["isas"])
    for place, (name, row) in enumerate(document["isas"].items()):
        if row.get("like", name) not in names[: place + 1]:
            what, known = f"there is no {row['like']!r} above it", ", ".join(names[:place]) or "none"
            raise StudyError(f"{path}: isas.{name}.like", what, f"Above it: {known}")
    return {
        name: Isa(
            name,
            row["title"],
            row["header"],
            row["lanes"],
            tuple(row["architectures"]),
            tuple(row["cflags"]),
            tuple(row["cpu_flags"]),
            row.get("like"),
        )
        for name, row in document["isas"].items()
    }


def select_isas(
    isas: Mapping[str, Isa], wanted: Sequence[str] | str, architecture: str, cpu_flags: Iterable[str]
) -> tuple[dict[str, Isa], dict[str, str]]:
    """Split `isas` into those to use and those left out with the reason.

    `wanted` is "auto" (all the host has) or a list; an ISA of the list that the host lacks is a MachineError.
    """
    flags = list(cpu_flags)
    missing = {name: isa.missing(architecture, flags) for name, isa in isas.items()}
    if wanted == "auto":
        return {n: isa for n, isa in isas.items() if missing[n] is None}, {
            n: r for n, r in missing.items() if r is not None
        }
    for name in wanted:
        if name not in isas:
            raise StudyError(
                "config: isas",
                f"{name!r} is not an instruction set of kernels/simd/isa.yaml",
                f"Use some of: {', '.join(isas)}",
            )
        if missing[name] is not None:
            here = [n for n, reason in missing.items() if reason is None]
            raise MachineError(
                "config: isas",
                f"{name!r} cannot run here: it {missing[name]}",
                f"Use isas: auto, or some of: {', '.join(here)}",
            )
    return {n: isas[n] for n in isas if n in wanted}, {n: "not in the config's isas" for n in isas if n not in wanted}
