"""One measurement at a time on a machine: an exclusive flock taken by every measuring step.

The processes of the rounds inherit the descriptor, so the lock is free only when the last of them has ended, whoever
was killed first.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

# Not tempfile.gettempdir(), which tries to write: on a full disk it would name another folder, and so another lock.
PATH = Path(os.environ.get("TMPDIR") or "/tmp") / "passline-measuring.lock"


@contextmanager
def measuring(what: str, path: Path | None = None) -> Iterator[int]:
    """Hold the lock and give its descriptor; while another measurement holds it, wait and say for whom."""
    path = path or PATH
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "another user's measurement"
            print(
                f"waiting: {holder} is measuring on this machine, and two at a time would disturb each other "
                f"(lock {path})",
                file=sys.stderr,
                flush=True,
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        _sign(file, what)
        yield file.fileno()


def _opened(path: Path) -> IO[str]:
    """The lock's file, which may be another user's: then it is there, and a lock needs no right to write."""
    with suppress(PermissionError):
        path.touch(mode=0o644)
    with suppress(PermissionError):
        return path.open("r+", encoding="utf-8")
    return path.open(encoding="utf-8")


def _sign(file: IO[str], what: str) -> None:
    """Write who holds the lock. It is a courtesy: another user's file, or a full disk, must not stop a measurement."""
    started = time.strftime("%H:%M:%S")
    line = f"process {os.getpid()} ({what}, since {started}, in {Path.cwd()})\n"
    with suppress(OSError):
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), line.encode(), 0)
