"""What is right: input families, float64 references of every pass and of softmax, and distances in ULP.

A reference takes the same float32 row as the pass and computes in float64 (about
2^29 times finer), so that its own error does not count. It is looked up by the
pass's name: those of softmax are here, another study brings a ``reference.py``, see
`own_reference`. Names: x is float32[n], e = exp(x - max).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
_LOWEST_PLAIN = -(2.0**48)  # lower scores must be raised before the exponential, see kernels/softmax/weights.h
_CHUNK = 1 << 16  # elements: a chunk of float64 and its temporaries stay in the L2
# ln2 in two parts; the first has 24 bits, so that its product with an integer below 2^29 is exact.
_LN2_HIGH, _LN2_LOW = float.fromhex("0x1.62e42ep-1"), float.fromhex("0x1.efa39ef35793cp-25")


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


def _maximum(x: Floats) -> np.float32:
    return np.float32(x.max())


def _exp_below_max(x: Floats) -> Doubles:
    """exp(x - max), the difference rounded to float32 as the passes are specified to do."""
    return np.exp((x - _maximum(x)).astype(np.float64))


def _rounding(x: Floats) -> Doubles:
    """What that rounding makes of exp: |fl32(x - max) - (x - max)| 2^24; 0 where exp is 0 whatever it is."""
    top = _maximum(x)
    score = np.where(np.isfinite(x), x, top)
    exact = score.astype(np.float64) - float(top)
    return np.where(exact < -110, 0.0, np.abs((score - top).astype(np.float64) - exact) * 2.0**24)


def _reciprocal_of(name: str) -> Mapping[str, Finished]:
    return {"scale": lambda state: 1 / state[name] if state[name] else math.inf}


def _sum_as_pair(x: Floats) -> tuple[float, int]:
    """The sum of exp(x) as mantissa * 2^exponent, the exponent that of the largest term; cannot overflow.

    A pass rounds x / ln2 in float32: between two integers it may take either. Here it is the larger one then, so that
    no term's exponent exceeds the sum's, as the passes may rely on.
    """
    power = float(_maximum(x)) / math.log(2)
    exponent = math.floor(power + 0.5 + abs(power) * 2.0**-22)
    return math.fsum(_exp_scaled(x, exponent)), exponent


def _exp_scaled(x: Floats, exponent: int) -> Doubles:
    """exp(x) 2^-exponent. The first difference is exact or of a magnitude that leaves exp 0."""
    return np.exp(x.astype(np.float64) - exponent * _LN2_HIGH - exponent * _LN2_LOW)


def _rmax(x: Floats) -> Expected:
    return Expected(value=float(_maximum(x)), value_field="max")


def _sum_below_max(x: Floats) -> Expected:
    e, rounding = _exp_below_max(x), _rounding(x)
    total = math.fsum(e)
    return Expected(
        state={"max": float(_maximum(x))},
        value=total,
        value_field="sum",
        summed=True,
        finished=_reciprocal_of("sum"),
        given=math.fsum(rounding * e) / total,
    )


def _raddstoreexpminusmax(x: Floats) -> Expected:
    found = _sum_below_max(x)
    return replace(found, outputs=_exp_below_max(x), given=found.given + _rounding(x))


def _vscaleexpminusmax(x: Floats) -> Expected:
    e = _exp_below_max(x)
    scale = float(np.float32(1 / math.fsum(e)))
    return Expected(state={"max": float(_maximum(x)), "scale": scale}, outputs=e * scale, given=_rounding(x))


def _vmulc(x: Floats) -> Expected:
    e = _exp_below_max(x)
    row, scale = e.astype(np.float32), float(np.float32(1 / math.fsum(e)))
    return Expected(state={"scale": scale}, row=row, outputs=row.astype(np.float64) * scale)


def _raddextexp(x: Floats) -> Expected:
    mantissa, exponent = _sum_as_pair(x)
    return Expected(
        value=mantissa,
        value_field="mantissa",
        exponent=exponent,
        exponent_field="exponent",
        summed=True,
        finished=_reciprocal_of("mantissa"),
    )


def _vscaleextexp(x: Floats) -> Expected:
    mantissa, exponent = _sum_as_pair(x)
    scale = float(np.float32(1 / mantissa))
    state = {"mantissa": mantissa, "exponent": float(exponent), "scale": scale}
    return Expected(state=state, outputs=_exp_scaled(x, exponent) * scale)


def _raddexponline(x: Floats) -> Expected:
    """The sum that `raddexpminusmax` leaves, of differences that no pass rounds as every other does: exact here."""
    total = math.fsum(np.exp(x.astype(np.float64) - float(_maximum(x))))
    return Expected(value=total, value_field="sum", summed=True, finished=_reciprocal_of("sum"))


def _raddstoreexpref(x: Floats) -> Expected:
    return Expected(outputs=softmax(x), relative=True, finished=_reciprocal_of("sum"))


def _vscaleexpref(x: Floats) -> Expected:
    mantissa, exponent = _sum_as_pair(x)
    mantissa = float(np.float32(mantissa))
    lowest = float(x.min(where=np.isfinite(x), initial=0))
    state = {"mantissa": mantissa, "exponent": float(exponent), "rest": 0.0, "clamp": float(lowest < _LOWEST_PLAIN)}
    return Expected(state=state, outputs=_exp_scaled(x, exponent) / mantissa)


Reference = Callable[[Floats], Expected]

REFERENCES: Mapping[str, Reference] = {
    "rmax": _rmax,
    "raddexpminusmax": _sum_below_max,
    "raddstoreexpminusmax": _raddstoreexpminusmax,
    "vscaleexpminusmax": _vscaleexpminusmax,
    "vmulc": _vmulc,
    "raddextexp": _raddextexp,
    "vscaleextexp": _vscaleextexp,
    "raddexponline": _raddexponline,
    "raddexpref": _raddextexp,
    "raddstoreexpref": _raddstoreexpref,
    "vscaleexpref": _vscaleexpref,
}


def softmax(x: Floats) -> Doubles:
    """Softmax of a float32 row in float64; all NaN where the row has NaN, +inf, or -inf alone.

    Peak memory is the result and a few chunks, so that rows of 64 M are at hand.
    """
    top = float(x.max())
    if not math.isfinite(top):
        return np.full(x.size, np.nan)
    out = np.empty(x.size, dtype=np.float64)
    sums = []
    for start in range(0, x.size, _CHUNK):
        part = out[start : start + _CHUNK]
        np.subtract(x[start : start + _CHUNK], top, out=part, dtype=np.float64)
        np.exp(part, out=part)
        sums.append(float(part.sum()))
    out /= math.fsum(sums)
    return out


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
