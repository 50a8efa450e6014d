"""Write table `machines`: the hardware, the builds, and the cost of reading the clock."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from passline.builds import load_builds
from passline.machine import facts, read_machine
from passline.script import reporting
from passline.tables import write_table


def main(machine_path: Path, builds: Sequence[str], clock: Path, label: str, out: Path) -> None:
    """One row per fact."""
    rows = facts(read_machine(machine_path))
    cost = json.loads(clock.read_text(encoding="utf-8"))["clock_cost_s"]
    rows.append(
        {
            "key": "clock_cost_s",
            "value": f"{cost:.3g}",
            "unit": "s",
            "origin": "measured: median of clock_gettime",
        }
    )
    for build in load_builds(builds):
        for key, value in (
            ("version", build["version"]),
            ("cflags", " ".join(build["cflags"])),
            ("build_id", build["build_id"]),
        ):
            rows.append({"key": f"{build['compiler']}_{key}", "value": value, "unit": "-", "origin": "build.json"})
    write_table("machines", pd.DataFrame(rows).assign(machine=label), out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source = snakemake.input
        main(
            Path(source.machine),
            source.builds,
            Path(source.clock),
            snakemake.params.machine,
            Path(snakemake.output[0]),
        )
