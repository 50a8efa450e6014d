"""From the bundles of many machines to four small tables: machines, who wins where, passes and ceilings, claims.

Of a bundle only tables `ratios`, `passes`, `claims` and `machines` are read, and the plan, which says what it is about.
One bundle is read at a time and reduced to a few dozen rows, so that time and memory grow with their number alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from passline.bundle import MANIFEST, REPORTED, made_up
from passline.derive import selection
from passline.derive.rounds import length_of
from passline.errors import TableError
from passline.tables import conform, read_table
from passline.titles import shown_variant

FACTS = ("model_name", "microarchitecture", "cores", "sockets", "hypervisor", "memory_bytes", "llc_bytes")
UNAVAILABLE = "unavailable"

Rows = list[dict[str, Any]]


@dataclass
class Fleet:
    """Rows of the fleet's tables, and the plan that says what things are called."""

    machines: Rows = field(default_factory=list)
    ratios: Rows = field(default_factory=list)
    passes: Rows = field(default_factory=list)
    claims: Rows = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name."""
        rows = {
            "fleet_machines": self.machines,
            "fleet_ratios": self.ratios,
            "fleet_passes": self.passes,
            "fleet_claims": self.claims,
        }
        return {name: conform(name, pd.DataFrame(found)) for name, found in rows.items()}


def folders(fleet: Path) -> list[Path]:
    """Imported bundles, in order of their names."""
    return sorted(path.parent for path in fleet.glob(f"*/{MANIFEST}") if not path.parent.name.startswith("."))


def collect(bundles: Iterable[Path]) -> Fleet:
    """Read and reduce all bundles; of those that may not be compared only the row in `machines` stays.

    The plan is that of the first that may be compared.
    """
    paths = list(bundles)
    plans = [_json(path / "plan.json") for path in paths]
    measured = [plan for plan in plans if plan["measurement"]]
    usual = common(measured or plans)
    found = Fleet()
    for path, plan in zip(paths, plans, strict=True):
        why = unlike(plan, usual, smoke=not measured)
        facts, name = {"reason": why or "-", "compared": why is None}, path.name
        try:
            known = {table: read_table(table, path / "tables" / f"{table}.csv") for table in REPORTED}
        except TableError as error:
            known, facts = {}, {"reason": str(error), "compared": False}
        found.machines.append(_machine(path, plan, known.get("machines"), facts))
        if facts["compared"]:
            found.plan = found.plan or plan
            _reduce(found, name, known, plan)
    return found


def common(plans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What most sessions have: study, comparisons and protocol. Others ask another question."""
    asked = Counter(json.dumps(_asked(plan), sort_keys=True) for plan in plans)
    most: dict[str, Any] = json.loads(asked.most_common(1)[0][0]) if asked else {}
    return most


def _asked(plan: Mapping[str, Any]) -> dict[str, Any]:
    pairs = selection.among_algorithms(plan)
    return {"study": plan["study"], "comparisons": pairs, "primary_protocol": plan["primary_protocol"]}


def unlike(plan: Mapping[str, Any], usual: Mapping[str, Any], *, smoke: bool = False) -> str | None:
    """Why a session cannot stand beside the others, or None; smoke runs stand only beside each other."""
    if not plan["measurement"] and not smoke:
        return "a smoke run, not a measurement"
    mine = json.loads(json.dumps(_asked(plan)))
    different = [key for key, value in usual.items() if mine[key] != value]
    if different:
        key = different[0]
        return f"its {key.replace('_', ' ')} is {mine[key]}, that of most is {usual[key]}"
    return None if plan["algorithms"] else "it timed no algorithm of the study"


def _machine(
    path: Path,
    plan: Mapping[str, Any],
    machines: pd.DataFrame | None,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    known = {} if machines is None else dict(zip(machines["key"], machines["value"], strict=True))
    told = {fact: str(known.get(fact, UNAVAILABLE)) for fact in FACTS}
    return {
        "bundle": path.name,
        "machine": plan["machine"],
        "session": plan["session"],
        "made_up": made_up(path),
        "measurement": bool(plan["measurement"]),
        "effort": float(plan["effort"]),
        **told,
        **facts,
    }


def _reduce(found: Fleet, name: str, known: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> None:
    tables = selection.of_paper(selection.of_build(known, plan), plan)
    key = {"bundle": name}
    sizes = {label: length_of(plan, label) for label in plan["bars"]}
    ratios = selection.against_fastest(selection.primary(tables["ratios"], plan), plan)
    ratios = ratios[ratios["variant"] == shown_variant(ratios)]
    for label, n in sizes.items():
        for _, row in ratios[ratios["n_elements"] == n].iterrows():
            kept = {c: row[c] for c in ("isa", "base", "ratio", "ratio_low", "ratio_high", "verdict", "n_rounds")}
            found.ratios.append(key | {"size": label, "n_elements": n} | kept)
    alone = selection.alone(tables["passes"])
    far = alone[alone["n_elements"].isin(selection.out_of_cache(plan)) & alone["fraction_of_ceiling"].notna()]
    # Tuned and preset run under their own names: the faster one is the tuned choice, or as good as it.
    for _, row in far.sort_values("time_median_s").groupby(["pass", "isa"], sort=True).head(1).iterrows():
        kept = {c: row[c] for c in ("pass", "isa", "fraction_of_ceiling", "bandwidth_bytes_per_s", "bound")}
        found.passes.append(key | kept)
    for _, row in tables["claims"].iterrows():
        kept = {c: row[c] for c in ("claim", "variant", "statement", "verdict_here", "verdict_paper_machine")}
        found.claims.append(key | kept)


def _json(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
