"""What is right for a study, looked up in its reference.py.

reference.py stands beside study.yaml, in the folder of the study that holds a pass or of one that takes it. It has

- ``REFERENCES``: pass -> function of float32[n] that returns an `Expected`;
- ``whole``: what all algorithms of the study compute of float32[n], float64[n], or float64[1] where the study declares
  a `result`;
- ``sensitivity``, where an error of relative size 1 in what the passes leave does not become an error of relative size
  1 in what `whole` gives: its absolute size there, as many numbers as `whole` gives.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from passline.errors import PasslineError, StudyError
from passline.measure.library import state_fields
from passline.reference import Doubles, Expected, Floats, Reference, make_inputs
from passline.registry import Study

FILE = "reference.py"

Whole = Callable[[Floats], Doubles]


@cache
def _run(path: Path) -> Mapping[str, Any]:
    """The names that a reference.py defines; StudyError where it cannot be run."""
    if not path.is_file():
        return {}
    try:
        return runpy.run_path(str(path))
    except Exception as cause:
        line = getattr(cause, "lineno", None) or _line(cause, path)
        where = f"{path}, line {line}" if line else str(path)
        raise StudyError(where, f"{type(cause).__name__}: {cause}", "Correct the file") from cause


def _line(cause: BaseException, path: Path) -> int | None:
    """The last line of a file that an exception came through."""
    found, trace = None, cause.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def reference(study: Study, pass_name: str) -> Reference:
    """The reference of a pass: its study's own before that of the study it is taken from; StudyError if none."""
    home = study.passes[pass_name].source.parent
    for folder in (study.folder, home):
        own: Mapping[str, Reference] = _run(folder / FILE).get("REFERENCES", {})
        if pass_name in own:
            return own[pass_name]
    where = f"{study.paths[0]}: passes.{pass_name}"
    raise StudyError(where, "no float64 reference says what is right", f"Add it to REFERENCES in {home / FILE}")


def whole_reference(study: Study) -> Whole:
    """What all algorithms of a study compute; StudyError if nothing says so."""
    own: Whole | None = _run(study.folder / FILE).get("whole")
    if own is None:
        remedy = f"Define whole(x) in {study.folder / FILE}"
        raise StudyError(study.paths[0], "no float64 reference says what its algorithms compute", remedy)
    return own


def sensitivity(study: Study) -> Whole | None:
    """How the outputs move with what the passes leave; None where they move as much."""
    found: Whole | None = _run(study.folder / FILE).get("sensitivity")
    return found


def check_references(study: Study) -> None:
    """Call every reference on a short row of each family; StudyError where one is missing, fails, or is of no use."""
    fields = state_fields()
    if study.result is not None and study.result not in fields:
        known = f"Known: {', '.join(fields)}"
        raise StudyError(f"{study.paths[0]}: result", f"{study.result!r} is no field of passline_state", known)
    rows = [make_inputs(spec, 5, seed=1) for spec in study.inputs.values()]
    for name in study.passes:
        found = reference(study, name)
        for x in rows:
            _check_pass(_called(study, f"REFERENCES[{name!r}]", found, x), study, name, fields)
    if not study.algorithms:
        return
    of_row = {"whole": whole_reference(study), "sensitivity": sensitivity(study)}
    size = 5 if study.result is None else 1
    for name, function in of_row.items():
        for x in rows if function is not None else ():
            _check_shape(_called(study, name, function, x), study, name, size)


def _called(study: Study, name: str, function: Callable[[Floats], Any] | None, x: Floats) -> Any:
    assert function is not None
    try:
        with np.errstate(all="ignore"):
            return function(x)
    except PasslineError:
        raise
    except Exception as cause:
        what = f"{type(cause).__name__}: {cause} (for a row of {x.size}, x[0] = {x[0]:g})"
        raise StudyError(_where(study, name, function), what, "Correct the function") from cause


def _where(study: Study, name: str, function: Any = None) -> str:
    code = getattr(function, "__code__", None)
    path = Path(code.co_filename) if code is not None else study.folder / FILE
    return f"{path}: {name}"


def _check_pass(got: Any, study: Study, name: str, fields: tuple[str, ...]) -> None:
    where = f"REFERENCES[{name!r}]"
    if not isinstance(got, Expected):
        what = f"returns {type(got).__name__}"
        raise StudyError(_where(study, where), what, "Return passline.reference.Expected: kernels/YOUR_KERNEL.md")
    if got.outputs is None and got.value is None:
        raise StudyError(_where(study, where), "expects neither outputs nor a value", "Give one of them")
    if got.outputs is not None:
        _check_shape(got.outputs, study, f"{where}: outputs", 5)
    named = [*got.state, *got.finished, *filter(None, (got.value_field, got.exponent_field))]
    unknown = [field for field in named if field not in fields]
    if unknown or (got.value is not None and not got.value_field):
        what = f"{unknown[0]!r} is no field of passline_state" if unknown else "value has no value_field"
        raise StudyError(_where(study, where), what, f"Known: {', '.join(fields)}")


def _check_shape(got: Any, study: Study, name: str, size: int) -> None:
    if not (isinstance(got, np.ndarray) and got.dtype == np.float64 and got.shape == (size,)):
        seen = f"{got.dtype}{list(got.shape)}" if isinstance(got, np.ndarray) else type(got).__name__
        wanted = f"float64[{size}] for a row of 5"
        raise StudyError(_where(study, name), f"gives {seen}, not {wanted}", "Return a NumPy array of that shape")
