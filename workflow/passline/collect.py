"""From the rounds of a step to the rows of tables `timings`, `rounds` and `baselines`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyperf

from passline.measure.session import read
from passline.tables import TABLES

_MEDIANS = ["call_overhead_s", "minor_faults_per_call"]
PLANNED = "planned"
"""What ended a block whose manifest does not say: it has the rounds that were planned."""


def collect(manifest_path: Path, machine: str, session: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `timings` and of `rounds` of one step, from its manifest and its pyperf files."""
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    label = {"machine": machine, "session": session}
    timings: list[dict[str, Any]] = []
    rounds: list[dict[str, Any]] = []
    for block, suite in read(manifest_path.parent, manifest["blocks"]):
        facts = _facts(suite)
        ended = {"stop_reason": manifest["blocks"][block].get("stop_reason") or PLANNED}
        rounds.append(label | {key: value for key, value in facts.items() if key != "n_rows"} | ended)
        for benchmark in suite.get_benchmarks():
            metadata = benchmark.get_metadata()
            index = metadata["passline_contender"]
            key = {**label, **manifest["keys"][block][index], "n_rows": facts["n_rows"]}
            position = metadata["passline_pass_index"]
            if position:
                part = manifest["variants"][block][index][position - 1]
                key |= {"pass_index": position, "pass": part.split("-")[1]}
            timings += _values(benchmark, key | {"block": block, "round": facts["round"]})
    return pd.DataFrame(timings), pd.DataFrame(rounds)


def collect_baselines(manifest_path: Path, machine: str, session: str) -> pd.DataFrame:
    """Rows of `baselines`: what each outside baseline of each block told in its rounds; numbers are medians."""
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    told: list[dict[str, Any]] = []
    for block, suite in read(manifest_path.parent, manifest["blocks"]):
        for benchmark in suite.get_benchmarks():
            metadata = benchmark.get_metadata()
            if "passline_told" in metadata:
                key = manifest["keys"][block][metadata["passline_contender"]]
                label = {"machine": machine, "session": session, "n_rows": _facts(suite)["n_rows"]}
                told.append(label | key | json.loads(metadata["passline_told"]))
    if not told:
        return pd.DataFrame()
    columns = [column for column in TABLES["baselines"].columns if column not in {*_MEDIANS, "n_rounds"}]
    grouped = pd.DataFrame(told).groupby(columns, sort=True)
    return grouped[_MEDIANS].median().assign(n_rounds=grouped.size()).reset_index()


def _facts(suite: pyperf.BenchmarkSuite) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(suite.get_benchmarks()[0].get_metadata()["passline_round"])
    return facts


def _values(benchmark: pyperf.Benchmark, key: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    run = benchmark.get_runs()[0]
    for loops, value in run.warmups:
        yield {**key, "value_index": 0, "loops": loops, "is_warmup": True, "time_s": value}
    for number, value in enumerate(run.values, start=1):
        yield {
            **key,
            "value_index": number,
            "loops": run.get_total_loops(),
            "is_warmup": False,
            "time_s": value,
        }
