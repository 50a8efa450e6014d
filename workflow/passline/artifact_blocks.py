"""The generated blocks of reports/ARTIFACT.md: what is claimed, what it takes, and what the published sessions were."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from passline.claims import JUDGES, load_claims, scope_in_words
from passline.derive.goals import bound, wanted_of
from passline.errors import ReportError
from passline.formats import binary_bytes, clock, significant
from passline.registry import KERNELS, Isa
from passline.schema import load_listed
from passline.statistics import UNDECIDED
from passline.tables import read_table

ROOT = KERNELS.parent
ARTIFACT = ROOT / "reports" / "ARTIFACT.md"
PUBLISHED = ROOT / "reports" / "published"

FACTS = {
    "model_name": "processor",
    "microarchitecture": "microarchitecture",
    "hypervisor": "hypervisor",
    "cores": "cores",
    "l1d_bytes": "L1 data cache",
    "l2_bytes": "L2 cache",
    "llc_bytes": "last-level cache",
    "memory_bytes": "memory",
    "operating_system": "operating system",
    "gcc_version": "compiler",
    "python_version": "Python",
}
"""Keys of table `machines` that are shown, and what they are called."""

STEPS = {"ceilings": "ceilings", "tune": "tuning"}
"""What the names of a step's blocks begin with, where the step is not the timing itself."""


@dataclass(frozen=True)
class Session:
    """A published session; `name` is that of its folder."""

    name: str
    manifest: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]


def sessions(folder: Path = PUBLISHED) -> list[Session]:
    """All published sessions, by the names of their folders."""
    return [_session(path.parent) for path in sorted(folder.glob("*/manifest.json"))]


def _session(folder: Path) -> Session:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    names = ("claims", "goals", "machines", "rounds")
    return Session(folder.name, manifest, {name: read_table(name, folder / "tables" / f"{name}.csv") for name in names})


def blocks(isas: Mapping[str, Isa]) -> dict[str, str]:
    """Every block by its name.

    Args:
        isas: the instruction sets of isa.yaml.
    """
    published = sessions()
    claims = load_claims(ROOT / "reports" / "claims.yaml")["claims"]
    goals = load_listed(ROOT / "reports" / "goals.yaml", "goals", ReportError)["goals"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "claims": claims_block(claims, published),
        "goals": goals_block(goals, published),
        "hardware": hardware_block(isas),
        "software": software_block(project, (ROOT / "constraints.txt").read_text(encoding="utf-8")),
        "time": time_block(published),
        "published": published_block(published),
    }


def table(head: Sequence[str], rows: Iterator[Sequence[object]], numbers: Sequence[int] = ()) -> str:
    """A table of Markdown; columns of `numbers` are set to the right."""
    rule = ["---:" if column in numbers else "---" for column in range(len(head))]
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(rule)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def claims_block(claims: Sequence[Mapping[str, Any]], published: Sequence[Session]) -> str:
    """Each claim of the paper, the step that takes its numbers, the table that holds them, and what was found."""
    published = [session for session in published if _judges(session.tables["claims"], claims)]
    head = ["claim", "the paper says", "on its own machine", "numbers by", "in table", *_columns(published)]

    def rows() -> Iterator[list[str]]:
        for claim in claims:
            judge = JUDGES[claim["kind"]]
            asked = [f"`snakemake --until {judge.rule}`", f"`{judge.table}`"]
            found = [_verdict(session.tables["claims"], claim["id"]) for session in published]
            yield [f"`{claim['id']}`", claim["statement"], scope_in_words(claim["scope"]), *asked, *found]

    return table(head, rows())


def _columns(published: Sequence[Session]) -> list[str]:
    return [f"found on `{session.name}`" for session in published]


def _judges(found: pd.DataFrame, claims: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a session decides any of the claims; one of what is beyond the paper asks none."""
    return bool((found["claim"].isin(_ids(claims)) & (found["verdict_here"] != UNDECIDED)).any())


def _ids(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(entry["id"]) for entry in entries]


def _verdict(claims: pd.DataFrame, claim: str) -> str:
    """The verdicts of a claim in a session: once where preset and tuned variants agree."""
    rows = claims[claims["claim"] == claim]
    here = dict(zip(rows["variant"], rows["verdict_here"], strict=True))
    if len(set(here.values())) == 1:
        return str(next(iter(here.values())))
    return ", ".join(f"{variant}: {verdict}" for variant, verdict in here.items()) or "not judged"


def goals_block(goals: Sequence[Mapping[str, Any]], published: Sequence[Session]) -> str:
    """Each goal of our own kernels, the session that measures it, and what was reached."""
    published = [session for session in published if not _reached_in(session, goals).empty]
    head = ["goal", "what of ours", "isa", "wanted", "numbers by", *_columns(published)]

    def rows() -> Iterator[list[str]]:
        for goal in goals:
            where = f"{goal['statement']} ({goal['statistic']})"
            wanted = bound(goal["statistic"], wanted_of(goal))
            reached = [_reached(_reached_in(session, [goal])) for session in published]
            yield [f"`{goal['id']}`", where, goal["isa"], wanted, _command(goal["session"]), *reached]

    return table(head, rows(), numbers=[3])


def _command(session: str) -> str:
    return "`snakemake`" if session == "default" else f"`snakemake --profile profiles/{session}`"


def _reached_in(session: Session, goals: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What a session tells of these goals, those that it did not measure left out."""
    rows = session.tables["goals"]
    return rows[rows["goal"].isin(_ids(goals)) & rows["reached"].notna()]


def _reached(rows: pd.DataFrame) -> str:
    return f"{significant(rows['reached'].iloc[0])}, {rows['met'].iloc[0]}" if len(rows) else "not measured"


def hardware_block(isas: Mapping[str, Isa]) -> str:
    """What a processor must have for each instruction set."""

    def rows() -> Iterator[list[object]]:
        for isa in isas.values():
            flags = " ".join(f"`{flag}`" for flag in isa.cpu_flags) or "none"
            yield [isa.title, ", ".join(isa.architectures), flags, isa.lanes]

    return table(["kernels", "architecture", "flags in /proc/cpuinfo", "floats per vector"], rows(), numbers=[3])


def software_block(project: Mapping[str, Any], constraints: str) -> str:
    """What is installed into the environment."""
    pinned = sum("==" in line for line in constraints.splitlines())
    return (
        f"Python {project['requires-python']}; {pinned} packages, pinned with hashes in `constraints.txt`, "
        f"of which {len(project['dependencies'])} are asked for by name in `pyproject.toml`, "
        f"and {len(project['optional-dependencies']['test'])} more by the tests and style tools."
    )


def time_block(published: Sequence[Session]) -> str:
    """What the measuring steps of the published sessions took."""
    head = ["session", "step", "blocks", "rounds", "in rounds", "from first to last", "largest buffers"]

    def rows() -> Iterator[list[object]]:
        for session in published:
            for cells in _steps(session.tables["rounds"]):
                yield [session.name, *cells]

    return table(head, rows(), numbers=range(2, len(head)))


def _steps(rounds: pd.DataFrame) -> Iterator[list[object]]:
    """Step, blocks, rounds, time in rounds, time from the first to the last, and bytes of the largest buffers."""
    step = rounds["block"].str.partition("-")[0].map(STEPS).fillna("timing")
    began = pd.to_datetime(rounds["start_utc"])
    ended = began + pd.to_timedelta(rounds["duration_s"], unit="s")
    for name in (*STEPS.values(), "timing"):
        mine = step == name
        if not mine.any():
            continue
        if name == "timing" and (step == "tuning").any():
            between = (began[mine].min() - ended[step == "tuning"].max()).total_seconds()
            yield ["between tuning and timing, choosing included", "", "", "", clock(between), ""]
        yield _step(name, rounds[mine], (ended[mine].max() - began[mine].min()).total_seconds())
    yield _step("all", rounds, (ended.max() - began.min()).total_seconds())


def _step(name: str, rounds: pd.DataFrame, lasted_s: float) -> list[object]:
    within = clock(rounds["duration_s"].sum())
    buffers = binary_bytes(rounds["buffer_bytes"].max())
    return [name, rounds["block"].nunique(), len(rounds), within, clock(lasted_s), buffers]


def published_block(published: Sequence[Session]) -> str:
    """The published sessions: their data, and the machines they were measured on."""

    def rows() -> Iterator[list[str]]:
        for key in ("machine", "session", "study", "data_sha256"):
            yield [key, *(f"`{session.manifest[key]}`" for session in published)]
        tables = [sum(file["bytes"] for file in session.manifest["files"].values()) for session in published]
        yield ["size of the tables", *map(binary_bytes, tables)]
        for key, title in FACTS.items():
            yield [title, *(_fact(session.tables["machines"], key) for session in published)]

    return table(["", *(f"`{session.name}`" for session in published)], rows())


def _fact(machines: pd.DataFrame, key: str) -> str:
    rows = machines[machines["key"] == key]
    if rows.empty:
        return "unavailable"
    value, unit = str(rows["value"].iloc[0]), rows["unit"].iloc[0]
    return binary_bytes(float(value)) if unit == "B" and value.isdigit() else value
