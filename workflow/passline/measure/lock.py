"""One measurement at a time on a machine: an exclusive flock taken by every measuring step."""

from __future__ import annotations

import fcntl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATH = Path(tempfile.gettempdir()) / "passline-measuring.lock"


@contextmanager
def measuring(path: Path = PATH) -> Iterator[None]:
    """Hold the lock; wait, saying so, while another measurement holds it. The kernel frees it if the process dies."""
    with suppress(PermissionError):  # another user's file: there it is, and a lock needs no right to write
        path.touch(mode=0o644)
    with path.open(encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another measurement holds {path}: waiting for it to end", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
