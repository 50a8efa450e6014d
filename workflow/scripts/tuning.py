"""Write table `tuning`."""

from collections.abc import Sequence
from pathlib import Path

from passline.builds import load_builds, load_session
from passline.collect import collect
from passline.disassembly import hot_loops
from passline.script import reporting
from passline.tables import write_table
from passline.tuning import tuning_rows


def main(
    manifest: Path,
    builds: Sequence[str],
    listings: Sequence[str],
    study: str,
    isas: Sequence[str],
    grid: str,
    machine: str,
    session: str,
    out: Path,
) -> None:
    """Choose the best variant per pass and ISA from the rounds of the tuning step."""
    declared = load_session(study, isas, grid).study
    variants = {v.name: v for v in declared.variants}
    usual = {v.name for v in declared.variants if declared.steps(v.pass_name)[0].admits(v.dimensions)}
    loops = {
        (build["build_id"], name): loop
        for build, listing in zip(load_builds(builds), listings, strict=True)
        for name, loop in hot_loops(Path(listing), {v.symbol: v.name for v in variants.values()}).items()
    }
    timings, rounds = collect(manifest, machine, session)
    write_table("tuning", tuning_rows(timings, rounds, variants, loops, usual), out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source, params = snakemake.input, snakemake.params
        main(
            Path(source.manifest),
            source.builds,
            source.disassembly,
            params.study,
            params.isas,
            params.grid,
            params.machine,
            params.session,
            Path(snakemake.output[0]),
        )
