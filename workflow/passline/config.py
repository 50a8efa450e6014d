"""The configuration: validated against its schema, and against the machine where a key depends on it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passline.errors import ConfigError, MachineError
from passline.schema import validate

DEFAULT = Path(__file__).parents[1] / "config" / "default.yaml"
"""The configuration that others layer on."""

_INSTALL = {
    "gcc": "Install it: `apt install gcc` (Debian, Ubuntu), `dnf install gcc` (Fedora, RHEL)",
    "clang": "Install it: `apt install clang` or `dnf install clang`",
}


def check_config(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for an unknown key, a wrong type or a value out of range."""
    validate(config, "config", "config", ConfigError)


def find_compilers(names: list[str]) -> dict[str, str]:
    """Name -> path of each compiler; MachineError for one that is not installed."""
    paths = {name: shutil.which(name) for name in names}
    for name, path in paths.items():
        if path is None:
            remedy = _INSTALL.get(name, "Install it, or name another under compilers")
            raise MachineError("config: compilers", f"the C compiler {name!r} was not found on the PATH", remedy)
    return {name: path for name, path in paths.items() if path is not None}
