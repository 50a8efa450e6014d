"""`make` says in one sentence what is missing, before anything is built, and asks for no more than its target needs."""

import hashlib
import os
import shutil
import subprocess
import sys

import pytest
from checkouts import BINARIES, ROOT, copy_to


@pytest.fixture
def folder(tmp_path):
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def tools(tmp_path):
    """A PATH with only what the preflight itself needs; a test adds or replaces the rest."""
    path = tmp_path / "bin"
    path.mkdir()
    for name in ("sh", "make", "git", "gcc", "ld", "objdump", "uname"):
        found = shutil.which(name)
        if found:
            (path / name).symlink_to(os.path.realpath(found))
    (path / "python3").symlink_to(os.path.realpath(sys.executable))
    return path


def make(folder, tools, *arguments, timeout=60, **environment):
    program = shutil.which("make")
    if program is None:
        pytest.skip("make is not installed")
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={"PATH": str(tools), **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def preflight(folder, tools):
    return make(folder, tools, "setup")


def refused(result, folder, sentence):
    assert result.returncode != 0
    assert sentence in result.stderr
    assert not (folder / ".venv").exists()


def script(path, text):
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_not_linux(folder, tools):
    script(tools / "uname", "echo Darwin")
    refused(preflight(folder, tools), folder, "Passline runs on Linux only; this is Darwin. Use a Linux machine.")


@pytest.mark.parametrize("target", ["all", "test", "slow"])
def test_what_compiles_asks_for_a_compiler_and_binutils(folder, tools, target):
    (tools / "objdump").unlink()
    refused(make(folder, tools, target), folder, "ld or objdump was not found: install binutils")
    (tools / "gcc").unlink()
    sentence = "No C compiler was found: install gcc (apt install gcc, dnf install gcc)."
    refused(make(folder, tools, target), folder, sentence)
    script(tools / "uname", "echo Darwin")
    refused(make(folder, tools, target), folder, "Passline runs on Linux only")


def test_published_reports_are_rebuilt_without_a_compiler_to_the_byte(tmp_path, tools):
    """Twice, in a copy that was set up; with nothing of the compiler's on the PATH."""
    for name in ("gcc", "ld", "objdump"):
        (tools / name).unlink()
        assert shutil.which(name, path=tools) is None
    clone = tmp_path / "clone"
    clone.mkdir()
    copy_to(clone)
    for name in ("Makefile", "constraints.txt", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, clone)
    installed = clone / "installed"
    installed.touch()
    committed = hashes(clone)
    for path in (path for path in committed if path.suffix in {".pdf", ".svg"}):
        path.unlink()
    given = (f"BIN={BINARIES}", f"INSTALLED={installed}")
    for _ in range(2):
        done = make(clone, tools, "report", *given, timeout=600, PYTHONPATH=str(clone / "workflow"))
        assert done.returncode == 0, done.stderr
        assert hashes(clone) == committed


def hashes(clone):
    """What `make report` writes, and what it writes it from."""
    paths = [*(clone / "reports").rglob("*"), *clone.rglob("*.md")]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


def test_no_python(folder, tools):
    (tools / "python3").unlink()
    refused(preflight(folder, tools), folder, "No python3 was found: install Python 3.11 or newer")


def test_too_old_a_python(folder, tools):
    script(tools / "python3", 'case "$*" in *-V*) echo Python 3.9.2;; *) exit 1;; esac')
    refused(preflight(folder, tools), folder, "python3 is Python 3.9.2; Passline needs Python 3.11 or newer")
