"""Try the outside baselines that the config asks for."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from passline.availability import probe_all
from passline.measure.spec import write_json
from passline.script import reporting


def main(names: Iterable[str], out: Path) -> None:
    """Write what is known of each, by name."""
    write_json(out, {name: asdict(known) for name, known in probe_all(names).items()})


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(snakemake.params.installed, Path(snakemake.output[0]))
