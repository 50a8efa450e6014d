"""How a script ends: one message, a status, a line in its log."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from passline.errors import MeasurementError
from passline.script import reporting


@pytest.fixture
def log(tmp_path):
    return tmp_path / "logs" / "rule.log"


def ends(log, capsys, action):
    """Run an action as a script does; what it said on the terminal, in the end with status 1."""
    with pytest.raises(SystemExit) as exit_, reporting(str(log)):
        action()
    assert exit_.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def fail(error):
    raise error


def test_a_script_that_is_done_says_so_in_its_log(log):
    with reporting(str(log)):
        pass
    assert log.read_text() == "done\n"


def test_an_error_is_one_message_on_the_terminal_and_in_the_log(log, capsys):
    said = ends(log, capsys, lambda: fail(MeasurementError("here", "it broke", "Mend it")))
    assert said == "\nhere: it broke. Mend it\n\n"
    assert log.read_text() == "here: it broke. Mend it\n"


REMEDY = "Free some space, then run snakemake again: what is done is not done again"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_its_path(number, log, capsys):
    said = ends(log, capsys, lambda: fail(OSError(number, os.strerror(number), "results/x/raw/round.json")))
    assert said == f"\nresults/x/raw/round.json: the disk is full ({os.strerror(number)}). {REMEDY}\n\n"
    assert log.read_text() == said.strip("\n") + "\n"


def test_other_errors_of_the_system_keep_their_traceback(log):
    with pytest.raises(FileNotFoundError), reporting(str(log)):
        Path(log.parent, "missing").read_text()


@pytest.fixture
def full_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=64", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"a full disk needs a file system of its own: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_while_a_table_is_written(full_disk, tmp_path, log, capsys):
    """A write that fails does not tell its file: the fullest of the places that a script writes to is named."""
    table = full_disk / "table.csv"
    rows = "0123456789\n" * 100_000
    said = ends(log, capsys, lambda: table.write_text(rows))
    assert "the disk is full (No space left on device). Free some space" in said
    assert log.read_text() in said

    # The log is on the same disk: nothing more can be written there, and the message comes all the same.
    log_there = full_disk / "rule.log"
    said = ends(log_there, capsys, lambda: table.write_text(rows))
    assert said.startswith(f"\n{full_disk}: the disk is full")
    assert tmp_path.is_dir()


def test_a_disk_that_is_full_before_the_script_begins(full_disk, capsys):
    """No inode is left for the folder of the log."""
    for number in range(100):
        try:
            (full_disk / str(number)).touch()
        except OSError:
            break
    said = ends(full_disk / "logs" / "rule.log", capsys, lambda: None)
    assert said.startswith(f"\n{full_disk / 'logs'}: the disk is full (No space left on device). Free some space")
