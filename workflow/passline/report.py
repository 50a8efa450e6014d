"""The report: a Typst template, numbers.json and the figures, compiled to a PDF."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

from passline.errors import ReportError
from passline.imports import template_parts


def compile_report(template: Path, numbers: Mapping[str, Any], figures: Mapping[str, Path], output: Path) -> None:
    """Write the PDF; raise ReportError where a figure or a number that the template names is missing.

    The template sees one folder, holding what it imports, `numbers.json` and `figures/<name>.svg`. Fonts are those that
    Typst carries, and no date enters, so equal inputs give equal bytes.

    Args:
        template: Typst source.
        numbers: contents of numbers.json, with the notes on its figures.
        figures: drawings (SVG) by name.
        output: the PDF to write.
    """
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        (stage / "figures").mkdir()
        for name, svg in figures.items():
            if not svg.is_file():
                raise ReportError(svg, "the figure does not exist", f"Draw it: snakemake {svg}")
            shutil.copyfile(svg, stage / "figures" / f"{name}.svg")
        notes = {name: note for name, note in numbers["figures"].items() if name in figures}
        (stage / "numbers.json").write_text(
            json.dumps({**numbers, "figures": notes}, ensure_ascii=False), encoding="utf-8"
        )
        for path in (template, *template_parts(template)):
            shutil.copyfile(path, stage / path.name)
        try:
            pdf = typst.compile(stage / template.name, root=stage, ignore_system_fonts=True, timestamp=0)
        except typst.TypstError as error:
            message = " ".join(str(error).split())
            raise ReportError(
                template,
                f"does not compile ({message})",
                "Add the number to workflow/passline/numbers.py, or correct the template",
            ) from error
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = output.with_name(f".{output.name}.part")
    aside.write_bytes(pdf)
    aside.replace(output)
