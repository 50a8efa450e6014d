"""The process of one round, seen from outside: it is started, watched, and ends with whoever asked for it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from passline.errors import MeasurementError
from passline.measure.spec import RoundSpec, aside
from passline.measure.stop import metadata

RUN = "PASSLINE_RUN"  # environment variable: process id of the Snakemake that asks for measurements
PADDING = "PASSLINE_PADDING"  # environment variable of random length: it moves the stack (Mytkowicz et al. 2009)
COMMAND = (sys.executable, "-m", "passline.measure.round")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # of NumPy's BLAS, which nothing calls: a third of a process's start
POLL_S = 0.2  # how often a running round is looked at
GRACE_S = 60.0  # a round may take this long whatever was expected: slow disks, first use of a library
PATIENCE = 20  # ... or this many times what was expected
FIRST_S = 1800.0  # the first of a block, of which nothing is known: a thousand variants, or gigabytes to fill
ORPHANED = "the run that asked for it was killed"


class Guard:
    """Whether the run that asked for the measurement is still there.

    Snakemake runs a script below a shell of its own; when it is killed, the shell and the script stay. They would go
    on measuring, and hold the lock against the next run. Whoever started Snakemake may end: a run in the background
    outlives its terminal. The run says which process it is in the environment, for it may be killed before the script
    has come as far as to look; where nothing is said, it is the parent.
    """

    def __init__(self) -> None:
        """Remember the processes from this one up to the run."""
        chain, said = _ancestors(), os.environ.get(RUN)
        run = int(said) if said else os.getppid()
        self._chain = chain[: chain.index(run) + 1] if run in chain else [run] if said else chain

    def alone(self) -> bool:
        """Whether one of them has died: a child of it was then given to another parent."""
        return _ancestors()[: len(self._chain)] != self._chain


def _ancestors() -> list[int]:
    """This process, its parent, and so on to the first, as far as /proc tells."""
    chain = [os.getpid()]
    while chain[-1] > 1:
        try:
            stat = Path(f"/proc/{chain[-1]}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            break
        chain.append(int(stat.rpartition(")")[2].split()[1]))
    return chain


def run(spec: RoundSpec, out: Path, lock: int, expected_s: float, guard: Guard) -> None:
    """Take one round in a fresh process and check what it wrote.

    Raises MeasurementError where the process fails, hangs or writes rubbish. What is whole stays all the same: a
    process may be killed after its last word.
    """
    contenders = len(spec["block"]["contenders"])
    limit = max(GRACE_S, PATIENCE * expected_s) if expected_s else FIRST_S
    wrong = ORPHANED if guard.alone() else _take(spec, out, lock, limit, guard)
    if wrong is None and not whole(out, contenders):
        wrong = "what it wrote is no round of this block"
    if wrong is None:
        return
    aside(out).unlink(missing_ok=True)
    if not whole(out, contenders):
        out.unlink(missing_ok=True)
    remedy = "Free some space, then run" if "disk is full" in wrong else "Run"
    raise MeasurementError(
        f"{spec['block']['name']}, round {spec['round']}",
        wrong,
        f"Rounds already taken are kept, this one is taken again. {remedy} snakemake again to go on",
    )


def whole(path: Path, contenders: int) -> bool:
    """Whether a round is there and complete: a crash of the system can leave a renamed file without its contents."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        about = metadata(document)
        facts = json.loads(about[0]["passline_round"])
        values = [value for b in document["benchmarks"] for value in b["runs"][0]["values"]]
        return (
            {told["passline_contender"] for told in about} == set(range(contenders))
            and all(value > 0 and math.isfinite(value) for value in values)
            and {"duration_s", "noise"} <= facts.keys()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return False


def _take(spec: RoundSpec, out: Path, lock: int, limit: float, guard: Guard) -> str | None:
    """Start the process and see it end; what was wrong with it, or None. It has ended when this returns."""
    # Not a pipe: a spec may be longer than a pipe holds, and who waits with a timeout writes only once.
    with os.fdopen(os.memfd_create("spec"), "w+", encoding="utf-8") as told:
        json.dump(spec, told)
        told.seek(0)
        return _watch(told, spec["padding_bytes"], out, lock, limit, guard)


def _watch(told: IO[str], padding: int, out: Path, lock: int, limit: float, guard: Guard) -> str | None:
    with subprocess.Popen(
        [*COMMAND, str(out)],
        stdin=told,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ) | ONE_THREAD | {PADDING: "x" * padding},
        pass_fds=[lock],
    ) as process:
        began = time.monotonic()
        try:
            while True:
                try:
                    _, said = process.communicate(timeout=POLL_S)
                    return _reason(process.returncode, said) if process.returncode else None
                except subprocess.TimeoutExpired:
                    pass
                if guard.alone():
                    return ORPHANED
                if time.monotonic() - began > limit:
                    return f"its process hung: it was stopped after {limit:.0f} s"
        finally:
            process.kill()


def _reason(status: int, said: str) -> str:
    last = (said.strip().splitlines() or ["no message"])[-1]
    if status < 0:
        return f"its process was killed by signal {-status}"
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return f"the disk is full ({last})"
    return f"its process ended with status {status} ({last})"
