"""`passline compare A B`: may two sessions meet, do they agree, and what became slower from the first to the second."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from passline.compare_keys import Differences, differences
from passline.compare_points import POINT, REGRESSED, VALUES, absolute_changes, agreement, judge
from passline.compare_text import differences_text, report
from passline.errors import PasslineError, TableError
from passline.machine import facts, read_machine
from passline.tables import TABLES

_PLAN = ("study", "session", "machine", "effort")
# The plan tells what was measured; the compile flags stand in the builds, with those that are always given.
COMPARED_ELSEWHERE = frozenset({"measurement", "cflags", *_PLAN})


class ComparisonError(PasslineError):
    """Two sessions may not be compared, or a folder holds no session that was measured."""


@dataclass(frozen=True)
class Session:
    """A session's folder, its facts by document, and its table `ratios` with a column `compiler`."""

    folder: Path
    documents: Mapping[str, Mapping[str, Any]]
    ratios: pd.DataFrame


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("a", metavar="A", type=Path, help="folder of the earlier session: results/<machine>/<session>")
    parser.add_argument("b", metavar="B", type=Path, help="folder of the later session")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write every point to this file")
    parser.epilog = "Exit status: 0 nothing became slower, 1 something did, 2 the sessions may not be compared."


def run(arguments: argparse.Namespace) -> int:
    """Compare two sessions and print what came out; 1 where some ratio regressed, else 0."""
    a, b = read_session(arguments.a), read_session(arguments.b)
    found = check(a, b)
    points = judge(a.ratios, b.ratios)
    if arguments.csv:
        try:
            points.to_csv(arguments.csv, index=False, float_format="%.9g", lineterminator="\n")
        except OSError as cause:
            raise TableError(arguments.csv, f"cannot be written ({cause.strerror})", "Name another file") from cause
    print(report(a.folder, b.folder, found, points, agreement(points), absolute_changes(points)))
    return int((points["verdict"] == REGRESSED).any())


def check(a: Session, b: Session) -> Differences:
    """What the sessions differ in; ComparisonError, naming keys and values, where a difference forbids to compare."""
    found = differences(a.documents, b.documents)
    if found.refused:
        lines = "".join(f"\n    {line}" for line in differences_text(found.refused))
        raise ComparisonError(
            f"{a.folder} and {b.folder}",
            f"these may not be compared, for they differ in what moves ratios:{lines}\n",
            "Measure both on one machine, in one state, with one compiler and its flags",
        )
    return found


def read_session(folder: Path) -> Session:
    """Read what a comparison needs of a session; raise a PasslineError where it is not all there."""
    plan, config = _read_json(folder / "plan.json"), _read_json(folder / "config.json")
    if plan.get("measurement") is not True:
        raise ComparisonError(
            folder / "plan.json",
            f"measurement is {json.dumps(plan.get('measurement'))}: such a session tries the road and measures nothing",
            "Compare sessions with measurement: true, as default is",
        )
    machine = read_machine(folder / "machine.json")
    builds = [_read_json(path) for path in sorted(folder.glob("build/*/build.json"))]
    compilers = {build["build_id"]: str(build["compiler"]) for build in builds}
    ratios, version = read_columns(folder, "ratios", (*(c for c in POINT if c != "compiler"), *VALUES, "build_id"))
    strange = sorted(set(ratios["build_id"]) - set(compilers))
    if strange:
        raise ComparisonError(
            folder / "tables/ratios.csv",
            f"is of build {', '.join(strange)}, and the builds here are {', '.join(compilers) or 'missing'}",
            "Run snakemake for this session again",
        )
    documents = {
        "machine": vars(machine),
        "plan": {key: plan.get(key) for key in _PLAN},
        "config": {key: value for key, value in config.items() if key not in COMPARED_ELSEWHERE},
        "builds": {"compilers": ", ".join(sorted(compilers.values()))},
        "baselines": {f"baseline {name}": known["version"] for name, known in plan.get("baselines", {}).items()},
        **{f"build {build['compiler']}": build for build in builds},
        "state": _state(folder, {row["key"] for row in facts(machine)}, tuple(compilers.values())),
        "tuned": _tuned(folder, compilers),
        "tables": {"version of ratios": version},
    }
    return Session(folder, documents, ratios.assign(compiler=ratios["build_id"].map(compilers)))


def read_columns(folder: Path, name: str, needed: tuple[str, ...]) -> tuple[pd.DataFrame, str]:
    """Columns of a session's table, and the table's version, which may be any that has them; else TableError."""
    path = folder / f"tables/{name}.csv"
    if not path.is_file():
        raise TableError(path, "the table does not exist", "Run snakemake for this session to its end")
    with path.open(encoding="utf-8") as file:
        first = file.readline().split()
    text = {column: str for column, spec in TABLES[name].columns.items() if spec.kind == "text"}
    frame = pd.read_csv(path, skiprows=1, dtype=text, keep_default_na=False, na_values=[""])
    missing = [column for column in needed if column not in frame]
    if first[:4] != ["#", "passline", "table", name] or missing:
        what = f"has no column {', '.join(missing)}" if missing else f"first line is {' '.join(first)!r}"
        raise TableError(path, what, "It was written by another version: run snakemake for this session again")
    return frame[list(needed)], first[-1]


def _state(folder: Path, known: set[str], compilers: tuple[str, ...]) -> dict[str, str]:
    """The facts of table `machines` that no other document has; empty where the session has no such table."""
    if not (folder / "tables/machines.csv").is_file():
        return {}
    frame, _ = read_columns(folder, "machines", ("key", "value"))
    of_builds = tuple(f"{compiler}_" for compiler in compilers)
    rows = zip(frame["key"], frame["value"], strict=True)
    return {key: value for key, value in rows if key not in known and not key.startswith(of_builds)}


def _tuned(folder: Path, compilers: Mapping[str, str]) -> dict[str, str]:
    """The tuned variant of each pass, ISA and compiler; empty where the session has no table of them."""
    if not (folder / "tables/tuning.csv").is_file():
        return {}
    frame, _ = read_columns(folder, "tuning", ("build_id", "pass", "isa", "variant", "chosen"))
    rows = frame[frame["chosen"].astype(str) == "True"].to_dict("records")
    return {f"tuned {row['pass']} {row['isa']} {compilers.get(row['build_id'], '-')}": row["variant"] for row in rows}


def _read_json(path: Path) -> dict[str, Any]:
    """A JSON file of a session; ComparisonError where it is missing or broken."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise ComparisonError(
            path, "the file does not exist", "Name a folder results/<machine>/<session> whose run has ended"
        ) from cause
    except (OSError, ValueError) as cause:
        raise ComparisonError(path, f"cannot be read ({cause})", "Run snakemake for this session again") from cause
    return document
