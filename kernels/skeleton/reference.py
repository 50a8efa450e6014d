"""What is right, in float64: of each pass, and of the algorithms as a whole. x is float32[n]."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from passline.reference import Expected, constants

EPS = constants(__file__)["EPS"]


def _scale(total: float, n: int) -> float:
    return 1 / math.sqrt(total / n + EPS)


def sumsq(x: npt.NDArray[np.float32]) -> Expected:
    """What the pass leaves in the state: the field `sum`, and `scale`, which is made of it."""
    total = math.fsum(np.square(x.astype(np.float64)))
    return Expected(
        value=total,
        value_field="sum",
        summed=True,  # a sum of n terms: its additions may round
        finished={"scale": lambda state: _scale(state["sum"], x.size)},
    )


def vscale(x: npt.NDArray[np.float32]) -> Expected:
    """What the pass is given in the state, and what it must write to y."""
    scale = float(np.float32(_scale(math.fsum(np.square(x.astype(np.float64))), x.size)))
    return Expected(state={"scale": scale}, outputs=x.astype(np.float64) * scale)


REFERENCES = {"sumsq": sumsq, "vscale": vscale}


def whole(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """What every algorithm computes, float64[n]; special values are compared with it too."""
    wide = x.astype(np.float64)
    return wide / np.sqrt(np.mean(np.square(wide)) + EPS)
