"""Write tables `paper_slots` and `paper_values`: what is known of the paper's own tables and figures."""

from pathlib import Path

from passline.paper import cells_read, load_slots, slots_table, values_table
from passline.registry import load_isas, load_study
from passline.script import reporting
from passline.setup import SOFTMAX
from passline.tables import conform, write_table


def main(slots: Path, folder: Path, slots_out: Path, values_out: Path) -> None:
    """Read reports/paper.yaml and the files beside it that hold numbers read off the paper."""
    document = load_slots(slots)
    values = conform("paper_values", values_table(document, folder, load_study(SOFTMAX, load_isas())))
    write_table("paper_values", values, values_out)
    write_table(
        "paper_slots", conform("paper_slots", slots_table(document, values, cells_read(document, folder))), slots_out
    )


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            Path(snakemake.input.slots),
            Path(snakemake.params.folder),
            Path(snakemake.output.slots),
            Path(snakemake.output.values),
        )
