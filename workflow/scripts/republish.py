"""`passline republish`: every published report, rebuilt from its tables, after these were found as published."""

from __future__ import annotations

import argparse

from scripts import freeze


def arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to write, or only to compare."""
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where a report would be another one")


def run(given: argparse.Namespace) -> int:
    """Rebuild all; with --check, name those whose bytes would differ."""
    changed = 0
    for folder in freeze.published():
        data = freeze.verify(folder)
        paths = [folder / "report.pdf", folder / f"{freeze.SHOWN}.svg"]
        before = {path: path.read_bytes() if path.is_file() else b"" for path in paths}
        freeze.build(folder)
        different = [path.name for path in paths if path.read_bytes() != before[path]]
        changed += bool(different)
        report = f"{' and '.join(different)} changed" if different else "the report as it was"
        print(f"{folder.name}: data {data}, as published; {report}")
        if given.check:
            for path in paths:
                path.write_bytes(before[path])
    return int(given.check and changed > 0)
