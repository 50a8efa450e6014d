"""Write tables `timings`, `ceiling_timings`, `rounds` and `baselines` from the rounds of all steps."""

from pathlib import Path

import pandas as pd

from passline.collect import collect, collect_baselines
from passline.derive.marks import with_marks
from passline.script import reporting
from passline.tables import write_table


def main(
    times: Path,
    ceilings: Path,
    tuning: Path,
    machine: str,
    session: str,
    timings_out: Path,
    ceilings_out: Path,
    rounds_out: Path,
    baselines_out: Path,
) -> None:
    """Collect the rounds of the three measuring steps; what makes a round doubtful shows beside all of them."""
    timings, timing_rounds = collect(times, machine, session)
    roofs, roof_rounds = collect(ceilings, machine, session)
    _, tuning_rounds = collect(tuning, machine, session)
    write_table("timings", timings, timings_out)
    write_table("timings", roofs, ceilings_out)
    rounds = pd.concat([roof_rounds, tuning_rounds, timing_rounds], ignore_index=True)
    write_table("rounds", with_marks(rounds), rounds_out)
    write_table("baselines", collect_baselines(times, machine, session), baselines_out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source, out, params = snakemake.input, snakemake.output, snakemake.params
        main(
            Path(source.times),
            Path(source.ceilings),
            Path(source.tuning),
            params.machine,
            params.session,
            Path(out.timings),
            Path(out.ceilings),
            Path(out.rounds),
            Path(out.baselines),
        )
