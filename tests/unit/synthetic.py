"""Made-up tables of a made-up machine: nothing in them was measured.

A simple model (the slower of arithmetic and bandwidth, plus seeded noise shared within a
round) fills every table that analysis, figures and report read, so that they can be tested
without a machine and against answers that are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from synthetic_counters import (
    NO_COUNTERS as NO_COUNTERS,
)
from synthetic_counters import (
    counters as counters,
)
from synthetic_model import (
    ALGORITHMS as ALGORITHMS,
)
from synthetic_model import (
    BANDWIDTH as BANDWIDTH,
)
from synthetic_model import (
    BUILD as BUILD,
)
from synthetic_model import (
    CEILING_SIZES as CEILING_SIZES,
)
from synthetic_model import (
    CLOCK_HZ as CLOCK_HZ,
)
from synthetic_model import (
    FULL as FULL,
)
from synthetic_model import (
    L1 as L1,
)
from synthetic_model import (
    L2 as L2,
)
from synthetic_model import (
    LANES as LANES,
)
from synthetic_model import (
    LLC as LLC,
)
from synthetic_model import (
    MACHINE as MACHINE,
)
from synthetic_model import (
    MINIMAL as MINIMAL,
)
from synthetic_model import (
    PASSES as PASSES,
)
from synthetic_model import (
    SESSION as SESSION,
)
from synthetic_model import (
    TUNED_GAIN as TUNED_GAIN,
)
from synthetic_model import (
    Shape as Shape,
)
from synthetic_model import (
    machines as machines,
)
from synthetic_model import (
    memory_time as memory_time,
)
from synthetic_model import (
    pass_time as pass_time,
)
from synthetic_model import (
    plan as plan,
)
from synthetic_model import (
    registry as registry,
)
from synthetic_model import (
    skipped as skipped,
)
from synthetic_model import (
    true_ratio as true_ratio,
)
from synthetic_model import (
    variant as variant,
)

from passline.derive.beyond import beyond_table
from passline.derive.ceilings import ceilings_table
from passline.derive.goals import goals_table, load_goals
from passline.derive.passes import passes_table
from passline.derive.ratios import compared, ratios_table, round_ratios_table
from passline.paper import load_slots, slots_table, values_table
from passline.registry import load_isas, load_study
from passline.setup import SOFTMAX
from passline.tables import conform

Contender = tuple[str, str, int, str, str, str, float]  # study, algorithm, pass_index, pass, isa, variant, seconds


def timings(shape: Shape = FULL) -> pd.DataFrame:
    """Table `timings`."""
    rng = np.random.default_rng(shape.seed)
    rows: list[dict[str, Any]] = []
    for protocol in shape.protocols:
        for n in shape.sizes:
            rows += _block(rng, shape, "algorithms", protocol, n, list(_algorithms(shape, n)))
    for n in (plan(shape)["labels"][label] for label in plan(shape)["bars"]):
        rows += _block(rng, shape, "split", "paper", n, list(_split(shape, n)))
        rows += _block(rng, shape, "passes", "hot", n, list(_alone(shape, n)))
    return conform("timings", pd.DataFrame(rows))


def _algorithms(shape: Shape, n: int) -> Iterator[Contender]:
    for algorithm, spec in ALGORITHMS.items():
        for isa in shape.isas:
            for which in shape.variants:
                total = sum(pass_time(p, isa, which, n, shape.bandwidth_scale) for p in spec["passes"])
                yield "softmax", algorithm, 0, "-", isa, which, total


def _split(shape: Shape, n: int) -> Iterator[Contender]:
    for algorithm, spec in ALGORITHMS.items():
        for isa in shape.isas:
            for which in shape.variants:
                for index, name in enumerate(spec["passes"], start=1):
                    yield (
                        "softmax",
                        algorithm,
                        index,
                        name,
                        isa,
                        which,
                        pass_time(name, isa, which, n, shape.bandwidth_scale),
                    )


def _alone(shape: Shape, n: int) -> Iterator[Contender]:
    for isa in shape.isas:
        for name in PASSES:
            for which in shape.variants:
                yield (
                    "softmax",
                    "-",
                    0,
                    name,
                    isa,
                    variant(name, isa, which),
                    pass_time(name, isa, which, n, shape.bandwidth_scale),
                )
    rows = registry(shape)
    for _, row in rows[(rows["study"] == "ceilings") & (rows["pass"] != "fma")].iterrows():
        yield "ceilings", "-", 0, row["pass"], row["isa"], row["variant"], _roof_time(row, n, shape.bandwidth_scale)


def _roof_time(row: pd.Series[Any], n: int, scale: float) -> float:
    store = "nt" if "-nt-" in row["variant"] else "ordinary"
    slower = {"scalar": 1.6, "avx2": 1.01, "avx512f": 1.0}[row["isa"]]
    return memory_time(row["reads"], row["writes"], n, scale, store) * slower


def _block(
    rng: np.random.Generator,
    shape: Shape,
    kind: str,
    protocol: str,
    n: int,
    contenders: list[Contender],
    threads: int = 1,
) -> list[dict[str, Any]]:
    rows = []
    for number in range(shape.rounds):
        drift = 1.0 + 0.02 * rng.standard_normal()
        for study, algorithm, index, pass_name, isa, which, seconds in contenders:
            own = 1.0 + 0.004 * rng.standard_normal()
            for value in range(shape.values + 1):
                noise = drift * own * (1.0 + 0.002 * rng.standard_normal()) * (1.3 if value == 0 else 1.0)
                rows.append(
                    {
                        "machine": MACHINE,
                        "session": SESSION,
                        "build_id": BUILD,
                        "study": study,
                        "algorithm": algorithm,
                        "pass_index": index,
                        "pass": pass_name,
                        "isa": isa,
                        "variant": which,
                        "n_elements": n,
                        "n_rows": 1,
                        "threads": threads,
                        "cache_protocol": protocol,
                        "inputs": "uniform",
                        "pages": "huge",
                        "block": f"{kind}-{protocol}-n{n}-uniform-huge",
                        "round": number,
                        "value_index": value,
                        "loops": 3,
                        "is_warmup": value == 0,
                        "time_s": seconds * noise,
                    }
                )
    return rows


def ceiling_timings(shape: Shape = FULL) -> pd.DataFrame:
    """The timings that table `ceilings` is reduced from."""
    rng = np.random.default_rng(shape.seed + 1)
    declared = registry(shape)
    rows: list[dict[str, Any]] = []
    for n in CEILING_SIZES.values():
        for threads in (1, 4):
            contenders: list[Contender] = []
            for _, row in declared[declared["study"] == "ceilings"].iterrows():
                if row["pass"] == "fma":
                    seconds = 32 * n / (4 * row["lanes"] * CLOCK_HZ)
                else:
                    shared = {1: 1.0, 4: 1.9 if n > 4194304 else 1.0}[threads]
                    seconds = _roof_time(row, n, shape.bandwidth_scale) * shared
                contenders.append(("ceilings", "-", 0, row["pass"], row["isa"], row["variant"], seconds))
            rows += _block(rng, shape, "ceilings", "hot", n, contenders, threads)
    return conform("timings", pd.DataFrame(rows))


def tuning(shape: Shape = FULL) -> pd.DataFrame:
    """Table `tuning`."""
    rows = []
    for isa in shape.isas:
        for name, (_, _, _, cycles) in PASSES.items():
            for position, which in enumerate(shape.variants):
                for n in (4096, 65536):
                    seconds = pass_time(name, isa, which, n)
                    rows.append(
                        {
                            "machine": MACHINE,
                            "session": SESSION,
                            "build_id": BUILD,
                            "study": "softmax",
                            "pass": name,
                            "isa": isa,
                            "variant": variant(name, isa, which),
                            "n_elements": n,
                            "time_median_s": seconds,
                            "time_minimum_s": seconds * 0.99,
                            "clock_hz": CLOCK_HZ,
                            "cycles_per_vector": cycles[list(LANES).index(isa)]
                            * TUNED_GAIN[which]
                            * (1.0 if n == 4096 else 1.03),
                            "n_rounds": shape.rounds,
                            "instructions": 90,
                            "vectors_per_iteration": 4,
                            "stack_references": 0 if which == "tuned" else 3 * (position + 1),
                            "calls": 0,
                            "preset": which == "preset",
                            "finite_only": False,
                            "chosen": which == shape.variants[-1],
                        }
                    )
    return conform("tuning", pd.DataFrame(rows))


def accuracy(shape: Shape = FULL) -> pd.DataFrame:
    """Table `accuracy`."""
    rows = [
        {
            "build_id": BUILD,
            "study": "softmax",
            "pass": name,
            "isa": isa,
            "variant": variant(name, isa, which),
            "inputs": inputs,
            "seed": 1,
            "max_error_ulp": 1.9,
            "bound_ulp": 4,
            "max_relative_error": 2e-7,
            "worst_index": 3,
            "worst_x": "0x1p+0",
            "got": "0x1p+0",
            "want": "0x1p+0",
            "passed": True,
            "reason": "-",
        }
        for isa in shape.isas
        for name in PASSES
        for which in shape.variants
        for inputs in ("uniform", "narrow")
    ]
    return conform("accuracy", pd.DataFrame(rows))


def error_over_n(shape: Shape = FULL) -> pd.DataFrame:
    """Table `error_over_n`."""
    rows = [
        {
            "build_id": BUILD,
            "study": "softmax",
            "algorithm": algorithm,
            "isa": isa,
            "variant": which,
            "n_elements": n,
            "inputs": "normal",
            "max_error_ulp": 2.0 + (n / LANES[isa]) ** 0.5 / 200 * (1 + 0.1 * k),
            "sum_error": 1e-7 * (n / LANES[isa]) ** 0.5 / 50,
            "reason": "-",
        }
        for k, algorithm in enumerate(ALGORITHMS)
        for isa in shape.isas
        for which in shape.variants
        for n in (4096, 65536, 1048576, 16777216, 67108864)
    ]
    return conform("error_over_n", pd.DataFrame(rows))


def rounds(shape: Shape = FULL) -> pd.DataFrame:
    """Table `rounds`."""
    blocks = sorted(set(timings(shape)["block"]))
    rows = [
        {
            "machine": MACHINE,
            "session": SESSION,
            "block": block,
            "round": number,
            "order": "0 1 2",
            "start_utc": f"2026-01-01T00:{number:02d}:00+00:00",
            "duration_s": 0.5,
            "process": 1000 + number,
            "seed": number,
            "cpu": 1,
            "clock_hz": CLOCK_HZ,
            "clock_low_hz": CLOCK_HZ * 0.99,
            "steal_s": 0.0,
            "core_shared": float("nan"),
            "load": 0.3,
            "involuntary_switches": 2,
            "temperature_c": float("nan"),
            "throttle_count": float("nan"),
            "huge_bytes": 2.0**28,
            "buffer_bytes": 2.0**28,
            "env_bytes": 128,
            "offset_bytes": 64,
            "offset_y_bytes": 128,
            "noise": 0.004,
            "stop_reason": "planned",
            "marked": number == 2 and block.startswith("split"),
            "reason": "steal 0.02 s" if number == 2 and block.startswith("split") else "-",
        }
        for block in blocks
        for number in range(shape.rounds)
    ]
    return conform("rounds", pd.DataFrame(rows))


REPORTS = Path(__file__).parents[2] / "reports"
GOALS = REPORTS / "goals.yaml"


def tables(shape: Shape = FULL, microarchitecture: str = "zen4") -> dict[str, pd.DataFrame]:
    """All tables that figures, claims and report read, derived ones included (claims apart)."""
    declared, timed, scheme = registry(shape), timings(shape), plan(shape)
    taken, found = rounds(shape), compared(timed, declared, scheme)
    known = {
        "registry": declared,
        "timings": timed,
        "tuning": tuning(shape),
        "accuracy": accuracy(shape),
        "error_over_n": error_over_n(shape),
        "rounds": taken,
        "machines": machines(microarchitecture),
        "skipped": skipped(),
        "counters": counters(shape),
        "passes": conform("passes", passes_table(timed, declared, counters(shape), scheme)),
        "ratios": conform("ratios", ratios_table(found, taken)),
        "beyond": conform("beyond", beyond_table(timed, scheme)),
        "crossovers": conform("crossovers", pd.DataFrame()),
        "port_model": conform("port_model", pd.DataFrame()),
        "baselines": conform("baselines", pd.DataFrame()),
        "round_ratios": conform("round_ratios", round_ratios_table(found, taken)),
        "ceilings": conform("ceilings", ceilings_table(ceiling_timings(shape), declared, scheme)),
        **of_paper(),
    }
    return known | {"goals": conform("goals", goals_table(load_goals(GOALS), known, scheme))}


def of_paper() -> dict[str, pd.DataFrame]:
    """What is known of the paper: the project's own list, of which nobody read a number."""
    slots = load_slots(REPORTS / "paper.yaml")
    values = conform("paper_values", values_table(slots, REPORTS / "nowhere", load_study(SOFTMAX, load_isas())))
    return {"paper_values": values, "paper_slots": conform("paper_slots", slots_table(slots, values))}
