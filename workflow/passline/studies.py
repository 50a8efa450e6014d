"""The studies of a session: its own, wherever it lies, and the ceilings."""

from __future__ import annotations

from collections.abc import Mapping

from passline.errors import StudyError
from passline.registry import KERNELS, Isa, Study, load_study
from passline.study_file import study_folder

CEILINGS = "ceilings"


def load_studies(named: str, isas: Mapping[str, Isa], grid: str) -> tuple[Study, dict[str, Study]]:
    """The study that a config names, and it and the ceilings by name.

    ConfigError where there is none of that name, StudyError where it is wrong.
    """
    study, ceilings = (load_study(folder, isas, grid) for folder in (study_folder(named), KERNELS / CEILINGS))
    if study.name == ceilings.name and study.folder != ceilings.folder:
        where = f"{study.paths[0]}: study"
        raise StudyError(where, f"{study.name!r} is the name of the roofs", "Give the study another name")
    return study, {study.name: study, ceilings.name: ceilings}
