"""Plan the self-test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from passline.builds import built, load_builds, step_document
from passline.measure.spec import write_json
from passline.script import reporting
from passline.selftest_plan import blocks
from passline.setup import load
from passline.tables import read_table


def main(
    config: Mapping[str, Any], build_paths: Sequence[str], libraries: Sequence[str], accuracy: Path, out: Path
) -> None:
    """Write the self-test's blocks; variants that failed the check are left out."""
    planner = load(config).planner()
    builds = load_builds(build_paths)
    checked = read_table("accuracy", accuracy)
    sizes = planner.selftest_sizes()
    write_json(
        out, step_document(blocks(planner, [built(b, checked) for b in builds], sizes), config, builds, libraries)
    )


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            snakemake.params.config,
            snakemake.input.builds,
            snakemake.params.libraries,
            Path(snakemake.input.accuracy),
            Path(snakemake.output[0]),
        )
