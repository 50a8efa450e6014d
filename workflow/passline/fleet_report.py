"""The fleet report: tables and sentences from the fleet's tables. Many machines are grouped by microarchitecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from passline import formats
from passline.report_tables import ReportTable, table
from passline.titles import SMOKE_STAMP, base_kind, isa_title, question_words

MOST_ROWS = 30
"""Machines that have a row of their own; of more, each microarchitecture has one."""

OTHERS = "others"
NAMED = 5  # bundles, of more that are left out for one reason
MADE_UP_STAMP = "MADE UP: NO MEASUREMENT"

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]


def groups(machines: pd.DataFrame) -> pd.Series[str]:
    """Bundle -> the row it belongs to: its own machine and session, or its microarchitecture where there are many.

    Microarchitectures beyond the most frequent share a row.
    """
    mine = machines[machines["compared"]].set_index("bundle")
    if len(mine) <= MOST_ROWS:
        twice = mine["machine"].duplicated(keep=False)
        return mine["machine"].where(~twice, mine["machine"] + " " + pd.Series(mine.index, mine.index).str[-8:])
    kept = set(mine["microarchitecture"].value_counts().index[: MOST_ROWS - 1])
    return mine["microarchitecture"].where(mine["microarchitecture"].isin(kept), OTHERS)


def grouped_ratios(tables: Tables) -> pd.DataFrame:
    """One row per group, ISA and size: `ratio`, the median of its machines; `low` to `high`; `machines`; `base`.

    Of one machine the interval is its own, of several the range of theirs. `wins` counts verdicts `faster`.
    """
    of = groups(tables["fleet_machines"])
    rows = tables["fleet_ratios"].assign(group=lambda frame: frame["bundle"].map(of))
    grouped = rows.groupby(["group", "isa", "size"], sort=True)
    found = grouped.agg(
        ratio=("ratio", "median"), least=("ratio", "min"), most=("ratio", "max"), machines=("bundle", "nunique"),
        low=("ratio_low", "first"), high=("ratio_high", "first"), base=("base", lambda names: names.mode().iloc[0]),
        wins=("verdict", lambda words: int((words == "faster").sum())),
    ).reset_index()  # fmt: skip
    several = found["machines"] > 1
    low, high = found["low"].mask(several, found["least"]), found["high"].mask(several, found["most"])
    return found.assign(low=low, high=high).drop(columns=["least", "most"])


def grouped_passes(tables: Tables) -> pd.DataFrame:
    """One row per group and pass: `fraction`, the median of machines, each on the ISA nearest to its ceiling."""
    of = groups(tables["fleet_machines"])
    rows = tables["fleet_passes"].assign(group=lambda frame: frame["bundle"].map(of))
    best = rows.sort_values("fraction_of_ceiling").groupby(["bundle", "pass"]).tail(1)
    found = best.groupby(["group", "pass"], sort=True)["fraction_of_ceiling"].median()
    return found.rename("fraction").reset_index()


def document(tables: Tables, plan: Plan, refused: Sequence[str] = ()) -> dict[str, Any]:
    """What the template reads: `values`, `tables`, `measurement`, `stamp`.

    Args:
        tables: the fleet's tables.
        plan: of a session that is compared: what things are called.
        refused: why bundles were not imported, each with its name.
    """
    machines = tables["fleet_machines"]
    compared = machines[machines["compared"]]
    made_up, smoke = bool(machines["made_up"].any()), not compared["measurement"].all()
    many = len(compared) > MOST_ROWS
    said = question_words(plan) if plan else dict.fromkeys(("contender", "bases", "each", "fastest"), "nothing")
    return {
        "measurement": not (made_up or smoke),
        "stamp": MADE_UP_STAMP if made_up else SMOKE_STAMP,
        "values": {
            "title": str(plan.get("title", "Nothing to compare")),
            "bundles": formats.count(len(machines)),
            "compared": formats.count(len(compared)),
            "microarchitectures": formats.count(compared["microarchitecture"].nunique()),
            "rows": "a microarchitecture, of many machines" if many else "a machine",
            "spread": "the range of its machines" if many else "the 95 % interval of its ratio",
            "headline": headline(tables, plan, said),
            **said,
        },
        "tables": {
            "machines": machine_rows(compared, many=many),
            "ratios": ratio_rows(tables, plan),
            "claims": claim_rows(tables),
            "left_out": left_out(machines),
            "refused": table(["bundles that were refused"], [[_short(why)] for why in refused]),
        },
    }


def headline(tables: Tables, plan: Plan, said: Mapping[str, str]) -> str:
    """On how many machines the contender wins out of cache, per ISA."""
    rows = tables["fleet_ratios"]
    sizes = [label for label in plan.get("out_of_cache", []) if label in set(rows["size"])]
    clauses = []
    for isa, mine in rows[rows["size"].isin(sizes)].groupby("isa", sort=True):
        wins, loses = ((mine["verdict"] == word).sum() for word in ("faster", "slower"))
        middle = formats.ratio(float(mine["ratio"].median()))
        clauses.append(
            f"{isa_title(str(isa), plan)}: faster on {wins} of {len(mine)}, slower on {loses}, median {middle}"
        )
    if not clauses:
        return "No machine has a ratio out of cache."
    what = f"{said['contender']} against {said['fastest']} at {' and '.join(sizes)}"
    return f"{what}, machine by machine. {'; '.join(clauses)}."


def machine_rows(compared: pd.DataFrame, *, many: bool) -> ReportTable:
    """Each machine, or each microarchitecture with the number of its machines and models."""
    if many:
        rows = [
            [str(name), formats.count(len(mine)), formats.count(mine["model_name"].nunique()), _range(mine["cores"])]
            for name, mine in compared.groupby("microarchitecture", sort=True)
        ]
        return table(["microarchitecture", "machines", "models", "cores"], rows)
    rows = [
        [row["machine"], row["model_name"], row["microarchitecture"], row["cores"], _cache(row["llc_bytes"]),
         row["hypervisor"], row["session"]]
        for _, row in compared.sort_values(["microarchitecture", "machine"]).iterrows()
    ]  # fmt: skip
    return table(["machine", "processor", "microarchitecture", "cores", "LLC", "hypervisor", "session"], rows)


def _range(values: pd.Series[str]) -> str:
    numbers = [int(value) for value in values if value.isdigit()]
    return formats.NOTHING if not numbers else f"{min(numbers)} to {max(numbers)}"


def _cache(value: str) -> str:
    return formats.binary_bytes(float(value)) if value.isdigit() else value


def ratio_rows(tables: Tables, plan: Plan) -> ReportTable:
    """Who wins where and by how much."""
    rows = grouped_ratios(tables)
    sizes = [label for label in plan.get("bars", []) if label in set(rows["size"])]
    shown = []
    for (group, isa), mine in rows.groupby(["group", "isa"], sort=True):
        cells = []
        for size in sizes:
            found = mine[mine["size"] == size]
            cells += [_cell(found), base_kind(str(found["base"].iloc[0]), plan) if len(found) else formats.NOTHING]
        shown.append([str(group), str(mine["machines"].max()), isa_title(str(isa), plan), *cells])
    return table(["row", "n", "ISA", *(cell for size in sizes for cell in (size, "base"))], shown)


def _cell(found: pd.DataFrame) -> str:
    if found.empty:
        return formats.NOTHING
    return formats.ratio_with_interval(*found[["ratio", "low", "high"]].iloc[0])


def claim_rows(tables: Tables) -> ReportTable:
    """Each claim, tuned variants: in how many machines it holds, does not, or is undecided, and where it holds not."""
    rows = tables["fleet_claims"].merge(tables["fleet_machines"][["bundle", "microarchitecture"]], on="bundle")
    shown = []
    for (_, statement), mine in rows[rows["variant"] == "tuned"].groupby(["claim", "statement"], sort=False):
        counts = mine["verdict_here"].value_counts()
        names = [f"{word}: {number}" for word, number in counts.items()]
        against = sorted(set(mine.loc[mine["verdict_here"] == "does not hold here", "microarchitecture"]))
        shown.append(
            [str(statement), formats.count(len(mine)), "; ".join(names), formats.listed(against) or formats.NOTHING]
        )
    return table(["claim", "machines", "verdicts", "does not hold on"], shown)


def _short(why: str) -> str:
    """A refusal without the folder of its bundle."""
    path, _, rest = why.partition(": ")
    return f"{Path(path).name}: {rest}"


def left_out(machines: pd.DataFrame) -> ReportTable:
    """What may not be compared, and why; the same reason stands once."""
    out = machines[~machines["compared"]]
    rows = [
        [", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else ""), str(reason)]
        for reason, names in out.groupby("reason", sort=True)["bundle"].agg(list).items()
    ]
    return table(["bundles", "why they are not compared"], rows)
