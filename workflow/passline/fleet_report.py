"""The fleet report: tables and sentences from the fleet's tables. Many machines are grouped by microarchitecture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from passline import fleet_claims, formats
from passline.fleet import UNAVAILABLE
from passline.report_tables import ReportTable, table
from passline.statistics import FASTER, SLOWER
from passline.tables import NOT_APPLICABLE
from passline.titles import SMOKE_STAMP, base_kind, isa_title, pass_order, question_words

MOST_ROWS = 30
"""Machines that have a row of their own; of more, each microarchitecture has one."""

OTHERS = "others"
NAMED = 5  # of more that share a reason or a difference
MOST_DIFFERENCES = 40
MADE_UP_STAMP = "MADE UP: NO MEASUREMENT"

OF_FEW = {
    "rows": "a machine",
    "spread": "the 95 % interval of its ratio",
    "beside_ratios": "base: the faster one of the bases",
    "beside_passes": "its ISA, and its bandwidth",
}
OF_MANY = {
    "rows": "a microarchitecture: the median of its machines",
    "spread": "the range of its machines (of a single one its 95 % interval)",
    "beside_ratios": "faster on: how many machines have that verdict",
    "beside_passes": "median and range of its machines, the ISA of most of them, and of how many",
}
"""What rows are, in words, where machines have their own, and where microarchitectures have."""

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]


def is_many(machines: pd.DataFrame) -> bool:
    """Whether microarchitectures have rows in place of machines."""
    return int(machines["compared"].sum()) > MOST_ROWS


def groups(machines: pd.DataFrame) -> pd.Series[str]:
    """Bundle -> the row it belongs to: its own machine, or where there are many its microarchitecture.

    Where rows are several machines, one host under two labels is counted once. Microarchitectures beyond the most
    frequent share a row.
    """
    if not is_many(machines):
        return machines[machines["compared"]].set_index("bundle")["machine"]
    mine = machines[machines["counted"]].set_index("bundle")["microarchitecture"]
    kept = set(mine.value_counts().index[: MOST_ROWS - 1])
    return mine.where(mine.isin(kept), OTHERS)


def in_groups(tables: Tables, name: str) -> pd.DataFrame:
    """Rows of a fleet's table with column `group`, the row that each belongs to."""
    rows = tables[name].assign(group=lambda frame: frame["bundle"].map(groups(tables["fleet_machines"])))
    return rows[rows["group"].notna()]


def grouped_ratios(tables: Tables) -> pd.DataFrame:
    """One row per group, ISA and size: `ratio`, the median of its machines; `low` to `high`; `machines`; `base`.

    Of one machine the interval is its own, of several the range of theirs. `wins` counts verdicts `faster`.
    """
    grouped = in_groups(tables, "fleet_ratios").groupby(["group", "isa", "size"], sort=True)
    found = grouped.agg(
        ratio=("ratio", "median"), least=("ratio", "min"), most=("ratio", "max"), machines=("bundle", "nunique"),
        low=("ratio_low", "first"), high=("ratio_high", "first"), base=("base", lambda names: names.mode().iloc[0]),
        wins=("verdict", lambda words: int((words == FASTER).sum())),
    ).reset_index()  # fmt: skip
    several = found["machines"] > 1
    low, high = found["low"].mask(several, found["least"]), found["high"].mask(several, found["most"])
    return found.assign(low=low, high=high).drop(columns=["least", "most"])


def grouped_passes(tables: Tables) -> pd.DataFrame:
    """One row per group and pass: `fraction`, the median of machines, each on the ISA nearest to its ceiling.

    `isa` is the one that most of them are nearest on, `of_isa` how many; `low` to `high` is the range of machines;
    `bandwidth` (bytes/s) is the median.
    """
    rows = in_groups(tables, "fleet_passes")
    if rows.empty:
        return pd.DataFrame(
            columns=["group", "pass", "fraction", "bandwidth", "low", "high", "machines", "isa", "of_isa"]
        )
    best = rows.sort_values("fraction_of_ceiling", kind="stable").groupby(["bundle", "pass"]).tail(1)
    return best.groupby(["group", "pass"], sort=True).agg(
        fraction=("fraction_of_ceiling", "median"), bandwidth=("bandwidth_bytes_per_s", "median"),
        low=("fraction_of_ceiling", "min"), high=("fraction_of_ceiling", "max"), machines=("bundle", "nunique"),
        isa=("isa", lambda names: names.mode().iloc[0]), of_isa=("isa", lambda names: int(names.value_counts().max())),
    ).reset_index()  # fmt: skip


def document(tables: Tables, plan: Plan, refused: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """What the template reads: `values`, `tables`, `headlines`, `measurement`, `stamp`.

    Args:
        tables: the fleet's tables.
        plan: of a session that is compared: what things are called.
        refused: bundles that were not imported: name and why of each.
    """
    machines = tables["fleet_machines"]
    compared, many = machines[machines["compared"]], is_many(machines)
    made_up, smoke = bool(machines["made_up"].any()), not compared["measurement"].all()
    said = question_words(plan) if plan else dict.fromkeys(("contender", "bases", "each", "fastest"), "nothing")
    return {
        "measurement": not (made_up or smoke),
        "headlines": headlines(tables, plan),
        "stamp": MADE_UP_STAMP if made_up else SMOKE_STAMP,
        "values": {
            "title": str(plan.get("title", "Nothing to compare")),
            "compared": formats.count(len(compared)),
            "machines": "machine" if len(compared) == 1 else "machines",
            "left_out": formats.count(len(machines) - len(compared)),
            "refused": formats.count(len(refused)),
            "counted": formats.count(machines["counted"].sum()),
            "microarchitectures": formats.count(compared["microarchitecture"].nunique()),
            **(OF_MANY if many else OF_FEW),
            "hosts": one_host(compared),
            "doubtful": doubtful(tables),
            **said,
        },
        "tables": {
            "machines": machine_rows(tables, many=many),
            "ratios": ratio_rows(tables, plan, many=many),
            "claims": fleet_claims.legend(tables),
            "claims_by_machine": fleet_claims.matrix(
                tables, in_groups(tables, "fleet_claims"), plan, _row_title(many=many)
            ),
            "passes": pass_rows(tables, plan, many=many),
            "differences": differences(tables),
            "left_out": left_out(machines),
            "refused": table(["bundles", "why they were refused"], by_reason(refused)),
        },
    }


def headlines(tables: Tables, plan: Plan) -> list[str]:
    """On how many hosts the contender wins, at each labelled size out of cache and on each ISA, and by how much."""
    machines = tables["fleet_machines"]
    rows = tables["fleet_ratios"]
    rows = rows[rows["bundle"].isin(machines.loc[machines["counted"], "bundle"])]
    told = []
    for size in plan.get("out_of_cache", []):
        for isa, mine in rows[rows["size"] == size].groupby("isa", sort=True):
            wins, loses = (int((mine["verdict"] == word).sum()) for word in (FASTER, SLOWER))
            middle, least, most = (formats.ratio(float(mine["ratio"].quantile(part))) for part in (0.5, 0.0, 1.0))
            counts = f"faster on {wins} of {len(mine)}, slower on {loses}, neither on {len(mine) - wins - loses}"
            told.append(
                f"{size}, {isa_title(str(isa), plan)}: {counts}; median ratio {middle}, from {least} to {most}."
            )
    return told or ["No machine has a ratio out of cache."]


def one_host(compared: pd.DataFrame) -> str:
    """Labels that are one host, which counts of machines count once; empty where there are none."""
    known = compared[compared["host"] != UNAVAILABLE]
    shared = [sorted(labels) for _, labels in known.groupby("host", sort=True)["machine"] if len(labels) > 1]
    told = [f"{formats.listed(labels[:NAMED])}{_more(labels)} are one host" for labels in shared[:NAMED]]
    if not told:
        return ""
    rest = f"; and so are the labels of {len(shared) - NAMED} hosts more" if len(shared) > NAMED else ""
    return f"By their machine-id, {'; '.join(told)}{rest}: each is counted once."


def doubtful(tables: Tables) -> str:
    """How many rounds were marked as doubtful, and how many verdicts would be others without them."""
    rows = tables["fleet_ratios"]
    rounds, marked = int(rows["n_rounds"].sum()), int(rows["n_marked"].sum())
    if not marked:
        return "No round of these was marked as doubtful."
    known = rows[rows["verdict_unmarked"] != NOT_APPLICABLE]
    other = known[known["verdict"] != known["verdict_unmarked"]]
    where = f", on {formats.count(other['bundle'].nunique())} machines" if len(other) else ""
    return (
        f"{formats.percent(marked / rounds, 1)} of the rounds were marked as doubtful; without them "
        f"{formats.count(len(other))} of {formats.count(len(rows))} verdicts would be others{where}."
    )


def _marked(tables: Tables) -> pd.Series[float]:
    """Bundle -> the share of its rounds that was marked."""
    rounds = tables["fleet_ratios"].groupby("bundle")[["n_marked", "n_rounds"]].sum()
    return rounds["n_marked"] / rounds["n_rounds"]


def machine_rows(tables: Tables, *, many: bool) -> ReportTable:
    """Each machine, or each microarchitecture with the number of its machines and models."""
    machines, marked = tables["fleet_machines"], _marked(tables)
    if many:
        of = groups(machines)
        known = machines[machines["bundle"].isin(of.index)].assign(group=lambda frame: frame["bundle"].map(of))
        rows = [
            [str(name), formats.count(len(mine)), formats.count(mine["model_name"].nunique()), _range(mine["cores"]),
             formats.count(mine["compiler"].nunique()), formats.percent(float(marked.reindex(mine["bundle"]).mean()))]
            for name, mine in known.groupby("group", sort=True)
        ]  # fmt: skip
        return table(["microarchitecture", "machines", "models", "cores", "compilers", "marked rounds"], rows)
    compared = machines[machines["compared"]]
    rows = [
        [row["machine"], row["model_name"], row["microarchitecture"], row["cores"], _cache(row["llc_bytes"]),
         row["hypervisor"], row["compiler"].rpartition(" ")[2], row["measured"][:10] or formats.NOTHING,
         formats.percent(float(marked.get(row["bundle"], math.nan)))]
        for _, row in compared.sort_values(["microarchitecture", "machine"]).iterrows()
    ]  # fmt: skip
    head = ["machine", "processor", "microarchitecture", "cores", "LLC", "hypervisor", "compiler", "measured", "marked"]
    return table(head, rows)


def _range(values: pd.Series[str]) -> str:
    numbers = [int(value) for value in values if value.isdigit()]
    return formats.NOTHING if not numbers else f"{min(numbers)} to {max(numbers)}"


def _cache(value: str) -> str:
    return formats.binary_bytes(float(value)) if value.isdigit() else value


def ratio_rows(tables: Tables, plan: Plan, *, many: bool) -> ReportTable:
    """Who wins where and by how much; beside it the fastest base, or on how many of many machines the verdict is so."""
    rows = grouped_ratios(tables)
    sizes = [label for label in plan.get("bars", []) if label in set(rows["size"])]
    shown = []
    for (group, isa), mine in rows.groupby(["group", "isa"], sort=True):
        cells = []
        for size in sizes:
            found = mine[mine["size"] == size]
            cells += [_cell(found), _beside(found, plan, many=many)]
        counted = [formats.count(mine["machines"].max())] if many else []
        shown.append([str(group), *counted, isa_title(str(isa), plan), *cells])
    head = [_row_title(many=many), *(["machines"] if many else []), "ISA"]
    return table([*head, *(cell for size in sizes for cell in (size, "faster on" if many else "base"))], shown)


def _row_title(*, many: bool) -> str:
    """What the first column of a table holds."""
    return "microarchitecture" if many else "machine"


def _beside(found: pd.DataFrame, plan: Plan, *, many: bool) -> str:
    if found.empty:
        return formats.NOTHING
    row = found.iloc[0]
    return formats.count(row["wins"]) if many else base_kind(str(row["base"]), plan)


def _cell(found: pd.DataFrame) -> str:
    if found.empty:
        return formats.NOTHING
    return formats.ratio_with_interval(*found[["ratio", "low", "high"]].iloc[0])


def pass_rows(tables: Tables, plan: Plan, *, many: bool) -> ReportTable:
    """Fraction of the own ceiling by row and pass, and the ISA it is of; bandwidth, or of many machines the range."""
    rows = grouped_passes(tables)
    names = ordered_passes(rows, plan)
    shown = []
    for group, mine in rows.groupby("group", sort=True):
        by_pass = {str(row["pass"]): row for _, row in mine.iterrows()}
        shown.append([str(group), *(_fraction(by_pass.get(name), plan, many=many) for name in names)])
    return table([_row_title(many=many), *names], shown)


def ordered_passes(rows: pd.DataFrame, plan: Plan) -> list[str]:
    """Passes that the rows hold, in the order of the study's algorithms."""
    present = set(rows["pass"])
    order = [name for name in pass_order(plan) if name in present] if plan else []
    return order + sorted(present - set(order))


def _fraction(row: pd.Series[Any] | None, plan: Plan, *, many: bool) -> str:
    if row is None:
        return formats.NOTHING
    isa = isa_title(str(row["isa"]), plan)
    if many:
        spread = formats.interval(row["low"], row["high"], 2)
        return f"{row['fraction']:.2f} {spread}\n{isa}, {row['of_isa']} of {row['machines']}"
    return f"{row['fraction']:.2f} {isa}\n{formats.quantity(row['bandwidth'], 'B/s')}"


def differences(tables: Tables) -> ReportTable:
    """In what machines differ from most though they are compared; the same difference stands once."""
    machines = tables["fleet_machines"].set_index("bundle")
    rows = []
    for (key, usual, value, why), mine in tables["fleet_differences"].groupby(["key", "usual", "value", "why"]):
        names = machines.loc[mine["bundle"], "machine"].tolist()
        rows.append([str(key).replace("_", " "), str(usual), str(value), _named(names), str(why)])
    shown = rows[:MOST_DIFFERENCES]
    if len(rows) > len(shown):
        shown.append(["more", f"{len(rows) - len(shown)} in tables/fleet_differences.csv", "", "", ""])
    return table(["what", "of most", "there", "machines", "why it forbids no comparison"], shown)


def left_out(machines: pd.DataFrame) -> ReportTable:
    """What may not be compared, and why."""
    out = machines[~machines["compared"]]
    return table(["bundles", "why they are not compared"], by_reason(out[["bundle", "reason"]].to_numpy().tolist()))


def by_reason(pairs: Iterable[Sequence[str]]) -> list[list[str]]:
    """Names and their reason, from pairs of both; the same reason stands once."""
    names: dict[str, list[str]] = {}
    for name, reason in pairs:
        names.setdefault(reason, []).append(name)
    return [[_named(names[reason]), reason] for reason in sorted(names)]


def _named(names: Sequence[str]) -> str:
    """The first few names, and how many there are more."""
    return ", ".join(names[:NAMED]) + _more(names)


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
