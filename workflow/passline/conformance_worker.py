"""The child of `conformance.check_variants`: reads a Job from standard input, prints one JSON line per variant.

A kernel may end this process; what it was doing stands in the job's progress file.
"""

from __future__ import annotations

import json
import pickle
import resource
import signal
import sys

from passline.conformance import PROGRESS, Job, open_progress
from passline.conformance_bench import make_bench
from passline.conformance_variant import check_variant
from passline.measure.library import Library


def main() -> None:
    """Check the job's variants one after the other."""
    job: Job = pickle.load(sys.stdin.buffer)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a wrong kernel is expected here: no core files
    progress = open_progress(job.progress)

    def tell(phase: int, n: int, x: int, y: int) -> None:
        PROGRESS.pack_into(progress, 0, phase, n, x, y)

    bench = make_bench(Library(job.library), job.study, job.seed, tell)
    for variant in job.variants:
        tell(-1, 0, 0, 0)
        signal.alarm(job.limit_s)  # its default action ends the process
        rows = check_variant(bench, variant, job.build_id)
        signal.alarm(0)
        print(json.dumps({"variant": variant.name, "rows": rows}), flush=True)


if __name__ == "__main__":
    main()
