"""Write quality.json: what the notes on all figures have in common."""

import json
from collections.abc import Mapping
from pathlib import Path

from passline.citation import Published
from passline.figure_notes import TABLES, quality
from passline.measure.spec import write_json
from passline.script import named_tables, reporting
from passline.tables import read_table


def main(tables: Mapping[str, Path], plan: Path, output: Path, published: Published | None = None) -> None:
    """Read the tables by name, `selftest` among them where it ran, and the plan; of a published copy or not."""
    frames = {name: read_table(name, path) for name, path in tables.items()}
    write_json(output, quality(frames, json.loads(plan.read_text(encoding="utf-8")), published))


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        tables = named_tables(dict(source.items()), TABLES, snakemake.params.selftest[0])
        main(tables, Path(source.plan), Path(snakemake.output[0]))
