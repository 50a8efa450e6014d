"""Take all rounds of one measuring step."""

import json
import sys
from pathlib import Path

from passline.machine import Machine, read_machine
from passline.measure.library import Library
from passline.measure.session import Host, run
from passline.measure.spec import write_json
from passline.progress import Bar
from passline.quiet import findings
from passline.script import reporting
from passline.session_state import facts


def main(step: str, blocks: Path, machine: Path, out: Path) -> None:
    """Write the manifest of the step's rounds, with the cost of reading the clock and the states of the host."""
    document = json.loads(blocks.read_text(encoding="utf-8"))
    host = Host(**document["host"])
    library = Library(Path(next(iter(host.libraries.values()))))
    states = out.with_name("states.json")
    bar = Bar(step, lambda: look_around(read_machine(machine), host.cpus[0], states))
    manifest = run(step, document["blocks"], document["code"], out.parent, host, bar)
    keys = {block["name"]: [c["key"] for c in block["contenders"]] for block in document["blocks"]}
    write_json(
        out,
        {
            "clock_cost_s": library.clock_cost_s(),
            "states": json.loads(states.read_text(encoding="utf-8")) if states.is_file() else [],
            "blocks": manifest,
            "keys": keys,
            "variants": {block["name"]: [c["variants"] for c in block["contenders"]] for block in document["blocks"]},
        },
    )


def look_around(machine: Machine, cpu: int, states: Path) -> None:
    """Say what disturbs the measurement, and add the host's state where it is another than when the step began."""
    for finding in findings(machine, cpu):
        print(f"not quiet: {finding}", file=sys.stderr, flush=True)
    known = json.loads(states.read_text(encoding="utf-8")) if states.is_file() else []
    now = facts(machine, cpu=cpu)
    if not known or known[-1] != now:
        write_json(states, [*known, now])


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            snakemake.wildcards.step,
            Path(snakemake.input.blocks),
            Path(snakemake.params.machine),
            Path(snakemake.output[0]),
        )
