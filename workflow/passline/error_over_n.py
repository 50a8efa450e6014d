"""How the error of whole algorithms grows with the row: single-precision sums go wrong on long rows.

On short ones it is rare rows that matter, of which one score has most of the sum: many are drawn.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from passline.baselines import Softmax
from passline.conformance_algorithms import Contender
from passline.derive.selection import MAIN_INPUTS
from passline.measure.library import Library
from passline.measure.outside import outputs
from passline.own_reference import whole_reference
from passline.reference import FLT_MIN, Doubles, Floats, make_inputs, ulp
from passline.registry import Study
from passline.tables import NOT_APPLICABLE

SIZES = tuple(1 << power for power in (12, 16, 20, 24, 26))  # 4 K to 64 M
FAMILY = MAIN_INPUTS
FAMILIES_TO = 1 << 20  # elements: other families than the normal one up to there, where they are cheap
SEARCHED = 1 << 18  # elements: of rows shorter than that as many are drawn as hold so many
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
    """Rows of table `error_over_n`: every contender and outside baseline at every size.

    On one family of inputs, in as many rows as hold SEARCHED elements, of which the worst counts; and on rows of
    FAMILIES_TO elements at most one row of every other family of the study, too. There an outside baseline is asked for
    finite scores only: what it does with others is its own affair.

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
    others = [name for name in study.inputs if name != family]
    rows = []
    points = [(size, each) for size in sizes for each in (family, *(others if size <= FAMILIES_TO else ()))]
    for n, inputs in points:
        needed = n * _BYTES_PER_ELEMENT
        reason, drawn = None, []
        if memory_bytes is not None and needed > memory_bytes / 2:
            reason = f"takes {needed / 2**30:.2g} GiB, more than half of the {memory_bytes / 2**30:.3g} GiB here"
        else:
            count = -(-SEARCHED // n) if inputs == family else 1
            drawn = [(x, whole(x)) for x in (make_inputs(study.inputs[inputs], n, seed + k) for k in range(count))]
        for key, call in called:
            if drawn and key["algorithm"] in (baselines or {}) and not np.isfinite(drawn[0][0]).all():
                continue
            error, excess = math.nan, math.nan
            if drawn:
                error, excess = _worst(call, drawn, study.outputs_sum)
            rows.append(
                key
                | {
                    "study": study.name,
                    "n_elements": n,
                    "inputs": inputs,
                    "max_error_ulp": error,
                    "sum_error": excess,
                    "reason": reason or "-",
                }
            )
    return rows


def _worst(
    call: Callable[[Floats, Floats], Floats], drawn: Sequence[tuple[Floats, Doubles]], should_sum: float | None
) -> tuple[float, float]:
    """The largest `distance` of each kind over rows x and what is right for them."""
    found = [distance(call(x, np.full_like(x, np.nan)), want, should_sum) for x, want in drawn]
    return max(error for error, _ in found), max((excess for _, excess in found), key=abs)


def _built_outputs(library: Library, variants: Sequence[str], result: str | None, x: Floats, y: Floats) -> Floats:
    state = library.call(variants, x, y)
    return y if result is None else np.array([state[result]], dtype=np.float32)


def _outside_outputs(softmax: Softmax, x: Floats, y: Floats) -> Floats:
    return outputs(softmax, softmax.bind(x, y)(), y)


def distance(got: Floats, want: Doubles, should_sum: float | None = None) -> tuple[float, float]:
    """Largest error in ULP over outputs of at least FLT_MIN, and the sum of the outputs in float64 minus `should_sum`.

    NaN in place of the second where there is no such number.
    """
    parts = [slice(start, start + _CHUNK) for start in range(0, got.size, _CHUNK)]
    if len(parts) == 1:
        found = [_distance(got, want)]
    else:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            found = list(pool.map(lambda part: _distance(got[part], want[part]), parts))
    excess = math.nan if should_sum is None else math.fsum(total for _, total in found) - should_sum
    return max(error for error, _ in found), excess


def _distance(got: Floats, want: Doubles) -> tuple[float, float]:
    """Largest error in ULP of a part, and its sum."""
    outputs = got.astype(np.float64)
    total = float(outputs.sum())
    outputs -= want
    np.abs(outputs, out=outputs)
    outputs /= ulp(want)
    outputs[np.abs(want) < FLT_MIN] = 0
    largest = float(outputs.max())
    return math.inf if math.isnan(largest) else largest, total
