"""Check every variant and every algorithm against float64, and write table `accuracy`."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from passline.builds import load_builds, load_session
from passline.conformance import check_variants
from passline.conformance_algorithms import check_algorithms, presets
from passline.measure.library import Library
from passline.script import reporting
from passline.tables import write_table


def main(
    libraries: Sequence[str],
    builds: Sequence[str],
    study: str,
    isas: Sequence[str],
    grid: str,
    seed: int,
    jobs: int,
    out: Path,
) -> None:
    """Variants first; algorithms only of variants that passed, since a broken kernel could end the process."""
    chosen = load_session(study, isas, grid).study
    rows = []
    for path, build in zip(libraries, load_builds(builds), strict=True):
        build_id = build["build_id"]
        found = check_variants(Path(path), chosen, chosen.variants, seed=seed, build_id=build_id, jobs=jobs)
        failed = {row["variant"] for row in found if not row["passed"]}
        sound = [c for c in presets(chosen) if not failed & set(c.variants)]
        rows += found + check_algorithms(Library(Path(path)), chosen, sound, seed=seed, build_id=build_id)
    write_table("accuracy", pd.DataFrame(rows), out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        main(
            given.libraries,
            given.builds,
            params.study,
            params.isas,
            params.grid,
            params.seed,
            snakemake.threads,
            Path(snakemake.output[0]),
        )
