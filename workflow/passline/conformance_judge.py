"""Is a result right? The bounds, and the verdict on one result.

Outputs of at least FLT_MIN are judged in ULP of the float64 reference. Below it the
absolute error must not exceed FLT_MIN, so that flushing denormals is allowed. As a
result just above FLT_MIN may round below it and be flushed, the line is drawn higher by
a factor 1 + 2^-20 + |max x| 2^-21: 8 ULP, and what a pass may lose that keeps the exponent
apart. It rounds x / ln2 in float32, so that an integer it takes for a power of two is
off by up to |x| 2^-23 beyond the half, for the sum and for the term. Where x is -inf and
the reference 0, the output must be exactly 0.

A sum of n positive terms carries, beside the error of its terms, the rounding of its
additions: at most k u with u = 2^-24 for the longest chain of k additions that a term
goes through (gamma_k, Higham, Accuracy and Stability of Numerical Algorithms, 4.2; terms
of second order are below 1 % for the rows used here). k u is at most k ULP.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from passline.reference import FLT_MIN, Doubles, Expected, Floats, ulp


@dataclass(frozen=True)
class Finding:
    """The worst of one result: its error, its place, and the reason where it is not right."""

    error_ulp: float = 0.0
    bound_ulp: float = 0.0
    relative: float = 0.0
    index: int = -1
    x: float = math.nan
    got: float = math.nan
    want: float = math.nan
    reason: str | None = None

    @property
    def severity(self) -> tuple[bool, float]:
        """What the worst of several is chosen by: failures first, then the error relative to its bound."""
        return self.reason is not None, self.error_ulp / self.bound_ulp if self.bound_ulp else self.error_ulp

    @property
    def columns(self) -> dict[str, Any]:
        """Its columns of table `accuracy`."""
        placed = self.index >= 0
        return {
            "max_error_ulp": self.error_ulp,
            "bound_ulp": self.bound_ulp,
            "max_relative_error": self.relative,
            "worst_index": self.index,
            "worst_x": self.x.hex() if placed else "-",
            "got": self.got.hex() if placed else "-",
            "want": self.want.hex() if placed else "-",
            "passed": self.reason is None,
            "reason": self.reason or "-",
        }


class Case:
    """A row, what a pass must make of it, and what judging needs, computed once for all variants."""

    def __init__(self, x: Floats, expected: Expected) -> None:
        """Prepare x, float32[n]."""
        self.x, self.n, self.expected = x, x.size, expected
        self.words = x.view(np.uint32)
        want = expected.outputs
        if want is not None:
            top = abs(float(x.max()))
            self._line = FLT_MIN * (1 + 2.0**-20 + (top * 2.0**-21 if math.isfinite(top) else 0.0))
            normal = np.abs(want) >= self._line
            self._per_ulp = np.where(normal, 1 / ulp(want), 0.0)
            self._per_tiny = np.where(normal, 0.0, 1 / self._line)
            zero = np.flatnonzero(np.isneginf(x) & (want == 0)) if want.size == x.size else np.zeros(0, np.intp)
            self._zero = zero if zero.size else None

    def judge_outputs(self, got: Floats | Doubles, bound: float) -> Finding:
        """The worst output; `bound` in ULP."""
        want = self.expected.outputs
        assert want is not None
        with np.errstate(invalid="ignore"):
            error = np.abs(got - want)
            in_ulp = error * self._per_ulp
            tiny = error * self._per_tiny
        worst, worst_tiny = int(in_ulp.argmax()), int(tiny.argmax())  # argmax finds NaN first
        reason = None
        what = "output {} of {}" if want.size == self.n else "the result of a row of {1}"
        if not in_ulp[worst] <= bound:
            reason = f"{what.format(worst, self.n)} is {in_ulp[worst]:.3g} ULP off, the bound is {bound:g}"
        elif not tiny[worst_tiny] <= 1:
            worst, reason = worst_tiny, f"{what.format(worst_tiny, self.n)}, below FLT_MIN, is more than FLT_MIN off"
        elif self._zero is not None and got[self._zero].any():
            worst = int(self._zero[np.flatnonzero(got[self._zero])[0]])
            reason = f"output {worst} of {self.n} is not 0 where x is -inf"
        value = float(want[worst])
        relative = float(error[worst] / abs(value)) if abs(value) >= self._line else 0.0
        return Finding(
            _finite(in_ulp[worst]),
            bound,
            _finite(relative),
            worst,
            float(self.x[worst]),
            float(got[worst]),
            value,
            reason,
        )

    def judge_value(self, state: Mapping[str, float], bound: float) -> Finding:
        """The reduced value; `bound` in ULP, without the rounding of additions left to the caller.

        The index is that of the row's last element: family, seed and it give the row again.
        """
        expected = self.expected
        assert expected.value is not None
        raw = state[expected.value_field]
        got, note = raw, ""
        if expected.exponent_field:
            shift = state[expected.exponent_field] - expected.exponent
            if not (math.isfinite(shift) and shift == int(shift)):
                note = f" ({expected.exponent_field} {state[expected.exponent_field]:g} is no integer)"
            got = math.ldexp(raw, int(max(-4000, min(4000, shift)))) if not note and math.isfinite(raw) else math.nan
        error = abs(got - expected.value)
        in_ulp = error / float(ulp(np.array([expected.value]))[0])
        reason = None
        if not in_ulp <= bound:
            reason = (
                f"{expected.value_field} of a row of {self.n} is {in_ulp:.3g} ULP off{note}, the bound is {bound:g}"
            )
        relative = error / abs(expected.value) if expected.value else 0.0
        last = self.n - 1
        return Finding(
            _finite(in_ulp), bound, _finite(relative), last, float(self.x[last]), got, expected.value, reason
        )


def _finite(error: float) -> float:
    """NaN, a result that is none, as an infinite error."""
    return math.inf if math.isnan(error) else float(error)


def longest_chain(n: int, lanes: int, dimensions: Mapping[str, int]) -> int:
    """Most additions that one term of a sum of n goes through: its accumulator, the tail, accumulators, lanes."""
    unroll, accumulators = dimensions.get("unroll", 1), dimensions.get("accumulators", 1)
    steps, rest = divmod(n, lanes * unroll)
    vectors = -(-rest // lanes)
    return min(n, steps * (unroll // accumulators) + vectors + accumulators + lanes)
