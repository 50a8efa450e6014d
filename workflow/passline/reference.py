"""What references are made of: input families, what a pass must leave (`Expected`), and distances in ULP.

A reference takes the same float32 row as the pass and computes in float64 (about
2^29 times finer), so that its own error does not count. Those of a study stand in
its ``reference.py``, see `own_reference`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from passline.errors import StudyError
from passline.schema import load_yaml

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

FLT_MIN = float(np.finfo(np.float32).tiny)
_DISTRIBUTIONS = "normal, uniform, ramp, constant, one_hot, masked, masked_head"


def constants(file: str) -> Mapping[str, float]:
    """The constants of a study, for its reference.py, which gives its __file__."""
    found: Mapping[str, float] = load_yaml(Path(file).with_name("study.yaml"), StudyError).get("constants", {})
    return found


def make_inputs(family: Mapping[str, Any], n: int, seed: int) -> Floats:
    """A row of n scores of one family of study.yaml; the same for the same arguments.

    `masked` and `masked_head` leave at least one score: a row without any is a special value,
    not an input. StudyError for an unknown distribution or a missing parameter.
    """
    generator = np.random.default_rng(seed)
    kind = family.get("distribution")
    try:
        return _draw(str(kind), family, n, generator)
    except KeyError as cause:
        what = f"distribution {kind!r} has no parameter {cause}"
        raise StudyError("study.yaml: inputs", what, "Add it, see kernels/softmax/study.yaml") from cause


def _draw(kind: str, family: Mapping[str, Any], n: int, generator: np.random.Generator) -> Floats:
    if kind == "normal":
        return _normal(n, generator, family["mean"], family["deviation"])
    if kind == "uniform":
        low, high = np.float32(family["low"]), np.float32(family["high"])
        return low + (high - low) * generator.random(n, dtype=np.float32)
    if kind == "ramp":
        return np.linspace(family["low"], family["high"], n, dtype=np.float32)
    if kind == "constant":
        return np.full(n, family["value"], dtype=np.float32)
    if kind == "one_hot":
        row = np.zeros(n, dtype=np.float32)
        row[generator.integers(n)] = family["value"]
        return row
    if kind in ("masked", "masked_head"):
        row = _normal(n, generator, family.get("mean", 0), family.get("deviation", 3))
        count = min(int(n * family["fraction"]), n - 1)
        hidden = np.arange(count) if kind == "masked_head" else generator.permutation(n)[:count]
        row[hidden] = -np.float32(family["value"])
        return row
    raise StudyError("study.yaml: inputs", f"unknown distribution {kind!r}", f"Use one of: {_DISTRIBUTIONS}")


def _normal(n: int, generator: np.random.Generator, mean: float, deviation: float) -> Floats:
    return np.float32(mean) + np.float32(deviation) * generator.standard_normal(n, dtype=np.float32)


Finished = Callable[[Mapping[str, float]], float]
"""A field of the state as a function of the others."""


@dataclass(frozen=True)
class Expected:
    """What a pass is given beside x, and what it must leave.

    A reduction leaves `value` (times 2^exponent where `exponent_field` is named) in the state's
    field `value_field`; an output pass leaves `outputs` in y. Either may be absent.
    """

    state: Mapping[str, float] = field(default_factory=dict)  # fields of the state set by earlier passes
    row: Floats | None = None  # what y holds before; None where the pass must not care
    outputs: Doubles | None = None  # float64[n]
    value: float | None = None
    value_field: str = ""
    exponent: float = 0.0
    exponent_field: str = ""
    summed: bool = False  # value is a sum of n terms, with the rounding errors of its additions
    relative: bool = False  # outputs are right up to a factor common to the row: they are judged divided by their sum
    finished: Mapping[str, Finished] = field(default_factory=dict)  # fields made of what the pass left, to one ULP
    # What outputs and value take as given, ULP: a rounding that the pass is specified to make. It is no error of the
    # pass, but one of the algorithm.
    given: Doubles | float = 0.0


Reference = Callable[[Floats], Expected]


def ulp(want: Doubles) -> Doubles:
    """Spacing of float32 at the magnitude of each finite float64, never below that of the denormals."""
    power = (np.abs(want).view(np.int64) & 0x7FF0000000000000).view(np.float64)
    return np.maximum(power, FLT_MIN) * 2.0**-23


def ulp_error(got: Floats, want: Doubles) -> Doubles:
    """|got - want| in float32 ULP of want. NaN agrees with NaN and inf with itself; else such a pair is inf apart."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(got.astype(np.float64) - want) / ulp(want)
    same = (np.isnan(got) & np.isnan(want)) | (got == want)
    return np.where(same, 0.0, np.where(np.isnan(error), np.inf, error))
