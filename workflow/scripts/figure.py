"""Draw one figure, and write what was drawn beside it."""

import importlib
import json
from pathlib import Path

from passline import figure_style as style
from passline.tables import read_table


def main(name: str, tables: Path, plan: Path, svg: Path, pdf: Path, csv: Path) -> None:
    """Draw workflow/figures/<name>.py from the tables in a folder; a smoke run's figure is stamped.

    Args:
        name: name of the figure.
        tables: folder of the tables it names.
        plan: plan.json.
        svg: drawing to write.
        pdf: the same as PDF.
        csv: the data drawn.
    """
    module = importlib.import_module(f"figures.{name}")
    frames = {table: read_table(table, tables / f"{table}.csv") for table in module.TABLES}
    scheme = json.loads(plan.read_text(encoding="utf-8"))
    drawing = module.draw(frames, scheme)
    if not scheme["measurement"]:
        style.stamp_smoke(drawing)
    svg.parent.mkdir(parents=True, exist_ok=True)
    style.save(drawing, svg, pdf)
    module.data(frames, scheme).to_csv(csv, index=False, float_format="%.9g", lineterminator="\n")


if __name__ == "__main__":
    main(
        snakemake.wildcards.figure,  # type: ignore[name-defined]  # noqa: F821  # Snakemake puts it there
        Path(snakemake.params.tables),  # type: ignore[name-defined]  # noqa: F821
        Path(snakemake.input.plan),  # type: ignore[name-defined]  # noqa: F821
        Path(snakemake.output.svg),  # type: ignore[name-defined]  # noqa: F821
        Path(snakemake.output.pdf),  # type: ignore[name-defined]  # noqa: F821
        Path(snakemake.output.csv),  # type: ignore[name-defined]  # noqa: F821
    )
