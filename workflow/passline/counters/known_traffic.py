"""A process that moves a known number of bytes, for other tools to count: LIBRARY VARIANT BYTES CALLS.

Run as `python -m passline.counters.known_traffic`. What it costs to start, and to fill its row once, is the same for
any number of calls, 0 included: the difference of two runs is the calls' own traffic.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from passline.measure import buffers
from passline.measure.library import Library

ELEMENT_BYTES = 4


def main(arguments: Sequence[str]) -> int:
    """Call a variant CALLS times over a row of BYTES, read and written in place."""
    library, variant, size, calls = arguments
    row = buffers.allocate(1, int(size) // ELEMENT_BYTES, "huge").rows[0]
    row[:] = 1.0
    workload = Library(Path(library)).workload([variant], [row], [row])
    workload.set_state({"scale": 1.0})
    workload.run(int(calls))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
