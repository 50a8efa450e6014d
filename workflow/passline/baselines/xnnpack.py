"""XNNPACK's softmax operator, from the shared library that some distributions ship: Three-Pass with reloading.

Its interface changed: until 2022 an operator was made for one row length (Debian 12 ships that), now it is reshaped.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from passline.baselines import NOT_TOLD, Availability, Call, Floats, Softmax, open_first
from passline.errors import MeasurementError

TITLE = "XNNPACK"
LIBRARIES = ("libXNNPACK.so.0", "libXNNPACK.so")

_COMMON = """
int xnn_initialize(const void *allocator);
int xnn_run_operator(void *operator_, void *threadpool);
int xnn_delete_operator(void *operator_);
"""
_MADE_FOR_A_LENGTH = """
int xnn_create_softmax_nc_f32(size_t channels, size_t input_stride, size_t output_stride, uint32_t flags,
  void **operator_);
int xnn_setup_softmax_nc_f32(void *operator_, size_t batch_size, const float *input, float *output, void *threadpool);
"""
_RESHAPED = """
int xnn_create_softmax_nc_f32(uint32_t flags, void **operator_);
int xnn_reshape_softmax_nc_f32(void *operator_, size_t channels, size_t input_stride, size_t output_stride,
  size_t batch_size, void *threadpool);
int xnn_setup_softmax_nc_f32(void *operator_, const float *input, float *output);
"""


def probe() -> Availability:
    """Open the library and make an operator; it tells neither its version nor what it dispatches to."""
    opened = _opened()
    if opened is None:
        return Availability(
            ok=False, reason=f"no {LIBRARIES[0]} was found: apt install libxnnpack0, where the distribution has it"
        )
    kind = "operators are reshaped" if _reshaped(opened[1]) else "operators are made for a length"
    return Availability(ok=True, version=f"{NOT_TOLD} ({kind})", isa=NOT_TOLD, threads=1)


def load() -> Softmax:
    """The library; without a thread pool an operator runs on the calling thread."""
    opened = _opened()
    if opened is None:
        raise MeasurementError("baseline xnnpack", "its library is gone since it was probed", "Install it again")
    ffi, lib = opened
    _succeed(lib.xnn_initialize(ffi.NULL))
    return Softmax(partial(_bound, ffi, lib))


def _opened() -> tuple[Any, Any] | None:
    """The FFI of cffi and the library, with the declarations that fit it."""
    newer = open_first(LIBRARIES, _COMMON + _RESHAPED)
    return newer if newer is None or _reshaped(newer[1]) else open_first(LIBRARIES, _COMMON + _MADE_FOR_A_LENGTH)


def _reshaped(lib: Any) -> bool:
    return hasattr(lib, "xnn_reshape_softmax_nc_f32")


def _bound(ffi: Any, lib: Any, x: Floats, y: Floats) -> Call:
    n, null, made = len(x), ffi.NULL, ffi.new("void **")
    source, destination = (ffi.cast("float *", row.ctypes.data) for row in (x, y))
    if _reshaped(lib):
        _succeed(lib.xnn_create_softmax_nc_f32(0, made))
        operator = ffi.gc(made[0], lib.xnn_delete_operator)
        _succeed(lib.xnn_reshape_softmax_nc_f32(operator, n, n, n, 1, null))
        _succeed(lib.xnn_setup_softmax_nc_f32(operator, source, destination))
    else:
        _succeed(lib.xnn_create_softmax_nc_f32(n, n, n, 0, made))
        operator = ffi.gc(made[0], lib.xnn_delete_operator)
        _succeed(lib.xnn_setup_softmax_nc_f32(operator, 1, source, destination, null))
    return partial(lib.xnn_run_operator, operator, null)


def _succeed(status: int) -> None:
    if status:
        raise MeasurementError(
            "baseline xnnpack", f"its library answered with status {status}", "Leave xnnpack out of `baselines`"
        )
