"""The HTML report that `snakemake --report` makes: its categories, and what stands beside a figure or a table.

All of it is known while the Snakefile is parsed: Snakemake asks for it when it makes the report, and a figure's caption
is a parameter of its job, so it must not change when a step ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from passline.errors import StudyError
from passline.imports import figure_constant, summary
from passline.setup import Setup
from passline.table_models import TABLES
from passline.titles import question_words

REPORT, TABLE = "report", "tables"
# By a figure's SECTION, and what is no figure; in the order of the menu.
_TITLES = {
    REPORT: "Report",
    "answers": "Answers",
    "paper": "The paper and this machine",
    "trust": "How far to trust it",
    "details": "Details",
    TABLE: "Tables",
}


@dataclass(frozen=True)
class Shown:
    """A figure, as the report lists it."""

    section: str
    summary: str
    caption: str


def shown_figures(paths: Iterable[Path], setup: Setup) -> dict[str, Shown]:
    """Every figure by its name; StudyError where one has no such SECTION, or a CAPTION that cannot be filled."""
    words = _words(setup)
    return {path.stem: Shown(_section(path), summary(path), _caption(path, words)) for path in paths}


def categories(figures: Iterable[Shown]) -> dict[str, str]:
    """What a section's category is called, for those that are not empty: Snakemake sorts them by their names."""
    used = {REPORT, TABLE, *(figure.section for figure in figures)}
    return {name: f"{i}. {_TITLES[name]}" for i, name in enumerate((n for n in _TITLES if n in used), 1)}


def _section(path: Path) -> str:
    section = str(figure_constant(path, "SECTION"))
    if section not in _TITLES:
        known = ", ".join(name for name in _TITLES if name not in (REPORT, TABLE))
        raise StudyError(f"{path}: SECTION", f"there is no section {section!r}", f"Use one of: {known}")
    return section


def _caption(path: Path, words: Mapping[str, str]) -> str:
    """CAPTION and LIMITS, with the study's words for their placeholders."""
    text = " ".join((figure_constant(path, "CAPTION"), figure_constant(path, "LIMITS")))
    try:
        return text.format(**words)
    except KeyError as error:
        what = f"{{{error.args[0]}}} is not a word that is known before the run"
        raise StudyError(f"{path}: CAPTION", what, f"Use some of: {', '.join(words)}") from None


def _words(setup: Setup) -> dict[str, str]:
    """What captions call the algorithms that the study's question is about; after the run its plan says the same."""
    titles = {name: {"title": algorithm.title} for name, algorithm in setup.study.algorithms.items()}
    return question_words(
        {
            "algorithms": {name: titles[name] for name in setup.study.papers},
            "beyond": {"algorithms": {name: titles[name] for name in setup.study.beyond}},
            "comparisons": setup.planner().comparisons,
            "paper": setup.study.paper,
            "outputs_sum": setup.study.outputs_sum,
        }
    )


def row_of(table: str) -> str:
    """What a row of a table is about, without the remarks."""
    return re.sub(r" \([^)]*\)", "", TABLES[table].row).partition(":")[0]
