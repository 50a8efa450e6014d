"""End a run in which a machine's session failed: the fleet's report stands, but not its exit status."""

from collections.abc import Sequence
from pathlib import Path

from passline.cluster import failures
from passline.errors import BundleError
from passline.script import reporting


def main(sent: Sequence[str], report: Path) -> None:
    """Raise BundleError, naming the machines, where a session ended badly."""
    told = failures(sent)
    if told:
        raise BundleError(
            report,
            f"{len(told)} of {len(sent)} machines are missing ({'; '.join(told)})",
            "See the log of each; to run one again, delete its .json beside that log",
        )


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(snakemake.input.sent, Path(snakemake.input.report))
