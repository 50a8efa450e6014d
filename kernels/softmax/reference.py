"""What is right, in float64: of each pass, and of softmax as a whole. x is float32[n], e = exp(x - max)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from passline.reference import Doubles, Expected, Finished, Floats

_LOWEST_PLAIN = -(2.0**48)  # lower scores must be raised before the exponential, see weights.h
_CHUNK = 1 << 16  # elements: a chunk of float64 and its temporaries stay in the L2
# ln2 in two parts; the first has 24 bits, so that its product with an integer below 2^29 is exact.
_LN2_HIGH, _LN2_LOW = float.fromhex("0x1.62e42ep-1"), float.fromhex("0x1.efa39ef35793cp-25")


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
    return Expected(outputs=whole(x), relative=True, finished=_reciprocal_of("sum"))


def _vmulref(x: Floats) -> Expected:
    e = _exp_below_max(x)
    row, scale = e.astype(np.float32), 1 / math.fsum(e)
    first = float(np.float32(scale))
    rest = float(np.float32(scale - first))
    state = {"scale": first, "scale_rest": rest}
    return Expected(state=state, row=row, outputs=row.astype(np.float64) * (first + rest))


def _vscaleexpref(x: Floats) -> Expected:
    mantissa, exponent = _sum_as_pair(x)
    mantissa = float(np.float32(mantissa))
    lowest = float(x.min(where=np.isfinite(x), initial=0))
    state = {"mantissa": mantissa, "exponent": float(exponent), "rest": 0.0, "clamp": float(lowest < _LOWEST_PLAIN)}
    return Expected(state=state, outputs=_exp_scaled(x, exponent) / mantissa)


REFERENCES = {
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
    "vmulref": _vmulref,
    "vscaleexpref": _vscaleexpref,
}


def whole(x: Floats) -> Doubles:
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
