"""Derive tables `ratios` and `round_ratios`."""

import json
from pathlib import Path

from passline.derive.ratios import compared, ratios_table, round_ratios_table
from passline.script import reporting
from passline.tables import read_table, write_table


def main(timings: Path, registry: Path, rounds: Path, plan: Path, ratios_out: Path, round_ratios_out: Path) -> None:
    """Read tables `timings`, `registry` and `rounds` and the plan, write the ratios by pair and by round."""
    scheme = json.loads(plan.read_text(encoding="utf-8"))
    found = compared(read_table("timings", timings), read_table("registry", registry), scheme)
    facts = read_table("rounds", rounds)
    write_table("ratios", ratios_table(found, facts), ratios_out)
    write_table("round_ratios", round_ratios_table(found, facts), round_ratios_out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source, out = snakemake.input, snakemake.output
        main(
            Path(source.timings),
            Path(source.registry),
            Path(source.rounds),
            Path(source.plan),
            Path(out.ratios),
            Path(out.round_ratios),
        )
