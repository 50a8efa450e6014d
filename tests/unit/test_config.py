"""Configs: blocks of another session, and compilers that are there and for this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from passline.config import DEFAULT, check_config, expanded, find_compilers
from passline.errors import ConfigError, MachineError


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


def config(**changes: object) -> dict[str, Any]:
    return {**yaml.safe_load(DEFAULT.read_text(encoding="utf-8")), **changes}


def test_blocks_of_another_session_stand_where_it_is_named() -> None:
    plain = config()["blocks"][0]
    theirs = yaml.safe_load(DEFAULT.with_name("beyond.yaml").read_text(encoding="utf-8"))["blocks"]
    found = expanded(config(blocks=[plain, {"from": "beyond"}, plain]))
    assert found["blocks"] == [plain, *theirs, plain]
    check_config(found)
    assert expanded(found) == found


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ({"from": "nowhere"}, r"blocks\.from: 'nowhere' is not a session of .*config\. Known: beyond, default, paper"),
        ({"from": "paper"}, r"paper\.yaml: blocks: takes blocks from another session itself"),
        ({"from": "beyond", "rounds": 9}, r"Leave out what stands beside `from`"),
        ({"protocols": ["hot"]}, r"the key 'kind' is missing"),
    ],
)
def test_what_cannot_be_taken_is_refused(group: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        expanded(config(blocks=[group]))
