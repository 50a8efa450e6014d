"""Derive table `passes`."""

import json
from pathlib import Path

from passline.derive.passes import passes_table
from passline.script import reporting
from passline.tables import read_table, write_table


def main(timings: Path, registry: Path, counters: Path, plan: Path, output: Path) -> None:
    """Read tables `timings`, `registry` and `counters` and the plan, write table `passes`."""
    scheme = json.loads(plan.read_text(encoding="utf-8"))
    frames = (read_table(n, p) for n, p in (("timings", timings), ("registry", registry), ("counters", counters)))
    write_table("passes", passes_table(*frames, scheme), output)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        tables = (Path(source[name]) for name in ("timings", "registry", "counters"))
        main(*tables, Path(source.plan), Path(snakemake.output[0]))
