"""End a run that left variants out as failed: its report stands, but not its exit status."""

from pathlib import Path

from passline.errors import MeasurementError
from passline.script import reporting
from passline.tables import read_table


def main(accuracy: Path, out: Path) -> None:
    """Raise MeasurementError, naming the variants, where any failed the check."""
    checked = read_table("accuracy", accuracy)
    failed = checked[~checked["passed"]].groupby("variant")["reason"].first()
    if len(failed):
        listed = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise MeasurementError(
            accuracy,
            f"{len(failed)} variants failed the check and were not timed ({listed})",
            "The report was written and says so; correct the kernels",
        )
    out.touch()


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(Path(snakemake.input.accuracy), Path(snakemake.output[0]))
