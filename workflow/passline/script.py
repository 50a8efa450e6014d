"""How a rule's script ends when something is wrong: one message, on the terminal and in the log, and no traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from passline.errors import PasslineError


@contextmanager
def reporting(log: str) -> Iterator[None]:
    """Print a PasslineError and exit with status 1; `log` says how the script ended."""
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except PasslineError as error:
        Path(log).write_text(f"{error}\n", encoding="utf-8")
        print(f"\n{error}\n", file=sys.stderr, flush=True)
        sys.exit(1)
    Path(log).write_text("done\n", encoding="utf-8")
