"""What goes wrong with the process of a round: each time one message, no half file, no finished round lost.

Rounds that misbehave are fakes, small programs in place of `python -m passline.measure.round`.
"""

import ctypes
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from small_block import take

import passline
from passline.errors import MeasurementError
from passline.measure import worker
from processes import alive, children, command, kill, round_of, until

GO_ON = r"Rounds already taken are kept, this one is taken again\. .*un snakemake again to go on"
LONG_S = 0.2  # a value this long: a round that lasts until it is killed
MANY_VALUES = {"sweeps": 300, "value_s": 1e-6}  # a round of tens of kilobytes


@pytest.fixture
def begun(block, tmp_path, host):
    """A step of which one round is finished: its folder, and the files there."""
    manifest = take({**block, "rounds": 1}, tmp_path, host)
    return tmp_path / manifest[block["name"]]["folder"]


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fails_and_goes_on(block, raw, host, monkeypatch, folder, says):
    """The step fails with this message, loses and leaves nothing; without what was wrong it goes on."""
    before = files(folder)
    with pytest.raises(MeasurementError, match=rf"round 1: .*{says}.*\. {GO_ON}"):
        take(block, raw, host)
    assert files(folder) == before
    monkeypatch.undo()
    manifest = take(block, raw, host)
    assert list(manifest[block["name"]]["rounds"]) == ["round-000.json", "round-001.json", "round-002.json"]
    after = files(folder)
    assert before.items() <= after.items()
    assert after.keys() == before.keys() | manifest[block["name"]]["rounds"].keys()


def fake_round(monkeypatch, code):
    """Run `code` in place of a round: `out` is its file, `aside` where a round is written first."""
    start = "import os, pathlib, sys, time; out = pathlib.Path(sys.argv[1]); aside = out.with_name('.' + out.name)\n"
    monkeypatch.setattr(worker, "COMMAND", (sys.executable, "-c", start + code))


FAKES = {
    "dies of a signal": ("os.kill(os.getpid(), 11)", "its process was killed by signal 11"),
    "dies while it writes": ("aside.write_text('{'); os.kill(os.getpid(), 9)", "its process was killed by signal 9"),
    "crashes": ("sys.exit('no such thing')", r"its process ended with status 1 \(no such thing\)"),
    "crashes while it writes": ("aside.write_text('{'); 1 / 0", r"status 1 \(ZeroDivisionError: division by zero\)"),
    "writes nothing": ("", "what it wrote is no round of this block"),
    "writes an empty file": ("out.write_text('')", "what it wrote is no round of this block"),
    "writes no JSON": ("out.write_bytes(bytes(range(256)))", "what it wrote is no round of this block"),
    "writes other JSON": ("out.write_text('[1, 2]')", "what it wrote is no round of this block"),
    "hangs": ("time.sleep(300)", "its process hung: it was stopped after 1 s"),
    "hangs and writes": ("aside.write_text('{'); out.write_text('{'); time.sleep(300)", "its process hung"),
    "hears no signal to end": (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)",
        "its process hung",
    ),
}


@pytest.mark.parametrize("name", FAKES)
def test_a_fake_round_that(name, block, tmp_path, host, begun, monkeypatch):
    code, says = FAKES[name]
    fake_round(monkeypatch, code)
    monkeypatch.setattr(worker, "GRACE_S", 1.0)
    monkeypatch.setattr(worker, "PATIENCE", 1e-3)
    fails_and_goes_on(block, tmp_path, host, monkeypatch, begun, says)
    assert not [pid for pid in children(os.getpid()) if command(pid)]  # it has ended, however it went on


def damaged(document, how):
    first = document["benchmarks"][0]
    shared = document.get("metadata", {})
    if how == "a contender is missing":
        document["benchmarks"] = document["benchmarks"][:-1]
    elif how == "a value is not a time":
        first["runs"][0]["values"][0] = -1.0
    elif how == "a value is no number":
        first["runs"][0]["values"][0] = float("nan")
    elif how == "it tells nothing of itself":
        shared.pop("passline_round")
    return json.dumps(document)


@pytest.mark.parametrize(
    "how", ["a contender is missing", "a value is not a time", "a value is no number", "it tells nothing of itself"]
)
def test_a_round_is_no_round_where(how, block, tmp_path, host, begun, monkeypatch):
    rubbish = tmp_path / "rubbish.json"
    document = json.loads((begun / "round-000.json").read_text())
    assert worker.whole(begun / "round-000.json", len(block["contenders"]))
    rubbish.write_text(damaged(document, how))
    assert not worker.whole(rubbish, len(block["contenders"]))
    fake_round(monkeypatch, f"out.write_bytes(pathlib.Path({str(rubbish)!r}).read_bytes())")
    fails_and_goes_on(block, tmp_path, host, monkeypatch, begun, "what it wrote is no round of this block")


def test_a_round_cut_short_by_a_crash_is_taken_again(block, tmp_path, host, begun):
    path = begun / "round-000.json"
    for left in (b"", path.read_bytes()[:100]):
        path.write_bytes(left)
        take({**block, "rounds": 1}, tmp_path, host)
        assert json.loads(path.read_text())["benchmarks"]


def test_a_round_that_is_killed(block, tmp_path, host, monkeypatch):
    block["value_s"] = LONG_S
    begun = tmp_path / take({**block, "rounds": 1}, tmp_path, host)[block["name"]]["folder"]
    found = []

    def kill_the_round():
        until(lambda: round_of(os.getpid()), 30, "a round has started")
        found.append(round_of(os.getpid()))
        kill(found[0])

    killer = threading.Thread(target=kill_the_round)
    killer.start()
    fails_and_goes_on(block, tmp_path, host, monkeypatch, begun, "its process was killed by signal 9")
    killer.join()
    assert found


def test_a_round_that_was_whole_when_its_process_failed_is_kept(block, tmp_path, host, begun, monkeypatch):
    good = (begun / "round-000.json").read_bytes()
    fake_round(monkeypatch, f"out.write_bytes(pathlib.Path({str(begun / 'round-000.json')!r}).read_bytes()); 1 / 0")
    with pytest.raises(MeasurementError, match=r"round 1: .*status 1"):
        take(block, tmp_path, host)
    assert (begun / "round-001.json").read_bytes() == good


def mounted(folder: Path) -> bool:
    """A file system of 1 MiB; False where this process may not mount one."""
    libc = ctypes.CDLL(None, use_errno=True)
    folder.mkdir()
    return libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, b"size=1m") == 0


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    if not mounted(folder):
        pytest.skip("a full disk needs a file system of its own, and this process may not mount one")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(file: Path, leave: int):
    """Fill the disk with a file, but for some bytes."""
    with file.open("wb", buffering=0) as out:
        with suppress(OSError):
            while True:
                out.write(b"\0" * 4096)
        out.truncate(out.tell() - leave)


@pytest.mark.parametrize("leave", [0, 4096])
def test_a_full_disk(leave, block, small_disk, host):
    raw = small_disk / "raw"
    block |= MANY_VALUES
    manifest = take({**block, "rounds": 1}, raw, host)
    folder = raw / manifest[block["name"]]["folder"]
    assert (folder / "round-000.json").stat().st_size > 2 * 4096
    filler = small_disk / "filler"
    fill(filler, leave)
    before = files(folder)
    with pytest.raises(
        MeasurementError, match=r"round 1: the disk is full \(.*No space left.*Free some space, then run"
    ):
        take(block, raw, host)
    assert files(folder) == before
    filler.unlink()
    assert len(take(block, raw, host)[block["name"]]["rounds"]) == 3
    assert before.items() <= files(folder).items()


def test_a_round_that_may_not_grow(block, tmp_path, host, monkeypatch):
    """A limit on the size of a file, which needs no right to mount: half of the round is written."""
    block |= MANY_VALUES
    begun = tmp_path / take({**block, "rounds": 1}, tmp_path, host)[block["name"]]["folder"]
    fake_round(
        monkeypatch,
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "runpy.run_module('passline.measure.round', run_name='__main__', alter_sys=True)",
    )
    fails_and_goes_on(block, tmp_path, host, monkeypatch, begun, "File too large")


def test_the_environment_of_a_round_is_as_large_as_it_says(block, tmp_path, monkeypatch):
    fake_round(monkeypatch, f"sys.stdin.read(); out.write_text(str(len(os.environ[{worker.PADDING!r}])))")
    monkeypatch.setattr(worker, "whole", lambda path, _contenders: path.is_file())
    with Path(os.devnull).open() as lock:
        spec = {"block": block, "round": 0, "padding_bytes": 1234}
        worker.run(spec, tmp_path / "round-000.json", lock.fileno(), 0.0, worker.Guard())
    assert (tmp_path / "round-000.json").read_text() == "1234"


def test_a_long_spec_reaches_a_round_that_starts_slowly(block, tmp_path, monkeypatch):
    """It is longer than a pipe holds, and not read before the process was looked at a few times."""
    fake_round(monkeypatch, f"time.sleep({3 * worker.POLL_S}); out.write_text(sys.stdin.read())")
    monkeypatch.setattr(worker, "whole", lambda path, _contenders: path.is_file())
    monkeypatch.setattr(worker, "FIRST_S", 10.0)
    many = {**block, "contenders": block["contenders"] * 500}
    spec = {"block": many, "round": 0, "padding_bytes": 0}
    with Path(os.devnull).open() as lock:
        worker.run(spec, tmp_path / "round-000.json", lock.fileno(), 0.0, worker.Guard())
    told = (tmp_path / "round-000.json").read_text()
    assert len(told) > 1 << 17
    assert json.loads(told) == spec


def test_the_first_round_of_a_block_may_take_longer(block, tmp_path, monkeypatch):
    """Nothing is known of it yet: it may fill gigabytes, or run a thousand variants."""
    fake_round(monkeypatch, "time.sleep(1); out.write_text('x')")
    monkeypatch.setattr(worker, "whole", lambda path, _contenders: path.is_file())
    monkeypatch.setattr(worker, "GRACE_S", 0.5)
    spec = {"block": block, "round": 0, "padding_bytes": 0}
    with Path(os.devnull).open() as lock:
        worker.run(spec, tmp_path / "round-000.json", lock.fileno(), 0.0, worker.Guard())
        with pytest.raises(MeasurementError, match="hung"):
            worker.run(spec, tmp_path / "round-001.json", lock.fileno(), 1e-3, worker.Guard())


class FakeGuard(worker.Guard):
    """Says that the run is gone."""

    def alone(self):
        return True


def test_a_step_whose_run_is_gone_takes_no_round_however_short(block, tmp_path, monkeypatch):
    fake_round(monkeypatch, "out.write_text('x')")
    spec = {"block": block, "round": 4, "padding_bytes": 0}
    with Path(os.devnull).open() as lock, pytest.raises(MeasurementError, match="the run that asked for it was killed"):
        worker.run(spec, tmp_path / "round-004.json", lock.fileno(), 0.0, FakeGuard())
    assert list(tmp_path.iterdir()) == []


WATCHED = """
import sys, time
from passline.measure.worker import Guard
guard = Guard()
for _ in range(600):
    print(guard.alone(), flush=True)
    if guard.alone():
        break
    time.sleep(0.05)
"""


@pytest.fixture
def chain(tmp_path):
    """The processes somebody -> fake snakemake -> shell -> script; the script says whether it is alone."""
    (tmp_path / "script.py").write_text(WATCHED)
    shell = f"{sys.executable} {tmp_path / 'script.py'}; true"
    (tmp_path / "snakemake").write_text(
        f"import os, subprocess\nos.environ[{worker.RUN!r}] = str(os.getpid())\n"
        f"subprocess.run(['sh', '-c', {shell!r}])\n"
    )
    somebody = f"import subprocess\nsubprocess.run([{sys.executable!r}, {str(tmp_path / 'snakemake')!r}])\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(passline.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-c", somebody], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline() == "False\n"
    (snakemake,) = children(process.pid)
    (shell_pid,) = children(snakemake)
    (script,) = children(shell_pid)
    yield process, snakemake, shell_pid, script
    for pid in (script, shell_pid, snakemake, process.pid):
        if alive(pid):
            kill(pid)
    process.stdout.close()
    process.wait()


@pytest.mark.parametrize("which", ["snakemake", "shell"])
def test_a_script_sees_that_its_run_was_killed(chain, which):
    _, snakemake, shell, script = chain
    assert alive(script)
    kill(snakemake if which == "snakemake" else shell)
    until(lambda: not alive(script), 5, "the script has seen it")


def test_whoever_started_snakemake_may_end(chain):
    process, snakemake, _, script = chain
    kill(process.pid)
    process.wait()
    said = [process.stdout.readline() for _ in range(10)]
    assert set(said) == {"False\n"}
    assert alive(snakemake)
    assert alive(script)


def test_a_script_whose_run_was_killed_before_it_looked(monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setenv(worker.RUN, str(gone.pid))
    assert worker.Guard().alone()
    monkeypatch.setenv(worker.RUN, str(os.getppid()))
    assert not worker.Guard().alone()
    monkeypatch.delenv(worker.RUN)
    assert not worker.Guard().alone()
