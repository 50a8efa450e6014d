"""Compilers that a config names: there, and for this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from passline.config import find_compilers
from passline.errors import MachineError


@pytest.fixture
def compilers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Compilers that do nothing but say what they compile for."""
    says = {"native": "echo x86_64-linux-gnu", "old": "echo i686-linux-gnu", "cross": "echo aarch64-linux-gnu"}
    for name, said in {**says, "silent": "exit 1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{said}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def test_compilers_for_this_machine_are_found(compilers: Path) -> None:
    names = ["native", "old", "silent"]
    assert find_compilers(names, "x86_64") == {name: str(compilers / name) for name in names}
    assert find_compilers(["cross"], "aarch64")


def test_a_compiler_for_another_machine_is_refused_before_anything_is_built(compilers: Path) -> None:  # noqa: ARG001
    with pytest.raises(MachineError, match=r"compilers: .* 'cross' compiles for aarch64, and this machine is x86_64"):
        find_compilers(["native", "cross"], "x86_64")
    with pytest.raises(MachineError, match=r"'native' compiles for x86_64, and this machine is aarch64"):
        find_compilers(["native"], "aarch64")


def test_a_compiler_that_is_missing(compilers: Path) -> None:  # noqa: ARG001
    with pytest.raises(MachineError, match=r"the C compiler 'nocc' was not found on the PATH"):
        find_compilers(["nocc"], "x86_64")
