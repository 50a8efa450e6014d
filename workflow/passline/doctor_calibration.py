"""The self-calibration of `passline doctor`: loops of known traffic from a library that a session has built."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from passline.counters import calibrate, likwid
from passline.counters.calibrate import Background, Calibration
from passline.counters.counting import Counters, NullRegion
from passline.counters.perf import Counting, Perf
from passline.counters.provenance import Confidence, confidence
from passline.counters.records import COMBINED, READ, READ_LOWER_BOUND, WRITE, Plan
from passline.errors import PasslineError
from passline.machine import Machine
from passline.measure import buffers
from passline.measure.library import Library
from passline.quiet import pinned
from passline.registry import KERNELS, load_isas, load_study, select_isas, sha256

BACKGROUND_S = 0.2
# What a library is called by must be what this package calls: of these sources the library must be made.
_INTERFACE = ("passline.h", "runtime/perf_event.c", "runtime/run.c")


@dataclass(frozen=True)
class Loops:
    """A built library and its loops of known traffic for an instruction set."""

    path: Path
    isa: str
    variants: Mapping[str, str]  # loop -> variant


@dataclass(frozen=True)
class Report:
    """What calibrating gave; all None, with the reason, where it was not done."""

    reason: str  # - where it was done
    library: str | None = None
    isa: str | None = None
    cpu: int | None = None
    row_bytes: int | None = None
    null_region: NullRegion | None = None
    background: Background | None = None
    background_share: float = math.nan  # the largest, of a loop's count
    calibration: Calibration | None = None
    confidence: Confidence | None = None


def build_command(machine: Machine) -> str:
    """What builds the library of the default session, and nothing else."""
    return f".venv/bin/snakemake results/{machine.id}/default/build/gcc/libpassline.so"


def find_loops(machine: Machine, folders: tuple[Path, ...] | None = None) -> Loops | str:
    """The newest library built from these sources below `results` of the folders, or why there is none."""
    here = folders or tuple(dict.fromkeys((Path.cwd(), KERNELS.parent)))
    paths = {path for folder in here for path in folder.glob("results/*/*/build/*/libpassline.so")}
    reason = "no session has built libpassline.so yet"
    for path in sorted(paths, key=lambda p: (machine.id in p.parts, p.stat().st_mtime), reverse=True):
        if not _made_of_these_sources(path):
            reason = f"{label(path)} was built from other sources than these"
            continue
        try:
            return _loops(path, machine)
        except (OSError, PasslineError) as error:
            reason = f"{label(path)} cannot be used ({error})"
    return reason


def label(library: Path) -> str:
    """A library's path from `results` on: where a user keeps it is nobody's business."""
    parts = library.parts
    return "/".join(parts[parts.index("results") :]) if "results" in parts else library.name


def _made_of_these_sources(library: Path) -> bool:
    try:
        sources = json.loads(library.with_name("build.json").read_text(encoding="utf-8"))["sources"]
    except (OSError, ValueError, KeyError):
        return False
    return all(sources.get(name) == sha256(KERNELS / name) for name in _INTERFACE)


def _loops(path: Path, machine: Machine) -> Loops:
    held = Library(path).variants
    isas, _ = select_isas(load_isas(), "auto", machine.architecture, machine.cpu_flags)
    variants = [v for v in load_study(KERNELS / "ceilings", isas).variants if v.name in held]
    for isa in reversed(isas):
        found = calibrate.loop_variants(variants, isa)
        if found:
            return Loops(path, isa, found)
    raise OSError("it holds no loop of known traffic for this processor")


def run(plan: Plan, loops: Loops, machine: Machine) -> Report:
    """Calibrate a source on the measuring cpu."""
    library = Library(loops.path)
    llc = machine.llc.bytes if machine.llc else None
    try:
        with pinned(machine.measuring_cpu):
            return calibrated(plan, loops, library, Perf(library), machine.measuring_cpu, llc)
    except MemoryError:
        return Report(f"a row of {calibrate.LLC_MULTIPLE} times the last-level cache does not fit into memory")
    except OSError as error:
        return Report(f"the counters could not be opened again ({error})")


def calibrated(
    plan: Plan, loops: Loops, library: Library, counting: Counting, cpu: int, llc_bytes: int | None
) -> Report:
    """Empty region, background, loops, background again, and the confidence that follows."""
    tiny = buffers.allocate(1, 1024, "small").rows[0]
    nothing = library.workload([next(iter(loops.variants.values()))], [tiny], [tiny])
    with Counters(counting, plan, [cpu]) as counters:
        null = counters.null_region([nothing])
        before = calibrate.background(counters, BACKGROUND_S)
        found = calibrate.calibrate(counters, library, loops.variants, llc_bytes, null.cost_s)
        background = Background(before, calibrate.background(counters, BACKGROUND_S))
    share = _share(found, background)
    return Report(
        "-", label(loops.path), loops.isa, cpu, row_bytes(llc_bytes), null, background, share, found,
        confidence(plan, found, share),
    )  # fmt: skip


def _share(found: Calibration, background: Background) -> float:
    """The largest share that the background makes of what a loop counts in a direction that it moves."""
    shares = [
        background.most(direction) * loop.wall_s / value
        for loop in found.loops
        for direction, value, known in (
            (READ, loop.counted_read, loop.known_read),
            (READ_LOWER_BOUND, loop.counted_read, loop.known_read),
            (WRITE, loop.counted_written, loop.known_written),
            (COMBINED, loop.counted_combined, loop.known_read + loop.known_written),
        )
        if known > 0 and value > 0
    ]
    return max((share for share in shares if not math.isnan(share)), default=math.nan)


def row_bytes(llc_bytes: int | None) -> int:
    """Bytes of the row that the loops walk."""
    return calibrate.LLC_MULTIPLE * (llc_bytes or calibrate.DEFAULT_LLC_BYTES)


def second_opinion(loops: Loops | str, machine: Machine) -> likwid.Opinion:
    """What likwid counts of the same loops, where it is installed."""
    program = likwid.program()
    if program is None:
        return likwid.Opinion(None, (), f"{likwid.PROGRAM} is not on the PATH")
    if isinstance(loops, str):
        return likwid.Opinion(program, (), loops)
    llc = machine.llc.bytes if machine.llc else None
    return likwid.opinion(program, loops.path, loops.variants, row_bytes(llc), machine.measuring_cpu)
