"""The generated blocks of README.md: what its figure shows and what was found, and the published reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from passline.derive import selection
from passline.numbers import headlines
from passline.registry import KERNELS
from passline.tables import read_table

ROOT = KERNELS.parent
FRONT = ROOT / "README.md"
PUBLISHED = ROOT / "reports" / "published"
SHOWN = ("softmax", "default")
"""Study and session whose figure the README shows: the first machine's that has it."""

READ = ("machines", "passes", "ratios", "registry", "tuning")


def blocks(folder: Path = PUBLISHED) -> dict[str, str]:
    """Every block by its name.

    Args:
        folder: folder of published reports.
    """
    published = sorted(path.parent for path in folder.glob("*/plan.json"))
    return {"found": found_block(published), "reports": reports_block(published)}


def found_block(published: Sequence[Path]) -> str:
    """The figure of the first default session, and in words the first sentence of its report."""
    shown = [one for one in published if _named(one) == SHOWN]
    if not shown:
        return "*No default session is published yet.*"
    folder = shown[0]
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    tables = {name: read_table(name, folder / "tables" / f"{name}.csv") for name in READ}
    tables = selection.of_paper(selection.of_build(tables, plan), plan)
    facts = dict(zip(tables["machines"]["key"], tables["machines"]["value"], strict=True))
    where = ", ".join([f"{facts['model_name']} ({facts['microarchitecture']})", f"{facts['cores']} cores"])
    place = folder.relative_to(ROOT).as_posix()
    drawn = "Time of Three-Pass and Two-Pass softmax per element over the length of the row"
    caption = (
        "Time per element over the length of the row, and Three-Pass time over Two-Pass time with 95 % intervals, "
        f"on {where}. {headlines(tables, plan)[0]} [The report it is from]({place}/report.pdf)."
    )
    return f"![{drawn}]({place}/against_bases.svg)\n\n*{caption}*"


def _named(folder: Path) -> tuple[str, str]:
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    return str(plan["study"]), str(plan["session"])


def reports_block(published: Sequence[Path]) -> str:
    """A line for each published report."""
    lines = []
    for folder in published:
        study, session = _named(folder)
        machine = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["machine"]
        place = (folder / "report.pdf").relative_to(ROOT).as_posix()
        lines.append(f"- [`{folder.name}`]({place}): machine `{machine}`, study `{study}`, session `{session}`")
    return "\n".join(lines)
