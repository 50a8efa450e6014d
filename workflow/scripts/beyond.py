"""Derive tables `beyond` and `goals`."""

import json
from collections.abc import Mapping
from pathlib import Path

from passline.derive.beyond import beyond_table
from passline.derive.goals import goals_table, load_goals
from passline.derive.selection import of_build
from passline.script import reporting
from passline.tables import read_table, write_table


def main(timings: Path, known: Mapping[str, Path], goals: Path, plan: Path, beyond_out: Path, goals_out: Path) -> None:
    """Read tables `timings` and those that goals rest on, the goals and the plan; write what is beyond the paper."""
    scheme = json.loads(plan.read_text(encoding="utf-8"))
    write_table("beyond", beyond_table(read_table("timings", timings), scheme), beyond_out)
    tables = {name: read_table(name, path) for name, path in {**known, "beyond": beyond_out}.items()}
    write_table("goals", goals_table(load_goals(goals), of_build(tables, scheme), scheme), goals_out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source, out = snakemake.input, snakemake.output
        main(
            Path(source.timings),
            {"ratios": Path(source.ratios), "error_over_n": Path(source.error_over_n)},
            Path(source.goals),
            Path(source.plan),
            Path(out.beyond),
            Path(out.goals),
        )
