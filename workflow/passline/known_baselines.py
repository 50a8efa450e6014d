"""Which outside baselines there are: the files of their folder. None of them is imported for that."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from passline.errors import ConfigError

FOLDER = Path(__file__).parent / "baselines"
STUDY = "softmax"
"""What they compute."""

AVAILABLE = "available"
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib")


@dataclass(frozen=True)
class Known:
    """What is known of a baseline before anything is timed."""

    title: str
    ok: bool
    reason: str = "-"  # why it is not timed
    version: str = "-"
    isa: str = "-"  # what it says it dispatches to, in its own words
    threads: int = 0
    denormals: str = "-"  # outputs that are denormals: kept or flushed


def names() -> list[str]:
    """Every baseline."""
    return sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))


def of_study(study: str) -> list[str]:
    """Those that compute what a study does."""
    return names() if study == STUDY else []


def asked(group: Mapping[str, Any]) -> list[str]:
    """Baselines that a group of blocks asks for."""
    listed = group.get("baselines", [])
    return names() if listed == AVAILABLE else list(listed)


def wanted(config: Mapping[str, Any]) -> list[str]:
    """Baselines that some group of blocks asks for; ConfigError for one that cannot be meant.

    None for another study than softmax: what was asked for is skipped there, with the reason.
    """
    groups = [(group, asked(group)) for group in config["blocks"] if asked(group)]
    for group, listed in groups:
        unknown = [name for name in listed if name not in names()]
        if unknown:
            raise _refused(f"{unknown[0]!r} is not an outside baseline", f"Use {AVAILABLE}, or some of: {_known()}")
        if group["kind"] != "algorithms":
            kind = group["kind"]
            raise _refused(f"blocks of kind {kind!r} hold no whole algorithms beside them", "Use kind: algorithms")
    return sorted({name for _, listed in groups for name in listed} & set(of_study(config["study"])))


def comparisons(config: Mapping[str, Any], study: str) -> tuple[tuple[str, str], ...]:
    """The pairs of a config that can be: outside baselines are compared with algorithms of their study only."""
    missing = set(names()) - set(of_study(study))
    return tuple((one, base) for one, base in config.get("comparisons", []) if base not in missing)


def check_comparisons(pairs: Iterable[Sequence[str]], algorithms: Iterable[str]) -> None:
    """ConfigError for a comparison of something that is no algorithm, or with something that is no baseline either."""
    known = list(algorithms)
    for algorithm, base in pairs:
        if algorithm not in known:
            raise ConfigError(
                "config: comparisons", f"{algorithm!r} is not an algorithm of the study", f"Known: {', '.join(known)}"
            )
        if base not in {*known, *names()}:
            raise ConfigError(
                "config: comparisons",
                f"{base!r} is neither an algorithm of the study nor an outside baseline",
                f"Known: {', '.join(known)}; {_known()}",
            )


def installed(wanted: Iterable[str]) -> dict[str, str]:
    """What is installed of the wanted baselines, seen from outside: where it changes, they are probed again."""
    return {name: _installed(importlib.import_module(f"passline.baselines.{name}")) for name in wanted}


def _installed(module: Any) -> str:
    found = []
    if distribution := getattr(module, "DISTRIBUTION", None):
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{distribution} {metadata.version(distribution)}")
    roots = [*filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":")), *_SYSTEM]
    folders = [folder for root in roots for folder in (Path(root), *Path(root).glob("*-linux-gnu*"))]
    paths = [Path(folder, library) for library in getattr(module, "LIBRARIES", ()) for folder in folders]
    there = {path.resolve() for path in paths if path.is_file()}
    # A library is told by its name and size: where it lies is nobody's business, and stands in what is exported.
    found += sorted({f"{path.name} ({path.stat().st_size} bytes)" for path in there})
    return ", ".join(found)


def _refused(what: str, remedy: str) -> ConfigError:
    return ConfigError("config: blocks.baselines", what, remedy)


def _known() -> str:
    return ", ".join(names())
