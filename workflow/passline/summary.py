"""What `make` ends with: where the report is, and its three main sentences. Run as `python -m passline.summary`."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import yaml

from passline.config import DEFAULT
from passline.errors import PasslineError
from passline.setup import load


def summary(numbers: dict[str, Any], report: Path) -> str:
    """The closing words of a run."""
    sentences = [textwrap.fill(s, 100, initial_indent="  - ", subsequent_indent="    ") for s in numbers["headlines"]]
    return "\n".join(["", f"Report: {report}", *sentences, ""])


def main() -> int:
    """Print the summary of the default session; return the exit status."""
    try:
        setup = load(yaml.safe_load(DEFAULT.read_text(encoding="utf-8")))
    except PasslineError as error:
        print(error, file=sys.stderr)
        return 1
    numbers = json.loads(Path(setup.results, "numbers.json").read_text(encoding="utf-8"))
    print(summary(numbers, Path(setup.reports, "report.pdf")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
