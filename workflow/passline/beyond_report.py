"""The report's pages beyond the paper: tables and sentences, from tables `beyond`, `ratios`, `goals`, `baselines`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.choosing import ANY
from passline.derive import selection
from passline.derive.choices import taken
from passline.derive.goals import GEOMETRIC_MEAN, MET, MISSED, OPEN, UNAVAILABLE, bound
from passline.plan_points import CONSUMED, HOT
from passline.report_tables import ReportTable, error, table
from passline.tables import FLOOR, NOT_APPLICABLE
from passline.titles import algorithm_title, isa_title

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

PROTOCOL, PAGES = HOT, "huge"


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """The tables of these pages by name; all are empty where nothing beyond the paper was timed.

    Args:
        tables: all tables of one build, with what is beyond the paper.
        plan: the session's plan.
    """
    return {
        "beyond_goals": goals(tables, plan),
        "beyond_rival": rival_ratios(tables, plan),
        "beyond_times": times(tables, usual(tables, "beyond"), plan),
        "beyond_consumed": times(tables, usual(tables, "beyond", CONSUMED), plan),
        "beyond_threads": threads(tables, plan),
        "beyond_crossovers": crossovers(tables, plan),
        "beyond_error": errors(tables, plan),
    }


def values(tables: Tables, plan: Plan) -> dict[str, str]:
    """The sentences of these pages."""
    return {
        "beyond_inputs": main_inputs(tables),
        "beyond_goals": goals_in_words(tables["goals"], plan),
        "beyond_cores": cores_in_words(tables["rounds"]),
    }


NO_CROSSOVERS = "No crossovers were found: nothing that Best could choose between was compared in this session."
NO_THREADS = "No row was timed on several threads: no block of this session shares rows among threads."


def missing(tables: Tables, plan: Plan) -> dict[str, str]:  # noqa: ARG001  # as all pages
    """Per figure, why there is nothing to draw; empty where there is something."""
    compared, shared = tables["crossovers"], shared_rows(tables["ratios"])
    return {
        "crossovers": NO_CROSSOVERS if compared[compared["isa"] != ANY].empty else "",
        "threads": NO_THREADS if shared[shared["cache_protocol"] == PROTOCOL].empty else "",
    }


def cores_in_words(rounds: pd.DataFrame) -> str:
    """Whether threads had a core each; nothing where all ran alone."""
    shared = rounds["core_shared"].dropna()
    if shared.empty:
        return ""
    if not (shared > 0.0).any():
        return "In all rounds with several threads these had a core each."
    return (
        f"In {int((shared > 0.0).sum())} of {len(shared)} rounds with several threads these shared a core at moments "
        f"({formats.percent(float(shared.mean()))} of all moments asked), whatever the system says of its cores: a "
        "hypervisor moves them. Ratios on several threads count such rounds as doubtful."
    )


def goals_in_words(frame: pd.DataFrame, plan: Plan) -> str:
    """How many goals were met, missed and not judged."""
    if not plan["measurement"]:
        return "Whether goals are met is withheld in a smoke run."
    counts = frame["met"].value_counts()
    said = [f"{counts[word]} {word}" for word in (MET, MISSED, OPEN, UNAVAILABLE) if counts.get(word, 0)]
    return f"Of {len(frame)} goals: {', '.join(said)}." if said else "There are no goals."


def goals(tables: Tables, plan: Plan) -> ReportTable:
    """Each goal with what was reached; nothing where no block beyond the paper was timed, or in a smoke run."""
    head = ["goal", "ISA", "elements", "wanted", "reached [95 %]", "verdict", "rests on"]
    if tables["beyond"].empty or not plan["measurement"]:
        return table(head, [])
    rows, known = [], tables["goals"]
    for _, row in known[known["met"] != UNAVAILABLE].iterrows():
        of = f", {row['statistic']}" if row["statistic"] == GEOMETRIC_MEAN else ""
        rows.append([
            f"{row['statement']}{of}", isa_title(row["isa"], plan), _sizes(row),
            bound(row["statistic"], row["wanted"]), _reached(row),
            row["met"], _in_titles(str(row["reason"]).removeprefix(f"{UNAVAILABLE}: "), plan),
        ])  # fmt: skip
    for reason, mine in known[known["met"] == UNAVAILABLE].groupby("reason", sort=False):
        what = "; ".join(dict.fromkeys(mine["statement"]))
        isas = ", ".join(isa_title(isa, plan) for isa in dict.fromkeys(mine["isa"]))
        told = _in_titles(str(reason).removeprefix(f"{UNAVAILABLE}: "), plan)
        rows.append([what, isas, *[formats.NOTHING] * 3, f"{len(mine)} {UNAVAILABLE}", told])
    return table(head, rows)


def _sizes(row: pd.Series[Any]) -> str:
    """How many sizes a goal was judged at, and from where to where; the range asked for where at none."""
    if row["sizes"] == NOT_APPLICABLE:
        return " to ".join(formats.binary_count(n) for n in dict.fromkeys((row["from_elements"], row["to_elements"])))
    sizes = [formats.binary_count(int(n)) for n in str(row["sizes"]).split()]
    return ", ".join(sizes) if len(sizes) < 3 else f"{len(sizes)} sizes, {sizes[0]} to {sizes[-1]}"


def _reached(row: pd.Series[Any]) -> str:
    """A ratio with its interval, or what is exact alone."""
    exact = row["low"] == row["reached"] == row["high"]
    return (
        formats.ratio(row["reached"]) if exact else formats.ratio_with_interval(row["reached"], row["low"], row["high"])
    )


def _in_titles(reason: str, plan: Plan) -> str:
    """A goal's reason with titles in place of the study's names, and sizes as the report writes them."""
    words = []
    for word in reason.split(" "):
        name = word.rstrip(",;:")
        shown = formats.binary_count(int(name)) if name.isdigit() else algorithm_title(isa_title(name, plan), plan)
        words.append(shown + word[len(name) :])
    return " ".join(words)


def rival_ratios(tables: Tables, plan: Plan) -> ReportTable:
    """Ratios of the study's first algorithm beyond the paper to each of the paper's, at every size."""
    rows = usual(tables, "ratios")
    papers = list(plan["algorithms"])
    shown = []
    for isa in widest_first(tables, rows):
        mine = rows[(rows["isa"] == isa) & (rows["base_isa"] == isa) & (rows["algorithm"] == selection.rival(plan))]
        for n, at_size in mine.groupby("n_elements", sort=True):
            by_base = at_size.set_index("base")
            cells = [_ratio(by_base.loc[base]) if base in by_base.index else formats.NOTHING for base in papers]
            if set(by_base.index) & set(papers):
                shown.append([isa_title(isa, plan), formats.binary_count(n), *cells])
    return table(["ISA", "elements", *(algorithm_title(base, plan) for base in papers)], shown)


def _ratio(row: pd.Series[Any]) -> str:
    return f"{formats.ratio_with_interval(row['ratio'], row['ratio_low'], row['ratio_high'])} {row['verdict']}"


def main_inputs(tables: Tables) -> str:
    """The input family that blocks beyond the paper timed at most sizes."""
    sizes = tables["beyond"].groupby("inputs")["n_elements"].nunique()
    return "none" if sizes.empty else str(sizes.idxmax())


def usual(tables: Tables, name: str, protocol: str = PROTOCOL) -> pd.DataFrame:
    """Rows of table `beyond` or `ratios`: one row of x on one thread, the main inputs; what most tables show."""
    rows = _alone(tables[name], protocol)
    return rows[rows["inputs"] == main_inputs(tables)]


def _alone(frame: pd.DataFrame, protocol: str) -> pd.DataFrame:
    rows = selection.single_rows(frame)
    return rows[rows["cache_protocol"] == protocol]


def shared_rows(ratios: pd.DataFrame) -> pd.DataFrame:
    """Ratios of what shares a row among several threads against the same on one."""
    mine = (ratios["algorithm"] == ratios["base"]) & (ratios["threads"] > ratios["base_threads"])
    point = ["isa", "cache_protocol", "threads", "n_elements"]
    return ratios[mine & (ratios["pages"] == PAGES)].sort_values(point, kind="stable")


def threads(tables: Tables, plan: Plan) -> ReportTable:
    """One row on several threads against one: times of calls, and how many threads the choice takes there."""
    choices = plan.get("beyond", {}).get("choices", [])
    shown = []
    for _, row in shared_rows(tables["ratios"]).iterrows():
        found = taken(choices, row["isa"], row["threads"], row["n_elements"])
        shown.append([
            isa_title(row["isa"], plan), str(row["cache_protocol"]), formats.binary_count(row["n_elements"]),
            str(row["threads"]), str(found["threads_used"]) if found else formats.NOTHING,
            algorithm_title(found["algorithm"], plan) if found else formats.NOTHING,
            formats.quantity(float(row["base_time_median_s"]), "s"), formats.quantity(float(row["time_median_s"]), "s"),
            formats.ratio_with_interval(row["ratio"], row["ratio_low"], row["ratio_high"]),
        ])  # fmt: skip
    head = ["ISA", "protocol", "elements", "threads", "taken", "algorithm", "on one", "on these"]
    return table([*head, "speed-up [95 %]"], shown)


def crossovers(tables: Tables, plan: Plan) -> ReportTable:
    """What `best` takes from which length on, and by how much the next algorithm was slower there."""
    rows = tables["crossovers"]
    shown = []
    asked = ["isa", "threads", "batch_from", "n_from"]
    for (isa, count, batch, _), mine in rows[rows["isa"] != ANY].groupby(asked, sort=True):
        first, last = mine.iloc[0], mine.iloc[-1]
        measured = {formats.binary_count(first["n_elements"]): None, formats.binary_count(last["n_elements"]): None}
        lead = mine["next_over_chosen"]
        shown.append([
            isa_title(isa, plan), str(count), formats.binary_count(batch) if batch else formats.NOTHING,
            formats.count(first["n_from"]), str(first["threads_used"]),
            algorithm_title(str(first["algorithm"]), plan), str(first["variants"]), " to ".join(measured),
            f"{lead.min():.3f} to {lead.max():.3f}",
        ])  # fmt: skip
    head = ["ISA", "threads", "batches from", "rows from", "taken", "algorithm", "variants", "measured at"]
    return table([*head, "next slower by"], shown)


def title_of(rows: pd.DataFrame, plan: Plan) -> str:
    """Title of the algorithm of the first row."""
    return formats.NOTHING if rows.empty else algorithm_title(str(rows["algorithm"].iloc[0]), plan)


def widest_first(tables: Tables, rows: pd.DataFrame) -> list[str]:
    """ISAs of the rows, the widest first."""
    return list(reversed(selection.isas(rows, tables["registry"])))


def ordered(names: set[str], plan: Plan) -> list[str]:
    """Algorithms, the paper's first, then those beyond it, then outside baselines."""
    known = [*plan["algorithms"], *plan.get("beyond", {}).get("algorithms", {}), *plan.get("baselines", {})]
    return [name for name in known if name in names]


def times(tables: Tables, rows: pd.DataFrame, plan: Plan) -> ReportTable:
    """Time per element of every algorithm, floor and baseline at every size of these rows of table `beyond`."""
    sizes = sorted(set(rows["n_elements"]))
    shown = []
    for isa in [*widest_first(tables, rows), NOT_APPLICABLE]:
        mine = rows[rows["isa"] == isa]
        floors = sorted(set(mine.loc[mine["variant"] == FLOOR, "algorithm"]))
        for name in [*ordered(set(mine["algorithm"]), plan), *floors]:
            cells = [per_element(mine[(mine["algorithm"] == name) & (mine["n_elements"] == n)]) for n in sizes]
            title = f"floor: {name.replace('+', ', ')}" if name in floors else algorithm_title(name, plan)
            shown.append([formats.NOTHING if isa == NOT_APPLICABLE else isa_title(isa, plan), title, *cells])
    return table(["ISA", "algorithm", *map(formats.binary_count, sizes)], shown)


def per_element(rows: pd.DataFrame) -> str:
    """Nanoseconds per element of the first row; where threads have rows of their own, of all their elements."""
    if rows.empty:
        return formats.NOTHING
    row = rows.iloc[0]
    elements = int(row["n_elements"]) * (int(row["threads"]) if int(row["n_rows"]) > 1 else 1)
    return formats.significant(float(row["time_median_s"]) / elements * 1e9)


def faster_base(ratios: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Each algorithm beyond the paper against the fastest of the paper's, by median time, at each point."""
    beyond = set(plan.get("beyond", {}).get("algorithms", {}))
    same = (ratios["isa"] == ratios["base_isa"]) & (ratios["variant"] == ratios["base_variant"])
    rows = ratios[same & ratios["algorithm"].isin(beyond) & ratios["base"].isin(set(plan["algorithms"]))]
    point = ["build_id", "algorithm", "isa", "variant", "n_elements", "n_rows", "threads", "cache_protocol", "inputs"]
    best = rows.sort_values(["base_time_median_s", "base"], kind="stable").groupby([*point, "pages"], sort=False)
    return best.head(1).sort_values(point, kind="stable").reset_index(drop=True)


def errors(tables: Tables, plan: Plan) -> ReportTable:
    """Errors of the algorithms beyond the paper; the paper's have a table of their own."""
    frame = tables["error_over_n"]
    ours = frame["algorithm"].isin(list(plan.get("beyond", {}).get("algorithms", {})))
    return error(frame[ours], tables["registry"], plan)
