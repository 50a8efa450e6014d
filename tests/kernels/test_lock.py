"""One measurement at a time: who waits, for whom, and when the lock is free again."""

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from small_block import CODE, host_of

import passline
from processes import alive, children, kill, round_of, until

PROGRAM = Path(__file__).parent / "measuring_process.py"
LOCK = "passline-measuring.lock"
SOON_S = 2.0


@pytest.fixture
def measure(built, tmp_path):
    """Start a measuring step in a process of its own, under a lock of its own; what is left of it is killed."""
    started = []

    def start(block, **changes):
        spec = tmp_path / f"step-{len(started)}.json"
        code = {block["name"]: CODE}
        host = asdict(host_of(built))
        document = {"block": block, "code": code, "raw": str(tmp_path / "raw"), "host": host, **changes}
        spec.write_text(json.dumps(document))
        environment = {
            **os.environ,
            "TMPDIR": str(tmp_path),
            "PYTHONPATH": str(Path(passline.__file__).parents[1]),
        }
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(spec)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        rounds = children(process.pid)
        process.kill()
        process.communicate()
        for pid in rounds:
            if alive(pid):
                kill(pid)


def free(folder: Path) -> bool:
    with (folder / LOCK).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def taken(said: str) -> list[int]:
    return [int(line.split()[1]) for line in said.splitlines() if line.startswith("took")]


def contents(folder: Path):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("raw/*/round-*.json")}


def a_round_runs(process):
    until(lambda: round_of(process.pid), 30, "a round has started")
    return round_of(process.pid)


def test_a_second_measurement_waits_and_takes_no_round_again(block, measure, tmp_path):
    first = measure({**block, "value_s": 0.05})
    assert first.stdout.readline() == "start 0 3\n"
    second = measure({**block, "value_s": 0.05})
    waits = second.stderr.readline()
    assert f"waiting: process {first.pid} (times, since " in waits
    assert f"in {Path.cwd()}) is measuring on this machine" in waits
    assert str(tmp_path / LOCK) in waits
    said, _ = first.communicate(timeout=60)
    assert (first.returncode, taken(said)) == (0, [1, 2, 3])
    said, _ = second.communicate(timeout=60)
    assert (second.returncode, said) == (0, "end 3\n")


def test_a_second_measurement_goes_on_where_the_first_was_killed(block, measure, tmp_path):
    long = {**block, "value_s": 0.02, "rounds": 6}
    first = measure(long)
    assert first.stdout.readline() == "start 0 6\n"
    second = measure(long)
    assert "waiting" in second.stderr.readline()
    assert [first.stdout.readline() for _ in range(2)] == ["took 1\n", "took 2\n"]
    kill(first.pid)
    first.wait()
    before = contents(tmp_path)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert len(before) >= 2
    assert taken(said) == list(range(len(before) + 1, 7))
    after = contents(tmp_path)
    assert len(after) == 6
    assert before.items() <= after.items()


def test_a_round_ends_with_its_step_and_the_lock_is_free(block, measure, tmp_path):
    process = measure({**block, "value_s": 2.0, "sweeps": 16})  # a round of minutes
    pid = a_round_runs(process)
    until(lambda: b"libpassline" in Path(f"/proc/{pid}/maps").read_bytes(), 30, "the round has begun")
    assert not free(tmp_path)
    kill(process.pid)
    until(lambda: not alive(pid), SOON_S, "the round has ended with its step")
    until(lambda: free(tmp_path), SOON_S, "the lock is free")
    assert not contents(tmp_path)


def test_a_round_whose_step_died_before_it_began_ends_too(block, measure, tmp_path):
    process = measure({**block, "value_s": 2.0, "sweeps": 16})
    pid = a_round_runs(process)
    kill(process.pid)  # the round is still importing
    until(lambda: not alive(pid), SOON_S, "the round has ended with its step")
    until(lambda: free(tmp_path), SOON_S, "the lock is free")


def test_the_lock_is_held_as_long_as_a_round_lives(block, measure, tmp_path):
    """A fake round that does not end with its step: nobody may measure beside it."""
    fake = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = measure(block, command=fake)
    until(lambda: children(process.pid), 30, "the fake round has started")
    (pid,) = children(process.pid)
    kill(process.pid)
    process.wait()
    assert alive(pid)
    assert not free(tmp_path)
    kill(pid)
    until(lambda: free(tmp_path), SOON_S, "the lock is free")


def test_a_lock_of_another_user_can_be_waited_for(tmp_path, monkeypatch):
    """A file that may not be written: the lock works, and nothing is signed."""
    from passline.measure import lock

    path = tmp_path / LOCK
    path.write_text("somebody\n")
    opened = Path.open

    def read_only(self, mode="r", **keywords):
        if "+" in mode:
            raise PermissionError
        return opened(self, mode, **keywords)

    monkeypatch.setattr(Path, "open", read_only)
    with lock.measuring("times", path):
        assert not free(tmp_path)
    assert free(tmp_path)
    assert path.read_text() == "somebody\n"
