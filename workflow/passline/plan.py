"""What is timed: blocks of contenders, derived from config, study, machine and tuning; and what is skipped, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from passline.contenders import Built, algorithm, alone, outside, runs
from passline.effort import design, looks
from passline.errors import ConfigError
from passline.known_baselines import Known, asked
from passline.measure.spec import Block, Contender, Inputs, Stop
from passline.registry import Isa, Study, load_isas
from passline.sizes import Caches, key_sizes, sweep_sizes

CLOCK_SHARE = 0.02  # where reading the clock costs more than this share of a call, the size is skipped
MEMORY_SHARE = 0.8  # of the machine's memory that buffers may take
LARGE_MEMORY_MULTIPLE = 3  # large class counts are measured only where memory is this many times what they take
TUNE_SWEEPS = 4  # hundreds of variants: the choice rests on minima, which need fewer values than a ratio
CEILING_SWEEPS = 4  # a ceiling is a rate, compared with none in its sweep: fewer and longer values
CEILING_VALUES = 4  # ... of so many times the usual length
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
        self.comparisons = (*study.comparisons, *map(tuple, config.get("comparisons", [])))
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

    def bytes_needed(self, protocol: str, n: int) -> int:
        """Bytes of buffers that a block of this protocol and size allocates."""
        row, llc = 4 * n, self.host.caches.llc
        rotated = row + llc if protocol == "paper" else row if protocol == "hot" else 4 * llc + row
        x = row if protocol != "cold" else 4 * llc + row
        return x + rotated + (row if protocol == "hot" else 0)

    def plan(
        self,
        builds: Sequence[Built],
        clock_cost_s: float,
        call_s_per_element: float,
        baselines: Mapping[str, Known] | None = None,
    ) -> Plan:
        """All blocks of the timing step, with those of the probed `baselines` that a group asks for.

        `call_s_per_element` is the time per element of the fastest algorithm in cache, from tuning: with the cost
        of reading the clock it says which sizes the paper's protocol, which reads it around every call, can time.
        """
        blocks: list[Block] = []
        skipped: list[dict[str, str]] = []
        for group in self.config["blocks"]:
            isas, missing = self.resolve_isas(group["isas"])
            skipped += [
                {"what": f"{group['kind']} blocks on {isa}", "reason": reason} for isa, reason in missing.items()
            ]
            peers, absent = _peers(self.study, asked(group), baselines or {})
            skipped += absent
            for n, reason in self.resolve_sizes(group):
                for protocol in group["protocols"]:
                    for family in group["inputs"]:
                        for pages in group.get("pages", ["huge"]):
                            name = f"{group['kind']}-{protocol}-n{n}-{family}-{pages}"
                            why = reason or self.doubt(group["kind"], protocol, n, clock_cost_s, call_s_per_element)
                            if why is not None:
                                skipped.append({"what": name, "reason": why})
                                continue
                            found = [c for b in builds for isa in isas for c in self.contenders(group["kind"], b, isa)]
                            contenders, out = self.sound(found, builds)
                            skipped += out
                            if contenders:
                                contenders += peers
                                blocks.append(self.block(name, protocol, n, family, pages, contenders))
        return Plan(_merge(blocks), self.labels, _unique(skipped))

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
            "key_in_cache": [n for n in self.key.values() if self.in_cache("hot", n)],
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

    def doubt(self, kind: str, protocol: str, n: int, clock_cost_s: float, call_s_per_element: float) -> str | None:
        """Why a size cannot be measured by a protocol, or None."""
        if self.bytes_needed(protocol, n) > MEMORY_SHARE * self.host.memory_bytes:
            return f"its buffers do not fit into {MEMORY_SHARE:.0%} of the memory"
        share = clock_cost_s / (n * call_s_per_element)
        if protocol == "paper" and kind != "passes" and share > CLOCK_SHARE:
            cost = f"{clock_cost_s * 1e9:.0f} ns"
            return f"reading the clock around every call ({cost}) would cost over {CLOCK_SHARE:.0%} of it"
        return None

    def block(
        self,
        name: str,
        protocol: str,
        n: int,
        family: str,
        pages: str,
        contenders: list[Contender],
        compared: list[list[int]] | None = None,
    ) -> Block:
        """A block, which ends when the `compared` contenders, by default the study's comparisons, are told apart."""
        in_cache = self.in_cache(protocol, n)
        key = {"n_elements": n, "threads": 1, "cache_protocol": protocol, "inputs": family, "pages": pages}
        compared = pairs(contenders, self.comparisons) if compared is None else compared
        most = self.design.rounds_most_in_cache if in_cache else self.design.rounds_most
        target = self.design.target_in_cache if in_cache else self.design.target
        return {
            "name": name,
            "protocol": protocol,
            "n_elements": n,
            "threads": 1,
            "inputs": self.inputs(family),
            "pages": pages,
            "rounds": most if compared else self.design.rounds_least,
            "stop": stop_rule(compared, target, self.design.rounds_least, most),
            "sweeps": self.design.sweeps,
            "value_s": self.design.value_s,
            "contenders": [{**c, "key": {**c["key"], **key}} for c in contenders],
        }

    def in_cache(self, protocol: str, n: int) -> bool:
        """Whether x and y fit into half of the LLC, and stay there from call to call."""
        return protocol != "cold" and 8 * n <= self.host.caches.llc // 2

    def sound(
        self, contenders: list[Contender], builds: Sequence[Built]
    ) -> tuple[list[Contender], list[dict[str, str]]]:
        """Split contenders into those that may be timed, and those with a variant that failed the check."""
        rejected = {(b.compiler, name): why for b in builds for name, why in b.rejected.items()}
        bad = {
            c["name"]: next(rejected[c["library"], v] for v in runs(c) if (c["library"], v) in rejected)
            for c in contenders
            if any((c["library"], v) in rejected for v in runs(c))
        }
        kept = [c for c in contenders if c["name"] not in bad]
        return kept, [{"what": name, "reason": f"failed the check: {why}"} for name, why in bad.items()]

    def inputs(self, family: str) -> Inputs:
        """An input family as a round takes it, from the study."""
        spec = self.study.inputs[family]
        low, high = (
            (spec["mean"], spec["deviation"]) if spec["distribution"] == "normal" else (spec["low"], spec["high"])
        )
        return {"name": family, "distribution": spec["distribution"], "low": float(low), "high": float(high)}

    def contenders(self, kind: str, built: Built, isa: str) -> list[Contender]:
        """Contenders of a block: algorithms with their preset and tuned variants, or passes beside their ceilings."""
        if kind != "passes":
            choices = [
                (a, c)
                for a in self.study.algorithms.values()
                if self.study.runs_on(a.name, isa)
                for c in ("preset", "tuned")
                if c == "preset" or all((p, isa) in built.chosen for p in a.passes)
            ]
            return [algorithm(self.study, a.name, built, isa, choice, split=kind == "split") for a, choice in choices]
        presets = {self.study.preset(p, isa).name for p in self.study.passes if self.study.variants_of(p, isa)}
        names = presets | set(built.chosen.values())
        passes = [alone(self.study, v, built) for v in self.study.variants if v.isa == isa and v.name in names]
        roofs = [
            alone(self.ceilings, v, built)
            for v in self.ceilings.variants
            if v.isa == isa and self.ceilings.passes[v.pass_name].mix != (0, 0, False)
        ]
        return passes + roofs

    def tuning(self, builds: Sequence[Built]) -> list[Block]:
        """Blocks of the tuning step: every sound variant alone, in L1, in L2, and with x as large as the LLC.

        Scalar passes are bound by the core at every size, so the last tells nothing new about them.
        """
        large = self.host.caches.elements("llc", 1)
        sizes = sorted({self.key["L1"], self.key["L2"], large})
        blocks = [
            self.block(
                f"tune-hot-n{n}-uniform-huge-{isa}",
                "hot",
                n,
                "uniform",
                "huge",
                self.sound(
                    [alone(self.study, v, b) for b in builds for v in self.study.variants if v.isa == isa], builds
                )[0],
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
                block = self.block(f"ceilings-{level}-t{threads}", "hot", n, "uniform", "huge", contenders)
                key = {"threads": threads}
                block["contenders"] = [{**c, "key": {**c["key"], **key}} for c in block["contenders"]]
                rounds, value_s = self.design.ceiling_rounds, CEILING_VALUES * self.design.value_s
                blocks.append(
                    {**block, "threads": threads, "rounds": rounds, "sweeps": CEILING_SWEEPS, "value_s": value_s}
                )
        return blocks


def pairs(contenders: Sequence[Contender], comparisons: Iterable[tuple[str, str]]) -> list[list[int]]:
    """[contender, base] of the comparisons among whole algorithms of one build, ISA and choice of variants.

    A base that is an outside baseline is compared with each of them.
    """
    place = {
        (c["library"], c["key"]["isa"], c["key"]["variant"], c["key"]["algorithm"]): i
        for i, c in enumerate(contenders)
        if c["whole"]
    }
    outsiders = {c["baseline"]: i for i, c in enumerate(contenders) if c["baseline"]}
    return [
        [place[*setting, algorithm], place.get((*setting, base), outsiders.get(base, -1))]
        for algorithm, base in comparisons
        for setting in dict.fromkeys(key[:3] for key in place)
        if (*setting, algorithm) in place and ((*setting, base) in place or base in outsiders)
    ]


def stop_rule(compared: list[list[int]], target: float, least: int, most: int) -> Stop:
    """The rule for these pairs; without any, all rounds are taken."""
    return {
        "pairs": compared,
        "target": target,
        "looks": [list(look) for look in looks(least, most)] if compared else [],
    }


def _merge(blocks: list[Block]) -> list[Block]:
    """Blocks by name: a size that two groups ask for is measured once, with the contenders of both."""
    merged: dict[str, Block] = {}
    for block in blocks:
        if block["name"] not in merged:
            merged[block["name"]] = block
            continue
        into = merged[block["name"]]
        known = {c["name"] for c in into["contenders"]}
        into["contenders"] += [c for c in block["contenders"] if c["name"] not in known]
        place = {c["name"]: i for i, c in enumerate(into["contenders"])}
        names = [c["name"] for c in block["contenders"]]
        found = [[place[names[i]], place[names[j]]] for i, j in block["stop"]["pairs"]]
        into["stop"]["pairs"] += [pair for pair in found if pair not in into["stop"]["pairs"]]
    return list(merged.values())


def _peers(
    study: Study, names: Sequence[str], known: Mapping[str, Known]
) -> tuple[list[Contender], list[dict[str, str]]]:
    """The baselines that can be had, and those that cannot with the reason."""
    there = [name for name in names if name in known and known[name].ok]
    reasons = {name: known[name].reason if name in known else "it was not probed" for name in names}
    absent = [{"what": f"baseline {name}", "reason": reasons[name]} for name in names if name not in there]
    return [outside(study, name) for name in there], absent


def _unique(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({row["what"]: row for row in rows}.values())


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
