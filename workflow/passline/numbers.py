"""numbers.json: every number and sentence that the report's text uses, computed from tables.

The report reads its text's numbers from nowhere else, so none is typed by hand; one that
cannot be computed is a ReportError, never a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pandas as pd

from passline import (
    beyond_pages,
    beyond_report,
    citation,
    formats,
    numbers_traffic,
    report_tables,
    rounds_in_words,
    trust,
)
from passline.derive import selection
from passline.derive.rounds import length_of
from passline.errors import ReportError
from passline.glossary import glossary
from passline.price import price_table
from passline.questions import bound, questions
from passline.statistics import FASTER, SLOWER, UNDECIDED
from passline.titles import (
    SMOKE_STAMP,
    algorithm_title,
    in_sentence,
    isa_title,
    question_words,
    shown_variant,
)

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

REQUIRED_FACTS = ("model_name", "microarchitecture", "l1d_bytes", "l2_bytes", "llc_bytes")
PROTOCOLS = {
    "paper": (
        "paper: x is touched once per cache line before each timed call, y rotates over more memory than the "
        "last-level cache holds: the input is warm as far as it fits, the output cold{as_released}"
    ),
    "hot": "hot: the same x and y in every call",
    "consumed": "consumed: as hot, and y is read once after each call, inside the clock",
    "cold": "cold: calls walk over rows that together exceed the last-level cache",
}


def numbers(
    tables: Tables, plan: Plan, table1: pd.DataFrame, published: citation.Published | None = None
) -> dict[str, Any]:
    """Everything the report's text says in numbers.

    Args:
        tables: all tables of the session, `claims` included.
        plan: the session's plan.
        table1: class counts of the paper's Table 1 (reports/published/paper/table1.csv).
        published: the published copy, where the report is of one.

    Returns:
        `headlines` (three sentences), `questions` (with their answers), `values` (key to text), `tables` (name to head
        and rows); `measurement` says whether any of it is one.
    """
    # The self-test may be of another build: the text says so.
    everything = {**selection.of_build(tables, plan), **{n: tables[n] for n in ("selftest",) if n in tables}}
    tables = selection.of_paper(everything, plan)
    facts, claims = machine_facts(tables["machines"]), tables["claims"]
    # Else the session is of what is beyond the paper alone.
    reproduces = any(len(tables[name]) for name in ("passes", "ratios"))
    if not reproduces:
        claims = claims[claims["verdict_here"] != UNDECIDED]
    return {
        "measurement": bool(plan["measurement"]),
        "stamp": SMOKE_STAMP,
        "headlines": headlines(tables, plan)
        if reproduces
        else [beyond_report.goals_in_words(everything["goals"], plan)],
        "questions": questions(everything, plan),
        "values": {
            **_values(tables, plan, facts),
            "reproduces": "yes" if reproduces else "",
            **citation.values(published),
            **beyond_pages.values(everything, plan),
        },
        "tables": {
            "verdicts": report_tables.verdicts(claims, plan),
            "reasons": report_tables.reasons(claims, plan),
            "out_of_cache": report_tables.out_of_cache(tables, plan),
            "ratios_by_size": report_tables.ratios_by_size(tables, plan),
            "protocols": report_tables.by_protocol(tables, plan),
            "machine": report_tables.machine(tables["machines"]),
            "machine_missing": report_tables.machine_missing(tables["machines"]),
            "flags": report_tables.flags(tables["registry"], plan),
            "builds": report_tables.builds(plan),
            "table1": report_tables.class_counts(tables, plan, table1),
            "traffic": report_tables.traffic(tables["registry"], plan),
            "glossary": glossary(plan),
            "variants": report_tables.variants(tables, plan),
            "price": price_table(tables, plan),
            "paper_items": report_tables.paper_items(tables["paper_slots"]),
            "error": report_tables.error(tables["error_over_n"], tables["registry"], plan),
            "skipped": report_tables.skipped(tables["skipped"]),
            "marked": report_tables.marked_rounds(tables["rounds"]),
            **trust.report_tables(tables, plan),
            **numbers_traffic.report_tables(tables, plan),
            **beyond_pages.report_tables(everything, plan),
        },
    }


def machine_facts(machines: pd.DataFrame) -> dict[str, str]:
    """Facts by key; ReportError where one that the report's first lines need is missing."""
    facts = dict(zip(machines["key"].astype(str), machines["value"].astype(str), strict=True))
    for key in REQUIRED_FACTS:
        if key not in facts:
            raise ReportError(
                "table machines",
                f"has no fact {key!r}",
                "Write it, or the value unavailable with the reason, in machine.json",
            )
    return facts


# --- sentences ---------------------------------------------------------------------------------


def headlines(tables: Tables, plan: Plan) -> list[str]:
    """The three main sentences: who wins out of cache, what happens in cache, and why."""
    if not plan["measurement"]:
        return [
            "Smoke run, not a measurement: every step ran, but its times say nothing about this machine.",
            "Verdicts are withheld: too few rounds, values and sizes to judge anything.",
            f"To measure, run: {plan.get('measure_command', 'snakemake')}",
        ]
    return [_who_wins(tables, plan), _in_cache(tables, plan), _why(tables, plan)]


def _who_wins(tables: Tables, plan: Plan) -> str:
    rows, said = selection.against_fastest(selection.primary(tables["ratios"], plan), plan), question_words(plan)
    sizes = [n for n in selection.out_of_cache(plan) if n in set(rows["n_elements"])]
    if not sizes:
        return "Out of cache: no such size was measured, so the main question stays open here."
    rows = rows[rows["n_elements"] == max(sizes)]
    clauses = []
    for isa in _isas_in_words(rows, tables):
        mine = rows[rows["isa"] == isa].sort_values("variant", ascending=False)
        parts = [
            _ratio_clause(str(word), str(base), same, plan)
            for (word, base), same in mine.groupby(["verdict", "base"], sort=False)
        ]
        clauses.append(f"{isa_title(isa, plan)}: {'; '.join(parts)}")
    what = f"time of {said['fastest']} over time of {said['contender']}"
    return f"Out of cache ({formats.count(max(sizes))} elements), {what}. {'. '.join(clauses)}."


def _isas_in_words(rows: pd.DataFrame, tables: Tables) -> list[str]:
    """ISAs that a headline names, the widest first: vector ISAs, or scalar where there is no other."""
    return list(reversed(selection.vector_isas(rows, tables["registry"])))


def _ratio_clause(word: str, base: str, rows: pd.DataFrame, plan: Plan) -> str:
    """Variants that share verdict and base: `faster than recomputing Three-Pass, 1.242 [1.240, 1.255] tuned`."""
    phrases = {
        "faster": "faster than",
        "slower": "slower than",
        "equal": "within 1 % of",
        "undecided": "undecided against",
    }
    values = [
        f"{formats.ratio_with_interval(r['ratio'], r['ratio_low'], r['ratio_high'])} {r['variant']}"
        for _, r in rows.iterrows()
    ]
    return f"{phrases[word]} {in_sentence(algorithm_title(base, plan))}, {formats.listed(values)}"


def _in_cache(tables: Tables, plan: Plan) -> str:
    rows, said = selection.against_fastest(selection.primary(tables["ratios"], plan), plan), question_words(plan)
    variant = shown_variant(rows)
    rows = rows[rows["variant"] == variant]
    if rows.empty:
        return "In cache: no pair of algorithms was timed."
    clauses = []
    for isa in _isas_in_words(rows, tables):
        mine = rows[rows["isa"] == isa].sort_values("n_elements")
        clauses.append(
            f"{isa_title(isa, plan)}: {_points_in_cache(mine, plan)}; {_crossover_in_words(mine, said['contender'])}"
        )
    how = "x in cache and y cold" if plan["primary_protocol"] == "paper" else f"protocol {plan['primary_protocol']}"
    what = f"time of {said['fastest']} over time of {said['contender']} ({variant})"
    return f"In cache ({how}), {what}. {'. '.join(clauses)}."


def _points_in_cache(rows: pd.DataFrame, plan: Plan) -> str:
    """The ratios at the labelled sizes in cache; their base is named once where it is the same."""
    named = [(label, rows[rows["n_elements"] == length_of(plan, label)]) for label in ("L1", "L2", "LLC/2")]
    points = [(label, row.iloc[0]) for label, row in named if len(row)]
    if not points:
        return "no labelled size was timed"
    values = [
        f"{formats.ratio_with_interval(row['ratio'], row['ratio_low'], row['ratio_high'])} at {label}"
        for label, row in points
    ]
    bases = [in_sentence(algorithm_title(row["base"], plan)) for _, row in points]
    if len(set(bases)) > 1:
        return formats.listed([f"{value} against {base}" for value, base in zip(values, bases, strict=True)])
    return f"{formats.listed(values)} against {bases[0]}"


def crossover(rows: pd.DataFrame) -> int | None:
    """Smallest measured size from which the contender is faster at every larger size; None where there is none.

    Args:
        rows: ratios of one ISA and variant, one row per size.
    """
    ahead = None
    for _, row in rows.sort_values("n_elements", ascending=False).iterrows():
        if row["verdict"] != FASTER:
            break
        ahead = int(row["n_elements"])
    return ahead


def _crossover_in_words(rows: pd.DataFrame, contender: str) -> str:
    first = crossover(rows)
    if first is None:
        last = rows.sort_values("n_elements").iloc[-1]["verdict"]
        return (
            f"{contender} is not ahead at the largest size"
            if last == SLOWER
            else "who is ahead at the largest size is undecided"
        )
    if first == int(rows["n_elements"].min()):
        return f"{contender} is ahead at every measured size"
    return f"{contender} stays ahead from {formats.count(first)} elements on"


def _why(tables: Tables, plan: Plan) -> str:
    rows = bound.judged(tables, plan)
    if rows.empty:
        return "What bounds the passes out of cache was not judged: none was timed alone at such a size."
    clauses = [
        f"{isa_title(str(isa), plan)} ({mine['choice'].iloc[0]}): {bound.in_words(mine)}"
        for isa, mine in rows.groupby("isa", sort=False)
    ]
    return f"What bounds the passes out of cache. {'. '.join(clauses)}."


# --- values ------------------------------------------------------------------------------------


def _values(tables: Tables, plan: Plan, facts: Mapping[str, str]) -> dict[str, str]:
    released = ", as in the benchmark released with the paper" if plan.get("paper") else ""
    values = {
        "result": str(plan.get("result") or ""),
        "simulated": "presets" if plan.get("simulated") else "",
        "study_title": str(plan["title"]),
        "version": version("passline"),
        "machine": str(tables["machines"]["machine"].iloc[0]),
        "session": str(plan["session"]),
        "folder": str(plan["folder"]),
        "build_id": formats.listed(sorted(set(tables["registry"]["build_id"]))),
        "command": str(plan["command"]),
        "denormals": f"Flush-to-zero and denormals-are-zero are set{released}."
        if facts.get("architecture") == "x86_64"
        else f"Denormals are not flushed on this architecture{', unlike there' if released else ''}.",
        "cpu": facts["model_name"],
        "microarchitecture": facts["microarchitecture"],
        "caches": formats.listed(
            [
                f"{name} {_cache(facts[key])}"
                for name, key in (("L1d", "l1d_bytes"), ("L2", "l2_bytes"), ("LLC", "llc_bytes"))
            ]
        ),
        "protocols": ". ".join(
            _sentence(PROTOCOLS.get(name, name)).format(as_released=released) for name in plan["protocols"]
        ),
        "primary_protocol": str(plan["primary_protocol"]),
        "out_of_cache": formats.listed(
            [f"{label} ({formats.count(plan['labels'][label])} elements)" for label in plan["out_of_cache"]]
        )
        or "none",
        "effort": effort_in_words(plan["effort"], plan["design"]),
        "shown_variant": shown_variant(selection.whole(tables["passes"]))
        or shown_variant(tables["error_over_n"])
        or "none",
        "inputs": formats.listed(sorted(set(tables["ratios"]["inputs"]))) or "none",
        "other_pairs": other_pairs(tables, plan),
        "paper": str(plan.get("paper") or ""),
        **question_words(plan),
        "hypervisor": _hypervisor(facts),
        "clock_cost": _clock_cost(facts),
    }
    traffic = numbers_traffic.values(tables, plan)
    return values | rounds_in_words.values(tables["rounds"]) | trust.values(tables, plan) | traffic


def effort_in_words(effort: float, design: Mapping[str, Any]) -> str:
    """The plan's effort, and the design that follows from it."""
    value, tune_value = (formats.quantity(float(design[key]), "s", 2) for key in ("value_s", "tune_value_s"))
    return (
        f"{effort:g}, that is, at least {design['rounds_least']} rounds of each block of the reproduction, in a round "
        f"{design['sweeps']} values of {value} per contender; {design['ceiling_rounds']} rounds of the ceilings; "
        f"{design['tune_rounds']} rounds of the tuning, with values of {tune_value}"
    )


def other_pairs(tables: Tables, plan: Plan) -> str:
    """Who wins where of the comparisons that the main question leaves out, one clause per pair and ISA."""
    pairs = selection.other_pairs(plan)
    if not pairs:
        return ""
    if not plan["measurement"]:
        return "Who else is faster than whom is withheld in a smoke run."
    ratios = selection.primary(tables["ratios"], plan)
    ratios = ratios[ratios["variant"] == shown_variant(ratios)].sort_values("n_elements")
    clauses = []
    for one, base in pairs:
        rows = selection.against(ratios, one, base)
        for isa in reversed(selection.isas(rows, tables["registry"])):
            mine = rows[rows["isa"] == isa]
            wins = {word: mine.loc[mine["verdict"] == word, "n_elements"] for word in (FASTER, SLOWER)}
            parts = [
                f"{in_sentence(algorithm_title(name, plan))} wins at {_range(wins[word], len(mine))}"
                for word, name in ((FASTER, one), (SLOWER, base))
                if len(wins[word])
            ]
            clauses.append(f"{isa_title(isa, plan)}: {' and '.join(parts) or 'no size decides'}")
    return (
        f"The other comparisons ({_compared(pairs, plan)}): {'; '.join(clauses)}."
        if clauses
        else "Nothing else was compared."
    )


def _compared(pairs: list[tuple[str, str]], plan: Plan) -> str:
    """`recomputing Three-Pass over reloading Three-Pass`: times of bases over times of what is compared with them."""
    return formats.listed(
        [
            f"{in_sentence(algorithm_title(one, plan))} against {in_sentence(algorithm_title(base, plan))}"
            for one, base in pairs
        ]
    )


def _range(sizes: pd.Series[int], of: int) -> str:
    if len(sizes) == of:
        return "every measured size"
    low, high = formats.count(sizes.min()), formats.count(sizes.max())
    return f"{low} elements" if low == high else f"{len(sizes)} of {of} sizes, from {low} to {high} elements"


def _cache(value: str) -> str:
    return formats.binary_bytes(float(value)) if value.replace(".", "").isdigit() else value


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _hypervisor(facts: Mapping[str, str]) -> str:
    value = facts.get("hypervisor", "unavailable")
    if value in ("none", "-", ""):
        return "No hypervisor shows itself."
    if value == "unavailable":
        return "Whether a hypervisor lies beneath is not known."
    return f"It is a virtual machine ({value}): neighbours can take time and bandwidth, and some facts are hidden."


def _clock_cost(facts: Mapping[str, str]) -> str:
    value = facts.get("clock_cost_s", "unavailable")
    try:
        return f"Reading the clock costs {formats.quantity(float(value), 's')}."
    except ValueError:
        return "The cost of reading the clock is not known."
