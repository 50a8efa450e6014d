"""Compile the report."""

import json
from collections.abc import Sequence
from pathlib import Path

from passline.report import compile_report
from passline.script import reporting


def main(template: Path, numbers: Path, figures: Sequence[Path], output: Path) -> None:
    """Compile the template with numbers.json and the figures: SVG files named as their modules, their notes beside."""
    document = json.loads(numbers.read_text(encoding="utf-8"))
    document["figures"] = {p.stem: json.loads(p.with_suffix(".json").read_text(encoding="utf-8")) for p in figures}
    compile_report(template, document, {path.stem: path for path in figures}, output)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        figures = [Path(path) for path in source.figures]
        main(Path(source.template), Path(source.numbers), figures, Path(snakemake.output[0]))
