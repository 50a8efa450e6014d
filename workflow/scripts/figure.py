"""Draw one figure, and write what was drawn beside it."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from passline import figure_style as style
from passline.derive.selection import of_build, of_paper
from passline.figure_notes import in_words, note
from passline.measure.spec import write_json
from passline.script import reporting
from passline.tables import conform, read_table


def main(name: str, tables: Path, plan: Path, quality: Path, out: Mapping[str, Path]) -> None:
    """Draw workflow/figures/<name>.py from the tables in a folder; a smoke run's figure is stamped.

    Args:
        name: name of the figure.
        tables: folder of the tables it names; those it calls OPTIONAL may be missing there, and are then empty.
        plan: plan.json.
        quality: quality.json.
        out: files to write by their suffix: the drawing as `svg` and `pdf`, the data drawn as `csv`, and as `json` the
            note on them, which the others hold too.
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
    for path in out.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    drawn = module.data(frames, scheme)
    told = note(name, module, json.loads(quality.read_text(encoding="utf-8")), drawn)
    style.save(drawing, out["svg"], out["pdf"], title=told["caption"], about=in_words(told))
    rows = drawn.to_csv(index=False, float_format="%.9g", lineterminator="\n")
    head = "".join(f"# {line}\n" for line in (f"passline figure {name}", *in_words(told)))
    out["csv"].write_text(head + rows, encoding="utf-8")
    write_json(out["json"], told)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            snakemake.wildcards.figure,
            Path(snakemake.params.tables),
            Path(snakemake.input.plan),
            Path(snakemake.input.quality),
            {suffix: Path(path) for suffix, path in snakemake.output.items()},
        )
