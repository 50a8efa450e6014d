"""The real kernels before a simulated cache: what each pass reads, allocates and writes back, against the model.

The sources of kernels/ are compiled with gcc's thread instrumentation, which calls a function before every load
and store, and linked with functions of our own (traffic/hooks.c) that feed a cache (traffic/cache.c). Run as a
program it prints the table of model and simulator, one line per pass.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import pandas as pd
from built_kernels import CFLAGS

from passline import build
from passline.machine import detect
from passline.measure.library import Library, declarations
from passline.registry import KERNELS, Isa, Study, Variant, load_isas, load_study, select_isas
from passline.registry_table import registry_rows

TRAFFIC = Path(__file__).parent / "traffic"
LINE_BYTES = 64
LINE_KINDS = ("read", "allocated", "written")
ROWS = ("elsewhere", "x", "y", "scratch")  # as they are numbered in traffic/cache.h
# What a pass finds where the passes before it would have left their results.
STATE = {"max": 12.0, "sum": 1.0, "mantissa": 1.0, "exponent": 20.0, "scale": 0.5}


@dataclass(frozen=True)
class Cache:
    """A cache of `sets` sets of `ways` lines of 64 bytes."""

    sets: int = 256
    ways: int = 16

    @property
    def lines(self) -> int:
        """Lines it holds."""
        return self.sets * self.ways

    @property
    def elements(self) -> int:
        """Floats it holds."""
        return self.lines * LINE_BYTES // 4


LLC = Cache()
# Rows of four times the cache, and a tail for every vector length and loop step.
OUT_OF_CACHE = 4 * LLC.elements + 1003


@dataclass(frozen=True)
class Lines:
    """Lines of 64 bytes that pass between cache and memory."""

    read: float
    allocated: float
    written: float


@dataclass(frozen=True)
class Counts:
    """What the simulator counted in one pass (see traffic/cache.h)."""

    lines: Lines
    fetched: Mapping[str, int]  # read and allocated, by row
    carried: int
    partial: int
    dirty: int
    bytes_loaded: Mapping[str, int]
    bytes_stored: Mapping[str, int]
    state: Mapping[str, float]


@dataclass(frozen=True)
class Rows:
    """The rows of a call, float32[n] each."""

    x: np.ndarray
    y: np.ndarray
    scratch: np.ndarray


def gcc() -> tuple[str | None, str]:
    """The compiler whose instrumentation sees wide vectors, or None and the reason."""
    path = shutil.which("gcc")
    if path is None:
        return None, "needs gcc, which is not on the PATH; clang's instrumentation passes over 32- and 64-byte accesses"
    version = build.run([path, "--version"])
    return (None, f"needs gcc, and {path} is clang: {version.splitlines()[0]}") if "clang" in version else (path, "")


def chosen(isas: Mapping[str, Isa]) -> list[Study]:
    """The presets of the softmax passes, and every ceiling, ordinary and non-temporal."""
    return [load_study(KERNELS / "softmax", isas, "presets"), load_study(KERNELS / "ceilings", isas)]


def host_isas() -> dict[str, Isa]:
    """The instruction sets of this host."""
    machine = detect()
    return select_isas(load_isas(), "auto", machine.architecture, machine.cpu_flags)[0]


def traced(isa: Isa) -> Isa:
    """The same instruction set, its header wrapped by the one with hooks."""
    return replace(isa, header="traced.h", cflags=(*isa.cflags, f'-DPASSLINE_TRACED="simd/{isa.header}"'))


def compile_traced(
    compiler: str, study: Study, variant: Variant, isa: Isa, out: Path, flags: Sequence[str] = ("-fsanitize=thread",)
) -> None:
    """Compile a variant as the build does, with instrumentation."""
    cflags = (*CFLAGS, *flags, f"-I{TRAFFIC}")
    source = study.passes[variant.pass_name].source
    build.run(build.compile_command(compiler, cflags, isa, variant, source, out))


def link_traced(compiler: str, objects: Sequence[Path], folder: Path) -> Path:
    """Link instrumented objects with the simulated cache."""
    hooks = [folder / "cache.o", folder / "hooks.o"]
    for out in hooks:
        source = TRAFFIC / f"{out.stem}.c"
        build.run([compiler, "-O2", *build.BASE_FLAGS, "-c", str(source), "-o", str(out)])
    library = folder / "libtraffic.so"
    build.link(compiler, CFLAGS, [*objects, *hooks], library)
    return library


def build_traced(compiler: str, studies: Sequence[Study], isas: Mapping[str, Isa], folder: Path) -> Path:
    """Compile every variant of the studies with instrumentation, and link them with the simulated cache."""
    objects = []
    for study in studies:
        for variant in study.variants:
            objects.append(folder / f"{variant.name}.o")
            compile_traced(compiler, study, variant, traced(isas[variant.isa]), objects[-1])
    return link_traced(compiler, objects, folder)


def new_rows(n: int, offset: int = 0) -> Rows:
    """Rows of n floats in memory of their own, `offset` floats beyond a boundary of a page."""

    def row(values: np.ndarray) -> np.ndarray:
        memory = np.zeros(n + 2048, np.float32)
        start = -memory.ctypes.data % 4096 // 4 + offset
        memory[start : start + n] = values
        return memory[start : start + n]

    scores = np.random.default_rng(20200113).uniform(-10.0, 12.0, n)
    return Rows(row(scores), row(np.zeros(n)), row(np.ones(n)))


class Simulator:
    """Instrumented kernels and the cache they feed; one at a time, as the cache is the library's own."""

    def __init__(self, path: Path) -> None:
        """Load a library of `link_traced`."""
        self.kernels = Library(path)
        self.ffi: Any = cffi.FFI()
        self.ffi.cdef(declarations(TRAFFIC / "cache.h"))
        self.cache: Any = self.ffi.dlopen(str(path))

    def start(self, cache: Cache, rows: Rows | None = None) -> None:
        """Empty the cache, and tell rows from other memory."""
        if self.cache.traffic_cache(cache.sets, cache.ways):
            raise MemoryError(f"a simulated cache of {cache.lines} lines")
        for number, name in enumerate(ROWS[1:], 1) if rows else ():
            row = getattr(rows, name)
            self.cache.traffic_row(number, self.ffi.cast("void *", row.ctypes.data), row.nbytes)

    def run(self, variant: str, rows: Rows, state: Mapping[str, float] = STATE, *, flush: bool = True) -> Counts:
        """Count one call of a pass; with `flush` its dirty lines are written back at its end."""
        work = self.kernels.workload([variant], [rows.x], [rows.y], rows.scratch)
        work.set_state(state)
        self.cache.traffic_begin()
        left = work.call()
        dirty = self.cache.traffic_now().lines_dirty
        if flush:
            self.cache.traffic_flush()
        return self.counts(dirty, left)

    def counts(self, dirty: int = 0, state: Mapping[str, float] | None = None) -> Counts:
        """What was counted since the last traffic_begin."""
        now = self.cache.traffic_now()
        return Counts(
            Lines(sum(now.lines_read), sum(now.lines_allocated), now.lines_written),
            {name: now.lines_read[i] + now.lines_allocated[i] for i, name in enumerate(ROWS)},
            now.lines_carried,
            now.lines_partial,
            dirty,
            dict(zip(ROWS, now.bytes_loaded, strict=True)),
            dict(zip(ROWS, now.bytes_stored, strict=True)),
            state or {},
        )

    @contextmanager
    def recording(self, capacity: int) -> Iterator[list[np.ndarray]]:
        """Record accesses; at the end the list holds one array of (address, bytes, kind)."""
        records = np.zeros(capacity, np.dtype([("address", "u8"), ("bytes", "u4"), ("kind", "u4")]))
        found: list[np.ndarray] = []
        self.cache.traffic_record(self.ffi.cast("traffic_access_record *", records.ctypes.data), capacity)
        yield found
        count = self.cache.traffic_recorded()
        self.cache.traffic_record(self.ffi.NULL, 0)
        if count > capacity:
            raise MemoryError(f"{count} accesses do not fit {capacity} records")
        found.append(records[:count])


def model(studies: Sequence[Study], isas: Mapping[str, Isa], n: int) -> dict[str, Lines]:
    """Lines per variant for n elements, from the table `registry`."""
    registry = pd.concat([registry_rows(study, isas, "simulated") for study in studies])
    return {
        row["variant"]: Lines(
            *(row[f"bytes_{what}_per_element"] * n / LINE_BYTES for what in ("read", "write_allocate", "written"))
        )
        for _, row in registry.iterrows()
    }


def comparison(simulator: Simulator, studies: Sequence[Study], isas: Mapping[str, Isa], n: int) -> pd.DataFrame:
    """One row per variant: lines of the model and of the simulator, out of cache."""
    expected, rows, found = model(studies, isas, n), new_rows(n), []
    for variant in (variant for study in studies for variant in study.variants):
        simulator.start(LLC, rows)
        counted = simulator.run(variant.name, rows)
        line: dict[str, Any] = {"variant": variant.name}
        for what in LINE_KINDS:
            line[f"{what}_model"] = getattr(expected[variant.name], what)
            line[f"{what}_simulated"] = getattr(counted.lines, what)
        line["dirty_at_end"] = counted.dirty
        found.append(line)
    return pd.DataFrame(found)


def main() -> None:
    """Print the table of model and simulator."""
    compiler, reason = gcc()
    if compiler is None:
        raise SystemExit(reason)
    isas = host_isas()
    studies = chosen(isas)
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(build_traced(compiler, studies, isas, Path(folder)))
        table = comparison(simulator, studies, isas, OUT_OF_CACHE)
    print(f"lines of {LINE_BYTES} bytes; rows of {OUT_OF_CACHE} floats; cache of {LLC.lines} lines, {LLC.ways} ways")
    print(table.to_string(index=False, float_format="%.1f"))
    off = max((table[f"{what}_simulated"] - table[f"{what}_model"]).abs().max() for what in LINE_KINDS)
    print(f"largest difference: {off:.1f} lines, {off / (OUT_OF_CACHE * 4 / LINE_BYTES):.3%} of a row")


if __name__ == "__main__":
    main()
