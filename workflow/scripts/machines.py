"""Write table `machines`: the hardware, the state it was measured in, the builds, and the cost of reading the clock."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from passline.builds import load_builds
from passline.machine import facts, read_machine
from passline.script import reporting
from passline.session_state import merged
from passline.tables import write_table


def main(machine_path: Path, builds: Sequence[str], tuning: Path, times: Path, label: str, out: Path) -> None:
    """One row per fact."""
    first, last = (json.loads(path.read_text(encoding="utf-8")) for path in (tuning, times))
    rows = [*facts(read_machine(machine_path)), *merged([*first["states"], *last["states"]])]
    cost = first["clock_cost_s"]
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
            Path(source.tuning),
            Path(source.times),
            snakemake.params.machine,
            Path(snakemake.output[0]),
        )
