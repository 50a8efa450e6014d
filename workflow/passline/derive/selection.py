"""The rows that a claim, a figure or a sentence is about, chosen once and the same way for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from passline.derive.passes import CORE, MEMORY, TOLERANCE
from passline.derive.rounds import CEILINGS, length_of
from passline.tables import NOT_APPLICABLE

MAIN_INPUTS = "normal"
"""The family of inputs whose errors are known over all lengths; those of the others are up to the shorter ones."""

VARIANTS = ("preset", "tuned")


def of_build(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The tables with the rows of one build, the plan's `primary_build_id`; all rows where the plan names none.

    Verdicts, figures and text speak of one compiler; the tables keep all. Outside baselines are of no build, and stay.
    """
    wanted = plan.get("primary_build_id")
    if not wanted:
        return dict(tables)
    return {
        name: frame[frame["build_id"].isin([wanted, NOT_APPLICABLE])].reset_index(drop=True)
        if "build_id" in frame
        else frame
        for name, frame in tables.items()
    }


def of_paper(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The tables without all that is beyond the paper: what the reproduction's verdicts and pages rest on."""
    beyond = plan.get("beyond", {}).get("algorithms", {})
    if not beyond:
        return dict(tables)
    papers = {name for spec in plan["algorithms"].values() for name in spec["passes"]}
    passes = {name for spec in beyond.values() for name in spec["passes"]} - papers
    left_out = {"algorithm": {*beyond}, "base": {*beyond}, "pass": passes}
    return {name: _without(frame, left_out) for name, frame in tables.items()}


def _without(frame: pd.DataFrame, left_out: Mapping[str, set[str]]) -> pd.DataFrame:
    for column, names in left_out.items():
        if column in frame:
            frame = frame[~frame[column].isin(names)]
    return frame.reset_index(drop=True)


def primary(frame: pd.DataFrame, plan: Mapping[str, Any], protocol: str | None = None) -> pd.DataFrame:
    """Rows of the protocol (default: the primary one), inputs, pages and threads that verdicts rest on.

    Args:
        frame: a table with the key columns.
        plan: `primary_protocol`, and where set `primary_inputs` and `primary_pages`.
        protocol: another protocol.
    """
    wanted: dict[str, Any] = {
        "cache_protocol": protocol or plan["primary_protocol"],
        "inputs": plan.get("primary_inputs", "uniform"),
        "pages": plan.get("primary_pages", "huge"),
        "threads": 1,
    }
    for column, value in wanted.items():
        if column in frame.columns:
            frame = frame[frame[column] == value]
    return frame


def whole(passes: pd.DataFrame) -> pd.DataFrame:
    """Rows of table `passes` that are whole algorithms."""
    return passes[(passes["algorithm"] != NOT_APPLICABLE) & (passes["pass"] == NOT_APPLICABLE)]


def split(passes: pd.DataFrame) -> pd.DataFrame:
    """Rows of table `passes` that are passes inside whole calls."""
    return passes[(passes["algorithm"] != NOT_APPLICABLE) & (passes["pass"] != NOT_APPLICABLE)]


def alone(passes: pd.DataFrame) -> pd.DataFrame:
    """Rows of table `passes` that are single passes on one thread."""
    return passes[(passes["algorithm"] == NOT_APPLICABLE) & (passes["threads"] == 1)]


def on_threads(passes: pd.DataFrame) -> pd.DataFrame:
    """Rows of table `passes` that are single passes on several threads at once; they were counted."""
    return passes[(passes["algorithm"] == NOT_APPLICABLE) & (passes["threads"] > 1)]


def single_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of one row of x on one thread, in huge pages: what most of the pages beyond the paper show."""
    return frame[(frame["n_rows"] == 1) & (frame["threads"] == 1) & (frame["pages"] == "huge")]


def against(ratios: pd.DataFrame, algorithm: str, base: str) -> pd.DataFrame:
    """Ratios of one algorithm against another, on the same ISA and variant."""
    same = (ratios["isa"] == ratios["base_isa"]) & (ratios["variant"] == ratios["base_variant"])
    return ratios[same & (ratios["algorithm"] == algorithm) & (ratios["base"] == base)]


@dataclass(frozen=True)
class Question:
    """What a study asks first: how its contender does against each of its bases."""

    contender: str
    bases: tuple[str, ...]


def question(plan: Mapping[str, Any]) -> Question:
    """The first of the plan's comparisons, with all the others of that contender; no base where there is none."""
    pairs = among_algorithms(plan)
    contender = pairs[0][0] if pairs else next(iter(plan["algorithms"]))
    return Question(contender, tuple(base for one, base in pairs if one == contender))


def rival(plan: Mapping[str, Any]) -> str | None:
    """The algorithm beyond the paper that the study names first; None where there is none."""
    return next(iter(plan.get("beyond", {}).get("algorithms", {})), None)


def other_pairs(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(algorithm, base) of the comparisons that the question leaves out."""
    return [pair for pair in among_algorithms(plan) if pair[0] != question(plan).contender]


def among_algorithms(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The plan's comparisons of two algorithms of the study; with outside baselines there may be more."""
    return [(str(a), str(b)) for a, b in plan["comparisons"] if {a, b} <= set(plan["algorithms"])]


def against_bases(ratios: pd.DataFrame, plan: Mapping[str, Any]) -> pd.DataFrame:
    """The contender against each of its bases, on the same ISA and variant."""
    asked = question(plan)
    return pd.concat([ratios.head(0), *(against(ratios, asked.contender, base) for base in asked.bases)])


def against_fastest(ratios: pd.DataFrame, plan: Mapping[str, Any]) -> pd.DataFrame:
    """The contender against its fastest base (by median time) at each point, ISA and variant."""
    rows = against_bases(ratios, plan)
    point = [
        c
        for c in ("build_id", "isa", "variant", "n_elements", "threads", "cache_protocol", "inputs", "pages")
        if c in rows
    ]
    best = rows.sort_values(["base_time_median_s", "base"], kind="stable").groupby(point, sort=False).head(1)
    return best.sort_values(point, kind="stable").reset_index(drop=True)


def out_of_cache(plan: Mapping[str, Any]) -> list[int]:
    """Elements of the sizes that were named out-of-cache before the run."""
    return [n for label in plan["out_of_cache"] if (n := length_of(plan, label)) is not None]


def isas(frame: pd.DataFrame, registry: pd.DataFrame) -> list[str]:
    """ISAs of the frame, the narrowest first."""
    order = registry.drop_duplicates("isa").sort_values(["lanes", "isa"])["isa"]
    present = set(frame["isa"])
    return [str(isa) for isa in order if isa in present]


def vector_isas(frame: pd.DataFrame, registry: pd.DataFrame) -> list[str]:
    """Vector ISAs of the frame, the narrowest first; all where there is no other."""
    return without_scalar(isas(frame, registry))


def without_scalar(isas: Sequence[str]) -> list[str]:
    """Of these ISAs the vector ones, or all where there is no other."""
    return [isa for isa in isas if isa != "scalar"] or list(isas)


def variant_name(registry: pd.DataFrame, tuning: pd.DataFrame, pass_name: str, isa: str, variant: str) -> str | None:
    """Full name of the preset or the tuned variant of a pass on an ISA; None where there is none."""
    table, flag = (registry, "preset") if variant == "preset" else (tuning, "chosen")
    rows = table[(table["pass"] == pass_name) & (table["isa"] == isa) & (table["study"] != CEILINGS) & table[flag]]
    return None if rows.empty else str(rows["variant"].iloc[0])


def judged_passes(
    tables: Mapping[str, pd.DataFrame], names: Sequence[str], isa: str, variant: str, n: int
) -> pd.DataFrame:
    """Rows of table `passes` for the named single passes, in that order, at one size.

    Args:
        tables: `passes`, `registry` and `tuning`.
        names: passes.
        isa: instruction set.
        variant: `preset` or `tuned`.
        n: elements.
    """
    rows = alone(tables["passes"])
    rows = rows[(rows["isa"] == isa) & (rows["n_elements"] == n)]
    wanted = [variant_name(tables["registry"], tables["tuning"], name, isa, variant) for name in names]
    found = [rows[rows["variant"] == name].head(1) for name in wanted if name is not None]
    return pd.concat(found) if found else rows.head(0)


def bound_by_bandwidth(row: pd.Series[Any]) -> str:
    """Whether memory bandwidth limits a pass: `yes`, `no` or `undecided`.

    A pass that arithmetic alone explains is not limited by bandwidth, unless it is also within 10 % of the ceiling;
    one that neither explains is undecided.
    """
    if row["bound"] == MEMORY:
        return "yes"
    if row["bound"] == CORE and row["measured_over_memory"] > TOLERANCE:
        return "no"
    return "undecided"


def over_n(errors: pd.DataFrame) -> pd.DataFrame:
    """Rows of table `error_over_n` on the family of inputs that goes on to the longest rows."""
    return errors[errors["inputs"] == MAIN_INPUTS]
