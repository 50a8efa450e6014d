"""Reduce imported bundles to the fleet's tables."""

import json
from pathlib import Path

from passline.fleet import collect
from passline.measure.spec import write_json
from passline.script import reporting
from passline.tables import write_table


def main(machines: Path, imported: Path, tables: Path, plan_out: Path) -> None:
    """Write the tables of the imported bundles, and the plan that says what things are called."""
    told = json.loads(imported.read_text(encoding="utf-8"))["imported"]
    found = collect(told, machines)
    for name, frame in found.tables().items():
        write_table(name, frame, tables / f"{name}.csv")
    write_json(plan_out, found.plan)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source, tables = snakemake.input, Path(snakemake.params.fleet) / "tables"
        main(Path(source.machines), Path(source.imported), tables, Path(snakemake.output.plan))
