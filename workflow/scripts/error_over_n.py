"""Measure how wrong whole algorithms become as rows grow, and write table `error_over_n`."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from passline.baselines import module
from passline.builds import built, load_builds, load_session
from passline.conformance_algorithms import Contender
from passline.error_over_n import error_over_n
from passline.measure.library import Library
from passline.registry import Study, of_groups
from passline.script import reporting
from passline.tables import read_table, write_table


def contenders(
    study: Study, isas: Sequence[str], chosen: dict[tuple[str, str], str], failed: set[str]
) -> list[Contender]:
    """Every algorithm with its presets and its tuned variants; none that failed the check."""
    found = []
    for algorithm in study.algorithms.values():
        for isa in (isa for isa in isas if study.runs_on(algorithm.name, isa)):
            preset = tuple(study.preset(p, isa).name for p in algorithm.passes)
            tuned = tuple(chosen.get((p, isa), "") for p in algorithm.passes)
            for label, names in (("preset", preset), ("tuned", tuned)):
                if all(names) and not failed & set(names):
                    found.append(Contender(algorithm.name, isa, label, names))
    return found


def main(
    libraries: Sequence[str],
    builds: Sequence[str],
    tuning: Path,
    accuracy: Path,
    baselines: Path,
    study: str,
    isas: Sequence[str],
    grid: str,
    groups: Sequence[str],
    sizes: Sequence[int],
    seed: int,
    memory_bytes: int | None,
    out: Path,
) -> None:
    """One row per algorithm, ISA, choice of variants, and size; and one per outside baseline and size."""
    peers = [name for name, known in json.loads(baselines.read_text(encoding="utf-8")).items() if known["ok"]]
    loaded = of_groups(load_session(study, isas, grid).study, groups)
    tuned, checked = read_table("tuning", tuning), read_table("accuracy", accuracy)
    rows = []
    outside = {name: module(name).load() for name in peers}
    for path, build in zip(libraries, load_builds(builds), strict=True):
        known = built(build, checked, tuned)
        wanted = contenders(loaded, isas, dict(known.chosen), set(known.rejected))
        # The same variants under two labels are one contender.
        once = list({c.variants: c for c in wanted}.values())
        found = error_over_n(
            Library(Path(path)),
            loaded,
            once,
            seed=seed,
            build_id=known.build_id,
            sizes=sizes,
            memory_bytes=memory_bytes,
            baselines=outside,
        )
        rows += [row for row in found if row["algorithm"] in outside]
        found = [row for row in found if row["algorithm"] not in outside]
        outside = {}  # they are of no build: once is enough
        variants = {(c.algorithm, c.isa, c.label): c.variants for c in once}
        of = [variants[row["algorithm"], row["isa"], row["variant"]] for row in found]
        for contender in wanted:
            mine = [row for row, names in zip(found, of, strict=True) if names == contender.variants]
            rows += [row | {"variant": contender.label} for row in mine]
    write_table("error_over_n", pd.DataFrame(rows), out)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        given, params = snakemake.input, snakemake.params
        main(
            given.libraries,
            given.builds,
            Path(given.tuning),
            Path(given.accuracy),
            Path(given.baselines),
            params.study,
            params.isas,
            params.grid,
            params.groups,
            params.sizes,
            params.seed,
            params.memory_bytes,
            Path(snakemake.output[0]),
        )
