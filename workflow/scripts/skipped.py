"""Write table `skipped`: everything that was left out, and why."""

import json
from pathlib import Path

import pandas as pd

from passline.script import reporting
from passline.tables import read_table, write_table


def main(plan_path: Path, accuracy: Path, machine: str, session: str, out: Path) -> None:
    """What the plan left out, and every variant that failed the check."""
    rows = json.loads(plan_path.read_text(encoding="utf-8"))["skipped"]
    checked = read_table("accuracy", accuracy)
    failed = checked[~checked["passed"]].groupby("variant", sort=True)["reason"].first()
    rows += [{"step": "check", "what": name, "reason": reason} for name, reason in failed.items()]
    write_table("skipped", pd.DataFrame(rows).assign(machine=machine, session=session), out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        params = snakemake.params
        main(
            Path(snakemake.input.plan),
            Path(snakemake.input.accuracy),
            params.machine,
            params.session,
            Path(snakemake.output[0]),
        )
