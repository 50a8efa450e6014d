"""A run that is killed again and again: nothing finished is lost, and the next plain `snakemake` goes on."""

from __future__ import annotations

import hashlib
import json
import random
import statistics
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from checkouts import SNAKEMAKE, environment, run

from processes import ROUND, alive, command, kill, of_session, until

pytestmark = pytest.mark.slow

KILLS = 20
VICTIMS = ("snakemake", "script", "round")
SEED = 20200113

CONFIG = {
    "session": "killed",
    "machine": "here",
    "measurement": False,
    "isas": ["scalar"],
    "grid": "presets",
    "sizes": {"sweep": [2048, 16384, 65536], "class_counts": {}},
    "effort": 0.1,  # six rounds of each block, whatever they say
    "blocks": [
        {
            "kind": "algorithms",
            "protocols": ["hot", "cold"],
            "sizes": "sweep",
            "inputs": ["uniform", "normal"],
            "isas": ["scalar"],
        }
    ],
    "selftest_sizes": [2048],
}
FOLDER = Path("results/here/killed")
PLAIN = ("--configfile", "killed.yaml", "--", str(FOLDER / "raw/times/manifest.json"))


@pytest.fixture(scope="module")
def folder(shared_checkout):
    (shared_checkout / "killed.yaml").write_text(yaml.safe_dump(CONFIG))
    return shared_checkout


@pytest.fixture(scope="module")
def undisturbed(folder):
    """The rounds of an undisturbed run, put aside; the folder is as before its first measurement, but built."""
    done = run(folder, *PLAIN)
    assert done.returncode == 0, done.stderr[-4000:]
    raw = folder / "undisturbed"
    (folder / FOLDER / "raw").rename(raw)
    (folder / FOLDER / "plan.json").unlink()
    (folder / FOLDER / "tables/tuning.csv").unlink()
    return raw


def finished(raw: Path) -> dict[Path, tuple[str, int, int]]:
    """Every finished round: its contents, and that nobody has written it anew."""
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_ino)
        for path in raw.glob("*/*/round-*.json")
    }


def design(raw: Path) -> dict[str, object]:
    """What a run decides about its rounds before it takes them: all but the times, and the machine's mood."""
    found: dict[str, object] = {}
    for manifest in raw.glob("*/manifest.json"):
        document = json.loads(manifest.read_text())
        found[manifest.parent.name] = {
            "keys": document["keys"],
            "variants": document["variants"],
            "rounds": {name: sorted(entry["rounds"]) for name, entry in document["blocks"].items()},
        }
    for path in raw.glob("*/*/round-*.json"):
        benchmarks = json.loads(path.read_text())
        told = {**benchmarks.get("metadata", {}), **benchmarks["benchmarks"][0]["metadata"]}
        facts = json.loads(told["passline_round"])
        decided = ("block", "round", "order", "seed", "cpu", "env_bytes", "offset_bytes", "offset_y_bytes")
        found[str(path.relative_to(raw))] = [facts[name] for name in decided]
    return found


def usual_s(raw: Path) -> float:
    """Time from one round to the next."""
    ends = sorted(path.stat().st_mtime for path in raw.glob("times/*/round-*.json"))
    return statistics.median(b - a for a, b in pairwise(ends))


class Run:
    """A plain `snakemake` in the background, with all that it starts."""

    def __init__(self, folder: Path, number: int, arguments: tuple[str, ...] = PLAIN) -> None:
        self.said = folder / f"run-{number}.log"
        with self.said.open("w") as out:
            self.process = subprocess.Popen(
                [SNAKEMAKE, *arguments],
                cwd=folder,
                env=environment(folder),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def find(self, victim: str) -> int | None:
        """The process to kill, if it is there now."""
        if victim == "snakemake":
            return self.process.pid
        sign = {"script": ".measure.py", "round": ROUND}[victim]
        # A shell stands between snakemake and the script, and its command names the script too.
        found = [pid for pid in of_session(self.process.pid) if sign in command(pid)]
        return next((pid for pid in found if "python" in command(pid).split(" ")[0]), None)

    def running(self) -> list[int]:
        self.process.poll()
        return of_session(self.process.pid)

    def end(self) -> None:
        for pid in self.running():
            if alive(pid):
                kill(pid)
        self.process.wait()


def kill_at_a_random_moment(started: Run, raw: Path, victim: str, rng: random.Random, round_s: float):
    """Kill when some rounds were taken and some time of the next has passed; what was finished until then."""
    until(lambda: started.find("script") or started.process.poll() is not None, 60, "the measuring step runs")
    there = len(finished(raw))
    more = rng.randrange(3)
    until(
        lambda: len(finished(raw)) >= there + more or started.process.poll() is not None, 60, f"{more} rounds are taken"
    )
    time.sleep(rng.random() * (round_s if more else 2 + round_s))  # a step looks around for a second or two first
    until(lambda: started.find(victim) or started.process.poll() is not None, 60, f"a {victim} to kill")
    assert started.process.poll() is None, started.said.read_text()[-4000:]
    before = finished(raw)
    pid = started.find(victim)
    if pid is None:  # it has ended this moment; the next one of its kind will do
        until(lambda: started.find(victim), 60, f"a {victim} to kill")
        pid = started.find(victim)
    kill(pid)
    return before


def test_killed_at_20_moments(folder, undisturbed):
    rng, raw, round_s = random.Random(SEED), folder / FOLDER / "raw", usual_s(undisturbed)
    runs: list[Run] = []
    kept: dict[Path, tuple[str, int, int]] = {}
    try:
        for number in range(KILLS):
            victim = VICTIMS[number % len(VICTIMS)]
            runs.append(Run(folder, number))
            before = kill_at_a_random_moment(runs[-1], raw, victim, rng, round_s)
            assert kept.items() <= before.items()
            kept = before
            if victim == "snakemake" and rng.random() < 0.5:
                continue  # the next run starts at once, while what the killed one left behind still ends
            until(lambda: not any(r.running() for r in runs), 60, "all that the killed run started has ended")
            assert kept.items() <= finished(raw).items()
            assert runs[-1].process.returncode != 0
            if victim == "round":
                said = runs[-1].said.read_text()
                assert "its process was killed by signal 9. Rounds already taken are kept, this one is taken" in said
                assert "Run snakemake again to go on" in said
        assert 0 < len(kept) < len(finished(undisturbed))
    finally:
        for started in runs:
            started.end()

    done = run(folder, *PLAIN)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert kept.items() <= finished(raw).items()
    assert not list(raw.glob("*/*/.*"))  # no half-written round is left
    assert design(raw) == design(undisturbed)
    for started in runs:
        said = started.said.read_text()
        for word in ("IncompleteFiles", "LockException", "--unlock", "Traceback"):
            assert word not in said


def test_two_runs_at_once(folder):
    """Nothing but our own lock keeps them apart: the second waits, and takes no round again."""
    arguments = ("--configfile", "killed.yaml", "--config", "session=two", "effort=0.6", "--")
    raw = folder / "results/here/two/raw"
    built = run(folder, *arguments, str((raw / "ceilings/blocks.json").relative_to(folder)))
    assert built.returncode == 0, built.stderr[-4000:]
    runs: list[Run] = []
    try:
        for _ in range(2):
            target = str((raw / "ceilings/manifest.json").relative_to(folder))
            runs.append(Run(folder, KILLS + len(runs), (*arguments, target)))
            until(lambda: finished(raw), 60, "the first run measures")
        before = finished(raw)
        until(lambda: not any(r.running() for r in runs), 120, "both have ended")
        assert [r.process.returncode for r in runs] == [0, 0], [r.said.read_text()[-4000:] for r in runs]
    finally:
        for started in runs:
            started.end()
    assert before.items() < finished(raw).items()
    first, second = (started.said.read_text() for started in runs)
    assert "waiting: process" not in first
    assert "waiting: process" in second
    assert "(ceilings, since " in second
    assert "rounds" not in second  # no bar: the first took all of them
