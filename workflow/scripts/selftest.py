"""Write table `selftest`, and say how often the instrument was right."""

import sys
from pathlib import Path

from passline.collect import collect
from passline.derive.selftest import goals, selftest_table
from passline.script import reporting
from passline.tables import conform, write_table


def main(manifest: Path, machine: str, session: str, llc_bytes: int, out: Path) -> None:
    """Judge the rounds of the self-test."""
    timings, rounds = collect(manifest, machine, session)
    table = conform("selftest", selftest_table(timings, rounds, llc_bytes))
    write_table("selftest", table, out)
    print(f"\nself-test: {len(table)} points in {out}", file=sys.stderr)
    for _, row in goals(table).iterrows():
        number = f"{row['reached']:.0f}" if row["wanted"] == 0 else f"{row['reached']:.1%}"
        wanted = "0" if row["wanted"] == 0 else f"{row['wanted']:.1%}"
        print(f"  {row['goal']}: {number} of {row['n_points']} (goal {wanted})", file=sys.stderr)
    print("The next plain `snakemake` shows it in the report.\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        params = snakemake.params
        main(
            Path(snakemake.input.manifest),
            params.machine,
            params.session,
            params.llc_bytes,
            Path(snakemake.output[0]),
        )
