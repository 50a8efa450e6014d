"""From the bundles of many machines to small tables: machines, how they differ, who wins where, passes, claims.

Of a bundle only tables `ratios`, `passes`, `claims` and `machines` are read, the plan, which says what it is about, and
what tells whether it may be compared. One bundle is read at a time and reduced to a few dozen rows, so that time and
memory grow with their number alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from passline import fleet_compare
from passline.compare_keys import Differences
from passline.derive import selection
from passline.derive.rounds import length_of
from passline.errors import TableError
from passline.tables import conform, read_columns
from passline.titles import shown_variant

_RATIO = ["isa", "base", "ratio", "ratio_low", "ratio_high", "verdict", "n_rounds", "n_marked", "verdict_unmarked"]
_PASS = ["pass", "isa", "fraction_of_ceiling", "bandwidth_bytes_per_s", "bound"]
_CLAIM = [
    "claim", "variant", "statement", "our_value", "low", "high", "unit", "isa", "verdict_here", "verdict_paper_machine",
]  # fmt: skip
_POINT = ["build_id", "algorithm", "variant", "n_elements", "threads", "cache_protocol", "inputs", "pages"]
COLUMNS = {
    "ratios": [*_POINT, *_RATIO, "base_isa", "base_variant", "base_time_median_s"],
    "passes": [*_POINT, *_PASS, "time_median_s"],
    "claims": _CLAIM,
    "machines": ["key", "value"],
}
FACTS = ("model_name", "microarchitecture", "cores", "sockets", "hypervisor", "memory_bytes", "llc_bytes")
HOST = "machine_id_hash"
UNAVAILABLE = "unavailable"
ASKED_OTHERWISE = (
    "its session asks something else: it timed neither the study's question at a labelled size, nor passes alone"
)
MOST_CHARACTERS = 200  # of a value in table `fleet_differences`

Rows = list[dict[str, Any]]


@dataclass
class Fleet:
    """Rows of the fleet's tables, and the plan that says what things are called."""

    machines: Rows = field(default_factory=list)
    differences: Rows = field(default_factory=list)
    ratios: Rows = field(default_factory=list)
    passes: Rows = field(default_factory=list)
    claims: Rows = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name."""
        names = ("machines", "differences", "ratios", "passes", "claims")
        return {f"fleet_{name}": conform(f"fleet_{name}", pd.DataFrame(getattr(self, name))) for name in names}


def collect(imported: Sequence[Mapping[str, Any]], folder: Path) -> Fleet:
    """Read and reduce all bundles; of those that may not be compared only the row in `machines` stays.

    The plan is that of the first that may be compared.

    Args:
        imported: entries of fleet/imported.json: `bundle`, `made_up`, `measured`, `passline`.
        folder: where the bundles were laid.
    """
    facts = {told["bundle"]: _documents(folder / told["bundle"], told) for told in imported}
    measured = {name for name, (_, measurement, _) in facts.items() if measurement}
    most = fleet_compare.usual(
        documents for name, (documents, _, asks) in facts.items() if asks and (name in measured or not measured)
    )
    found = Fleet()
    for told in imported:
        name = told["bundle"]
        plan = _json(folder / name / "plan.json")
        unlike = fleet_compare.unlike(facts[name][0], most)
        known, reason = _read(folder / name)
        here = dict(zip(known["machines"]["key"], known["machines"]["value"], strict=True)) if known else {}
        reason = reason or fleet_compare.why_not(plan, here, unlike, smoke=not measured)
        rows = {} if reason else _reduced(name, known, plan)
        reason = reason or (None if rows["ratios"] or rows["passes"] else ASKED_OTHERWISE)
        found.machines.append(_machine(told, plan, here, facts[name][0], reason))
        if reason is None:
            found.plan = found.plan or plan
            found.ratios += rows["ratios"]
            found.passes += rows["passes"]
            found.claims += rows["claims"]
            found.differences += _listed(name, unlike)
    _one_row_each(found)
    return found


def _one_row_each(found: Fleet) -> None:
    """Leave out all but the newest session of a label; of labels that are one host count the first."""
    shown = [
        fleet_compare.Candidate(row["bundle"], row["machine"], row["host"], row["measured"])
        for row in found.machines
        if row["compared"]
    ]
    replaced = fleet_compare.newest(shown)
    shared = fleet_compare.one_host([one for one in shown if one.bundle not in replaced])
    again = {label for labels in shared.values() for label in labels[1:]}
    for row in found.machines:
        if row["bundle"] in replaced:
            row |= {"compared": False, "reason": replaced[row["bundle"]]}
        row["counted"] = row["compared"] and row["machine"] not in again
    for name in ("differences", "ratios", "passes", "claims"):
        setattr(found, name, [row for row in getattr(found, name) if row["bundle"] not in replaced])


def _documents(path: Path, told: Mapping[str, Any]) -> tuple[fleet_compare.Documents, bool, bool]:
    """What decides whether a session may be compared, whether it is a measurement, and asks what its study asks.

    One that took no round under the protocol that verdicts rest on tells nothing of what most sessions are like.
    """
    plan = _json(path / "plan.json")
    config = _json(path / "config.json") if (path / "config.json").is_file() else {}
    build = fleet_compare.build_of(plan, sorted(path.glob("build/*/build.json")))
    asks = plan["primary_protocol"] in plan.get("protocols", [plan["primary_protocol"]])
    return fleet_compare.documents(plan, config, build, told["passline"]), bool(plan["measurement"]), asks


def _read(path: Path) -> tuple[dict[str, pd.DataFrame], str | None]:
    """A bundle's tables; none, and why, where one cannot be read."""
    try:
        return {name: read_columns(name, path / "tables" / f"{name}.csv", of) for name, of in COLUMNS.items()}, None
    except TableError as error:
        return {}, str(error).replace(f"{path}/", "")  # the same reason in the words of every bundle


def _machine(
    told: Mapping[str, Any],
    plan: Mapping[str, Any],
    here: Mapping[str, str],
    documents: fleet_compare.Documents,
    reason: str | None,
) -> dict[str, Any]:
    return {
        "bundle": told["bundle"],
        "machine": plan["machine"],
        "session": plan["session"],
        "host": str(here.get(HOST, UNAVAILABLE)),
        "measured": told["measured"],
        "made_up": bool(told["made_up"]),
        "measurement": bool(plan["measurement"]),
        "effort": float(plan["effort"]),
        "compiler": str(documents[fleet_compare.BUILD].get("version", UNAVAILABLE)),
        **{fact: str(here.get(fact, UNAVAILABLE)) for fact in FACTS},
        "compared": reason is None,
        "reason": reason or "-",
    }


def _listed(name: str, unlike: Differences) -> Rows:
    """Differences that forbid nothing; `unknown` are those that would, were they known."""
    return [
        {
            "bundle": name,
            "key": each.key.removeprefix("primary "),
            "value": fleet_compare.shortened(each.a, MOST_CHARACTERS),
            "usual": fleet_compare.shortened(each.b, MOST_CHARACTERS),
            "why": why or each.why,
        }
        for found, why in ((unlike.listed, ""), (unlike.unknown, "one of the two does not say"))
        for each in found
    ]


def _reduced(name: str, known: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> dict[str, Rows]:
    """What the fleet's tables hold of a bundle: `ratios`, `passes` and `claims`."""
    found: dict[str, Rows] = {"ratios": [], "passes": [], "claims": []}
    tables = selection.of_paper(selection.of_build(known, plan), plan)
    key = {"bundle": name}
    ratios = selection.against_fastest(selection.primary(tables["ratios"], plan), plan)
    ratios = ratios[ratios["variant"] == shown_variant(ratios)]
    for label in plan["bars"]:
        n = length_of(plan, label)
        for row in ratios.loc[ratios["n_elements"] == n, _RATIO].to_dict("records"):
            found["ratios"].append(key | {"size": label, "n_elements": n} | row)
    alone = selection.alone(tables["passes"])
    far = alone[alone["n_elements"].isin(selection.out_of_cache(plan)) & alone["fraction_of_ceiling"].notna()]
    # Tuned and preset run under their own names: the faster one is the tuned choice, or as good as it.
    fastest = far.sort_values("time_median_s").groupby(["pass", "isa"], sort=True).head(1)
    found["passes"] = [key | row for row in fastest[_PASS].to_dict("records")]
    found["claims"] = [key | row for row in tables["claims"][_CLAIM].to_dict("records")]
    return found


def _json(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
