"""Compute every number and sentence that the report's text uses."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from passline.numbers import numbers
from passline.script import reporting
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


def main(tables: Mapping[str, Path], plan: Path, table1: Path, output: Path) -> None:
    """Read the tables by name, the plan and the paper's Table 1, write numbers.json."""
    frames = {name: read_table(name, path) for name, path in tables.items()}
    scheme = json.loads(plan.read_text(encoding="utf-8"))
    document = numbers(frames, scheme, pd.read_csv(table1))
    output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        tables = {name: Path(source[name]) for name in TABLES}
        selftest, _ = snakemake.params.selftest
        if selftest:
            tables["selftest"] = Path(selftest)
        main(tables, Path(source.plan), Path(source.table1), Path(snakemake.output[0]))
