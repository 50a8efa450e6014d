"""Write table `selftest`, and say on the terminal what the instrument reached."""

import sys
from pathlib import Path

from passline.collect import collect
from passline.derive.selftest import goals, in_words, selftest_table
from passline.script import reporting
from passline.tables import conform, write_table


def main(manifest: Path, machine: str, session: str, llc_bytes: int, output: Path, paper: bool) -> None:
    """Judge the rounds of the self-test."""
    timings, rounds = collect(manifest, machine, session)
    table = conform("selftest", selftest_table(timings, rounds, llc_bytes))
    write_table("selftest", table, output)
    print("the instrument, where the truth is known:", file=sys.stderr)
    for sentence in in_words(goals(table, paper)):
        print(f"  {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        params = snakemake.params
        main(
            Path(snakemake.input.manifest),
            params.machine,
            params.session,
            params.llc_bytes,
            Path(snakemake.output[0]),
            params.paper,
        )
