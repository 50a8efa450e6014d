"""Write table `port_model`."""

from collections.abc import Sequence
from pathlib import Path

from passline.builds import load_builds, load_session
from passline.floor_in_cache import floor_rows
from passline.machine import read_machine
from passline.script import reporting
from passline.tables import read_table, write_table


def main(
    tuning: Path,
    builds: Sequence[str],
    listings: Sequence[str],
    machine: Path,
    study: str,
    isas: Sequence[str],
    grid: str,
    out: Path,
) -> None:
    """Predict the hot loops of every algorithm's tuned variants."""
    known = {
        build["build_id"]: Path(listing).read_text(encoding="utf-8")
        for build, listing in zip(load_builds(builds), listings, strict=True)
    }
    declared = load_session(study, isas, grid).study
    here = read_machine(machine).microarchitecture
    write_table("port_model", floor_rows(read_table("tuning", tuning), declared, known, here), out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source, params = snakemake.input, snakemake.params
        main(
            Path(source.tuning),
            source.builds,
            source.disassembly,
            Path(source.machine),
            params.study,
            params.isas,
            params.grid,
            Path(snakemake.output[0]),
        )
