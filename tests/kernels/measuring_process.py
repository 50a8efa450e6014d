"""A measuring step in a process of its own: `python measuring_process.py SPEC`. Says what it does, line by line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from passline.measure import session, worker


class Lines:
    """A progress that prints."""

    def start(self, taken: int, expected: int) -> None:
        """The lock is ours."""
        print(f"start {taken} {expected}", flush=True)

    def took(self, block: str, taken: int, expected: int, left_s: float, noise: float) -> None:  # noqa: ARG002 - the protocol's
        """A round is done."""
        print(f"took {taken}", flush=True)

    def end(self, taken: int) -> None:
        """All are done."""
        print(f"end {taken}", flush=True)


if __name__ == "__main__":
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if "command" in spec:
        worker.COMMAND = spec["command"]
    session.run("times", [spec["block"]], spec["code"], Path(spec["raw"]), session.Host(**spec["host"]), Lines())
