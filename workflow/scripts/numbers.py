"""Compute every number and sentence that the report's text uses."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from passline.citation import Published
from passline.numbers import numbers
from passline.script import named_tables, reporting
from passline.tables import read_table

TABLES = (
    "registry",
    "tuning",
    "error_over_n",
    "rounds",
    "ceilings",
    "counters",
    "machines",
    "passes",
    "ratios",
    "claims",
    "beyond",
    "crossovers",
    "goals",
    "port_model",
    "baselines",
    "skipped",
    "paper_slots",
)


def main(
    tables: Mapping[str, Path], plan: Path, table1: Path, output: Path, published: Published | None = None
) -> None:
    """Read the tables by name, the plan and the paper's Table 1, write numbers.json, of a published copy or not."""
    frames = {name: read_table(name, path) for name, path in tables.items()}
    document = numbers(frames, json.loads(plan.read_text(encoding="utf-8")), pd.read_csv(table1), published)
    output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        tables = named_tables(dict(source.items()), TABLES, snakemake.params.selftest[0])
        main(tables, Path(source.plan), Path(source.table1), Path(snakemake.output[0]))
