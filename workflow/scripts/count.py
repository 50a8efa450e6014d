"""Count the memory traffic, cycles and instructions of every pass."""

import json
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from passline.counters import calibrate, planning, step, sysfs
from passline.counters.chain import OFF
from passline.counters.perf import Counting, Perf
from passline.counters.planning import Place
from passline.counters.probing import host_of
from passline.counters.records import document
from passline.counters.rights import rights
from passline.counters.step import Bench
from passline.errors import MeasurementError
from passline.machine import read_machine
from passline.machine_sources import Tree
from passline.measure.library import Library
from passline.measure.lock import measuring
from passline.measure.spec import write_json
from passline.measure.worker import ORPHANED, Guard
from passline.progress import Bar
from passline.registry import load_isas, traffic
from passline.script import reporting
from passline.studies import CEILINGS, load_studies


def main(
    mode: str,
    blocks: Path,
    machine_path: Path,
    node: Sequence[int],
    isas: Sequence[str],
    study: str,
    grid: str,
    label: dict[str, str],
    out: Path,
    tree: Tree | None = None,
    kernel: Counting | None = None,
) -> None:
    """Write the rows of table `counters`, and beside them all that each number rests on.

    Args:
        mode: config key `counters`.
        blocks: blocks.json of the timing step.
        machine_path: machine.json.
        node: cpus that threads are counted on together, one per core, the measuring cpu first.
        isas: instruction sets of the session.
        study: its study, as the config names it.
        grid: its grid of variants.
        label: machine and session.
        out: the record to write.
        tree: where sysfs and /proc are read, of this machine where None.
        kernel: what counts, the kernel itself where None.
    """
    timed = json.loads(blocks.read_text(encoding="utf-8"))
    machine, given, tree = read_machine(machine_path), rights(), tree or Tree(Path("/"))
    libraries = {name: Library(Path(path)) for name, path in timed["host"]["libraries"].items()}
    kernel = kernel or Perf(next(iter(libraries.values())))
    llc = timed["host"]["llc_bytes"]
    place = Place(tuple(node), llc, machine.caches_of(node), machine.memory_bytes or 0)
    batches, left_out = planning.batches(timed["blocks"], place)
    sought = {
        threads: step.seek(mode, host_of(machine, tree, node[:threads]), kernel, given, machine.hypervisor)
        for threads in sorted({1, *(len(batch.cpus) for batch in batches)})
    }
    rows = load_isas()
    parsed, studies = load_studies(study, {name: rows[name] for name in isas}, grid)
    guard, expected, began, done = Guard(), step.workloads(batches, sought), time.monotonic(), 0
    bar = Bar("count", unit="workloads")

    def tell(batch: str) -> None:
        nonlocal done
        if guard.alone():
            raise MeasurementError(batch, ORPHANED, "Run snakemake again: counting begins anew")
        left_s = (time.monotonic() - began) / done * (expected - done) if done else math.nan
        if done:
            bar.took(batch, done, expected, left_s, None)
        done += 1

    bench = Bench(
        kernel,
        libraries,
        calibrate.loop_variants(studies[CEILINGS].variants, isas[-1]),
        {v.name: traffic(parsed.passes[v.pass_name])[:2] for v in parsed.variants},
        parsed.simulated,
        llc,
        sysfs.socket_of(tree, node[0]),
        given,
        label,
        timed["host"]["seed"],
        tell,
    )
    if expected:
        with measuring("count"):
            bar.start(0, expected)
            made, records = step.run(batches, sought, bench)
            bar.took("the last", expected, expected, 0.0, None)
            bar.end(expected)
    else:
        made, records = step.run(batches, sought, bench)
        if mode != OFF:
            print(f"nothing is counted: {sought[1].memory.reason}", file=sys.stderr, flush=True)
    write_json(
        out,
        {
            "sought": {str(threads): document(found) for threads, found in sought.items()},
            "rights": document(given),
            "kernel": os.uname().release,
            "left_out": left_out,
            "rows": document(made),
            "records": records,
        },
    )


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        params = snakemake.params
        main(
            params.counters,
            Path(snakemake.input.blocks),
            Path(params.machine),
            params.node,
            params.isas,
            params.study,
            params.grid,
            {"machine": params.label, "session": params.session},
            Path(snakemake.output[0]),
        )
