"""Plan the timing step from the tuned choices."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from passline.builds import built, load_builds, step_document
from passline.errors import MeasurementError
from passline.known_baselines import Known
from passline.measure.spec import write_json
from passline.plan_beyond import document as beyond_document
from passline.registry import KERNELS
from passline.script import reporting
from passline.setup import SOFTMAX, load
from passline.sizes import KEY_FRACTIONS
from passline.tables import read_table


def main(
    config: Mapping[str, Any],
    build_paths: Sequence[str],
    libraries: Sequence[str],
    accuracy: Path,
    tuning: Path,
    clock: Path,
    crossovers: Path,
    baselines: Path,
    plan_out: Path,
    times_out: Path,
) -> None:
    """Write the blocks of the timing step, and plan.json, which the analysis reads."""
    setup = load(config)
    planner = setup.planner()
    tuned, checked = read_table("tuning", tuning), read_table("accuracy", accuracy)
    builds = load_builds(build_paths)
    chosen = tuned[tuned["chosen"] & (tuned["n_elements"] == planner.key["L1"])]
    per_element = (chosen["time_median_s"] / chosen["n_elements"]).groupby(chosen["pass"]).min()
    whole = [a for a in setup.study.algorithms.values() if set(a.passes) <= set(per_element.index)]
    if not whole:
        raise MeasurementError(
            tuning, "no algorithm has a sound variant of each pass", "See accuracy.csv for the reasons"
        )
    sums = [float(per_element[list(a.passes)].sum()) for a in whole]
    clock_cost_s = json.loads(clock.read_text(encoding="utf-8"))["clock_cost_s"]
    peers = {name: Known(**facts) for name, facts in json.loads(baselines.read_text(encoding="utf-8")).items()}
    tuned_builds = [built(b, checked, (tuned, setup.study)) for b in builds]
    found = read_table("crossovers", crossovers)
    plan = planner.plan(tuned_builds, clock_cost_s, min(sums), peers, found)
    write_json(times_out, step_document(plan.blocks, config, builds, libraries))
    skipped = [{"step": "time", **row} for row in plan.skipped]
    skipped += [{"step": "build", "what": f"ISA {isa}", "reason": why} for isa, why in setup.missing_isas.items()]
    name = config["session"]
    known = "" if name == "default" else f" --profile profiles/{name}"
    command = f"snakemake{known}" if Path("profiles", name).is_dir() else f"snakemake --configfile <the file of {name}>"
    study, asked = setup.study.name, ""
    if setup.study.folder != SOFTMAX:
        asked = f" --config study={study if setup.study.folder.parent == KERNELS else f'<the folder of {study}>'}"
    write_json(
        plan_out,
        {
            "session": config["session"],
            "folder": setup.session_folder,
            "machine": setup.label,
            "study": setup.study.name,
            "title": setup.study.title,
            "paper": setup.study.paper,
            "measurement": config["measurement"],
            "outputs_sum": setup.study.outputs_sum,
            "result": setup.study.result,
            "command": command + asked,
            "measure_command": f"snakemake{asked}",
            "effort": config["effort"],
            "design": asdict(planner.design),
            "comparisons": [list(pair) for pair in planner.comparisons],
            "labels": plan.labels,
            "bars": list(KEY_FRACTIONS),
            "out_of_cache": ["4 x LLC"],
            "llc_bytes": planner.host.caches.llc,
            "simulated": sorted(setup.study.simulated),
            "primary_protocol": "paper",
            "protocols": sorted({b["protocol"] for b in plan.blocks}),
            "ceiling_levels": [
                {"level": b["name"].split("-")[1], "threads": b["threads"], "n_elements": b["n_elements"]}
                for b in planner.roofs([])
            ],
            "class_counts": {**planner.classes, **planner.large_classes},
            "skipped": skipped,
            # The paper's; those beyond it, which the reproduction's pages leave out, stand under `beyond`.
            "algorithms": {
                name: {"title": a.title, "passes": list(a.passes)}
                for name, a in setup.study.algorithms.items()
                if not a.beyond
            },
            "beyond": beyond_document(
                setup.study,
                setup.studies["ceilings"],
                tuned_builds[0],
                setup.isas,
                [name for name, known in peers.items() if known.ok],
                found,
            ),
            "passes": {name: each.summary for name, each in setup.study.passes.items()},
            "baselines": {name: asdict(known) for name, known in peers.items()},
            "isas": {name: {"title": isa.title} for name, isa in setup.isas.items()},
            "primary_build_id": builds[0]["build_id"],
            "builds": [{key: b[key] for key in ("build_id", "compiler", "version", "cflags")} for b in builds],
        },
    )


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        source, params = snakemake.input, snakemake.params
        main(
            params.config,
            source.builds,
            params.libraries,
            Path(source.accuracy),
            Path(source.tuning),
            Path(source.clock),
            Path(source.crossovers),
            Path(source.baselines),
            Path(snakemake.output.plan),
            Path(snakemake.output.times),
        )
