"""Compile the report."""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path

from passline.report import ReportFigure, compile_report
from passline.script import reporting


def main(template: Path, numbers: Path, figures: Sequence[Path], output: Path) -> None:
    """Compile the template with numbers.json and the figures (SVG files named as their modules)."""
    document = json.loads(numbers.read_text(encoding="utf-8"))
    captions = {path.stem: importlib.import_module(f"figures.{path.stem}").CAPTION for path in figures}
    drawings = {path.stem: ReportFigure(path, captions[path.stem].format(**document["values"])) for path in figures}
    compile_report(template, document, drawings, output)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        figures = [Path(path) for path in source.figures]
        main(Path(source.template), Path(source.numbers), figures, Path(snakemake.output[0]))
