"""Which outside baselines run here, and are right: each is tried in a process of its own.

A library that is broken, or uses instructions that this processor lacks, ends that process and no other; and a
baseline whose outputs are wrong is never timed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from passline import baselines
from passline.known_baselines import Known
from passline.measure import outside
from passline.measure.buffers import CACHE_LINE
from passline.measure.spec import write_json

LIMIT_S = 300.0  # importing a large package from a slow disk
SIZES = (1, 15, 1000, 100_003)
"""Row lengths that are tried: one, less than a vector, and odd tails."""

_DEVIATION = 3.0  # of the normal inputs that are tried
_SHIFT = 3  # elements: rows of ours start at any multiple of four bytes


def probe_all(names: Iterable[str]) -> dict[str, Known]:
    """Try each baseline; one that cannot be had, or is wrong, says why."""
    return {name: probe(name) for name in names}


def probe(name: str) -> Known:
    """Try a baseline in a process of its own; ModuleNotFoundError where no file has the name."""
    title = baselines.module(name).TITLE
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "known.json")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "passline.availability", name, str(out)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Known(title, ok=False, reason=f"it did not answer within {LIMIT_S:.0f} s")
        if not out.is_file():
            return Known(title, ok=False, reason=_death(done))
        return Known(**json.loads(out.read_text(encoding="utf-8")))


def _death(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"its process was killed by signal {-done.returncode}"
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return f"its process ended with status {done.returncode} ({last})"


def look(name: str) -> Known:
    """Probe, load and check a baseline in this process."""
    module = baselines.module(name)
    found = Known(module.TITLE, **asdict(module.probe()))
    if not found.ok:
        return found
    softmax = module.load()
    rng = np.random.default_rng(1)
    for n in SIZES:
        row = np.zeros((2, n + 2 * CACHE_LINE), np.float32)
        x, y = row[:, _SHIFT : _SHIFT + n]
        x[:] = _DEVIATION * rng.standard_normal(n, np.float32)
        wrong = outside.deviation(softmax, x, y)
        if wrong is not None:
            return replace(found, ok=False, reason=f"failed the check on {n} elements: {wrong}")
    return replace(found, denormals=outside.denormals(softmax))


if __name__ == "__main__":
    write_json(Path(sys.argv[2]), asdict(look(sys.argv[1])))
