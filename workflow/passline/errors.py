"""The errors Passline raises; only a script's or a rule's last block prints them and exits.

PasslineError
├── ConfigError       a configuration key, or a combination of keys
├── StudyError        a study.yaml, isa.yaml or a pass file it names
├── MachineError      the host lacks what was asked for
├── BuildError        compiler or linker
├── MeasurementError  a round could not be taken or read
├── TableError        a table is missing, malformed or of another version
├── ReportError       a number the report needs does not exist
└── BundleError       a bundle cannot be written, or is damaged, altered or none
"""

from __future__ import annotations

from pathlib import Path


class PasslineError(Exception):
    """What is wrong, where, the value seen, and what to do next."""

    def __init__(self, where: str | Path, what: str, remedy: str) -> None:
        """Build the one message a user sees: ``where: what. remedy``."""
        super().__init__(f"{where}: {what}. {remedy}")


class ConfigError(PasslineError):
    """A configuration key, or a combination of keys, that cannot be used."""


class StudyError(PasslineError):
    """A study.yaml, an isa.yaml, or a pass file named there."""


class MachineError(PasslineError):
    """The host lacks what was asked for."""


class BuildError(PasslineError):
    """The compiler or the linker failed."""


class MeasurementError(PasslineError):
    """A round could not be taken or read."""


class TableError(PasslineError):
    """A table is missing, malformed or of another version."""


class ReportError(PasslineError):
    """A number the report needs does not exist."""


class BundleError(PasslineError):
    """A bundle that cannot be written, or that is damaged, altered or none."""
