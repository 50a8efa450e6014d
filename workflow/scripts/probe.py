"""See which counters this machine has, before anything is timed."""

import sys
from collections.abc import Sequence
from pathlib import Path

from passline.counters import chain
from passline.counters.perf import Counting, Perf
from passline.counters.probing import host_of
from passline.counters.records import document
from passline.counters.rights import rights
from passline.machine import read_machine
from passline.machine_sources import Tree
from passline.measure.library import Library
from passline.measure.spec import write_json
from passline.script import reporting


def main(
    mode: str, library: Path, machine_path: Path, cpus: Sequence[int], out: Path, kernel: Counting | None = None
) -> None:
    """Write the source that will count and every attempt with its errno; MachineError for a demand that is not met.

    Args:
        mode: config key `counters`.
        library: libpassline.so.
        machine_path: machine.json.
        cpus: the measuring cpu first.
        out: the record to write.
        kernel: what counts, the kernel itself where None.
    """
    machine, given = read_machine(machine_path), rights()
    host = host_of(machine, Tree(Path("/")), cpus[:1])
    chosen = chain.choose(mode, host, kernel or Perf(Library(library)), given, machine.hypervisor)
    fix = f" {chosen.explanation.fix}." if chosen.explanation else ""
    say = f"by {chosen.source}" if chosen.plan is not None else f"no, {chosen.reason}.{fix}"
    print(f"memory traffic will be counted: {say}", file=sys.stderr, flush=True)
    write_json(out, {"chosen": document(chosen), "rights": document(given)})


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        params = snakemake.params
        main(
            params.counters,
            Path(snakemake.input.libraries[0]),
            Path(params.machine),
            params.cpus,
            Path(snakemake.output[0]),
        )
