"""What rules' scripts share: how one ends when something is wrong (one message, no traceback), and named tables."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from passline.errors import PasslineError

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def reporting(log: str) -> Iterator[None]:
    """Print a PasslineError, or that a disk is full, and exit with status 1; `log` says how the script ended."""
    try:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        yield
        Path(log).write_text("done\n", encoding="utf-8")
    except (PasslineError, OSError) as error:
        told = error if isinstance(error, PasslineError) else _full(error, Path(log).parent)
        if told is None:
            raise
        # Where the disk is full, the log cannot be written either.
        with suppress(OSError):
            Path(log).write_text(f"{told}\n", encoding="utf-8")
        print(f"\n{told}\n", file=sys.stderr, flush=True)
        sys.exit(1)


def named_tables(inputs: Mapping[str, str], names: Iterable[str], selftest: str) -> dict[str, Path]:
    """The tables of a rule's inputs by name, and `selftest` beside them where its path is not empty: where it ran."""
    return {name: Path(inputs[name]) for name in names} | ({"selftest": Path(selftest)} if selftest else {})


def _full(error: OSError, logs: Path) -> PasslineError | None:
    """What to say of an error, if a full disk is its cause; a write that fails does not tell the file."""
    if error.errno not in _FULL:
        return None
    places = [folder for folder in (Path.cwd(), logs, Path(os.environ.get("TMPDIR") or "/tmp")) if folder.is_dir()]
    where = error.filename or min(places, key=lambda folder: shutil.disk_usage(folder).free)
    return PasslineError(
        where,
        f"the disk is full ({error.strerror})",
        "Free some space, then run snakemake again: what is done is not done again",
    )
