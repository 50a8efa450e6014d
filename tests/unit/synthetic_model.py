"""The made-up machine: its caches, bandwidths, passes and plan, and the times they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import pandas as pd

from passline.effort import design
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
    "read": ("x", "-", 1),
    "copy": ("x", "y", 0),
    "scale": ("x", "y", 1),
    "scale_inplace": ("y", "y", 1),
    "triad": ("x scratch", "y", 2),
    "fill": ("-", "y", 0),
    "fma": ("-", "-", 32),
}
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
    "L1": 4096,
    "L2": 65536,
    "LLC/2": 4194304,
    "2 x LLC": 16777216,
    "4 x LLC": 33554432,
    "ImageNet": 21841,
    "One Billion Word": 793471,
    "Wikilinks": 2933659,
}
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
        "folder": SESSION,
        "machine": MACHINE,
        "study": "softmax",
        "title": "The Two-Pass Softmax Algorithm",
        "paper": "arXiv:2001.04438",
        "effort": 1,
        "design": asdict(design(1.0)),
        "comparisons": [
            ["two_pass", "three_pass_recompute"],
            ["two_pass", "three_pass_reload"],
            ["three_pass_reload", "three_pass_recompute"],
        ],
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
        "build_id": BUILD,
        "study": study,
        "pass": name,
        "isa": isa,
        "variant": full,
        "dimensions": "unroll=4",
        "preset": preset,
        "reads": reads,
        "writes": writes,
        "in_place": bool(read & written),
        "flops_per_element": flops,
        "bytes_read_per_element": 4 * len(read),
        "bytes_written_per_element": 4 * len(written),
        "bytes_write_allocate_per_element": allocated,
        "lanes": LANES[isa],
        "cflags": "-O2",
        "max_ulp": 4,
        "source": f"{name}.c",
        "source_sha256": "made-up",
    }


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


def machines(microarchitecture: str = "zen4") -> pd.DataFrame:
    """Table `machines`."""
    facts = {
        "microarchitecture": (microarchitecture, "-"),
        "model_name": ("Made-up CPU 9000", "-"),
        "vendor": ("Nobody", "-"),
        "cores": ("4", "-"),
        "threads_per_core": ("1", "-"),
        "hypervisor": ("none", "-"),
        "l1d_bytes": (str(L1), "B"),
        "l2_bytes": (str(L2), "B"),
        "llc_bytes": (str(LLC), "B"),
        "memory_bytes": (str(16 * 2**30), "B"),
        "kernel": ("6.1.0", "-"),
        "compiler_gcc": ("gcc 12.2.0", "-"),
        "clock_cost_s": ("2.1e-08", "s"),
        "governor": ("unavailable", "-"),
    }
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
