"""Algorithms of a study: ordered passes, some with fixed values of dimensions, the paper's and those beyond it."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from passline.errors import StudyError

PAPER = "paper"  # the group of the algorithms that a reproduction is about


@dataclass(frozen=True)
class Step:
    """A pass of an algorithm, and what its variants there must be."""

    pass_name: str
    fixed: tuple[tuple[str, int | None], ...] = ()  # dimension -> its value; None: variants without that dimension

    @property
    def label(self) -> str:
        """The pass alone, or with what is fixed: `vscaleextexp store=1`."""
        return " ".join([self.pass_name, *(f"{name}={value}" for name, value in self.fixed)])

    def admits(self, dimensions: Mapping[str, int]) -> bool:
        """Whether a variant of the pass with these dimensions may stand here."""
        return all(dimensions.get(name) == value for name, value in self.fixed)


@dataclass(frozen=True)
class Algorithm:
    """An ordered list of passes."""

    name: str
    title: str
    steps: tuple[Step, ...]
    group: str = PAPER
    max_ulp: Mapping[str, float] = field(default_factory=dict)

    def promise(self, family: str) -> float:
        """Largest error of an output on rows of such inputs, ULP; infinite where the study promises none."""
        return self.max_ulp.get(family, self.max_ulp.get("any", math.inf))

    @property
    def beyond(self) -> bool:
        """Whether it is not one of the paper's: such are timed in blocks of their own."""
        return self.group != PAPER

    @property
    def passes(self) -> tuple[str, ...]:
        """Its passes in order."""
        return tuple(step.pass_name for step in self.steps)


def parse(
    document: Mapping[str, Any], passes: Container[str], dimensions: Container[str], path: Path
) -> dict[str, Algorithm]:
    """The algorithms of a study.yaml; StudyError for a pass or dimension that it does not declare."""
    found = {
        name: Algorithm(
            name, spec["title"], tuple(map(_step, spec["passes"])), spec.get("group", PAPER), spec.get("max_ulp", {})
        )
        for name, spec in document.get("algorithms", {}).items()
    }
    for algorithm in found.values():
        where = f"{path}: algorithms.{algorithm.name}"
        for step in algorithm.steps:
            if step.pass_name not in passes:
                raise StudyError(
                    where, f"unknown pass {step.pass_name!r}", f"Known passes: {', '.join(document['passes'])}"
                )
            for name, _ in step.fixed:
                if name not in dimensions:
                    known = ", ".join(document["dimensions"])
                    raise StudyError(where, f"unknown dimension {name!r}", f"Known dimensions: {known}")
    return found


def _step(entry: str | Mapping[str, Any]) -> Step:
    if isinstance(entry, str):
        return Step(entry)
    return Step(entry["pass"], tuple((name, value) for name, value in entry.items() if name != "pass"))


def steps_of(algorithms: Mapping[str, Algorithm], pass_name: str) -> list[Step]:
    """The different steps in which algorithms use a pass, the paper's first."""
    ordered = sorted(algorithms.values(), key=lambda algorithm: algorithm.beyond)
    return list(dict.fromkeys(step for a in ordered for step in a.steps if step.pass_name == pass_name))
