"""Write table `registry`."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from passline.builds import load_builds, load_session
from passline.registry_table import registry_rows
from passline.script import reporting
from passline.tables import write_table


def main(builds: Sequence[str], study: str, isas: Sequence[str], grid: str, out: Path) -> None:
    """One row per variant of the study and of the ceilings, in every build."""
    session = load_session(study, isas, grid)
    frames = [
        registry_rows(s, session.isas, build["build_id"])
        for build in load_builds(builds)
        for s in session.studies.values()
    ]
    write_table("registry", pd.concat(frames), out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        params = snakemake.params
        main(snakemake.input.builds, params.study, params.isas, params.grid, Path(snakemake.output[0]))
