"""Compile the report."""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path

from passline.report import ReportFigure, compile_report


def main(template: Path, numbers: Path, figures: Sequence[Path], output: Path) -> None:
    """Compile the template with numbers.json and the figures (SVG files named as their modules)."""
    drawings = {path.stem: ReportFigure(path, importlib.import_module(f"figures.{path.stem}").CAPTION) for path in figures}
    compile_report(template, json.loads(numbers.read_text(encoding="utf-8")), drawings, output)


if __name__ == "__main__":
    given = snakemake.input  # type: ignore[name-defined]  # noqa: F821  # Snakemake puts it there
    main(
        Path(given.template), Path(given.numbers), [Path(path) for path in given.figures],
        Path(snakemake.output[0]),  # type: ignore[name-defined]  # noqa: F821
    )  # fmt: skip
