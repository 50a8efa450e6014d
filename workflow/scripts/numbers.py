"""Compute every number and sentence that the report's text uses."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from passline.numbers import numbers
from passline.tables import read_table

TABLES = ("registry", "tuning", "error_over_n", "rounds", "ceilings", "machines", "passes", "ratios", "claims", "skipped")


def main(tables: Mapping[str, Path], plan: Path, table1: Path, output: Path) -> None:
    """Read the tables by name, the plan and the paper's Table 1, write numbers.json."""
    frames = {name: read_table(name, path) for name, path in tables.items()}
    document = numbers(frames, json.loads(plan.read_text(encoding="utf-8")), pd.read_csv(table1))
    output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    given = snakemake.input  # type: ignore[name-defined]  # noqa: F821  # Snakemake puts it there
    main(
        {name: Path(given[name]) for name in TABLES}, Path(given.plan), Path(given.table1),
        Path(snakemake.output[0]),  # type: ignore[name-defined]  # noqa: F821
    )  # fmt: skip
