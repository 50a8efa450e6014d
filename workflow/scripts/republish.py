"""`passline republish`: published reports or their figures, made of their tables, once these are found as published."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from passline.errors import ReportError
from scripts import freeze


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which reports; whether to write, or only to compare; or where to write figures."""
    parser.add_argument("names", metavar="NAME", nargs="*", help="folder in reports/published (default: all)")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--check", action="store_true", help="write nothing; 1 where a report would be another one")
    one.add_argument(
        "--figures", metavar="DIR", type=Path, help="write all figures as SVG, PDF and CSV to DIR/NAME, and no report"
    )


def run(given: argparse.Namespace) -> int:
    """Rebuild reports; with --check, tell those whose bytes would differ; with --figures, draw figures instead."""
    folders = _named(given.names)
    if given.figures is None:
        changed = [_rebuilt(folder, check=given.check) for folder in folders]
        return int(given.check and any(changed))
    for folder in folders:
        data, into = freeze.verify(folder), given.figures / folder.name
        print(f"{into}: {freeze.figures(folder, into)} figures as SVG, PDF and CSV, of data {data}, as published")
    return 0


def _named(names: Sequence[str]) -> list[Path]:
    """The published folders of these names, or all."""
    known = {folder.name: folder for folder in freeze.published()}
    for name in names:
        if name not in known:
            raise ReportError(freeze.PUBLISHED / name, "is no published session", f"There are: {', '.join(known)}")
    return [known[name] for name in names or known]


def _rebuilt(folder: Path, *, check: bool) -> bool:
    """Build a report anew and say what is different; where it is only checked, it stays as it was."""
    data = freeze.verify(folder)
    paths = [folder / "report.pdf", folder / f"{freeze.SHOWN}.svg"]
    before = {path: path.read_bytes() if path.is_file() else b"" for path in paths}
    freeze.build(folder)
    different = [path.name for path in paths if path.read_bytes() != before[path]]
    told = f"{' and '.join(different)} changed" if different else "the report as it was"
    print(f"{folder.name}: data {data}, as published; {told}")
    if check:
        for path in paths:
            path.write_bytes(before[path])
    return bool(different)
