"""Sessions on the nodes of a cluster: where each runs, and what it sends back."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from passline.errors import BundleError, ConfigError, MachineError
from passline.machine import Machine
from passline.machine_sources import format_cpus
from passline.schema import load_yaml, validate

DEFAULT = Path(__file__).parents[1] / "config" / "default.yaml"
_OF_SESSIONS = (
    "Snakefile",
    "kernels/**/*",
    "profiles/default/*",
    "reports/*.yaml",
    "reports/templates/*",
    "workflow/config/default.yaml",
    "workflow/figures/*",
    "workflow/passline/**/*",
    "workflow/rules/*",
    "workflow/schemas/*",
    "workflow/scripts/*",
)
_OF_FLEETS = ("fleet*", "table_models_fleet", "import_bundles", "cluster*")


def check(config: Mapping[str, Any]) -> None:
    """Validate the configuration of workflow/cluster.smk; ConfigError where it is wrong."""
    validate(config, "cluster", "config", ConfigError)
    if not Path(config["session"]).is_file():
        raise ConfigError(
            "config: session",
            f"{config['session']!r} is no file",
            "Name a session's configuration, such as workflow/config/default.yaml",
        )


def slurm_extra(machine: Mapping[str, str]) -> str:
    """Options of a job that has its node for itself: nobody else may disturb what it measures.

    A job on a named node excludes none: where there is accounting, the plugin excludes every node that failed once, and
    a job on that very node could never be submitted again. Of options given twice, Slurm takes the last.
    """
    named = [f"--nodelist={machine['node']}", "--exclude="] if "node" in machine else []
    return " ".join(["--exclusive", *named])


def check_whole(label: str, machine: Machine, isolated: Collection[int]) -> None:
    """MachineError where a job was left fewer cpus than its node has, not counting those the kernel keeps apart."""
    kept = sorted({*machine.online_cpus} - {*machine.usable_cpus} - {*isolated})
    if not kept:
        return
    usable, online = len(machine.usable_cpus), len(machine.online_cpus)
    raise MachineError(
        f"machine {label}",
        f"its job may run on {usable} of the node's {online} cpus (not on {format_cpus(kept)}), "
        "so that threads and ceilings would not be those of the machine",
        f"Write cpus: {online} into the cluster's configuration, or ask the administrator why jobs may not have them",
    )


def sources(session: Path) -> list[str]:
    """Files that a session on a node is made of: its configuration, the study, kernels, and all that no fleet is."""
    study = Path(str({**_yaml(DEFAULT), **_yaml(session)}["study"]))
    found = {session, *(path for pattern in _OF_SESSIONS for path in Path().glob(pattern))}
    if study.is_dir():
        found |= set(study.iterdir())
    return sorted(path.as_posix() for path in found if path.is_file() and not _leaves_sessions_alone(path))


def _leaves_sessions_alone(path: Path) -> bool:
    return "__pycache__" in path.parts or any(fnmatchcase(path.stem, of) for of in _OF_FLEETS)


def results_of(label: str, session: Path) -> Path:
    """The folder of a machine's results of the session that a configuration file describes.

    Found by the config.json that every session keeps; BundleError where there is none.
    """
    wanted = {**_yaml(DEFAULT), **_yaml(session)}
    for path in sorted(Path("results", label).glob("*/config.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if all(found[key] == wanted[key] for key in ("session", "study")):
            return path.parent
    what = f"has no session {wanted['session']!r} of study {wanted['study']!r}"
    raise BundleError(Path("results", label), what, "See the log of its job")


def _yaml(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = load_yaml(path, ConfigError) or {}
    return document


def sent(path: Path) -> dict[str, Any]:
    """What a machine's session sent: `label`, `ok`, `bundle` (a file's name beside it) or the `reason`."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def failures(paths: Iterable[str]) -> list[str]:
    """One line per machine whose session ended badly."""
    found = [sent(Path(path)) for path in paths]
    return [f"{told['label']}: {told['reason']}" for told in found if not told["ok"]]
