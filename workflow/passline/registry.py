"""Passes, variants and algorithms, derived from study.yaml and isa.yaml and from nothing else.

Everything here is a pure function of those files, cheap enough to run while the
Snakefile is parsed, so that a mistake in a study is found before anything is built.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from passline import known_baselines
from passline.errors import MachineError, StudyError
from passline.schema import load_yaml, validate

BYTES_PER_ELEMENT = 4
PAPER = "paper"  # the group of the algorithms that a reproduction is about
KERNELS = Path(__file__).parents[2] / "kernels"


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
    implies: tuple[str, ...]

    def missing(self, architecture: str, cpu_flags: Iterable[str]) -> str | None:
        """Why a host cannot run it, or None."""
        if "any" not in self.architectures and architecture not in self.architectures:
            return f"needs {' or '.join(self.architectures)}, this machine is {architecture}"
        absent = [flag for flag in self.cpu_flags if flag not in set(cpu_flags)]
        return f"the CPU does not show {', '.join(absent)} in /proc/cpuinfo" if absent else None


@dataclass(frozen=True)
class Dimension:
    """A compile-time parameter of a study."""

    name: str
    macro: str
    prefix: str
    unit: str | None = None
    divides: str | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    non_temporal: int | None = None
    finite_only: int | None = None

    def label(self, value: int, lanes: int) -> str:
        """The part of a variant's name that stands for `value`."""
        shown = value * lanes if self.unit == "vectors" else value
        return self.prefix + self.names.get(value, str(shown))


@dataclass(frozen=True)
class Pass:
    """A pass of a study: its streams, work and error bound."""

    name: str
    summary: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    flops_per_element: float
    max_ulp: Mapping[str, float]
    finish: bool
    source: Path

    @property
    def in_place(self) -> bool:
        """Whether a stream is both read and written."""
        return bool(set(self.reads) & set(self.writes))

    def bound_ulp(self, isa: str) -> float | None:
        """Error bound in ULP on `isa`; None where the study states none."""
        return self.max_ulp.get(isa, self.max_ulp.get("any"))

    @property
    def mix(self) -> tuple[int, int, bool]:
        """Streams read, streams written, in place: what decides which ceiling it is compared with."""
        return len(self.reads), len(self.writes), self.in_place


@dataclass(frozen=True)
class Variant:
    """A pass compiled for one ISA with one value of every dimension."""

    study: str
    pass_name: str
    isa: str
    lanes: int
    dimensions: Mapping[str, int]
    preset: bool
    name: str
    non_temporal: bool
    finite_only: bool  # right for finite scores only: never chosen, never part of an algorithm
    macros: tuple[str, ...]

    @property
    def symbol(self) -> str:
        """The C symbol."""
        return self.name.replace("-", "_")

    @property
    def step(self) -> int:
        """Elements per loop step."""
        return self.lanes * self.dimensions.get("unroll", 1)


@dataclass(frozen=True)
class Algorithm:
    """An ordered list of passes."""

    name: str
    title: str
    passes: tuple[str, ...]
    group: str = PAPER


@dataclass(frozen=True)
class Study:
    """A parsed study.yaml."""

    name: str
    title: str
    element: str
    folder: Path
    dimensions: Mapping[str, Dimension]
    passes: Mapping[str, Pass]
    algorithms: Mapping[str, Algorithm]
    inputs: Mapping[str, Mapping[str, Any]]
    variants: tuple[Variant, ...]
    comparisons: tuple[tuple[str, str], ...]  # (algorithm, base)
    presets_simulated: bool = False

    @property
    def simulated(self) -> frozenset[str]:
        """Names of the variants whose traffic model was confirmed by simulating the very kernels."""
        return frozenset(v.name for v in self.variants if v.preset and self.presets_simulated)

    def variants_of(self, pass_name: str, isa: str) -> tuple[Variant, ...]:
        """Variants of one pass on one ISA, in the order of the study."""
        return tuple(v for v in self.variants if v.pass_name == pass_name and v.isa == isa)

    def runs_on(self, algorithm: str, isa: str) -> bool:
        """Whether every pass of an algorithm has a variant on the ISA."""
        return all(self.variants_of(name, isa) for name in self.algorithms[algorithm].passes)

    def preset(self, pass_name: str, isa: str) -> Variant:
        """The paper's preset of a pass; the first variant where the study names none."""
        variants = self.variants_of(pass_name, isa)
        return next((v for v in variants if v.preset), variants[0])


def load_isas(path: Path = KERNELS / "simd" / "isa.yaml") -> dict[str, Isa]:
    """Parse isa.yaml; raise StudyError where it is wrong."""
    document = load_yaml(path, StudyError)
    validate(document, "isa", path, StudyError)
    return {
        name: Isa(
            name,
            row["title"],
            row["header"],
            row["lanes"],
            tuple(row["architectures"]),
            tuple(row["cflags"]),
            tuple(row["cpu_flags"]),
            tuple(row["implies"]),
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


def load_study(folder: Path, isas: Mapping[str, Isa], grid: str = "default") -> Study:
    """Parse folder/study.yaml for the given ISAs; `grid` is "presets", "default" or "full"."""
    path = folder / "study.yaml"
    document = load_yaml(path, StudyError)
    validate(document, "study", path, StudyError)
    dimensions = {name: _dimension(name, spec) for name, spec in document["dimensions"].items()}
    passes = {name: _pass(name, spec, folder, path) for name, spec in document["passes"].items()}
    algorithms = {
        name: Algorithm(name, spec["title"], tuple(spec["passes"]), spec.get("group", PAPER))
        for name, spec in document.get("algorithms", {}).items()
    }
    for algorithm in algorithms.values():
        for pass_name in algorithm.passes:
            if pass_name not in passes:
                raise StudyError(
                    f"{path}: algorithms.{algorithm.name}",
                    f"unknown pass {pass_name!r}",
                    f"Known passes: {', '.join(passes)}",
                )
    comparisons = document.get("comparisons", [])
    bases = {*algorithms, *known_baselines.names()}
    for name in {one for one, _ in comparisons} - algorithms.keys() | {base for _, base in comparisons} - bases:
        known = ", ".join(algorithms)
        raise StudyError(f"{path}: comparisons", f"unknown algorithm {name!r}", f"Known algorithms: {known}")
    variants = tuple(
        variant
        for name, spec in document["passes"].items()
        for isa in isas.values()
        for variant in _variants(document["study"], name, spec, dimensions, isa, grid, path)
    )
    return Study(
        document["study"],
        document["title"],
        document["element"],
        folder,
        dimensions,
        passes,
        algorithms,
        document.get("inputs", {}),
        variants,
        tuple((one, other) for one, other in comparisons),
        document.get("simulated") == "presets",
    )


def of_groups(study: Study, groups: Iterable[str]) -> Study:
    """The algorithms of some groups, what they are compared with, and the passes that they are made of.

    StudyError for a group that no algorithm is in.
    """
    wanted = set(groups)
    unknown = sorted(wanted - {a.group for a in study.algorithms.values()})
    if unknown and study.algorithms:
        known = ", ".join(dict.fromkeys(a.group for a in study.algorithms.values()))
        raise StudyError("config: groups", f"no algorithm is in a group {unknown[0]!r}", f"Known groups: {known}")
    algorithms = {name: a for name, a in study.algorithms.items() if a.group in wanted}
    used = {name for a in algorithms.values() for name in a.passes} if study.algorithms else set(study.passes)
    return replace(
        study,
        algorithms=algorithms,
        passes={name: step for name, step in study.passes.items() if name in used},
        variants=tuple(v for v in study.variants if v.pass_name in used),
        comparisons=tuple(pair for pair in study.comparisons if set(pair) <= algorithms.keys()),
    )


def _dimension(name: str, spec: Mapping[str, Any]) -> Dimension:
    names = {int(value): label for value, label in spec.get("names", {}).items()}
    return Dimension(
        name,
        spec["macro"],
        spec["prefix"],
        spec.get("unit"),
        spec.get("divides"),
        names,
        spec.get("non_temporal"),
        spec.get("finite_only"),
    )


def _pass(name: str, spec: Mapping[str, Any], folder: Path, path: Path) -> Pass:
    source = folder / f"{spec.get('source', name)}.c"
    if not source.is_file():
        raise StudyError(
            f"{path}: passes.{name}",
            f"its file {source} does not exist",
            "Add the file, or remove the pass from the study",
        )
    return Pass(
        name,
        spec["summary"],
        tuple(spec["reads"]),
        tuple(spec["writes"]),
        float(spec["flops_per_element"]),
        spec.get("max_ulp", {}),
        spec.get("finish", False),
        source,
    )


def _variants(
    study: str,
    pass_name: str,
    spec: Mapping[str, Any],
    dimensions: Mapping[str, Dimension],
    isa: Isa,
    grid: str,
    path: Path,
) -> Iterator[Variant]:
    where = f"{path}: passes.{pass_name}"
    preset = spec.get("presets", {}).get(isa.name)
    products = [*spec["variants"], *(spec.get("full_grid", []) if grid == "full" else [])]
    combinations = [c for entry in products if isa.name in entry.get("isas", [isa.name]) for c in _combinations(entry)]
    if preset is not None:
        combinations.append(dict(preset))
        if grid == "presets":
            combinations = combinations[-1:]
    seen: set[str] = set()
    for combination in combinations:
        _check_combination(combination, dimensions, where)
        ordered = {name: combination[name] for name in dimensions if name in combination}
        parts = [dimensions[name].label(value, isa.lanes) for name, value in ordered.items()]
        name = "-".join(["f32", pass_name, isa.name, *parts])
        if name in seen:
            continue
        seen.add(name)
        macros = tuple(f"-D{dimensions[d].macro}={value}" for d, value in ordered.items())
        yield Variant(
            study,
            pass_name,
            isa.name,
            isa.lanes,
            ordered,
            preset is not None and dict(preset) == combination,
            name,
            any(dimensions[d].non_temporal == value for d, value in ordered.items()),
            any(dimensions[d].finite_only == value for d, value in ordered.items()),
            macros,
        )


def _combinations(entry: Mapping[str, Any]) -> Iterator[dict[str, int]]:
    names = [name for name in entry if name != "isas"]
    for values in product(*(entry[name] for name in names)):
        yield dict(zip(names, values, strict=True))


def _check_combination(combination: Mapping[str, int], dimensions: Mapping[str, Dimension], where: str) -> None:
    for name, value in combination.items():
        if name not in dimensions:
            raise StudyError(where, f"unknown dimension {name!r}", f"Known dimensions: {', '.join(dimensions)}")
        divided = dimensions[name].divides
        if divided is not None and combination.get(divided, 1) % value:
            total = combination[divided]
            usable = [str(d) for d in range(1, total + 1) if total % d == 0]
            raise StudyError(
                where,
                f"{divided} {total} with {value} {name}: {value} does not divide {total}",
                f"Use {', '.join(usable)}, or see kernels/README.md",
            )


def source_files(study: Study, pass_name: str) -> list[Path]:
    """The C files that a pass's objects depend on: its own, the study's and the simd headers, the interface."""
    headers = [*study.folder.glob("*.h"), *(KERNELS / "simd").glob("*.h"), *KERNELS.glob("*.h")]
    return [study.passes[pass_name].source, *sorted(headers)]


def sha256(path: Path) -> str:
    """Hash of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def traffic(step: Pass, *, non_temporal: bool = False) -> tuple[int, int, int]:
    """Bytes per element that a pass reads, writes, and reads only because stores allocate their line.

    A store to a line that the pass does not also read fetches it first (write-allocate), unless the store is
    non-temporal. For the paper's algorithms the totals are 16, 20 and 12 bytes, with write-allocate 20, 24 and 16.
    """
    allocated = 0 if non_temporal else len(set(step.writes) - set(step.reads))
    return (
        BYTES_PER_ELEMENT * len(step.reads),
        BYTES_PER_ELEMENT * len(step.writes),
        BYTES_PER_ELEMENT * allocated,
    )
