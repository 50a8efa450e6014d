"""Judge the paper's claims by this session's tables."""

import json
from collections.abc import Mapping
from pathlib import Path

from passline.claims import claims_table, load_claims
from passline.script import reporting
from passline.tables import read_table, write_table

TABLES = ("ratios", "passes", "timings", "registry", "tuning", "accuracy", "machines")


def main(tables: Mapping[str, Path], claims: Path, plan: Path, output: Path) -> None:
    """Read claims.yaml, the plan and the tables by name, write table `claims`."""
    frames = {name: read_table(name, path) for name, path in tables.items()}
    scheme = json.loads(plan.read_text(encoding="utf-8"))
    write_table("claims", claims_table(load_claims(claims), frames, scheme), output)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        tables = {name: Path(source[name]) for name in TABLES}
        main(tables, Path(source.claims), Path(source.plan), Path(snakemake.output[0]))
