"""The gate: nothing is timed unless it passed. Every variant is checked in a child process.

A wrong kernel is a row with the reason, never an exception: one that reads or writes
outside its rows is stopped by a guard page, one that does not return by an alarm, and
both end only the child. Children get many variants each, because starting one costs
more than checking ten; after a death the variant at fault is judged alone.
"""

from __future__ import annotations

import json
import mmap
import os
import pickle
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passline.conformance_judge import Finding
from passline.conformance_variant import PHASES, row_of
from passline.errors import BuildError
from passline.own_reference import reference
from passline.registry import Study, Variant

PROGRESS = struct.Struct("qqqq")  # phase, n, offset of x, offset of y
_PACKAGES = Path(__file__).parents[1]

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """What a child is told, by pickle on its standard input."""

    library: Path
    study: Study
    variants: tuple[Variant, ...]
    seed: int
    build_id: str
    limit_s: int
    progress: Path


def check_variants(
    library: Path,
    study: Study,
    variants: Sequence[Variant],
    *,
    seed: int,
    build_id: str = "-",
    jobs: int | None = None,
    limit_s: int = 60,
) -> Rows:
    """Rows of table `accuracy` for `variants` of the built library, in their order, one per input family.

    A variant gets `limit_s` seconds. StudyError where a pass has no reference; BuildError where the library cannot
    be loaded.
    """
    for name in study.passes:
        reference(study, name)
    jobs = max(1, min(jobs or len(os.sched_getaffinity(0)), 16, len(variants) or 1))
    # Dealt out like cards: the variants of one pass and ISA, alike in cost, are neighbours.
    hands = [tuple(variants[i::jobs]) for i in range(jobs)]
    with ThreadPoolExecutor(jobs) as pool:
        done = list(pool.map(lambda hand: _hand(library, study, hand, seed, build_id, limit_s), hands))
    rows = {name: found for part in done for name, found in part.items()}
    return [row for variant in variants for row in rows[variant.name]]


def _hand(
    library: Path, study: Study, variants: tuple[Variant, ...], seed: int, build_id: str, limit_s: int
) -> dict[str, Rows]:
    """Check the variants in as few children as their deaths allow."""
    held = dict(_absent(library, study, variants, seed, build_id))
    left = [variant for variant in variants if variant.name not in held]
    rows: dict[str, Rows] = {}
    while left:
        found, death = _child(library, study, left, seed, build_id, limit_s)
        rows |= found
        left = left[len(found) :]
        if death is None:
            break
        # An earlier variant may have spoilt the child's memory: only what happens alone counts.
        culprit = left.pop(0)
        if found:
            alone, death = _child(library, study, [culprit], seed, build_id, limit_s)
            rows |= alone
        if culprit.name not in rows:
            rows[culprit.name] = _failed(study, culprit, seed, build_id, death or "ended without a result")
    return rows | held


def _absent(
    library: Path, study: Study, variants: Iterable[Variant], seed: int, build_id: str
) -> Iterator[tuple[str, Rows]]:
    data = library.read_bytes() if library.is_file() else b""
    for variant in variants:
        if data and variant.name.encode() + b"\0" not in data:
            yield variant.name, _failed(study, variant, seed, build_id, "the library does not hold it")


def _failed(study: Study, variant: Variant, seed: int, build_id: str, reason: str) -> Rows:
    bound = study.passes[variant.pass_name].bound_ulp(variant.isa) or 0.0
    finding = Finding(error_ulp=float("nan"), bound_ulp=bound, relative=float("nan"), reason=reason)
    return [row_of(variant, family, seed, build_id, finding) for family in study.inputs]


def _child(
    library: Path, study: Study, variants: Sequence[Variant], seed: int, build_id: str, limit_s: int
) -> tuple[dict[str, Rows], str | None]:
    """Rows of the variants that were finished, and how the child died on the next one, or None."""
    with tempfile.NamedTemporaryFile(prefix="passline-check-") as progress:
        progress.write(PROGRESS.pack(-1, 0, 0, 0))
        progress.flush()
        job = Job(library, study, tuple(variants), seed, build_id, limit_s, Path(progress.name))
        path = os.pathsep.join(part for part in (str(_PACKAGES), os.environ.get("PYTHONPATH")) if part)
        done = subprocess.run(
            [sys.executable, "-m", "passline.conformance_worker"],
            input=pickle.dumps(job),
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
        last = PROGRESS.unpack(Path(progress.name).read_bytes())
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    rows = {result["variant"]: result["rows"] for result in results if "rows" in result}
    if len(rows) == len(variants):
        return rows, None
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode > 0 and "Traceback" in said:
        what = f"the check ended with {said.splitlines()[-1]}"
        raise BuildError(library, what, "Build again; if it stays, this is a fault of the check itself")
    return rows, _death(done.returncode, last, limit_s)


def _death(status: int, last: tuple[int, ...], limit_s: int) -> str:
    """How a child ended, and what it was doing."""
    phase, n, x, y = last
    doing = f"{PHASES[phase]}, row of {n}, x {4 * x} and y {4 * y} bytes above the lower guard page"
    if phase < 0:
        doing = "before the first call"
    if status == -signal.SIGALRM:
        return f"did not return within {limit_s} s ({doing})"
    if status < 0:
        outside = ": read or wrote outside its rows" if -status in (signal.SIGSEGV, signal.SIGBUS) else ""
        return f"killed by {signal.Signals(-status).name}{outside} ({doing})"
    return f"ended the process with status {status} ({doing})"


def open_progress(path: Path) -> mmap.mmap:
    """Map the file through which a child tells what it is doing: it survives the child."""
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), PROGRESS.size)
