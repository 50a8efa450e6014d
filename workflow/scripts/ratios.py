"""Derive table `ratios`."""

import json
from pathlib import Path

from passline.derive.ratios import ratios_table
from passline.script import reporting
from passline.tables import read_table, write_table


def main(timings: Path, registry: Path, plan: Path, output: Path) -> None:
    """Read tables `timings` and `registry` and the plan, write table `ratios`."""
    scheme = json.loads(plan.read_text(encoding="utf-8"))
    write_table(
        "ratios", ratios_table(read_table("timings", timings), read_table("registry", registry), scheme), output
    )


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        main(Path(source.timings), Path(source.registry), Path(source.plan), Path(snakemake.output[0]))
