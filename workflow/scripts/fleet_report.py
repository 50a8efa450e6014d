"""Write the fleet report and its figures."""

import json
from collections.abc import Sequence
from pathlib import Path

from passline import figure_style as style
from passline.fleet_figures import CAPTIONS, FIGURES
from passline.fleet_report import document
from passline.report import compile_report
from passline.script import reporting
from passline.tables import read_table


def main(tables: Sequence[Path], plan: Path, imported: Path, template: Path, figures: Path, out: Path) -> None:
    """Draw every figure (SVG and PDF) and compile the report; made-up data is stamped."""
    frames = {path.stem: read_table(path.stem, path) for path in tables}
    scheme = json.loads(plan.read_text(encoding="utf-8"))
    refused = json.loads(imported.read_text(encoding="utf-8"))["refused"]
    described = document(frames, scheme, refused)
    figures.mkdir(parents=True, exist_ok=True)
    captions = {name: {"caption": text.format(**described["values"])} for name, text in CAPTIONS.items()}
    drawn = {}
    for name, draw in FIGURES.items():
        drawing = draw(frames, scheme)
        if not described["measurement"]:
            style.stamp(drawing, described["stamp"])
        drawn[name] = figures / f"{name}.svg"
        caption = captions[name]["caption"]
        style.save(drawing, drawn[name], figures / f"{name}.pdf", title=caption, about=[described["values"]["title"]])
    compile_report(template, {**described, "figures": captions}, drawn, out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        main(
            [Path(path) for path in source.tables],
            Path(source.plan),
            Path(source.imported),
            Path(source.template),
            Path(snakemake.params.figures),
            Path(snakemake.output[0]),
        )
