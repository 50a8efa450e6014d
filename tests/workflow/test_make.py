"""`make` says in one sentence what is missing, before anything is built."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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


def preflight(folder, tools):
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    return subprocess.run(
        [make, "setup"], cwd=folder, env={"PATH": str(tools)}, capture_output=True, text=True, timeout=60, check=False
    )


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


def test_no_compiler(folder, tools):
    (tools / "gcc").unlink()
    refused(
        preflight(folder, tools), folder, "No C compiler was found: install gcc (apt install gcc, dnf install gcc)."
    )


def test_no_binutils(folder, tools):
    (tools / "objdump").unlink()
    refused(preflight(folder, tools), folder, "ld or objdump was not found: install binutils")


def test_no_python(folder, tools):
    (tools / "python3").unlink()
    refused(preflight(folder, tools), folder, "No python3 was found: install Python 3.11 or newer")


def test_too_old_a_python(folder, tools):
    script(tools / "python3", 'case "$*" in *-V*) echo Python 3.9.2;; *) exit 1;; esac')
    refused(preflight(folder, tools), folder, "python3 is Python 3.9.2; Passline needs Python 3.11 or newer")
