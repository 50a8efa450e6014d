"""Builds and studies as the scripts of a session meet them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from passline import known_baselines
from passline.contenders import Built
from passline.errors import MeasurementError
from passline.imports import module_files
from passline.measure.spec import Block
from passline.registry import Isa, Study, load_isas, sha256
from passline.setup import load
from passline.studies import load_studies
from passline.tables import NOT_APPLICABLE
from passline.tuning import winners

MEASURE = Path(__file__).parent / "measure"


@dataclass(frozen=True)
class Session:
    """The ISAs and studies of a session."""

    isas: Mapping[str, Isa]
    studies: Mapping[str, Study]
    study: Study


def load_session(study: str, isas: Sequence[str], grid: str) -> Session:
    """Parse the session's study, named as in the config, and the ceilings for the ISAs the session has."""
    rows = load_isas()
    chosen = {name: rows[name] for name in isas}
    own, studies = load_studies(study, chosen, grid)
    return Session(chosen, studies, own)


def load_builds(paths: Iterable[str]) -> list[dict[str, Any]]:
    """The build.json files, in order."""
    return [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]


def rejected(accuracy: pd.DataFrame, build_id: str) -> dict[str, str]:
    """What of a build failed the check, with the first reason: variants, and algorithms, as contenders.judged says."""
    failed = accuracy[(accuracy["build_id"] == build_id) & ~accuracy["passed"]]
    found: dict[str, str] = {}
    for row in failed.to_dict("records"):
        algorithm = f"{row['variant'].partition('/')[0]} on {row['isa']}"
        found.setdefault(algorithm if row["pass"] == NOT_APPLICABLE else row["variant"], row["reason"])
    return found


def check_sound(study: Study, accuracy: pd.DataFrame, path: Path) -> None:
    """MeasurementError where every algorithm has a pass of which no variant is right: there is nothing to time.

    `path` is the file of table `accuracy`.
    """
    sound = set(accuracy.loc[accuracy["passed"], "variant"]) - set(accuracy.loc[~accuracy["passed"], "variant"])
    wrong = {name for name in study.passes if not any(v.name in sound for v in study.variants if v.pass_name == name)}
    if not study.algorithms or not all(wrong & set(a.passes) for a in study.algorithms.values()):
        return
    first = accuracy[accuracy["pass"].isin(wrong) & ~accuracy["passed"]].iloc[0]
    raise MeasurementError(
        path,
        f"no variant of {', '.join(sorted(wrong))} is right, and no algorithm does without "
        f"({first['variant']} on {first['inputs']}: {first['reason']})",
        "Correct the pass, or what reference.py says of it",
    )


def chosen(tuning: pd.DataFrame, build_id: str, study: Study) -> dict[tuple[str, str], str]:
    """(step of an algorithm, ISA) -> the tuned variant: of the pass, or of what the step fixes."""
    mine = tuning[tuning["build_id"] == build_id]
    rows = mine[mine["chosen"]]
    found = {(str(row["pass"]), str(row["isa"])): str(row["variant"]) for _, row in rows.iterrows()}
    for step in dict.fromkeys(step for a in study.algorithms.values() for step in a.steps if step.fixed):
        admitted = {v.name for v in study.variants if v.pass_name == step.pass_name and step.admits(v.dimensions)}
        best = winners(mine[mine["variant"].isin(admitted)])
        found |= {(step.label, isa): variant for (_, _, isa), variant in best.items()}
    return found


def built(
    build: Mapping[str, Any],
    accuracy: pd.DataFrame,
    tuned: tuple[pd.DataFrame, Study] | None = None,
) -> Built:
    """What the planner needs of a build: its tuned choices, and the variants that failed the check."""
    build_id = build["build_id"]
    choices = {} if tuned is None else chosen(tuned[0], build_id, tuned[1])
    return Built(build["compiler"], build_id, choices, rejected(accuracy, build_id))


def code_hashes(
    blocks: Sequence[Block], session: Session, builds: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Block name -> hashes of the objects its contenders run, and of the code that measures.

    Only the objects a block runs count: an edit of a pass re-measures the blocks it is in, and no others.
    """
    objects = {b["compiler"]: b["objects"] for b in builds}
    origin = {v.name: f"{v.study}.{v.pass_name}.{v.isa}" for s in session.studies.values() for v in s.variants}
    measuring = {f"measure/{path.name}": sha256(path) for path in sorted(MEASURE.glob("*.py"))}
    runtime = {name: h for b in builds for name, h in b["sources"].items() if name.startswith("runtime/")}
    peers = {name: _baseline_hashes(name) for block in blocks for c in block["contenders"] if (name := c["baseline"])}
    runtime |= {f"{b['compiler']} version": f"{b['version']} {' '.join(b['cflags'])}" for b in builds}
    return {
        block["name"]: {
            **measuring,
            **runtime,
            **{
                f"{c['library']}:{origin[v]}": objects[c["library"]][origin[v]]
                for c in block["contenders"]
                for v in (*c["variants"], *c["prefix"])
            },
            **{
                f"{compiler} consumer {v}": hashes[origin[v]]
                for v in {c["consumer"] for c in block["contenders"]} - {""}
                for compiler, hashes in objects.items()
            },
            **{key: value for c in block["contenders"] for key, value in peers.get(c["baseline"], {}).items()},
        }
        for block in blocks
    }


def _baseline_hashes(name: str) -> dict[str, str]:
    """What a baseline's numbers depend on: its file and those of ours it uses, and what is installed of it."""
    own = known_baselines.FOLDER / f"{name}.py"
    paths = [own, *map(Path, module_files(own))]
    hashes = {f"{path.parent.name}/{path.name}": sha256(path) for path in paths}
    return hashes | {f"baseline {name}": known_baselines.installed([name])[name]}


def step_document(
    blocks: Sequence[Block],
    config: Mapping[str, Any],
    builds: Sequence[Mapping[str, Any]],
    libraries: Sequence[str],
) -> dict[str, Any]:
    """What a measuring step reads: its blocks, hashes of what they run, and the host."""
    setup = load(config)
    host = setup.host()
    session = load_session(config["study"], list(setup.isas), config["grid"])
    return {
        "host": {
            "libraries": {b["compiler"]: path for b, path in zip(builds, libraries, strict=True)},
            "cpus": list(host.cpus),
            "llc_bytes": host.caches.llc,
            "seed": config["seed"],
        },
        "code": code_hashes(blocks, session, builds),
        "blocks": blocks,
    }
