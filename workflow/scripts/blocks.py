"""Plan the ceilings and the tuning step."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from passline.builds import built, check_sound, load_builds, step_document
from passline.measure.spec import write_json
from passline.script import reporting
from passline.setup import load
from passline.tables import read_table


def main(
    config: Mapping[str, Any],
    build_paths: Sequence[str],
    libraries: Sequence[str],
    accuracy: Path,
    ceilings: Path,
    tuning: Path,
) -> None:
    """Write both steps' blocks; variants that failed the check are left out."""
    setup = load(config)
    planner = setup.planner()
    builds = load_builds(build_paths)
    checked = read_table("accuracy", accuracy)
    check_sound(setup.study, checked, accuracy)
    sound = [built(build, checked) for build in builds]
    write_json(ceilings, step_document(planner.roofs(sound), config, builds, libraries))
    write_json(tuning, step_document(planner.tuning(sound), config, builds, libraries))


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            snakemake.params.config,
            snakemake.input.builds,
            snakemake.params.libraries,
            Path(snakemake.input.accuracy),
            Path(snakemake.output.ceilings),
            Path(snakemake.output.tuning),
        )
