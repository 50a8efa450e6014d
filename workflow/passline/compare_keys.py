"""Which facts two sessions must share before their ratios may be compared, and which may differ: one table, `RULES`.

Two sessions are compared to learn what an edit of the sources did, or what time alone did. So sources and objects may
differ, and everything else that moves a ratio of two programs must not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from passline.machine_sources import Cache


@dataclass(frozen=True)
class Rule:
    """Whether a difference of a fact forbids a comparison, and why or why not.

    `document` is where the fact stands: machine (machine.json), plan (plan.json), config (config.json), builds (all of
    them), build (build.json of a compiler), state (table `machines`, what no other document has), tuned (the choices of
    table `tuning`) or tables (their versions). `key` may hold wildcards; the first rule that fits counts.
    """

    document: str
    key: str
    matters: bool
    why: str


def _must(document: str, why: str, *keys: str) -> tuple[Rule, ...]:
    return tuple(Rule(document, key, True, why) for key in keys)


def _may(document: str, why: str, *keys: str) -> tuple[Rule, ...]:
    return tuple(Rule(document, key, False, why) for key in keys)


RULES: tuple[Rule, ...] = (
    *_must("machine", "it is another processor", "architecture", "vendor", "family", "model", "stepping", "model_name"),
    *_must("machine", "it is another processor", "microarchitecture"),
    *_must("machine", "ratios depend on which cache a row fits into", "l1d", "l2", "llc", "cache_line_bytes"),
    *_must("machine", "cores share caches and memory", "cores", "threads_per_core", "sockets", "numa_nodes"),
    *_must("machine", "cores differ in clock and caches", "core_types", "measuring_cpu"),
    *_must("machine", "pages change the cost of memory", "huge_pages"),
    *_must("machine", "it changes the cost of page faults, and who shares the machine", "hypervisor"),
    *_must("machine", "it is another host", "machine_id_hash"),
    *_may(
        "machine",
        "it is made of other facts, which are compared",
        "id",
        "core_cpus",
        "socket_cpus",
        "measuring_cpu_reason",
    ),
    *_may("machine", "rounds run on the measuring cpu", "online_cpus", "usable_cpus"),
    *_may("machine", "the kernel's list grows with its release; builds say which ISAs are used", "cpu_flags"),
    *_may("machine", "rows are far smaller than memory", "memory_bytes"),
    *_may("machine", "timed code makes no system calls", "kernel"),
    *_may("machine", "it says where facts were read", "origins"),
    *_must("plan", "other passes are other programs", "study"),
    *_may("plan", "it is a label", "session", "machine"),
    *_may("plan", "more rounds make intervals narrower, and these are taken into account", "effort"),
    *_must("config", "another core has another clock and other neighbours", "cpu"),
    *_may("config", "orders, layouts and inputs are drawn anew in any case", "seed"),
    *_may(
        "config", "points that only one session has are left out and counted", "sizes", "blocks", "isas", "compilers"
    ),
    *_may("config", "ratios that only one session has are left out and counted", "comparisons"),
    *_may("config", "it decides which variants the tuned ones are chosen from", "grid"),
    *_may("config", "no ratio of table ratios comes from it", "error_over_n", "selftest_sizes", "counters"),
    *_must("build", "another compiler writes other code from the same source", "compiler", "version", "architecture"),
    *_must("build", "other flags make other code from the same source", "cflags", "isas"),
    *_may("build", "it is what is compared", "sources", "objects", "library_sha256", "build_id"),
    *_may("builds", "points of a compiler that only one session has are left out and counted", "compilers"),
    *_may("baselines", "ratios against it compare with other code, all others do not", "*"),
    *_must("state", "it decides the clock, and with it what memory costs in cycles", "governor", "frequency_driver"),
    *_must("state", "it decides the clock, and with it what memory costs in cycles", "energy_performance_preference"),
    *_must("state", "it decides the clock, and with it what memory costs in cycles", "turbo", "turbo_clocks_hz"),
    *_must("state", "it decides the clock, and with it what memory costs in cycles", "scaling_m*_hz", "uncore_m*_hz"),
    *_must("state", "it decides the clock, and with it what memory costs in cycles", "base_clock_hz", "power_*"),
    *_must("state", "prefetchers move ratios out of cache", "prefetcher_*"),
    *_must("state", "pages change the cost of memory", "transparent_huge_pages"),
    *_must("state", "it moves pages while loops run", "numa_balancing"),
    *_must("state", "without it all rounds have one layout", "aslr"),
    *_must("state", "a sibling shares the core", "smt_*"),
    *_must("state", "it changes how instructions execute", "microcode"),
    *_may("state", "it acts where the kernel is entered, which timed code does not do", "mitigation_*"),
    *_may("state", "it acts where the kernel is entered, which timed code does not do", "vulnerabilities_*"),
    *_may("state", "what it changes in a running loop shows in facts of its own", "kernel_parameters*"),
    *_may("state", "timed code is C, and calls none of it", "*_version", "operating_system"),
    *_may("state", "it is measured anew", "clock_cost_s"),
    *_may("state", "no ratio is known to depend on it", "*"),
    *_may("tuned", "it is chosen by measuring: ratios of tuned compare other code here", "*"),
    *_may("tables", "the columns that are compared are the same", "*"),
)


@dataclass(frozen=True)
class Difference:
    """A fact on which two sessions differ: its name, both values as text, and the rule's reason."""

    key: str
    a: str
    b: str
    why: str


@dataclass(frozen=True)
class Differences:
    """What forbids the comparison, what may differ, and what only one of the sessions knows."""

    refused: tuple[Difference, ...]
    listed: tuple[Difference, ...]
    unknown: tuple[Difference, ...]


def rule_of(document: str, key: str, rules: Sequence[Rule] = RULES) -> Rule:
    """The first rule for a fact; a fact without one must not differ, for nobody has said that it may."""
    for rule in rules:
        if rule.document == document and fnmatchcase(key, rule.key):
            return rule
    return Rule(document, key, True, "no rule in workflow/passline/compare_keys.py says that it may differ")


def differences(
    a: Mapping[str, Mapping[str, Any]], b: Mapping[str, Mapping[str, Any]], rules: Sequence[Rule] = RULES
) -> Differences:
    """Compare two sessions' facts: document -> key -> value; documents of builds are named `build <compiler>`.

    A value that only one session knows, because the other could not read it or is older, shows no difference. Where it
    would matter it is returned as unknown, so that it can be said.
    """
    compilers = [{name for name in one if name.startswith("build ")} for one in (a, b)]
    if not compilers[0] & compilers[1]:
        x, y = (", ".join(sorted(name.removeprefix("build ") for name in own)) or "none" for own in compilers)
        return Differences((Difference("compiler", x, y, "they have none in common"),), (), ())
    refused, listed, unknown = [], [], []
    for name, key, x, y in _pairs(a, b):
        if x == y or key == "origins":
            continue
        document, _, of = name.partition(" ")
        rule = rule_of(document, key, rules)
        shown = Difference(f"{of} {key}".strip(), *_texts(x, y), rule.why)
        if not rule.matters:
            listed.append(shown)
        elif x is None or y is None:
            unknown.append(shown)
        else:
            refused.append(shown)
    return Differences(tuple(refused), tuple(listed), tuple(unknown))


def _pairs(
    a: Mapping[str, Mapping[str, Any]], b: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, Any, Any]]:
    for name in (name for name in a if name in b):
        for key in dict.fromkeys((*a[name], *b[name])):
            x, y = a[name].get(key), b[name].get(key)
            if name.startswith("build ") and key == "isas" and x and y:
                # An ISA that only one session builds has no point in common; its flags are nobody's difference.
                x, y = ({isa: flags for isa, flags in one.items() if isa in other} for one, other in ((x, y), (y, x)))
            yield name, key, _plain(x), _plain(y)


def _plain(value: Any) -> Any:
    """A value as it is compared: who else sits at a cache by number of cpus, and `unavailable` as None."""
    if isinstance(value, Cache):
        return f"{value.bytes} B, level {value.level}, of {len(value.cpus)} cpus"
    return None if value == "unavailable" else value


def _texts(a: Any, b: Any) -> tuple[str, str]:
    """Both values as text; of mappings and lists only what the other lacks."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return _entries(a, b), _entries(b, a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        own = [item for item in a if item not in b], [item for item in b if item not in a]
        # The same items in another order.
        first, second = own if any(own) else (a, b)
        return _items(first), _items(second)
    return _text(a), _text(b)


def _entries(own: Mapping[Any, Any], other: Mapping[Any, Any]) -> str:
    return "; ".join(f"{k}: {_text(v)}" for k, v in own.items() if k not in other or other[k] != v) or "nothing else"


def _items(items: list[Any] | tuple[Any, ...]) -> str:
    return " ".join(_text(item) for item in items) or "nothing else"


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, list | tuple):
        return " ".join(_text(item) for item in value) or "none"
    text = str(value)
    return text[:8] if re.fullmatch(r"[0-9a-f]{64}", text) else text
