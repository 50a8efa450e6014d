"""Which sessions of different machines may stand side by side: the rules of compare_keys, but for what a fleet is.

Two sessions of one machine are compared to learn what an edit did. Those of a fleet are compared to learn what machines
do to one program: so machines and their state differ, each is built by its own compiler, and sources must not differ.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passline.compare import COMPARED_ELSEWHERE
from passline.compare_keys import RULES, Difference, Differences, Rule, differences
from passline.derive import selection

QUESTION = ("study", "comparisons", "primary_protocol")
BUILD = "build primary"
_OF_BUILD = ("compiler", "version", "cflags", "isas", "architecture", "sources")
EMULATOR = re.compile(r"\bTCG\b")  # of QEMU, where no processor is virtualised but all of it is made in software

RULES_OF_FLEETS: tuple[Rule, ...] = (
    Rule("plan", "comparisons", True, "it asks another question"),
    Rule("plan", "primary_protocol", True, "verdicts rest on times of another kind"),
    Rule("build", "sources", True, "other sources are other programs"),
    *(
        Rule("build", key, False, "each machine is built where it measures, by the compiler it has")
        for key in ("compiler", "version", "architecture")
    ),
    Rule("config", "cpu", False, "cpus of different machines have nothing in common but their number"),
    Rule("bundle", "passline", False, "tables of another version are left out by themselves"),
    *RULES,
)

Documents = dict[str, dict[str, Any]]


def documents(plan: Mapping[str, Any], config: Mapping[str, Any], build: Mapping[str, Any], passline: str) -> Documents:
    """What of a session must or may differ in a fleet, by document; of builds the one that verdicts rest on."""
    asked = {"study": plan["study"], "comparisons": selection.among_algorithms(plan)}
    told = {
        "plan": asked | {"primary_protocol": plan["primary_protocol"], "effort": plan["effort"]},
        "config": {key: value for key, value in config.items() if key not in COMPARED_ELSEWHERE},
        "baselines": {name: known.get("version") for name, known in plan.get("baselines", {}).items()},
        BUILD: {key: build[key] for key in _OF_BUILD if key in build},
        "bundle": {"passline": passline},
    }
    found: Documents = json.loads(json.dumps(told))
    return found


def usual(all_documents: Iterable[Documents]) -> Documents:
    """The value that most sessions have, of each fact; the first seen where two are as frequent."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for each in all_documents:
        for document, facts in each.items():
            for key, value in facts.items():
                counted.setdefault((document, key), Counter())[json.dumps(value, sort_keys=True)] += 1
    most: Documents = {"plan": {}, "config": {}, "baselines": {}, BUILD: {}, "bundle": {}}
    for (document, key), values in counted.items():
        most[document][key] = json.loads(values.most_common(1)[0][0])
    return most


def unlike(mine: Documents, most: Documents) -> Differences:
    """What a session differs in from most; refused where it may not stand beside them."""
    return differences(mine, most, RULES_OF_FLEETS)


def why_not(plan: Mapping[str, Any], facts: Mapping[str, str], found: Differences, *, smoke: bool) -> str | None:
    """Why a session cannot stand beside the others, or None; smoke runs stand only beside each other.

    Args:
        plan: the session's.
        facts: of its table `machines`.
        found: how it differs from most.
        smoke: whether all sessions are smoke runs.
    """
    if not plan["measurement"] and not smoke:
        return "a smoke run, not a measurement"
    if found.refused:
        return "; ".join(map(told, found.refused))
    if EMULATOR.search(facts.get("model_name", "")):
        return f"its processor is emulated ({facts['model_name']}): an emulator's times say nothing of a machine"
    return None if plan["algorithms"] else "it timed no algorithm of the study"


def told(difference: Difference) -> str:
    """A difference that forbids, in words."""
    name = difference.key.removeprefix("primary ").replace("_", " ")
    return f"differs from most in {name}: {shortened(difference.a)}, not {shortened(difference.b)} ({difference.why})"


def shortened(text: str, most: int = 160) -> str:
    """Text that may be a list of all sources, cut at a word."""
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} …"


@dataclass(frozen=True)
class Candidate:
    """A session that may be compared: its host is a hash, or unavailable; `measured` is the start of its last round."""

    bundle: str
    label: str
    host: str
    measured: str


def newest(candidates: Sequence[Candidate]) -> dict[str, str]:
    """Bundles that another of the same machine replaces, and why: a label has one row, that of its last rounds."""
    last = {one.label: one for one in sorted(candidates, key=lambda one: (one.measured, one.bundle))}
    replaced = {}
    for one in candidates:
        kept = last[one.label]
        if one is not kept:
            other = one.host != kept.host
            hosts = ", on another host: give each a label of its own (config key machine)" if other else ""
            replaced[one.bundle] = f"{one.label} was measured again later ({kept.measured or 'time unknown'}){hosts}"
    return replaced


def one_host(candidates: Sequence[Candidate]) -> dict[str, list[str]]:
    """Labels of each host that has several; of hosts that could not be told nothing is known."""
    labels: dict[str, list[str]] = {}
    for one in candidates:
        labels.setdefault(one.host, []).append(one.label)
    return {host: names for host, names in labels.items() if len(names) > 1 and host != "unavailable"}


def build_of(plan: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """The build.json that the plan's verdicts rest on, or nothing where there is none."""
    for path in paths:
        build: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if build.get("build_id") == plan.get("primary_build_id", build.get("build_id")):
            return build
    return {}
