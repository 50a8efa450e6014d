"""oneDNN's softmax primitive through its C library: the interface of version 3, or of version 2 as older systems ship.

Constants are those of the library's public headers (dnnl_types.h), alike in both versions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from passline.baselines import Availability, Call, Floats, Softmax, open_first
from passline.errors import MeasurementError

TITLE = "oneDNN"
DISTRIBUTION = "onednn-cpu-gomp"
# What pip installs lies in the environment's own lib; the others are the system's.
LIBRARIES = (str(Path(sys.prefix, "lib", "libdnnl.so.3")), "libdnnl.so.3", "libdnnl.so.2")

_CPU, _F32, _ROW_MAJOR, _INFERENCE, _ACCURATE, _AXIS = 1, 3, 3, 96, 0x30000, 1
_SOURCE, _DESTINATION = 1, 17
_IMPLEMENTATION = 8  # dnnl_query_impl_info_str
_DESCRIPTOR_WORDS = 1024  # version 2 keeps descriptors of memory (under 1 KiB) and softmax (under 4) by value

_COMMON = """
typedef struct { int major, minor, patch; const char *hash; unsigned cpu_runtime, gpu_runtime; } dnnl_version_t;
typedef struct { int arg; void *memory; } dnnl_exec_arg_t;
const dnnl_version_t *dnnl_version(void);
int dnnl_engine_create(void **engine, int kind, size_t index);
int dnnl_stream_create(void **stream, void *engine, unsigned flags);
int dnnl_memory_create(void **memory, const void *descriptor, void *engine, void *handle);
int dnnl_memory_destroy(void *memory);
int dnnl_primitive_desc_query(const void *descriptor, int what, int index, void *result);
int dnnl_primitive_create(void **primitive, const void *descriptor);
int dnnl_primitive_execute(const void *primitive, void *stream, int n, const dnnl_exec_arg_t *arguments);
int dnnl_memory_desc_create_with_tag(void **descriptor, int ndims, const int64_t *dims, int type, int tag);
int dnnl_softmax_forward_primitive_desc_create(void **descriptor, void *engine, int kind, int algorithm,
  const void *source, const void *destination, int axis, const void *attributes);
int dnnl_memory_desc_init_by_tag(void *descriptor, int ndims, const int64_t *dims, int type, int tag);
int dnnl_softmax_v2_forward_desc_init(void *descriptor, int kind, int algorithm, const void *source,
  const void *destination, int axis);
int dnnl_primitive_desc_create(void **primitive_descriptor, const void *descriptor, const void *attributes,
  void *engine, const void *hint);
"""


def probe() -> Availability:
    """Open the library; its dispatch is the name of the implementation it picks for a row of 1024."""
    opened = open_first(LIBRARIES, _COMMON)
    if opened is None:
        tried = ", ".join(Path(name).name for name in LIBRARIES[1:])
        return Availability(
            ok=False,
            reason=f"no oneDNN library was found ({tried}): pip install {DISTRIBUTION}, or apt install libdnnl3",
        )
    version = opened[1].dnnl_version()
    found = f"{version.major}.{version.minor}.{version.patch}"
    return Availability(ok=True, version=found, isa=_Library(*opened).implementation(1024), threads=1)


def load() -> Softmax:
    """The library, with OMP_NUM_THREADS=1 from before it was opened."""
    opened = open_first(LIBRARIES, _COMMON)
    if opened is None:
        raise MeasurementError("baseline onednn", "its library is gone since it was probed", "Install it again")
    return Softmax(_Library(*opened).bind)


@dataclass(frozen=True)
class _Primitive:
    """Descriptors of a row and of the softmax of such rows, and the primitive made of them."""

    row: Any
    descriptor: Any
    primitive: Any


class _Library:
    """An engine, a stream, and the primitive of each row length."""

    def __init__(self, ffi: Any, lib: Any) -> None:
        self._ffi, self._lib = ffi, lib
        self._engine = self._made(lib.dnnl_engine_create, _CPU, 0)
        self._stream = self._made(lib.dnnl_stream_create, self._engine, 1)  # in order, as every stream's default
        self._known: dict[int, _Primitive] = {}

    def bind(self, x: Floats, y: Floats) -> Call:
        """A call of the primitive on these rows."""
        found = self._primitive(len(x))
        memory = [self._memory(found.row, each) for each in (x, y)]
        arguments = self._ffi.new("dnnl_exec_arg_t[]", list(zip((_SOURCE, _DESTINATION), memory, strict=True)))
        call = partial(self._lib.dnnl_primitive_execute, found.primitive, self._stream, len(memory), arguments)
        call.__dict__["alive"] = memory  # the C array does not keep what it points to
        return call

    def implementation(self, n: int) -> str:
        """What the library calls the code that it runs for a row of n."""
        name = self._ffi.new("const char **")
        self._succeed(self._lib.dnnl_primitive_desc_query, self._primitive(n).descriptor, _IMPLEMENTATION, 0, name)
        return str(self._ffi.string(name[0]).decode())

    def _primitive(self, n: int) -> _Primitive:
        if n not in self._known:
            describe = self._describe if hasattr(self._lib, "dnnl_memory_desc_create_with_tag") else self._describe_v2
            row, descriptor = describe(n)
            primitive = self._made(self._lib.dnnl_primitive_create, descriptor)
            self._known[n] = _Primitive(row, descriptor, primitive)
        return self._known[n]

    def _describe(self, n: int) -> tuple[Any, Any]:
        """Descriptors of a row and of its softmax."""
        lib = self._lib
        row = self._made(lib.dnnl_memory_desc_create_with_tag, 2, self._dims(n), _F32, _ROW_MAJOR)
        made = partial(self._made, lib.dnnl_softmax_forward_primitive_desc_create)
        return row, made(self._engine, _INFERENCE, _ACCURATE, row, row, _AXIS, self._ffi.NULL)

    def _describe_v2(self, n: int) -> tuple[Any, Any]:
        """The same in version 2, where descriptors are values of the caller's."""
        lib, null = self._lib, self._ffi.NULL
        row, operation = (self._ffi.new("uint64_t[]", _DESCRIPTOR_WORDS) for _ in range(2))
        self._succeed(lib.dnnl_memory_desc_init_by_tag, row, 2, self._dims(n), _F32, _ROW_MAJOR)
        self._succeed(lib.dnnl_softmax_v2_forward_desc_init, operation, _INFERENCE, _ACCURATE, row, row, _AXIS)
        return row, self._made(lib.dnnl_primitive_desc_create, operation, null, self._engine, null)

    def _dims(self, n: int) -> Any:
        return self._ffi.new("int64_t[12]", [1, n])

    def _memory(self, descriptor: Any, row: Floats) -> Any:
        start = self._ffi.cast("void *", row.ctypes.data)
        memory = self._made(self._lib.dnnl_memory_create, descriptor, self._engine, start)
        return self._ffi.gc(memory, self._lib.dnnl_memory_destroy)

    def _made(self, make: Callable[..., int], *arguments: Any) -> Any:
        """What a function of the library makes: it writes a pointer to it to its first argument."""
        made = self._ffi.new("void **")
        self._succeed(make, made, *arguments)
        return made[0]

    def _succeed(self, call: Callable[..., int], *arguments: Any) -> None:
        status = call(*arguments)
        if status:
            raise MeasurementError(
                "baseline onednn", f"its library answered with status {status}", "Leave onednn out of `baselines`"
            )
