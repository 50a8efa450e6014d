"""How the error of whole algorithms grows with the row: single-precision sums go wrong on long rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from passline.baselines import Softmax
from passline.conformance_algorithms import Contender
from passline.measure.library import Library
from passline.measure.outside import outputs
from passline.own_reference import whole_reference
from passline.reference import FLT_MIN, Doubles, Floats, make_inputs, ulp
from passline.registry import Study
from passline.tables import NOT_APPLICABLE

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
    baselines: Mapping[str, Softmax] | None = None,
) -> list[dict[str, Any]]:
    """Rows of table `error_over_n`: every contender and outside baseline at every size on one family of inputs.

    A size that takes more than half of `memory_bytes` is a row without numbers, and the reason.
    64 M elements take some 1.1 GB and, with six contenders, about 7 s (Zen 4).
    """
    whole = whole_reference(study)
    called: list[tuple[dict[str, Any], Callable[[Floats, Floats], Floats]]] = [
        (
            {"build_id": build_id, "algorithm": c.algorithm, "isa": c.isa, "variant": c.label},
            partial(_built_outputs, library, c.variants, study.result),
        )
        for c in contenders
    ]
    none = dict.fromkeys(("build_id", "isa", "variant"), NOT_APPLICABLE)
    called += [
        ({**none, "algorithm": name}, partial(_outside_outputs, softmax)) for name, softmax in (baselines or {}).items()
    ]
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
        for key, call in called:
            error, excess = math.nan, math.nan
            if reason is None:
                y.fill(np.nan)
                error, excess = distance(call(x, y), want, study.outputs_sum)
            rows.append(
                key
                | {
                    "study": study.name,
                    "n_elements": n,
                    "inputs": family,
                    "max_error_ulp": error,
                    "sum_error": excess,
                    "reason": reason or "-",
                }
            )
    return rows


def _built_outputs(library: Library, variants: Sequence[str], result: str | None, x: Floats, y: Floats) -> Floats:
    state = library.call(variants, x, y)
    return y if result is None else np.array([state[result]], dtype=np.float32)


def _outside_outputs(softmax: Softmax, x: Floats, y: Floats) -> Floats:
    return outputs(softmax, softmax.bind(x, y)(), y)


def distance(got: Floats, want: Doubles, should_sum: float | None = None) -> tuple[float, float]:
    """Largest error in ULP over outputs of at least FLT_MIN, and the sum of the outputs in float64 minus `should_sum`.

    NaN in place of the second where there is no such number.
    """
    worst, sums = 0.0, []
    for start in range(0, got.size, _CHUNK):
        part = want[start : start + _CHUNK]
        outputs = got[start : start + _CHUNK].astype(np.float64)
        sums.append(float(outputs.sum()))
        outputs -= part
        np.abs(outputs, out=outputs)
        outputs /= ulp(part)
        outputs[np.abs(part) < FLT_MIN] = 0
        largest = float(outputs.max())
        worst = max(worst, math.inf if math.isnan(largest) else largest)
    return worst, math.nan if should_sum is None else math.fsum(sums) - should_sum
