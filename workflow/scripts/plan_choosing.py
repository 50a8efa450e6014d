"""Plan the choosing step from the tuned choices."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from passline import choosing_plan
from passline.builds import built, load_builds, step_document
from passline.measure.spec import write_json
from passline.script import reporting
from passline.setup import load
from passline.tables import read_table


def main(
    config: Mapping[str, Any],
    build_paths: Sequence[str],
    libraries: Sequence[str],
    accuracy: Path,
    tuning: Path,
    out: Path,
) -> None:
    """Write the blocks of the choosing step."""
    setup = load(config)
    builds = load_builds(build_paths)
    tuned, checked = read_table("tuning", tuning), read_table("accuracy", accuracy)
    blocks = choosing_plan.blocks(setup.planner(), [built(b, checked, (tuned, setup.study)) for b in builds])
    write_json(out, step_document(blocks, config, builds, libraries))


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        main(
            snakemake.params.config,
            source.builds,
            snakemake.params.libraries,
            Path(source.accuracy),
            Path(source.tuning),
            Path(snakemake.output[0]),
        )
