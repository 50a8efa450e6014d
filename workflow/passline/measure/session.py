"""A measuring step: all rounds of all blocks, one process after the other, resumable at every round.

Rounds run in round-major order (round 1 of every block, then round 2, ...), so that any prefix of a step is a
smaller step, and a slow minute of the machine falls on all blocks alike. A block that its stop rule ends drops out.
"""

from __future__ import annotations

import hashlib
import math
import os
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyperf

from passline.errors import MeasurementError
from passline.measure import stop, worker
from passline.measure.lock import measuring
from passline.measure.spec import Block, RoundSpec, fingerprint, write_json


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


class Progress(Protocol):
    """What is told of a running step."""

    def start(self, taken: int, expected: int) -> None:
        """Rounds there are already, and rounds there will be, about."""

    def took(self, block: str, taken: int, expected: int, left_s: float, noise: float) -> None:
        """A round is done; seconds left, about, and the noise of its values (see `round`)."""

    def end(self, taken: int) -> None:
        """The step is done."""


class Silent:
    """Tells nothing."""

    def start(self, taken: int, expected: int) -> None:
        """Nothing."""

    def took(self, block: str, taken: int, expected: int, left_s: float, noise: float) -> None:
        """Nothing."""

    def end(self, taken: int) -> None:
        """Nothing."""


def block_folder(raw: Path, block: Block, code: Mapping[str, str]) -> Path:
    """Where a block's rounds lie: its name and the fingerprint of what its numbers depend on."""
    return raw / f"{block['name']}-{fingerprint(block, code)}"


def round_path(folder: Path, number: int) -> Path:
    """File of one round."""
    return folder / f"round-{number:03d}.json"


@dataclass
class Rounds:
    """The rounds of a block that are on disk, and what its stop rule makes of them."""

    block: Block
    folder: Path
    taken: int = 0  # from the first on, without a gap
    ended: tuple[int, str] | None = None  # rounds that the block has in the end, and what ended it
    expected: int = 0  # rounds there will be, about
    ratios: list[stop.Ratios] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)  # seconds
    noise: float = math.nan  # of the last round

    def look(self) -> None:
        """See which rounds there are: another process may have taken some."""
        while self.taken < self.block["rounds"] and worker.whole(self.path(self.taken), len(self.block["contenders"])):
            found, facts = stop.read_round(self.path(self.taken), self.block)
            self.ratios.append(found)
            self.durations.append(float(facts["duration_s"]))
            self.noise = float(facts["noise"])
            self.taken += 1
        self.ended = stop.end_of(self.block, self.ratios)
        self.expected = self.taken if self.ended else stop.expected(self.block, self.ratios)

    def path(self, number: int) -> Path:
        """File of a round."""
        return round_path(self.folder, number)

    def usual_s(self) -> float:
        """Median time of a round; 0 where there is none yet."""
        return statistics.median(self.durations) if self.durations else 0.0


def run(
    step: str,
    blocks: Sequence[Block],
    code: Mapping[str, Mapping[str, str]],
    raw: Path,
    host: Host,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Take every round that is not on disk yet; return the manifest: block -> folder, rounds, hashes, what ended it.

    `code` maps a block's name to the hashes of what it runs. Raises MeasurementError where a round fails; rounds
    already taken stay, and the next run goes on from there.
    """
    progress = progress or Silent()
    held = [Rounds(block, block_folder(raw, block, {**code[block["name"]], **host.identity})) for block in blocks]
    for rounds in held:
        rounds.look()
    if any(rounds.ended is None for rounds in held):
        with measuring(step) as lock:
            _take_all(held, host, lock, progress)
    progress.end(sum(rounds.taken for rounds in held))
    return {rounds.block["name"]: _entry(rounds) for rounds in held}


def _take_all(held: Sequence[Rounds], host: Host, lock: int, progress: Progress) -> None:
    guard = worker.Guard()
    for rounds in held:
        rounds.look()
    if all(rounds.ended for rounds in held):
        return  # whoever held the lock before took them
    progress.start(sum(r.taken for r in held), sum(r.expected for r in held))
    startup: list[float] = []
    for number in range(max(rounds.block["rounds"] for rounds in held)):
        for rounds in held:
            if rounds.taken != number or rounds.ended is not None:
                continue
            began = time.monotonic()
            _take(rounds, number, host, lock, guard)
            taken_s = time.monotonic() - began
            rounds.look()
            startup.append(taken_s - rounds.durations[number])
            left_s = _left_s(held, statistics.median(startup))
            progress.took(
                rounds.block["name"],
                sum(r.taken for r in held),
                sum(r.expected for r in held),
                left_s,
                rounds.noise,
            )


def _left_s(held: Sequence[Rounds], startup_s: float) -> float:
    """Seconds left: rounds to come times what a round of the block usually takes, or of any block."""
    known = [rounds.usual_s() for rounds in held if rounds.durations]
    usual = statistics.mean(known) if known else 0.0
    return sum((rounds.expected - rounds.taken) * (startup_s + (rounds.usual_s() or usual)) for rounds in held)


def _take(rounds: Rounds, number: int, host: Host, lock: int, guard: worker.Guard) -> None:
    block = rounds.block
    # The same seed for the same block and round: an interrupted step goes on as it would have.
    seed = int.from_bytes(hashlib.sha256(f"{host.seed} {block['name']} {number}".encode()).digest()[:6], "big")
    spec: RoundSpec = {
        "block": block,
        "round": number,
        "seed": seed,
        "libraries": dict(host.libraries),
        "cpus": list(host.cpus),
        "llc_bytes": host.llc_bytes,
        "padding_bytes": random.Random(seed + 1).randrange(0, 4096),
        "parent": os.getpid(),
    }
    rounds.folder.mkdir(parents=True, exist_ok=True)
    if not (rounds.folder / "block.json").is_file():
        write_json(rounds.folder / "block.json", block)
    worker.run(spec, rounds.path(number), lock, rounds.usual_s(), guard)


def _entry(rounds: Rounds) -> dict[str, Any]:
    """What the manifest says of a block: rounds that its stop rule asks for, even where more are on disk."""
    number, reason = rounds.ended or (rounds.taken, None)
    paths = [rounds.path(i) for i in range(number)]
    return {
        "folder": rounds.folder.name,
        "rounds": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
        "stop_reason": reason,
    }


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
