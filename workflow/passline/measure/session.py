"""A measuring step: all rounds of all blocks, one process after the other, resumable at every round.

Rounds run in round-major order (round 1 of every block, then round 2, ...), so that any prefix of a step is a
smaller step, and a slow minute of the machine falls on all blocks alike.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyperf

from passline.errors import MeasurementError
from passline.measure.lock import measuring
from passline.measure.spec import Block, RoundSpec, fingerprint, write_json

PADDING = "PASSLINE_PADDING"  # environment variable of random length: it moves the stack (Mytkowicz et al. 2009)


@dataclass(frozen=True)
class Host:
    """What a round must know of the machine and the builds."""

    libraries: Mapping[str, str]
    cpus: Sequence[int]
    llc_bytes: int
    seed: int

    @property
    def identity(self) -> dict[str, str]:
        """What a round takes from here besides the library: where it runs, how far rows rotate, and its seed."""
        return {"cpus": " ".join(map(str, self.cpus)), "llc_bytes": str(self.llc_bytes), "seed": str(self.seed)}


def block_folder(raw: Path, block: Block, code: Mapping[str, str]) -> Path:
    """Where a block's rounds lie: its name and the fingerprint of what its numbers depend on."""
    return raw / f"{block['name']}-{fingerprint(block, code)}"


def round_path(folder: Path, number: int) -> Path:
    """File of one round."""
    return folder / f"round-{number:03d}.json"


def run(
    step: str, blocks: Sequence[Block], code: Mapping[str, Mapping[str, str]], raw: Path, host: Host
) -> dict[str, Any]:
    """Take every round that is not on disk yet; return the manifest: block -> folder, rounds and their hashes.

    `code` maps a block's name to the hashes of what it runs. Raises MeasurementError where a round fails; rounds
    already taken stay, and the next run goes on from there.
    """
    folders = {block["name"]: block_folder(raw, block, {**code[block["name"]], **host.identity}) for block in blocks}
    todo = [
        (block, number)
        for number in range(max((block["rounds"] for block in blocks), default=0))
        for block in blocks
        if number < block["rounds"] and not _whole(round_path(folders[block["name"]], number))
    ]
    total = sum(block["rounds"] for block in blocks)
    progress = _Progress(step, total - len(todo), total)
    if todo:
        with measuring():
            for block, number in todo:
                began = time.monotonic()
                _take(block, number, folders[block["name"]], host)
                progress.done(block["name"], number, time.monotonic() - began, [b["name"] for b, _ in todo])
    progress.end()
    return {
        block["name"]: {
            "folder": folders[block["name"]].name,
            "rounds": {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in (round_path(folders[block["name"]], number) for number in range(block["rounds"]))
            },
        }
        for block in blocks
    }


def _whole(path: Path) -> bool:
    """Whether a round is there and whole: a crash of the system can leave a renamed file without its contents."""
    try:
        return bool(json.loads(path.read_text(encoding="utf-8"))["benchmarks"])
    except (OSError, ValueError, KeyError):
        return False


def _take(block: Block, number: int, folder: Path, host: Host) -> None:
    # The same seed for the same block and round: an interrupted step goes on as it would have.
    seed = int.from_bytes(hashlib.sha256(f"{host.seed} {block['name']} {number}".encode()).digest()[:6], "big")
    padding = random.Random(seed + 1).randrange(0, 4096)
    spec: RoundSpec = {
        "block": block,
        "round": number,
        "seed": seed,
        "libraries": dict(host.libraries),
        "cpus": list(host.cpus),
        "llc_bytes": host.llc_bytes,
        "padding_bytes": padding,
    }
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "block.json").is_file():
        write_json(folder / "block.json", block)
    environment = dict(os.environ) | {PADDING: "x" * padding}
    command = [sys.executable, "-m", "passline.measure.round", str(round_path(folder, number))]
    done = subprocess.run(command, input=json.dumps(spec), text=True, capture_output=True, env=environment, check=False)
    if done.returncode:
        tail = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise MeasurementError(
            f"{block['name']}, round {number}",
            f"the process ended with status {done.returncode} ({tail[0]})",
            "Rounds already taken are kept: run snakemake again to go on",
        )


def read(raw: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, pyperf.BenchmarkSuite]]:
    """The rounds of a manifest; MeasurementError where a file is missing or not what was measured."""
    for name, entry in manifest.items():
        for file_name, digest in entry["rounds"].items():
            path = raw / entry["folder"] / file_name
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                raise MeasurementError(
                    path,
                    "the round is missing or was changed since it was taken",
                    f"Delete {path.parent} and {raw / 'manifest.json'}, and run snakemake again",
                )
            yield name, pyperf.BenchmarkSuite.load(str(path))


class _Progress:
    """One line per few seconds: what is measured, how far, how long it will still take."""

    def __init__(self, step: str, done: int, total: int) -> None:
        self.step, self.count, self.total, self.began, self.printed = step, done, total, time.monotonic(), 0.0
        self.durations: dict[str, list[float]] = {}
        if done:
            self._say(f"{done} of {total} rounds are there already")

    def done(self, name: str, number: int, duration_s: float, names: Sequence[str]) -> None:
        self.count += 1
        self.durations.setdefault(name, []).append(duration_s)
        if time.monotonic() - self.printed < 10:
            return
        self.printed = time.monotonic()
        known = [d for values in self.durations.values() for d in values]
        usual = sum(known) / len(known)
        total = sum(sum(v) / len(v) if (v := self.durations.get(n)) else usual for n in names)
        left = max(0.0, total - sum(known))
        self._say(f"{self.count}/{self.total} rounds, {name} round {number + 1}; about {_clock(left)} left")

    def end(self) -> None:
        self._say(f"{self.total} rounds in {_clock(time.monotonic() - self.began)}")

    def _say(self, text: str) -> None:
        print(f"{self.step}: {text}", file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
