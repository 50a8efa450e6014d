"""`passline plan`: what a session will run, what it skips and why, and for how long, before anything runs.

Times follow from the blocks: what a process costs, how fast memory is filled and read here (both measured within a
second), the values of each contender, and the rounds of each block. Where rounds of a block are on disk, theirs count.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from passline import choosing_plan
from passline.availability import probe_all
from passline.config import DEFAULT
from passline.contenders import untuned
from passline.counters import planning
from passline.counters import step as counting
from passline.counters.chain import Chosen, mode_of
from passline.counters.foresee import foresee, in_words
from passline.counters.planning import Place
from passline.counters.probing import host_of
from passline.counters.rights import rights
from passline.errors import ConfigError
from passline.formats import clock
from passline.machine_sources import Tree
from passline.measure.round import LONG, SETTLE, row_counts, sweeps_of
from passline.measure.spec import Block
from passline.measure.stop import read_round
from passline.measure.worker import ONE_THREAD
from passline.plan import Plan, Planner
from passline.registry import Study, traffic
from passline.selftest_plan import blocks as selftest_blocks
from passline.setup import Setup, load

PROBE_BYTES = 256 << 20
CLOCK_READING_S = 40e-9  # until the tuning step has measured it
CORE_S_PER_ELEMENT = 0.3e-9  # of an algorithm in cache, until tuning has measured it: it only decides what is skipped
BUILD_S = 0.45  # per variant, on one core: compiled and checked
AROUND_S = 60.0  # start of the workflow, accuracy over n, tables, figures, report
BASELINE_BYTES = 40.0  # moved per element by an outside baseline with temporary rows: NumPy's five reads and writes
BASELINE_START_S = 1.0  # of a process, for each baseline that it loads: PyTorch takes two, others a tenth
STOPS_AT = 0.9  # of the most rounds, over all blocks: a session on a two-core virtual machine took 828 of 894


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which session."""
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="as given to snakemake")
    parser.add_argument("--profile", type=Path, help="folder of a profile with a configfile, as profiles/paper")
    parser.add_argument("--selftest", action="store_true", help="the self-test in place of the session")


@dataclass(frozen=True)
class Speed:
    """What the forecast must know of the machine."""

    start_s: float  # a process that imports what a round does
    fill_s_per_byte: float
    read_s_per_byte: float


@dataclass(frozen=True)
class Step:
    """A measuring step: seconds with the fewest rounds, with the most, and about."""

    name: str
    blocks: int
    rounds: tuple[int, int]
    least_s: float
    most_s: float
    about_s: float


def run(arguments: argparse.Namespace) -> int:
    """Print the plan."""
    setup = load(read_config(arguments.configfile, arguments.profile))
    mode = mode_of(setup.config["counters"])
    planner = setup.planner()
    builds = [untuned(setup.study, setup.isas, compiler) for compiler in setup.config["compilers"]]
    plan = planner.plan(builds, CLOCK_READING_S, CORE_S_PER_ELEMENT, probe_all(setup.baselines))
    speed = probe()
    if arguments.selftest:
        wanted = {"selftest": selftest_blocks(planner, builds, planner.selftest_sizes())}
    else:
        wanted = {
            "ceilings": planner.roofs(builds),
            "tuning": planner.tuning(builds),
            "choosing": choosing_plan.blocks(planner, builds),
            "times": plan.blocks,
        }
    steps = [_step(name, found, setup, planner, speed) for name, found in wanted.items()]
    chosen, asked = _counters(mode, setup, planner)
    if chosen.plan is not None and not arguments.selftest:
        steps.append(_count(plan.blocks, setup, planner, speed))
    print(text(setup, planner, plan, steps, in_words(chosen, asked=asked)))
    return 0


def _counters(mode: str, setup: Setup, planner: Planner) -> tuple[Chosen, bool]:
    host = host_of(setup.machine, Tree(Path("/")), planner.host.cpus[:1])
    library = Path(setup.results, "build", setup.config["compilers"][0], "libpassline.so")
    return foresee(mode, host, rights(), setup.machine.hypervisor, library)


def _count(blocks: Sequence[Block], setup: Setup, planner: Planner, speed: Speed) -> Step:
    node = planner.host.node
    llc, memory = planner.host.caches.llc, planner.host.memory_bytes
    found, _ = planning.batches(blocks, Place(tuple(node), llc, setup.machine.caches_of(node), memory))
    takes = counting.seconds(found, speed.read_s_per_byte)
    return Step("count", len(found), (1, 1), takes, takes, takes)


def read_config(files: Sequence[Path], profile: Path | None) -> dict[str, Any]:
    """The default configuration with these files, and the one that the profile names, on top."""
    config: dict[str, Any] = _yaml(DEFAULT)
    named = [Path(_yaml(profile / "profile.yaml").get("configfile", DEFAULT))] if profile else []
    for file in (*named, *files):
        _update(config, _yaml(file))
    return config


def _update(config: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Keys of `changes` win, mappings are merged: as Snakemake layers its config files."""
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(config.get(key), dict):
            _update(config[key], value)
        else:
            config[key] = value


def _yaml(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(path, f"cannot be read ({error.strerror})", "Name a YAML file, as for snakemake") from error
    return document


def probe() -> Speed:
    """Measure what the forecast must know of the machine, within a second."""
    began = time.perf_counter()
    environment = dict(os.environ) | ONE_THREAD
    subprocess.run([sys.executable, "-c", "import passline.measure.round"], check=True, env=environment)
    start_s = time.perf_counter() - began
    began = time.perf_counter()
    row = np.zeros(PROBE_BYTES, np.uint8)
    row.fill(1)
    fill_s = time.perf_counter() - began
    began = time.perf_counter()
    row[: PROBE_BYTES // 2].view(np.uint64)[:] = row[PROBE_BYTES // 2 :].view(np.uint64)
    copy_s = time.perf_counter() - began
    # A copy moves one and a half times what it takes up: read, written, and fetched before it is written.
    return Speed(start_s, fill_s / PROBE_BYTES, copy_s / (1.5 * PROBE_BYTES))


def round_s(block: Block, moved: Mapping[str, float], llc_bytes: int, speed: Speed) -> float:
    """Seconds of one round: its process, its buffers, and its contenders' values.

    Args:
        block: the block.
        moved: variant -> bytes per element by the model, write-allocate included.
        llc_bytes: size of the last-level cache.
        speed: of the machine.
    """
    n, value_s = block["n_elements"], block["value_s"]
    least = max((contender["planted_every"] for contender in block["contenders"]), default=1)
    total = speed.start_s + sum(row_counts(block, llc_bytes)) * 4 * n * block["threads"] * speed.fill_s_per_byte
    for contender in block["contenders"]:
        bytes_per_element = sum(moved.get(name, 0.0) for name in contender["variants"])
        if contender["baseline"]:
            bytes_per_element = BASELINE_BYTES
            total += BASELINE_START_S
        bytes_per_element += moved.get(contender["consumer"], 0.0)
        call_s = n * bytes_per_element * speed.read_s_per_byte * (1 + contender["planted"])
        settling = 0.0 if call_s > LONG * value_s else value_s / SETTLE
        length_s = max(call_s * least, value_s)
        total += 1.5 * max(call_s, value_s) + sweeps_of(block, max(call_s, value_s)) * (length_s + settling)
    return total


def _step(name: str, blocks: Sequence[Block], setup: Setup, planner: Planner, speed: Speed) -> Step:
    moved = _traffic(setup.studies.values())
    llc = planner.host.caches.llc
    taken = [_measured(Path(setup.results, "raw", name), b) or round_s(b, moved, llc, speed) for b in blocks]
    fewest = [b["stop"]["looks"][0][0] if b["stop"]["pairs"] else b["rounds"] for b in blocks]
    most = [b["rounds"] for b in blocks]
    about = [max(least, STOPS_AT * many) for least, many in zip(fewest, most, strict=True)]
    sums = [sum(n * s for n, s in zip(rounds, taken, strict=True)) for rounds in (fewest, most, about)]
    return Step(name, len(blocks), (sum(fewest), sum(most)), sums[0], sums[1], sums[2])


def _measured(raw: Path, block: Block) -> float | None:
    """Median time of the rounds of a block of that name that are on disk."""
    alone: Block = {**block, "stop": {"pairs": [], "target": 0.0, "looks": []}}
    found = [read_round(path, alone)[1] for path in raw.glob(f"{block['name']}-*/round-*.json")]
    return statistics.median(float(facts["duration_s"]) for facts in found) if found else None


def _traffic(studies: Iterable[Study]) -> dict[str, float]:
    """Bytes per element of each variant by the model, write-allocate included."""
    return {
        v.name: float(sum(traffic(study.passes[v.pass_name], non_temporal=v.non_temporal)))
        for study in studies
        for v in study.variants
    }


def text(setup: Setup, planner: Planner, plan: Plan, steps: Sequence[Step], counted: str) -> str:
    """The plan in words."""
    machine, config, design = setup.machine, setup.config, planner.design
    variants = len({v.name for s in setup.studies.values() for v in s.variants})
    build_s = BUILD_S * variants * len(config["compilers"]) / max(1, len(machine.one_cpu_per_core)) + AROUND_S
    left_out = [*plan.skipped, *({"what": f"ISA {isa}", "reason": why} for isa, why in setup.missing_isas.items())]
    totals = [sum(getattr(step, name) for step in steps) for name in ("least_s", "most_s", "about_s")]
    return "\n".join(
        [
            f"Session {config['session']}, study {setup.study.name}, effort {config['effort']:g}, on {setup.label}:",
            f"{', '.join(setup.isas)}; {', '.join(config['compilers'])}; {variants} variants; "
            f"cpu {planner.host.cpus[0]} ({machine.measuring_cpu_reason}).",
            "",
            _line("step", "blocks", "rounds", "at least", "at most", "about"),
            *[
                _line(
                    step.name, step.blocks, _span(*step.rounds), *map(clock, (step.least_s, step.most_s, step.about_s))
                )
                for step in steps
            ],
            _line("measuring", "", "", *map(clock, totals)),
            _line("the rest", "", "", "", "", clock(build_s)) + "  build, check, tables, figures, report",
            "",
            f"A block ends when the half-widths of its ratios are within {design.target_in_cache:.2%} in cache and "
            f"{design.target:.2%}",
            "out of cache, or with its last round. What is done already is not done again. While it measures, leave",
            "the machine alone.",
            "",
            counted,
            "",
            "Skipped:" if left_out else "Nothing is skipped.",
            *[f"  {row['what']}: {row['reason']}" for row in left_out],
        ]
    )


def _line(*cells: object) -> str:
    name, blocks, rounds, *times = map(str, cells)
    return f"{name:10} {blocks:>7} {rounds:>13}" + "".join(f"{cell:>10}" for cell in times)


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
