"""Draw one figure, and write what was drawn beside it."""

import importlib
import json
from pathlib import Path

import pandas as pd

from passline import figure_style as style
from passline.derive.selection import of_build, of_paper
from passline.figure_notes import in_words
from passline.script import reporting
from passline.tables import conform, read_table


def main(name: str, tables: Path, plan: Path, numbers: Path, svg: Path, pdf: Path, csv: Path) -> None:
    """Draw workflow/figures/<name>.py from the tables in a folder; a smoke run's figure is stamped.

    Args:
        name: name of the figure.
        tables: folder of the tables it names; those it calls OPTIONAL may be missing there, and are then empty.
        plan: plan.json.
        numbers: numbers.json, whose note on the figure goes into the files.
        svg: drawing to write.
        pdf: the same as PDF.
        csv: the data drawn.
    """
    module = importlib.import_module(f"figures.{name}")
    scheme = json.loads(plan.read_text(encoding="utf-8"))
    frames = of_build({table: read_table(table, tables / f"{table}.csv") for table in module.TABLES}, scheme)
    if not getattr(module, "BEYOND", False):
        frames = of_paper(frames, scheme)
    # An optional table is of another run than the session, perhaps of another build: all its rows are drawn.
    for table in getattr(module, "OPTIONAL", ()):
        path = tables / f"{table}.csv"
        frames[table] = read_table(table, path) if path.is_file() else conform(table, pd.DataFrame())
    drawing = module.draw(frames, scheme)
    if not scheme["measurement"]:
        style.stamp_smoke(drawing)
    for path in (svg, pdf, csv):
        path.parent.mkdir(parents=True, exist_ok=True)
    note = json.loads(numbers.read_text(encoding="utf-8"))["figures"][name]
    style.save(drawing, svg, pdf, title=note["caption"], about=in_words(note))
    drawn = module.data(frames, scheme).to_csv(index=False, float_format="%.9g", lineterminator="\n")
    head = "".join(f"# {line}\n" for line in (f"passline figure {name}", *in_words(note)))
    csv.write_text(head + drawn, encoding="utf-8")


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        out = snakemake.output
        main(
            snakemake.wildcards.figure,
            Path(snakemake.params.tables),
            Path(snakemake.input.plan),
            Path(snakemake.input.numbers),
            Path(out.svg),
            Path(out.pdf),
            Path(out.csv),
        )
