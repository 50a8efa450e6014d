"""Two cache simulators of other hands, for what the one in traffic/ counts: callgrind and pycachesim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from built_kernels import CFLAGS
from simulated_traffic import LINE_BYTES, TRAFFIC, Cache, Lines

from passline import build
from passline.registry import KERNELS, Isa, Study


def callgrind(
    compiler: str, valgrind: str, studies: Sequence[Study], isas: Mapping[str, Isa], n: int, llc: Cache, folder: Path
) -> dict[str, Lines]:
    """Lines per variant of the second of two calls, from kernels as they are built for measuring.

    The second call starts with the dirty lines that the first one left: callgrind cannot flush. It knows no
    AVX-512, and takes non-temporal stores for ordinary ones.
    """
    chosen = [(study, variant) for study in studies for variant in study.variants]
    objects = []
    for study, variant in chosen:
        objects.append(folder / f"bare-{variant.name}.o")
        source = study.passes[variant.pass_name].source
        build.run(build.compile_command(compiler, CFLAGS, isas[variant.isa], variant, source, objects[-1]))
    program, out = folder / "bare", folder / "callgrind.out"
    sources = [TRAFFIC / "bare.c", KERNELS / "runtime" / "variants.c", *objects]
    build.run([compiler, *CFLAGS, f"-I{KERNELS}", *map(str, sources), "-o", str(program), "-lm"])
    build.run([
        valgrind, "--tool=callgrind", "--cache-sim=yes", "--simulate-wb=yes", f"--callgrind-out-file={out}",
        f"--I1=4096,4,{LINE_BYTES}", f"--D1=4096,4,{LINE_BYTES}",
        f"--LL={llc.lines * LINE_BYTES},{llc.ways},{LINE_BYTES}", "--dump-after=f32_*",
        str(program), str(n), *(variant.name for _, variant in chosen),
    ])  # fmt: skip
    found = {}
    for (_, variant), (trigger, events) in zip(chosen, list(_dumps(out, 2 * len(chosen)))[1::2], strict=True):
        if not trigger.endswith(f"={variant.symbol}"):
            raise ValueError(f"callgrind's dump after {variant.symbol} is of another call: {trigger}")
        written = events["ILdmr"] + events["DLdmr"] + events["DLdmw"]
        found[variant.name] = Lines(events["DLmr"], events["DLmw"], written)
    return found


def _dumps(out: Path, count: int) -> Iterator[tuple[str, dict[str, int]]]:
    """Of each dump, in order, what triggered it and its events; callgrind leaves out zeros at the end of a line."""
    for part in range(1, count + 1):
        lines = out.with_name(f"{out.name}.{part}").read_text(encoding="utf-8").splitlines()
        fields = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("desc: "))
        trigger = next(line for line in lines if line.startswith("desc: Trigger: "))
        names, totals = fields["events"].split(), list(map(int, fields["totals"].split()))
        yield trigger, dict(zip(names, totals + [0] * (len(names) - len(totals)), strict=True))


def pycachesim(cachesim: Any, llc: Cache, accesses: np.ndarray, load: int) -> Lines:
    """Lines that pycachesim counts for recorded accesses (address, bytes, kind); kind `load` is a load."""
    # Its first simulation in a process was seen to miss once too often: what it counts is taken from the second.
    _simulated(cachesim, llc, accesses, load)
    return _simulated(cachesim, llc, accesses, load)


def _simulated(cachesim: Any, llc: Cache, accesses: np.ndarray, load: int) -> Lines:
    cache = cachesim.Cache("LLC", sets=llc.sets, ways=llc.ways, cl_size=LINE_BYTES)
    memory = cachesim.MainMemory()
    memory.load_to(cache)
    memory.store_from(cache)
    simulator = cachesim.CacheSimulator(cache, memory)
    allocated = 0
    for address, size, kind in accesses.tolist():
        if kind != load:
            before = cache.backend.MISS_count
            simulator.store(address, length=size)
            allocated += cache.backend.MISS_count - before
        # Also after a store, which alone does not make its line the one used last.
        simulator.load(address, length=size)
    return Lines(cache.backend.MISS_count - allocated, allocated, cache.backend.EVICT_count)
