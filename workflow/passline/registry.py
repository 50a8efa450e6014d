"""Passes, variants and algorithms, derived from study.yaml and isa.yaml and from nothing else.

Everything here is a pure function of those files, cheap enough to run while the
Snakefile is parsed, so that a mistake in a study is found before anything is built.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from passline import known_baselines
from passline.algorithms import Algorithm, Step, parse, steps_of
from passline.errors import StudyError
from passline.isas import Isa as Isa
from passline.isas import load_isas as load_isas
from passline.isas import select_isas as select_isas
from passline.study_file import KERNELS as KERNELS
from passline.study_file import read

BYTES_PER_ELEMENT = 4


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
    source: Path
    reference: str | None = None  # what exp(x) is relative to while it is summed; None where nothing is said

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
    paths: tuple[Path, ...]  # its study.yaml, and those that it takes passes or inputs from
    presets_simulated: bool = False
    paper: str = ""  # what it reproduces; none where it is no reproduction
    outputs_sum: float | None = None  # of every algorithm, whatever the row; None where there is no such number
    result: str | None = None  # field of the state in which an algorithm leaves its number; None where it writes y

    @property
    def folders(self) -> tuple[Path, ...]:
        """Its folder, and those of the studies that it takes from."""
        return tuple(path.parent for path in self.paths)

    @property
    def simulated(self) -> frozenset[str]:
        """Names of the variants whose traffic model was confirmed by simulating the very kernels."""
        return frozenset(v.name for v in self.variants if v.preset and self.presets_simulated)

    @property
    def papers(self) -> tuple[str, ...]:
        """The algorithms of the paper."""
        return tuple(name for name, algorithm in self.algorithms.items() if not algorithm.beyond)

    @property
    def beyond(self) -> tuple[str, ...]:
        """The algorithms beyond it."""
        return tuple(name for name, algorithm in self.algorithms.items() if algorithm.beyond)

    def variants_of(self, pass_name: str, isa: str, step: Step | None = None) -> tuple[Variant, ...]:
        """Variants of one pass on one ISA, in the order of the study; with a step, those that may stand there."""
        mine = (v for v in self.variants if v.pass_name == pass_name and v.isa == isa)
        return tuple(v for v in mine if step is None or step.admits(v.dimensions))

    def preset(self, pass_name: str, isa: str, step: Step | None = None) -> Variant:
        """The paper's preset of a pass; the first variant where the study names none, or the step does not admit it."""
        variants = self.variants_of(pass_name, isa, step)
        return next((v for v in variants if v.preset), variants[0])

    def lacks(self, algorithm: str, isa: str) -> Step | None:
        """The first step of an algorithm for which there is no variant on an ISA, or None."""
        steps = self.algorithms[algorithm].steps
        return next((step for step in steps if not self.variants_of(step.pass_name, isa, step)), None)

    def steps(self, pass_name: str) -> list[Step]:
        """The different steps in which algorithms use a pass, the paper's first; a step of its own where none does."""
        return steps_of(self.algorithms, pass_name) or [Step(pass_name)]


def load_study(folder: Path, isas: Mapping[str, Isa], grid: str = "default") -> Study:
    """Parse folder/study.yaml for the given ISAs; `grid` is "presets", "default" or "full"."""
    file = read(folder)
    path, document = file.path, file.document
    dimensions = {name: _dimension(name, spec) for name, spec in document["dimensions"].items()}
    passes = {name: _pass(name, spec, file.homes[name], path) for name, spec in document["passes"].items()}
    algorithms = parse(document, passes, dimensions, path)
    comparisons = document.get("comparisons", [])
    bases = {*algorithms, *known_baselines.of_study(document["study"])}
    for name in {one for one, _ in comparisons} - algorithms.keys() | {base for _, base in comparisons} - bases:
        known = ", ".join(algorithms)
        raise StudyError(f"{path}: comparisons", f"unknown algorithm {name!r}", f"Known algorithms: {known}")
    variants = tuple(
        variant
        for name, spec in document["passes"].items()
        for isa in isas.values()
        for variant in _variants(document["study"], name, spec, dimensions, isa, grid, path, steps_of(algorithms, name))
    )
    return Study(
        document["study"],
        document["title"],
        document["element"],
        folder,
        dimensions,
        passes,
        algorithms,
        document["inputs"],
        variants,
        tuple((one, other) for one, other in comparisons),
        file.paths,
        document.get("simulated") == "presets",
        document.get("paper", ""),
        document.get("outputs_sum"),
        document.get("result"),
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
    source = folder / f"{name}.c"
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
        source,
        spec.get("reference"),
    )


def _variants(
    study: str,
    pass_name: str,
    spec: Mapping[str, Any],
    dimensions: Mapping[str, Dimension],
    isa: Isa,
    grid: str,
    path: Path,
    steps: Sequence[Step],
) -> Iterator[Variant]:
    where = f"{path}: passes.{pass_name}"
    presets = spec.get("presets", {})
    preset = presets.get(isa.of(presets))
    products = [*spec["variants"], *(spec.get("full_grid", []) if grid == "full" else [])]
    combinations = [c for entry in products if isa.of(entry.get("isas", [isa.name])) for c in _combinations(entry)]
    if preset is not None:
        combinations.append(dict(preset))
    if grid == "presets":
        combinations = _presets_alone(combinations, preset, steps)
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
        macros += tuple(f"-D{constant}={number!r}" for constant, number in spec["constants"].items())
        if "then" in spec:
            macros += ("-include", str(spec["then"]), f"-DPASSLINE_THEN={spec['then'].stem}")
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


def _presets_alone(
    combinations: list[dict[str, int]], preset: Mapping[str, int] | None, steps: Sequence[Step]
) -> list[dict[str, int]]:
    """The preset, and the first combination for each step that does not admit it; all where neither is there."""
    if preset is None and not steps:
        return combinations
    kept = [] if preset is None else combinations[-1:]
    for step in steps:
        if not any(step.admits(c) for c in kept):
            kept += [c for c in combinations if step.admits(c)][:1]
    return kept


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
    source = study.passes[pass_name].source
    folders = dict.fromkeys((study.folder, source.parent, KERNELS / "simd", KERNELS))
    return [source, *sorted(header for folder in folders for header in folder.glob("*.h"))]


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
