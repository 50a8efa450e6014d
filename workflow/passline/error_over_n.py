"""How the error of whole algorithms grows with the row: single-precision sums go wrong on long rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from passline.conformance_algorithms import Contender
from passline.measure.library import Library
from passline.reference import FLT_MIN, Doubles, Floats, make_inputs, ulp, whole_reference
from passline.registry import Study

SIZES = tuple(1 << power for power in (12, 16, 20, 24, 26))  # 4 K to 64 M
FAMILY = "normal"
_CHUNK = 1 << 15  # elements: chunks of float64 stay in the L2
# x and y in float32 and the reference in float64; measured: 1.1 GB for 64 M.
_BYTES_PER_ELEMENT = 4 + 4 + 8


def error_over_n(
    library: Library,
    study: Study,
    contenders: Sequence[Contender],
    *,
    seed: int,
    build_id: str = "-",
    sizes: Iterable[int] = SIZES,
    family: str = FAMILY,
    memory_bytes: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of table `error_over_n`: every contender at every size on one family of inputs.

    A size that takes more than half of `memory_bytes` is a row without numbers, and the reason.
    64 M elements take some 1.1 GB and, with six contenders, about 7 s (Zen 4).
    """
    whole = whole_reference(study.name, study.folder)
    rows = []
    for n in sizes:
        needed = n * _BYTES_PER_ELEMENT
        reason = None
        if memory_bytes is not None and needed > memory_bytes / 2:
            reason = f"takes {needed / 2**30:.2g} GiB, more than half of the {memory_bytes / 2**30:.3g} GiB here"
        else:
            x = make_inputs(study.inputs[family], n, seed)
            want = whole(x)
            y = np.empty_like(x)
        for contender in contenders:
            error, excess = math.nan, math.nan
            if reason is None:
                y.fill(np.nan)
                library.call(contender.variants, x, y)
                error, excess = distance(y, want)
            rows.append(
                {
                    "build_id": build_id,
                    "study": study.name,
                    "algorithm": contender.algorithm,
                    "isa": contender.isa,
                    "variant": contender.label,
                    "n_elements": n,
                    "inputs": family,
                    "max_error_ulp": error,
                    "sum_error": excess,
                    "reason": reason or "-",
                }
            )
    return rows


def distance(got: Floats, want: Doubles) -> tuple[float, float]:
    """Largest error in ULP over outputs of at least FLT_MIN, and the sum of the outputs in float64 minus 1."""
    worst, sums = 0.0, []
    for start in range(0, got.size, _CHUNK):
        part = want[start : start + _CHUNK]
        outputs = got[start : start + _CHUNK].astype(np.float64)
        sums.append(float(outputs.sum()))
        outputs -= part
        np.abs(outputs, out=outputs)
        outputs /= ulp(part)
        outputs[part < FLT_MIN] = 0
        largest = float(outputs.max())
        worst = max(worst, math.inf if math.isnan(largest) else largest)
    return worst, math.fsum(sums) - 1
