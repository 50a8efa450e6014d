"""Made-up tables of a made-up machine: nothing in them was measured.

A simple model (the slower of arithmetic and bandwidth, plus seeded noise shared within a
round) fills every table that analysis, figures and report read, so that they can be tested
without a machine and against answers that are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from passline.derive.ceilings import ceilings_table
from passline.derive.passes import passes_table
from passline.derive.ratios import ratios_table
from passline.tables import conform

MACHINE, SESSION, BUILD = "synthetic", "made-up", "0123abcd4567"
CLOCK_HZ = 3.7e9
L1, L2, LLC = 32 * 1024, 1024 * 1024, 32 * 1024 * 1024
LANES = {"scalar": 1, "avx2": 8, "avx512f": 16}
CEILING_SIZES = {"L1": 4096, "L2": 65536, "LLC": 4194304, "DRAM": 33554432}
BANDWIDTH = {"L1": 400e9, "L2": 180e9, "LLC": 90e9, "DRAM": 26e9}

# reads, writes, flops per element, cycles per vector on scalar / avx2 / avx512f
PASSES: Mapping[str, tuple[str, str, float, tuple[float, float, float]]] = {
    "rmax": ("x", "-", 1, (1.0, 0.6, 0.8)),
    "raddexpminusmax": ("x", "-", 18, (14.0, 7.4, 8.2)),
    "vscaleexpminusmax": ("x", "y", 18, (15.0, 7.9, 8.9)),
    "raddstoreexpminusmax": ("x", "y", 18, (14.5, 7.6, 8.0)),
    "vmulc": ("y", "y", 1, (1.2, 0.8, 1.2)),
    "raddextexp": ("x", "-", 20, (17.0, 8.8, 8.4)),
    "vscaleextexp": ("x", "y", 18, (16.0, 8.6, 9.1)),
}
CEILINGS: Mapping[str, tuple[str, str, float]] = {
    "read": ("x", "-", 1), "copy": ("x", "y", 0), "scale": ("x", "y", 1), "scale_inplace": ("y", "y", 1),
    "triad": ("x scratch", "y", 2), "fill": ("-", "y", 0), "fma": ("-", "-", 32),
}  # fmt: skip
ALGORITHMS = {
    "three_pass_recompute": {
        "title": "Three-Pass, recomputing",
        "passes": ["rmax", "raddexpminusmax", "vscaleexpminusmax"],
    },
    "three_pass_reload": {"title": "Three-Pass, reloading", "passes": ["rmax", "raddstoreexpminusmax", "vmulc"]},
    "two_pass": {"title": "Two-Pass", "passes": ["raddextexp", "vscaleextexp"]},
}
TUNED_GAIN = {"preset": 1.0, "tuned": 0.96}
LABELS = {
    "L1": 4096, "L2": 65536, "LLC/2": 4194304, "2 x LLC": 16777216, "4 x LLC": 33554432,
    "ImageNet": 21841, "One Billion Word": 793471, "Wikilinks": 2933659,
}  # fmt: skip
SIZES = (512, 1024, 4096, 16384, 21841, 65536, 262144, 793471, 1048576, 2933659, 4194304, 8388608, 16777216, 33554432)


@dataclass(frozen=True)
class Shape:
    """How much there is in the tables."""

    isas: tuple[str, ...] = ("scalar", "avx2", "avx512f")
    variants: tuple[str, ...] = ("preset", "tuned")
    protocols: tuple[str, ...] = ("paper", "hot")
    sizes: tuple[int, ...] = SIZES
    rounds: int = 12
    values: int = 2
    bandwidth_scale: float = 1.0
    measurement: bool = True
    seed: int = 1


FULL = Shape()
MINIMAL = Shape(
    isas=("scalar",),
    variants=("preset",),
    protocols=("paper",),
    sizes=(4096, 65536),
    rounds=3,
    values=1,
    measurement=False,
)


def plan(shape: Shape = FULL) -> dict[str, Any]:
    """The plan of a made-up session."""
    present = {label: n for label, n in LABELS.items() if n in shape.sizes}
    return {
        "labels": present,
        "out_of_cache": [label for label in ("4 x LLC",) if label in present],
        "bars": [label for label in ("L1", "L2", "LLC/2", "4 x LLC") if label in present],
        "ceiling_levels": [
            {"level": level, "threads": threads, "n_elements": n}
            for level, n in CEILING_SIZES.items()
            for threads in (1, 4)
        ],
        "algorithms": ALGORITHMS,
        "isas": {"scalar": {"title": "Scalar"}, "avx2": {"title": "AVX2"}, "avx512f": {"title": "AVX-512"}},
        "measurement": shape.measurement,
        "session": SESSION,
        "machine": MACHINE,
        "study": "softmax",
        "title": "The Two-Pass Softmax Algorithm",
        "effort": {"rounds": shape.rounds, "values_per_round": shape.values, "min_time_s": 0.01},
        "primary_protocol": "paper",
        "protocols": list(shape.protocols),
        "command": "snakemake",
    }


def variant(pass_name: str, isa: str, which: str = "preset") -> str:
    """A made-up variant name."""
    unroll = LANES[isa] * (4 if which == "preset" else 8)
    return f"f32-{pass_name}-{isa}-u{unroll}"


@cache
def registry(shape: Shape = FULL) -> pd.DataFrame:
    """Table `registry`."""
    rows = []
    for isa in shape.isas:
        for name, (reads, writes, flops, _) in PASSES.items():
            for which in shape.variants:
                rows.append(
                    _declared("softmax", name, isa, variant(name, isa, which), reads, writes, flops, which == "preset")
                )
        for name, (reads, writes, flops) in CEILINGS.items():
            for store in ("ordinary", "nt") if writes != "-" else ("",):
                full = "-".join(part for part in ("f32", name, isa, store, f"u{4 * LANES[isa]}") if part)
                rows.append(_declared("ceilings", name, isa, full, reads, writes, flops, preset=False))
    return conform("registry", pd.DataFrame(rows))


def _declared(
    study: str, name: str, isa: str, full: str, reads: str, writes: str, flops: float, preset: bool
) -> dict[str, Any]:
    read, written = (set(stream.split()) - {"-"} for stream in (reads, writes))
    allocated = 0 if "-nt-" in full else 4 * len(written - read)
    return {
        "build_id": BUILD, "study": study, "pass": name, "isa": isa, "variant": full, "dimensions": "unroll=4",
        "preset": preset, "reads": reads, "writes": writes, "in_place": bool(read & written), "flops_per_element": flops,
        "bytes_read_per_element": 4 * len(read), "bytes_written_per_element": 4 * len(written),
        "bytes_write_allocate_per_element": allocated, "lanes": LANES[isa], "cflags": "-O2", "max_ulp": 4,
        "source": f"{name}.c", "source_sha256": "made-up",
    }  # fmt: skip


def level(n: int, streams: int) -> str:
    """Level that a working set of `streams` rows of n floats comes from."""
    size = 4 * n * streams
    return "L1" if size <= L1 * 1.01 else "L2" if size <= L2 else "LLC" if size <= LLC else "DRAM"


def memory_time(reads: str, writes: str, n: int, scale: float, store: str = "ordinary") -> float:
    """Seconds that the traffic of a pass takes."""
    read, written = (set(stream.split()) - {"-"} for stream in (reads, writes))
    allocated = 0 if store == "nt" else len(written - read)
    return 4.0 * n * (len(read) + len(written) + allocated) / (BANDWIDTH[level(n, len(read | written))] * scale)


def pass_time(name: str, isa: str, which: str, n: int, scale: float = 1.0) -> float:
    """Seconds per call of a pass, without noise."""
    reads, writes, _, cycles = PASSES[name]
    core = cycles[list(LANES).index(isa)] / LANES[isa] * TUNED_GAIN[which] * n / CLOCK_HZ
    return max(core, memory_time(reads, writes, n, scale)) * 1.02


def true_ratio(isa: str, which: str, n: int, base: str, scale: float = 1.0) -> float:
    """The ratio that the tables hold under their noise: time of `base` over time of two_pass."""
    total = {a: sum(pass_time(p, isa, which, n, scale) for p in ALGORITHMS[a]["passes"]) for a in (base, "two_pass")}
    return total[base] / total["two_pass"]


Contender = tuple[str, str, int, str, str, str, float]
"""(study, algorithm, pass_index, pass, isa, variant, seconds)."""


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
                rows.append({
                    "machine": MACHINE, "session": SESSION, "build_id": BUILD, "study": study, "algorithm": algorithm,
                    "pass_index": index, "pass": pass_name, "isa": isa, "variant": which, "n_elements": n, "n_rows": 1,
                    "threads": threads, "cache_protocol": protocol, "inputs": "uniform", "pages": "huge",
                    "block": f"{kind}-{protocol}-n{n}-uniform-huge", "round": number, "value_index": value,
                    "loops": 3, "is_warmup": value == 0, "time_s": seconds * noise,
                })  # fmt: skip
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
                    rows.append({
                        "machine": MACHINE, "session": SESSION, "build_id": BUILD, "study": "softmax", "pass": name, "isa": isa,
                        "variant": variant(name, isa, which), "n_elements": n, "time_median_s": seconds,
                        "time_minimum_s": seconds * 0.99, "clock_hz": CLOCK_HZ,
                        "cycles_per_vector": cycles[list(LANES).index(isa)] * TUNED_GAIN[which] * (1.0 if n == 4096 else 1.03),
                        "n_rounds": shape.rounds, "instructions": 90, "vectors_per_iteration": 4,
                        "stack_references": 0 if which == "tuned" else 3 * (position + 1), "calls": 0,
                        "preset": which == "preset", "chosen": which == shape.variants[-1],
                    })  # fmt: skip
    return conform("tuning", pd.DataFrame(rows))


def accuracy(shape: Shape = FULL) -> pd.DataFrame:
    """Table `accuracy`."""
    rows = [
        {
            "build_id": BUILD, "study": "softmax", "pass": name, "isa": isa, "variant": variant(name, isa, which), "inputs": inputs,
            "seed": 1, "max_error_ulp": 1.9, "bound_ulp": 4, "max_relative_error": 2e-7, "worst_index": 3, "worst_x": "0x1p+0",
            "got": "0x1p+0", "want": "0x1p+0", "passed": True, "reason": "-",
        }
        for isa in shape.isas for name in PASSES for which in shape.variants for inputs in ("uniform", "narrow")
    ]  # fmt: skip
    return conform("accuracy", pd.DataFrame(rows))


def error_over_n(shape: Shape = FULL) -> pd.DataFrame:
    """Table `error_over_n`."""
    rows = [
        {
            "build_id": BUILD, "study": "softmax", "algorithm": algorithm, "isa": isa, "variant": which, "n_elements": n,
            "inputs": "normal", "max_error_ulp": 2.0 + (n / LANES[isa]) ** 0.5 / 200 * (1 + 0.1 * k),
            "sum_error": 1e-7 * (n / LANES[isa]) ** 0.5 / 50, "reason": "-",
        }
        for k, algorithm in enumerate(ALGORITHMS) for isa in shape.isas for which in shape.variants
        for n in (4096, 65536, 1048576, 16777216, 67108864)
    ]  # fmt: skip
    return conform("error_over_n", pd.DataFrame(rows))


def rounds(shape: Shape = FULL) -> pd.DataFrame:
    """Table `rounds`."""
    blocks = [f"{kind}-paper-n{n}-uniform-huge" for kind in ("algorithms", "split") for n in shape.sizes]
    rows = [
        {
            "machine": MACHINE, "session": SESSION, "block": block, "round": number, "order": "0 1 2",
            "start_utc": f"2026-01-01T00:{number:02d}:00+00:00", "duration_s": 0.5, "process": 1000 + number, "seed": number,
            "cpu": 1, "clock_hz": CLOCK_HZ, "clock_low_hz": CLOCK_HZ * 0.99, "steal_s": 0.0, "load": 0.3,
            "involuntary_switches": 2, "temperature_c": float("nan"), "throttle_count": float("nan"), "huge_bytes": 2.0**28,
            "buffer_bytes": 2.0**28, "env_bytes": 128, "offset_bytes": 64, "marked": number == 2 and block.startswith("split"),
            "reason": "steal 0.02 s" if number == 2 and block.startswith("split") else "-",
        }
        for block in blocks for number in range(shape.rounds)
    ]  # fmt: skip
    return conform("rounds", pd.DataFrame(rows))


def machines(microarchitecture: str = "zen4") -> pd.DataFrame:
    """Table `machines`."""
    facts = {
        "microarchitecture": (microarchitecture, "-"), "model_name": ("Made-up CPU 9000", "-"), "vendor": ("Nobody", "-"),
        "cores": ("4", "-"), "threads_per_core": ("1", "-"), "hypervisor": ("none", "-"), "l1d_bytes": (str(L1), "B"),
        "l2_bytes": (str(L2), "B"), "llc_bytes": (str(LLC), "B"), "memory_bytes": (str(16 * 2**30), "B"),
        "kernel": ("6.1.0", "-"), "compiler_gcc": ("gcc 12.2.0", "-"), "clock_cost_s": ("2.1e-08", "s"),
        "governor": ("unavailable", "-"),
    }  # fmt: skip
    rows = [
        {
            "machine": MACHINE,
            "key": key,
            "value": value,
            "unit": unit,
            "origin": "not exposed here" if value == "unavailable" else "made up",
        }
        for key, (value, unit) in facts.items()
    ]
    return conform("machines", pd.DataFrame(rows))


def skipped() -> pd.DataFrame:
    """Table `skipped`."""
    rows = [
        {
            "machine": MACHINE,
            "session": SESSION,
            "step": "time",
            "what": "DepCC (n = 364800000)",
            "reason": "needs 4.1 GiB, three times its memory are not free",
        },
        {
            "machine": MACHINE,
            "session": SESSION,
            "step": "time",
            "what": "paper protocol, n = 256",
            "reason": "reading the clock costs 3.1 % of a call",
        },
    ]
    return conform("skipped", pd.DataFrame(rows))


def tables(shape: Shape = FULL, microarchitecture: str = "zen4") -> dict[str, pd.DataFrame]:
    """All tables that figures, claims and report read, derived ones included (claims apart)."""
    declared, timed, scheme = registry(shape), timings(shape), plan(shape)
    return {
        "registry": declared, "timings": timed, "tuning": tuning(shape), "accuracy": accuracy(shape),
        "error_over_n": error_over_n(shape), "rounds": rounds(shape), "machines": machines(microarchitecture), "skipped": skipped(),
        "passes": conform("passes", passes_table(timed, declared, scheme)),
        "ratios": conform("ratios", ratios_table(timed, declared, scheme)),
        "ceilings": conform("ceilings", ceilings_table(ceiling_timings(shape), declared, scheme)),
    }  # fmt: skip
