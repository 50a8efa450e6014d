"""What is timed: blocks of contenders, derived from config, study, machine and tuning; and what is skipped, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from passline import known_baselines, plan_beyond
from passline.contenders import Built, alone, consumed, judged, led_to
from passline.effort import design
from passline.errors import ConfigError
from passline.known_baselines import Known, asked
from passline.measure.spec import Block, Contender, Inputs
from passline.plan_blocks import merge, pairs, peers, row_sets, single, stop_rule, takes_part, unique, whole
from passline.plan_points import ALONE, CONSUMED, HOT, Batch, Point, rows_of, thread_counts
from passline.registry import Isa, Study, load_isas
from passline.sizes import Caches, key_sizes, sweep_sizes

CLOCK_SHARE = 0.02  # where reading the clock costs more than this share of a call, the size is skipped
MEMORY_SHARE = 0.8  # of the machine's memory that buffers may take
LARGE_MEMORY_MULTIPLE = 3  # large class counts are measured only where memory is this many times what they take
TUNE_SWEEPS = 4  # hundreds of variants: the choice rests on minima, which need fewer values than a ratio
CEILING_SWEEPS = 4  # a ceiling is a rate, compared with none in its sweep: fewer and longer values
CEILING_VALUES = 4  # ... of so many times the usual length
WARM = (HOT, CONSUMED)  # protocols with one row of x and of y
_PARAMETERS = {
    "normal": ("mean", "deviation"),
    "uniform": ("low", "high"),
    "ramp": ("low", "high"),
    "one_hot": ("elsewhere", "value"),  # elsewhere it is 0
}  # of a distribution of the study: what a round calls low and high
_CEILING_LEVELS = {"L1": "L1", "L2": "L2", "LLC": "LLC/2", "DRAM": "4 x LLC"}  # level -> size label
_MEMORY_LEVELS = ("LLC", "DRAM")  # shared by all cores: with all of them, each takes its part of the row


@dataclass(frozen=True)
class Host:
    """What the plan must know of the machine."""

    caches: Caches
    memory_bytes: int
    cpus: Sequence[int]
    llc_instances: int = 1  # last-level caches that the cpus reach together
    node: Sequence[int] = ()  # those of the cpus that sit in the measuring one's NUMA node: the first of them
    node_llc_instances: int = 1
    socket: Sequence[int] = ()  # those in its socket


@dataclass(frozen=True)
class Plan:
    """Blocks, the sizes by label, and what was left out."""

    blocks: list[Block]
    labels: dict[str, int]
    skipped: list[dict[str, str]]


class Planner:
    """Builds blocks for one study on one machine."""

    def __init__(
        self, config: Mapping[str, Any], study: Study, ceilings: Study, isas: Mapping[str, Isa], host: Host
    ) -> None:
        """Resolve the sizes; ConfigError where a size listed in the config does not fit into memory."""
        self.config, self.study, self.ceilings, self.isas, self.host = config, study, ceilings, isas, host
        self.design = design(config["effort"])
        self.comparisons = (*study.comparisons, *known_baselines.comparisons(config, study.name))
        self.known_isas = list(load_isas())
        self.key = key_sizes(host.caches)
        listed = config["sizes"]["sweep"]
        self.sweep: list[int] = sweep_sizes(host.caches) if listed == "auto" else sorted(listed)
        if listed != "auto":
            self.check_listed("sizes.sweep", self.sweep)
        self.classes: dict[str, int] = dict(config["sizes"]["class_counts"])
        self.large_classes: dict[str, int] = dict(config["sizes"]["large_class_counts"])

    @property
    def labels(self) -> dict[str, int]:
        """Every size that has a name."""
        return {
            **self.key,
            "2 x LLC": self.host.caches.elements("llc", 2),
            **self.classes,
            **self.large_classes,
        }

    def check_listed(self, key: str, sizes: Iterable[int]) -> None:
        """ConfigError for a listed size whose rows do not fit into memory."""
        for n in sizes:
            need, memory = self.bytes_needed("paper", n), self.host.memory_bytes
            if need > MEMORY_SHARE * self.host.memory_bytes:
                most = int(MEMORY_SHARE * self.host.memory_bytes / need * n)
                raise ConfigError(
                    f"config: {key}",
                    f"{n} elements need {_gigabytes(need)} of buffers, this machine has {_gigabytes(memory)}",
                    f"List sizes up to about {most}",
                )

    def bytes_needed(self, protocol: str, n: int, batch: Batch = ALONE) -> int:
        """Bytes of buffers that a block of this protocol and size allocates."""
        row, llc = 4 * n, self.host.caches.llc
        if batch.rows:
            return 2 * row * batch.rows * batch.threads
        rotated = {"paper": row + llc, "cold": 4 * llc + row}.get(protocol, row)
        x = row if protocol != "cold" else 4 * llc + row
        return (x + rotated + (row if protocol in WARM else 0)) * batch.threads

    def plan(
        self,
        builds: Sequence[Built],
        clock_cost_s: float,
        call_s_per_element: float,
        baselines: Mapping[str, Known] | None = None,
        crossovers: pd.DataFrame | None = None,
    ) -> Plan:
        """All blocks of the timing step, with those of the probed `baselines` that a group asks for.

        `crossovers` is the table of that name: what `best` goes by. `call_s_per_element` is the time per element of
        the fastest algorithm in cache, from tuning: with the cost of reading the clock it says which sizes the paper's
        protocol, which reads it around every call, can time.
        """
        blocks: list[Block] = []
        skipped: list[dict[str, str]] = []
        for group in self.config["blocks"]:
            if plan_beyond.is_beyond(group) and not self.study.beyond:
                skipped.append({"what": "blocks beyond the paper", "reason": "the study has no algorithm for them"})
                continue
            isas, missing = self.resolve_isas(group["isas"])
            skipped += [
                {"what": f"{group['kind']} blocks on {isa}", "reason": reason} for isa, reason in missing.items()
            ]
            outsiders, absent = peers(self.study, asked(group), baselines or {})
            found, left_out = self.contenders(group, builds, isas, crossovers)
            sound, out = self.sound(found, builds)
            skipped += absent + left_out + out
            for name, point, reason in self.points(group):
                here = [c for c in sound if takes_part(c, point)]
                doubtful = self.doubt(group["kind"], point, clock_cost_s, call_s_per_element, row_sets(here, point))
                if (why := reason or doubtful) is not None:
                    skipped.append({"what": name, "reason": why})
                elif here:
                    timed = here + (outsiders if point.batch.threads == 1 else [])
                    if point.protocol == CONSUMED:
                        timed = [consumed(c, self.ceilings, list(self.isas)[-1]) for c in timed]
                    made = self.block(name, point, timed, self.compared(group, timed))
                    blocks.append({**made, "rounds": min(made["rounds"], group.get("rounds", made["rounds"]))})
        return Plan(merge(blocks), self.labels, unique(skipped))

    def points(self, group: Mapping[str, Any]) -> Iterator[tuple[str, Point, str | None]]:
        """Name and point of each block of a group, and why it is skipped or None."""
        word = plan_beyond.BEYOND if plan_beyond.is_beyond(group) else group["kind"]
        lists = (group["protocols"], group["inputs"], group.get("pages", ["huge"]))
        sizes = self.resolve_sizes(group)
        for threads, (n, reason), protocol, family, pages in product(self.resolve_threads(group), sizes, *lists):
            batch = Batch(rows_of(group.get("rows", 0), n, threads, self.host.caches.llc), threads)
            few = f"the session has {len(self.host.cpus)} cores" if threads > len(self.host.cpus) else None
            point = Point(protocol, n, family, pages, batch)
            yield f"{word}-{point.name}", point, reason or few

    def resolve_threads(self, group: Mapping[str, Any], key: str = "threads") -> list[int]:
        """Numbers of threads that a group lists; of those that share a row (`together`) as many as there are cores."""
        cores = len(self.host.cpus)
        counts = thread_counts(group.get(key, [1]), len(self.host.node) or 1, len(self.host.socket) or 1, cores)
        return [count for count in counts if count <= cores] if key == "together" else counts

    def shares(self, group: Mapping[str, Any]) -> list[int]:
        """Numbers of threads that share a row in a group, or a batch."""
        return self.resolve_threads(group, "threads" if group.get("rows") else "together")

    def contenders(
        self,
        group: Mapping[str, Any],
        builds: Sequence[Built],
        isas: Sequence[str],
        crossovers: pd.DataFrame | None = None,
    ) -> tuple[list[Contender], list[dict[str, str]]]:
        """Contenders of a group: algorithms, or passes beside their ceilings; and what of them its ISAs lack."""
        found: list[Contender] = []
        lacking: list[dict[str, str]] = []
        for built, isa in product(builds, isas):
            if plan_beyond.is_beyond(group):
                names = plan_beyond.names(group, self.study)
                counts = self.shares(group)
                mine, out = plan_beyond.contenders(self.study, self.ceilings, built, isa, names, crossovers, counts)
                found, lacking = found + mine, lacking + out
            elif group["kind"] == "passes":
                found += single(self.study, self.ceilings, built, isa)
            else:
                found += whole(self.study, built, isa, split=group["kind"] == "split")
        return found, lacking

    def compared(self, group: Mapping[str, Any], contenders: Sequence[Contender]) -> list[list[int]]:
        """The pairs that must be told apart: in blocks beyond the paper, those of its own algorithms are not."""
        if "rounds" in group:
            return []
        wanted = plan_beyond.asked(self.comparisons, self.study) if plan_beyond.is_beyond(group) else self.comparisons
        return pairs(contenders, wanted)

    def resolve_isas(self, wanted: str | Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """ISAs of a group, and those it names that this session does not have."""
        vector = [name for name in self.isas if name != "scalar"] or ["scalar"]
        if wanted == "simd":
            return vector, {}
        if wanted == "widest":
            return vector[-1:], {}
        unknown = [name for name in wanted if name not in self.known_isas]
        if unknown:
            raise ConfigError(
                "config: blocks.isas",
                f"{unknown[0]!r} is not an instruction set of kernels/simd/isa.yaml",
                f"Use simd, widest, or some of: {', '.join(self.known_isas)}",
            )
        return [i for i in wanted if i in self.isas], {
            i: "not built in this session" for i in wanted if i not in self.isas
        }

    def resolve_sizes(self, group: Mapping[str, Any]) -> list[tuple[int, str | None]]:
        """Row lengths of a group, each with the reason why it is skipped or None."""
        wanted = group["sizes"]
        least = group.get("minimum_elements", 1)
        if wanted == "large_class_counts":
            return [(n, self.too_large(n)) for n in self.large_classes.values()]
        named = {
            "sweep": self.sweep,
            "key": list(self.key.values()),
            "key_in_cache": [n for n in self.key.values() if self.in_cache(HOT, n)],
            "class_counts": list(self.classes.values()),
        }
        if isinstance(wanted, str):
            return [
                (n, None if n >= least else f"shorter than the group's minimum of {least} elements")
                for n in named[wanted]
            ]
        self.check_listed("blocks.sizes", wanted)
        return [(n, None) for n in wanted if n >= least]

    def too_large(self, n: int) -> str | None:
        """Why a large class count is skipped, or None."""
        need = LARGE_MEMORY_MULTIPLE * 8 * n
        if need <= self.host.memory_bytes:
            return None
        return f"three times its rows are {_gigabytes(need)}, this machine has {_gigabytes(self.host.memory_bytes)}"

    def doubt(
        self, kind: str, point: Point, clock_cost_s: float, call_s_per_element: float, row_sets: int
    ) -> str | None:
        """Why a size cannot be measured by a protocol, or None. Each number of threads has a set of rows."""
        protocol, n = point.protocol, point.n_elements
        if self.bytes_needed(protocol, n, point.batch) * row_sets > MEMORY_SHARE * self.host.memory_bytes:
            return f"its buffers do not fit into {MEMORY_SHARE:.0%} of the memory"
        share = clock_cost_s / (n * call_s_per_element)
        if protocol == "paper" and kind != "passes" and share > CLOCK_SHARE:
            cost = f"{clock_cost_s * 1e9:.0f} ns"
            return f"reading the clock around every call ({cost}) would cost over {CLOCK_SHARE:.0%} of it"
        return None

    def block(
        self, name: str, point: Point, contenders: list[Contender], compared: list[list[int]] | None = None
    ) -> Block:
        """A block, which ends when the `compared` contenders, by default the study's comparisons, are told apart."""
        in_cache = self.in_cache(point.protocol, point.n_elements, point.batch)
        compared = pairs(contenders, self.comparisons) if compared is None else compared
        most = self.design.rounds_most_in_cache if in_cache else self.design.rounds_most
        target = self.design.target_in_cache if in_cache else self.design.target
        return {
            "name": name,
            "protocol": point.protocol,
            "n_elements": point.n_elements,
            "rows": point.batch.rows,
            "threads": point.batch.threads,
            "inputs": self.inputs(point.family),
            "pages": point.pages,
            "rounds": most if compared else self.design.rounds_least,
            "stop": stop_rule(compared, target, self.design.rounds_least, most),
            "sweeps": self.design.sweeps,
            "value_s": self.design.value_s,
            "contenders": [{**c, "key": {**c["key"], **point.key_of(c["threads"])}} for c in contenders],
        }

    def in_cache(self, protocol: str, n: int, batch: Batch = ALONE) -> bool:
        """Whether x and y fit into half of the LLC, and stay there from call to call."""
        return protocol != "cold" and 8 * n * max(1, batch.rows) * batch.threads <= self.host.caches.llc // 2

    def sound(
        self, contenders: list[Contender], builds: Sequence[Built]
    ) -> tuple[list[Contender], list[dict[str, str]]]:
        """Split contenders into those that may be timed, and those of which a part, or all of it, failed the check."""
        rejected = {(b.compiler, name): why for b in builds for name, why in b.rejected.items()}
        bad = {
            c["name"]: next(rejected[c["library"], v] for v in judged(c) if (c["library"], v) in rejected)
            for c in contenders
            if any((c["library"], v) in rejected for v in judged(c))
        }
        kept = [c for c in contenders if c["name"] not in bad]
        return kept, [{"what": name, "reason": f"failed the check: {why}"} for name, why in bad.items()]

    def inputs(self, family: str) -> Inputs:
        """An input family as a round takes it, from the study."""
        spec = self.study.inputs[family]
        first, second = _PARAMETERS[spec["distribution"]]
        low, high = spec.get(first, 0.0), spec[second]
        return {"name": family, "distribution": spec["distribution"], "low": float(low), "high": float(high)}

    def tuning(self, builds: Sequence[Built]) -> list[Block]:
        """Blocks of the tuning step: every sound variant alone, in L1, in L2, and with x as large as the LLC.

        Passes of algorithms beyond the paper are tuned only where blocks ask for such. Scalar passes are bound by the
        core at every size, so the last size tells nothing new about them.
        """
        large = self.host.caches.elements("llc", 1)
        beyond = any(map(plan_beyond.is_beyond, self.config["blocks"]))
        timed = self.study.variants if beyond else plan_beyond.papers_variants(self.study)
        timed = tuple(v for v in timed if led_to(self.study, v))
        sizes = sorted({self.key["L1"], self.key["L2"], large})
        blocks = [
            self.block(
                f"tune-hot-n{n}-uniform-huge-{isa}",
                Point(HOT, n),
                self.sound([alone(self.study, v, b) for b in builds for v in timed if v.isa == isa], builds)[0],
            )
            for n in sizes
            for isa in self.isas
            if n < large or self.isas[isa].lanes > 1
        ]
        return [
            {**b, "rounds": self.design.tune_rounds, "sweeps": TUNE_SWEEPS, "value_s": self.design.tune_value_s}
            for b in blocks
            if b["contenders"]
        ]

    def selftest_sizes(self) -> list[int]:
        """Row lengths of the self-test, shortest first; ConfigError for a label that no size has."""
        wanted = self.config["selftest_sizes"]
        if wanted == "sweep":
            return self.sweep
        unknown = [size for size in wanted if isinstance(size, str) and size not in self.labels]
        if unknown:
            raise ConfigError(
                "config: selftest_sizes", f"no size is called {unknown[0]!r}", f"Known: {', '.join(self.labels)}"
            )
        sizes = sorted({self.labels[size] if isinstance(size, str) else int(size) for size in wanted})
        self.check_listed("selftest_sizes", sizes)
        return sizes

    def roofs(self, builds: Sequence[Built]) -> list[Block]:
        """Blocks of the ceilings step: every ceiling per level, on one cpu, on those of its NUMA node, and on all."""
        together = {1: 1, len(self.host.node) or 1: self.host.node_llc_instances}
        together |= {len(self.host.cpus): self.host.llc_instances}
        blocks: list[Block] = []
        for level, label in _CEILING_LEVELS.items():
            for threads, instances in sorted(together.items()):
                # Threads on all cores reach every LLC, and share what is that many times longer.
                row = self.key[label] * (instances if threads > 1 else 1)
                n = row // threads if level in _MEMORY_LEVELS else self.key[label]
                contenders = [
                    alone(self.ceilings, v, b)
                    for b in builds
                    for v in self.ceilings.variants
                    if self.ceilings.passes[v.pass_name].mix != (0, 0, False) or level == "L2"
                ]
                point = Point(HOT, n, batch=Batch(0, threads))
                block = self.block(f"ceilings-{level}-t{threads}", point, contenders)
                rounds, value_s = self.design.ceiling_rounds, CEILING_VALUES * self.design.value_s
                blocks.append({**block, "rounds": rounds, "sweeps": CEILING_SWEEPS, "value_s": value_s})
        return blocks


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
