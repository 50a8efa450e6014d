"""`passline freeze`: a report that the repository keeps, and rebuilds from its tables alone."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from passline import bundle
from passline.citation import Published
from passline.derive.selection import of_build, of_paper
from passline.errors import ReportError
from passline.formats import binary_bytes
from passline.imports import figure_tables
from passline.measure.spec import aside, write_json
from passline.statistics import UNDECIDED
from passline.tables import read_table, write_table
from passline.trust_points import dependent, judged, of_algorithms
from scripts import figure, numbers, quality, report

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "reports" / "published"
TEMPLATE = ROOT / "reports" / "templates" / "report.typ"
FIGURES = ROOT / "workflow" / "figures"
TABLE1 = PUBLISHED / "paper" / "table1.csv"
SHOWN = "against_bases"
"""The figure that the README shows."""

MOST_BYTES = 5_000_000
LEAST_ROUNDS = 6  # fewer give no 95 % interval: nothing could be decided
OPTIONAL = "selftest"
OF_PAPER = ("round_ratios",)
"""The largest tables: only figures of the reproduction read them."""
DEFAULT = "default"
"""The session that a machine's folder is named for; all others have a folder beside it."""

NAMED = ("machine", "session", "study")
"""What the manifest says of the session."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which session, where to, and whether it may be without a self-test."""
    parser.add_argument("results", type=Path, help="folder of a finished session: results/<machine>/<session>")
    parser.add_argument("--into", type=Path, default=PUBLISHED, help="folder of published reports")
    parser.add_argument(
        "--without-selftest",
        action="store_true",
        help="publish a session whose self-test was not run, also in place of a published one that has it",
    )


def run(given: argparse.Namespace) -> int:
    """Publish a session: its tables, its report, and the figure that the README shows."""
    target = freeze(given.results, given.into, without_selftest=given.without_selftest)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    trial = "" if _has_selftest(target) else ", no self-test"
    print(f"{target}: {binary_bytes(size)}, data {verify(target)[:16]}{trial}")
    print("The documents speak of it after: python -m passline.readme_blocks")
    return 0


def freeze(results: Path, into: Path, *, without_selftest: bool = False) -> Path:
    """Copy what the report reads to its folder in `into`, and build the report from that; the folder.

    ReportError where the session is no measurement, or is not finished, or decides nothing, or is too large, or would
    replace another one, or has no self-test.

    Args:
        results: folder of the session.
        into: folder of published reports.
        without_selftest: publish it though its self-test was not run.
    """
    if not (results / "plan.json").is_file():
        raise ReportError(results, *bundle.unfinished(results, "plan.json"))
    plan = json.loads((results / "plan.json").read_text(encoding="utf-8"))
    _refuse(results, plan)
    target = into / name_of(plan)
    _refuse_other(target, plan)
    if not (without_selftest or _has_selftest(results)):
        _refuse_without_selftest(results, target)
    waiting = aside(target)
    shutil.rmtree(waiting, ignore_errors=True)
    (waiting / "tables").mkdir(parents=True)
    shutil.copy(results / "plan.json", waiting)
    for name in needed():
        source = results / "tables" / f"{name}.csv"
        if source.is_file():
            _copy_table(source, waiting / "tables" / source.name, plan)
        elif name != OPTIONAL:
            raise ReportError(source, "the table does not exist", "Run snakemake to its end first")
    build(waiting)
    told = {key: plan[key] for key in NAMED}
    write_json(waiting / "manifest.json", {**told, **bundle.described(_data(waiting))})
    size = sum(path.stat().st_size for path in waiting.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        shutil.rmtree(waiting)
        told = f"takes {size / 1e6:.1f} MB, a published report may take {MOST_BYTES / 1e6:g}"
        raise ReportError(results, told, "Publish a session of fewer blocks")
    shutil.rmtree(target, ignore_errors=True)
    waiting.replace(target)
    return target


def _copy_table(source: Path, to: Path, plan: Mapping[str, Any]) -> None:
    """A table as it is, or without what is beyond the paper where nothing that is beyond it reads the table."""
    if source.stem in OF_PAPER:
        frame = read_table(source.stem, source)
        write_table(source.stem, of_paper({source.stem: frame}, plan)[source.stem], to)
    else:
        shutil.copy(source, to)


def name_of(plan: Mapping[str, Any]) -> str:
    """The published folder of a session: `<machine>` of the default session, else `<machine>-<session's folder>`."""
    return str(plan["machine"]) if plan["folder"] == DEFAULT else f"{plan['machine']}-{plan['folder']}"


def needed() -> list[str]:
    """Tables that figures and text read."""
    drawn = {table for path in _figures() for table in figure_tables(path)}
    return sorted({*drawn, *numbers.TABLES, OPTIONAL})


def build(folder: Path) -> None:
    """Write report.pdf and the shown figure of a published folder, from its tables and its plan alone."""
    with tempfile.TemporaryDirectory() as scratch:
        stage = Path(scratch)
        drawings = _draw(folder, stage)
        known = _tables(folder, numbers.TABLES)
        numbers.main(known, folder / "plan.json", TABLE1, stage / "numbers.json", _copy(folder))
        report.main(TEMPLATE, stage / "numbers.json", drawings, folder / "report.pdf")
        shutil.copy(stage / f"{SHOWN}.svg", folder)


def figures(folder: Path, into: Path) -> int:
    """Write every figure of a published folder as SVG, PDF and CSV to `into`; how many there are."""
    waiting = aside(into)
    shutil.rmtree(waiting, ignore_errors=True)
    waiting.mkdir(parents=True)
    into.mkdir(exist_ok=True)
    drawn = _draw(folder, waiting)
    for svg in drawn:
        for suffix in (".svg", ".pdf", ".csv"):
            path = svg.with_suffix(suffix)
            path.replace(into / path.name)
    shutil.rmtree(waiting)
    return len(drawn)


def _draw(folder: Path, stage: Path) -> list[Path]:
    """Draw every figure of a published folder into `stage`, its notes beside it; the SVG files."""
    plan, drawings = folder / "plan.json", []
    quality.main(_tables(folder, quality.TABLES), plan, stage / "quality.json", _copy(folder))
    for path in _figures():
        out = {suffix: stage / f"{path.stem}.{suffix}" for suffix in ("svg", "pdf", "csv", "json")}
        figure.main(path.stem, folder / "tables", plan, stage / "quality.json", out)
        drawings.append(out["svg"])
    return drawings


def _tables(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """The named tables of a published folder, and its self-test where it has one."""
    more = [OPTIONAL] if _has_selftest(folder) else []
    return {name: folder / "tables" / f"{name}.csv" for name in (*names, *more)}


def _copy(folder: Path) -> Published:
    """What figures and report say of the published copy that they are of."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    return Published(name_of(plan), str(bundle.described(_data(folder))["data_sha256"]))


def verify(folder: Path) -> str:
    """The hash of a published session's data; ReportError where a file is not the one that was published."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = bundle.described(_data(folder))
    listed, there = manifest["files"], found["files"]
    for name in sorted(listed.keys() | there.keys()):
        if listed.get(name) != there.get(name):
            raise ReportError(
                folder / name,
                "is not what was published: manifest.json has another checksum of it, or it is in only one of the two",
                "Take the folder from the repository again, or publish the session anew: passline freeze",
            )
    if manifest["data_sha256"] != found["data_sha256"]:
        raise ReportError(folder / "manifest.json", "its data_sha256 is not that of its files", "Take the folder anew")
    return str(found["data_sha256"])


def _data(folder: Path) -> dict[str, bytes]:
    """All that a published report is built from."""
    files = [folder / "plan.json", *sorted((folder / "tables").iterdir())]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def published(folder: Path = PUBLISHED) -> Iterator[Path]:
    """The published folders."""
    yield from sorted(path.parent for path in folder.glob("*/plan.json"))


def _figures() -> list[Path]:
    return sorted(FIGURES.glob("[a-z]*.py"))


def _has_selftest(folder: Path) -> bool:
    return (folder / "tables" / f"{OPTIONAL}.csv").is_file()


def _refuse_without_selftest(results: Path, target: Path) -> None:
    """ReportError: nothing tells whether this session's instrument was right."""
    dropped = f", and would replace {target}, which has one" if _has_selftest(target) else ""
    raise ReportError(
        results,
        f"has no self-test{dropped}",
        "Run it with the session's options (snakemake selftest, then snakemake), or say --without-selftest",
    )


def _refuse_other(target: Path, plan: Mapping[str, Any]) -> None:
    """ReportError where the folder is that of another session, whose name with its machine's reads the same."""
    path = target / "manifest.json"
    there = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else plan
    if any(there[key] != plan[key] for key in NAMED):
        told = ", ".join(f"{key} {there[key]}" for key in NAMED)
        raise ReportError(target, f"holds another session ({told})", "Give this session another name, or its machine")


def _refuse(results: Path, plan: Mapping[str, Any]) -> None:
    """ReportError where a session must not be published as measured."""
    if not plan["measurement"]:
        raise ReportError(results, "is a smoke run, not a measurement", "Run plain snakemake")
    if bundle.made_up(results):
        raise ReportError(results, "was made up by a test", "Publish what a machine measured")
    ratios = read_table("ratios", results / "tables" / "ratios.csv")
    why = _undecidable(of_build({"ratios": ratios}, plan)["ratios"], plan)
    if why:
        remedy = "Run it with more effort (snakemake --config effort=2) on a quiet machine (passline doctor)"
        raise ReportError(results, f"decides nothing: {why}", remedy)


def _undecidable(ratios: pd.DataFrame, plan: Mapping[str, Any]) -> str:
    """Why no ratio that is judged decides anything; empty where one does.

    Judged are the study's question, and where the session did not ask it, all ratios of two algorithms.
    """
    asked = judged(of_paper({"ratios": ratios}, plan)["ratios"], plan)
    rows = ratios[of_algorithms(ratios)] if asked.empty else asked
    if rows.empty or rows["ratio_low"].isna().all() or int(rows["n_rounds"].max()) < LEAST_ROUNDS:
        return f"no ratio that is judged has the {LEAST_ROUNDS} rounds that an interval takes"
    if (rows["verdict"] == UNDECIDED).all():
        entangled = int(dependent(rows).sum())
        return f"all {len(rows)} ratios that are judged are undecided, {entangled} as their rounds depend on each other"
    return ""
