"""NumPy as people write it: two temporary rows, and a third for the result."""

from __future__ import annotations

from functools import partial

import numpy as np

from passline.baselines import NOT_TOLD, Availability, Floats, Softmax

TITLE = "NumPy"
DISTRIBUTION = "numpy"


def softmax(x: Floats) -> Floats:
    """Softmax of float32[n]."""
    e = np.exp(x - np.max(x))
    y: Floats = e / e.sum()
    return y


def probe() -> Availability:
    """NumPy is always there; its elementwise loops never use more than one thread."""
    return Availability(ok=True, version=np.__version__, isa=_isa(), threads=1)


def load() -> Softmax:
    """The function; its result is a new row."""
    return Softmax(lambda x, _y: partial(softmax, x), outputs=lambda y: y)


def _isa() -> str:
    """The target that np.exp runs for float32 here; NumPy tells from 2.0 on."""
    try:
        from numpy.lib import introspect

        targets = introspect.opt_func_info(func_name="^exp$", signature="float32")["exp"]
        return str(next(iter(targets.values()))["current"])
    except (ImportError, KeyError, StopIteration):
        return NOT_TOLD
