"""The configuration: validated against its schema, and against the machine where a key depends on it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passline.errors import ConfigError, MachineError
from passline.schema import load_yaml, validate

DEFAULT = Path(__file__).parents[1] / "config" / "default.yaml"
"""The configuration that others layer on."""

_INSTALL = {
    "gcc": "Install it: `apt install gcc` (Debian, Ubuntu), `dnf install gcc` (Fedora, RHEL)",
    "clang": "Install it: `apt install clang` or `dnf install clang`",
}


def expanded(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the groups of blocks of another session in the place of `{from: that session}`."""
    check_config(config)
    groups: list[Any] = []
    for group in config["blocks"]:
        groups += _blocks_of(group["from"]) if "from" in group else [group]
    return {**config, "blocks": groups}


def _blocks_of(session: str) -> list[Any]:
    path = DEFAULT.with_name(f"{session}.yaml")
    known = sorted(each.stem for each in path.parent.glob("*.yaml"))
    if session not in known:
        raise ConfigError(
            "config: blocks.from", f"{session!r} is not a session of {path.parent}", f"Known: {', '.join(known)}"
        )
    groups: list[Any] = load_yaml(path, ConfigError).get("blocks", [])
    if any("from" in group for group in groups):
        raise ConfigError(f"{path}: blocks", "takes blocks from another session itself", "Name that session")
    return groups


def check_config(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for an unknown key, a wrong type or a value out of range."""
    validate(config, "config", "config", ConfigError)


def find_compilers(names: list[str], architecture: str) -> dict[str, str]:
    """Name -> path of each compiler; MachineError for one that is not installed, or compiles for another machine."""
    paths = {name: shutil.which(name) for name in names}
    for name, path in paths.items():
        if path is None:
            remedy = _INSTALL.get(name, "Install it, or name another under compilers")
            raise MachineError("config: compilers", f"the C compiler {name!r} was not found on the PATH", remedy)
        target = _target(path)
        if target is not None and _family(target) != _family(architecture):
            what = f"the C compiler {name!r} compiles for {target}, and this machine is {architecture}"
            remedy = "Name a compiler for this machine: what runs in an emulator can be checked, but not timed"
            raise MachineError("config: compilers", what, remedy)
    return {name: path for name, path in paths.items() if path is not None}


def _target(path: str) -> str | None:
    """The architecture that a compiler compiles for, where it tells."""
    done = subprocess.run([path, "-dumpmachine"], capture_output=True, text=True, check=False)
    said = done.stdout.strip()
    return said.split("-")[0] if done.returncode == 0 and "-" in said else None


def _family(architecture: str) -> str:
    """One name for what goes by several, or runs on the same processors."""
    return {"arm64": "aarch64", "amd64": "x86_64", "i686": "x86_64", "i586": "x86_64"}.get(architecture, architecture)
