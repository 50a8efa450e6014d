"""Write table `counters` from the record of the counting step."""

import json
from pathlib import Path

import pandas as pd

from passline.script import reporting
from passline.tables import TABLES, write_table


def main(record: Path, out: Path) -> None:
    """One row per repetition, event and socket; one that says why, for each pass that nothing counted."""
    frame = pd.DataFrame(json.loads(record.read_text(encoding="utf-8"))["rows"])
    numbers = [name for name, column in TABLES["counters"].columns.items() if column.kind == "number" and name in frame]
    write_table("counters", frame.astype(dict.fromkeys(numbers, float)), out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(Path(snakemake.input.counts), Path(snakemake.output[0]))
