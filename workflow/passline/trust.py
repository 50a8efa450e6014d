"""How far the report's numbers can be trusted: what the text and the tables of its pages on that say.

Every sentence follows from tables, and says so where a table is empty. In a smoke run all findings are withheld.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from passline import formats
from passline.derive import selection
from passline.derive.ratios import families
from passline.derive.selftest import goals
from passline.effort import FINE, LEAST_VALUES
from passline.measure.round import X_STEP, Y_STEP
from passline.report_tables import ReportTable, table
from passline.shape import FENCE, LEAST_FOR_MODES, MODES_BELOW
from passline.statistics import DEPENDENT_BELOW, FASTER, SLOWER, UNDECIDED, rounds_that_can_decide, verdict
from passline.titles import base_kind, isa_title, question_words
from passline.trust_points import (
    MOST_DRAWN,
    bimodal_pairs,
    dependent,
    half_width,
    headline_points,
    in_cache_elements,
    judged,
    of_algorithms,
    point_name,
)

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

WITHHELD = "withheld"
NAMED = 6
"""As many points are named in a sentence; the others stand in tables/ratios.csv."""

STOPS = {
    "target": "ended because their intervals were narrower than the target",
    "cap": "ended with the most rounds",
    "planned": "had all their rounds planned",
}


# --- texts -----------------------------------------------------------------------------------------


def values(tables: Tables, plan: Plan) -> dict[str, str]:
    """Texts of the pages on trust, by key."""
    ratios, rounds = tables["ratios"], tables["rounds"]
    design = {"stop_rule": stop_rule(plan), "layout": layout(rounds), "selftest": selftest(tables, plan)}
    findings = {
        **_half_widths(ratios, plan),
        "rounds_enough": rounds_enough(ratios),
        "stops": stops(ratios, plan),
        "dependence": dependence(ratios),
        "outliers": outliers(ratios),
        "bimodal": bimodal(ratios, plan),
        "distributions_shown": distributions_shown(ratios, plan),
        "marked": marked(ratios, rounds, plan),
        "selftest_counts": selftest_counts(tables),
    }
    return design | (findings if plan["measurement"] else dict.fromkeys(findings, WITHHELD))


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """Tables of the pages on trust, by name; without rows in a smoke run."""
    found = {"points": points(tables, plan), "goals": goals_table(tables, plan)}
    return found if plan["measurement"] else {name: {**each, "rows": []} for name, each in found.items()}


def stop_rule(plan: Plan) -> str:
    """The rule that ends a block, fixed before the run."""
    design = plan["design"]
    inside, outside = (formats.percent(design[key], 1) for key in ("target_in_cache", "target"))
    most = " or ".join(dict.fromkeys(str(design[key]) for key in ("rounds_most_in_cache", "rounds_most")))
    return (
        "A block of algorithms ends at the first look where the 95 % interval of every ratio in it has a half-width of "
        f"at most {inside} (in cache: x and y in half of the last-level cache) or {outside} (beyond), else with its "
        f"{most} rounds; the first look is after {design['rounds_least']}."
    )


def _half_widths(ratios: pd.DataFrame, plan: Plan) -> dict[str, str]:
    """Median half-widths of the judged ratios, in cache and at the out-of-cache sizes."""
    rows = judged(ratios, plan)
    near = rows["n_elements"] <= in_cache_elements(plan)
    far = rows["n_elements"].isin(selection.out_of_cache(plan))
    return {
        "half_width_in": formats.percent(float(half_width(rows[near]).median()), 2),
        "half_width_out": formats.percent(float(half_width(rows[far]).median()), 2),
    }


def rounds_enough(ratios: pd.DataFrame) -> str:
    """Whether the rounds can decide anything at all."""
    if ratios.empty:
        return "No pair of algorithms was timed."
    sizes = pd.Series(families(ratios)).value_counts()
    needed = rounds_that_can_decide(int(sizes.max()))
    least = int(ratios["n_rounds"].min())
    enough = (
        "every ratio has as many"
        if least >= needed
        else f"the fewest here are {least}, so some verdicts are undecided whatever the times"
    )
    return f"A family of {sizes.max()} ratios needs {needed} rounds before any can pass; {enough}."


def stops(ratios: pd.DataFrame, plan: Plan) -> str:
    """What ended the measurement of the judged ratios."""
    rows = judged(ratios, plan)
    if rows.empty:
        said = question_words(plan)
        return f"No ratio of {said['contender']} to {said['bases']} was measured."
    counted = rows["stop_reason"].value_counts()
    clauses = [f"{counted[reason]} {words}" for reason, words in STOPS.items() if reason in counted]
    return f"Of the {formats.count(len(rows))} ratios drawn, {formats.listed(clauses)}."


def dependence(ratios: pd.DataFrame) -> str:
    """How many ratios have rounds that depend on each other, and what that did to verdicts."""
    tested = ratios[ratios["p_dependence"].notna()]
    if tested.empty:
        return "No ratio has rounds enough to test whether they depend on each other."
    rows = tested[dependent(tested)]
    start = (
        f"Of {_count(len(tested), 'ratio')} of the reproduction, {formats.count(len(rows))} "
        f"{'has' if len(rows) == 1 else 'have'} rounds that follow the one before (Ljung-Box at lag 1 on ranks, "
        f"p < {DEPENDENT_BELOW:g}; {_by_chance(DEPENDENT_BELOW, len(tested))}); the median autocorrelation is "
        f"{float(tested['autocorrelation'].median()):.2f}"
    )
    without = [verdict(*row) for row in rows[["ratio_low", "ratio_high", "p_adjusted"]].itertuples(index=False)]
    lowered = pd.Series(without, index=rows.index, dtype=object)[rows["verdict"] == UNDECIDED]
    words = lowered[lowered != UNDECIDED].value_counts()
    if words.empty:
        return f"{start}. No verdict changes for it."
    otherwise = formats.listed([f"{number} {word}" for word, number in sorted(words.items())])
    return f"{start}. {_count(int(words.sum()), 'verdict')} fell to undecided for it ({otherwise} otherwise)."


def outliers(ratios: pd.DataFrame) -> str:
    """Outliers, counted."""
    total = int(ratios["n_rounds"].sum())
    if not total:
        return "No round has a ratio."
    number = int(ratios["outliers"].sum())
    return (
        f"{formats.count(number)} of {_count(total, 'ratio')} of single rounds ({formats.percent(number / total, 1)}) "
        f"lie further than {FENCE:g} interquartile ranges outside the quartiles of their point; all are kept."
    )


def bimodal(ratios: pd.DataFrame, plan: Plan) -> str:
    """Bimodal ratios, named."""
    rows, between = bimodal_pairs(ratios, plan), ratios[ratios["bimodal"] & ~of_algorithms(ratios)]
    number, tested = len(rows) + len(between), int((ratios["n_rounds"] >= LEAST_FOR_MODES).sum())
    if not tested:
        return f"No ratio has {LEAST_FOR_MODES} rounds, without which two modes are not told apart."
    if not number:
        return f"None of {_count(tested, 'ratio')} with {LEAST_FOR_MODES} rounds or more is bimodal."
    names = _named([point_name(row, plan) for _, row in pd.concat([rows, between]).iterrows()])
    return (
        f"{formats.count(number)} of {_count(tested, 'ratio')} with {LEAST_FOR_MODES} rounds or more "
        f"{'is' if number == 1 else 'are'} bimodal (normal noise: {_by_chance(MODES_BELOW, tested)}): {names}."
    )


def distributions_shown(ratios: pd.DataFrame, plan: Plan) -> str:
    """What the figure `distributions` shows."""
    rows = bimodal_pairs(ratios, plan)
    if rows.empty:
        return "No ratio of two algorithms is bimodal, so the points of the headlines are shown."
    if len(rows) == 1:
        return "Shown: the one bimodal ratio of two algorithms."
    drawn = min(len(rows), MOST_DRAWN)
    shown = f"all {drawn}" if drawn == len(rows) else f"{drawn} of the {len(rows)}"
    return f"Shown: {shown} bimodal ratios of two algorithms."


def marked(ratios: pd.DataFrame, rounds: pd.DataFrame, plan: Plan) -> str:
    """Marked rounds, and what changes without them."""
    number = int(rounds["marked"].sum())
    if not number:
        return f"None of {formats.count(len(rounds))} rounds is marked as doubtful."
    start = f"{formats.count(number)} of {_count(len(rounds), 'round')} are marked as doubtful"
    rows = ratios[ratios["n_marked"] > 0]
    if rows.empty:
        return f"{start}; no ratio rests on any of them."
    kept = rows[rows["ratio_unmarked"].notna()]
    parts = [f"{start}. They are part of {formats.count(len(rows))} of {_count(len(ratios), 'ratio')}"]
    # A verdict can change without a marked round of its own: the correction looks at the whole family.
    changed = ratios[ratios["ratio_unmarked"].notna() & (ratios["verdict_unmarked"] != ratios["verdict"])]
    names = [
        f"{point_name(row, plan)}, {row['verdict']} with them, {row['verdict_unmarked']} without"
        for _, row in changed.iterrows()
    ]
    if names:
        parts.append(f"without them {_count(len(names), 'verdict')} would change ({_named(names)})")
    elif len(kept):
        parts.append("without them no verdict would change")
    if len(kept):
        shift = (kept["ratio_unmarked"] / kept["ratio"] - 1.0).abs()
        most = kept.loc[shift.idxmax()]
        parts.append(
            f"the largest change of a ratio is {formats.percent(float(shift.max()), 2)} "
            f"({point_name(most, plan)}: {formats.ratio(most['ratio'])} with them, "
            f"{formats.ratio(most['ratio_unmarked'])} without)"
        )
    if len(kept) < len(rows):
        parts.append(f"{_count(len(rows) - len(kept), 'ratio')} would have fewer than {LEAST_VALUES} rounds left")
    return f"{'; '.join(parts)}."


def layout(rounds: pd.DataFrame) -> str:
    """What each round draws anew of the layout of memory, and how it moves within a round (decision 0006)."""
    names = {
        "env_bytes": "padding of the environment",
        "offset_bytes": "offset of x",
        "offset_y_bytes": "offset of y",
    }
    parts = []
    for column, words in names.items():
        drawn = rounds[column].dropna()
        if drawn.nunique() > 1:
            parts.append(
                f"{words} {formats.count(drawn.min())} to {formats.count(drawn.max())}{formats.NARROW}B "
                f"({formats.count(drawn.nunique())} values)"
            )
        elif len(drawn):
            parts.append(f"{words} always {formats.count(drawn.iloc[0])}{formats.NARROW}B")
    if not parts:
        return "No layout is recorded."
    return (
        f"Layout of each round, drawn from its seed: {formats.listed(parts)}; from sweep to sweep x moves on by "
        f"{X_STEP} and y by {Y_STEP} cache lines within a page."
    )


def _count(number: int, noun: str) -> str:
    return f"{formats.count(number)} {noun}{'' if number == 1 else 's'}"


def _by_chance(level: float, tested: int) -> str:
    """How many of so many tests say yes where there is nothing."""
    return f"chance alone makes about {level * tested:.0f}"


def _named(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = [f"{len(names) - NAMED} more in tables/ratios.csv"] if len(names) > NAMED else []
    return "; ".join([*names[:NAMED], *more])


def points(tables: Tables, plan: Plan) -> ReportTable:
    """The study's contender against its fastest base at each labelled size: ratio, what would show, and its rounds."""
    rows = headline_points(tables["ratios"], plan, list(plan["labels"]))
    cells = []
    for _, row in rows.iterrows():
        remarks = {
            "dependent rounds": bool(row["p_dependence"] < DEPENDENT_BELOW),
            "bimodal": bool(row["bimodal"]),
            f"{row['n_marked']} marked": bool(row["n_marked"]),
        }
        cells.append([
            str(row["label"]), formats.count(row["n_elements"]), isa_title(row["isa"], plan),
            base_kind(str(row["base"]), plan),
            formats.ratio_with_interval(row["ratio"], row["ratio_low"], row["ratio_high"]),
            formats.percent(float(row["smallest_detectable"]), 2), str(row["n_rounds"]), str(row["outliers"]),
            str(row["stop_reason"]), ", ".join(word for word, holds in remarks.items() if holds),
        ])  # fmt: skip
    head = ["size", "elements", "ISA", "base", "ratio [95 %]", "detectable", "rounds", "outliers", "ended by", "remark"]
    remarked = any(cell[-1] for cell in cells)  # a column without words is left out
    return table(head, cells) if remarked else table(head[:-1], [cell[:-1] for cell in cells])


# --- the self-test ---------------------------------------------------------------------------------


def selftest_rows(tables: Tables) -> pd.DataFrame | None:
    """Table `selftest`, or None where it was never run."""
    rows = tables.get("selftest")
    return None if rows is None or rows.empty else rows


def selftest(tables: Tables, plan: Plan) -> str:
    """Whether the instrument was tested on this machine, how, and with which build."""
    rows, command = selftest_rows(tables), f"{plan['command']} selftest"
    if rows is None:
        return (
            "The instrument was not tested on this machine: whether it finds slowdowns of known size, and none where "
            f"there is none, is open until “{command}” has run."
        )
    planted = [formats.percent(share) for share in sorted(set(rows["planted_fraction"])) if share > 0]
    text = (
        f"The same kernels were measured under two names, and with {formats.listed(planted)} of their work done "
        f"twice, by the same rounds and statistics: {formats.count(len(rows))} points."
    )
    builds, mine = sorted(set(rows["build_id"])), plan.get("primary_build_id")
    if mine and builds != [mine]:
        text += (
            f" It ran on build {formats.listed(builds)}, and this report speaks of build {mine}; "
            f"“{command}” repeats it."
        )
    return text


def selftest_counts(tables: Tables) -> str:
    """What the self-test found, per planted slowdown."""
    rows = selftest_rows(tables)
    if rows is None:
        return "Nothing was tested."
    clauses = []
    for share, mine in rows.groupby("planted_fraction", sort=True):
        planted = float(str(share))
        truth = 1.0 / (1.0 + planted)
        holds = int(((mine["ratio_low"] <= truth) & (truth <= mine["ratio_high"])).sum())
        if planted:
            found = f"{int((mine['verdict'] == SLOWER).sum())} found slower"
        else:
            found = f"{int(mine['verdict'].isin([FASTER, SLOWER]).sum())} called faster or slower"
        clauses.append(
            f"{formats.percent(planted)} planted: {len(mine)} points, {found}, {holds} intervals hold the truth"
        )
    return f"{'; '.join(clauses)}."


def goals_table(tables: Tables, plan: Plan) -> ReportTable:
    """What the instrument must reach, and what it reached here: shares of points, but alarms are counted."""
    rows = selftest_rows(tables)
    frame = goals(rows, plan["effort"] >= FINE) if rows is not None else pd.DataFrame()
    cells = []
    for _, row in frame.iterrows():
        counted = bool(row["points"]) and pd.isna(row["low"])
        reached = formats.count(row["reached"]) if counted else formats.percent(float(row["reached"]), 1)
        wanted = formats.count(row["wanted"]) if counted else formats.percent(float(row["wanted"]), 1)
        interval = " to ".join(formats.percent(float(row[end]), 1) for end in ("low", "high"))
        cells.append([
            str(row["goal"]), formats.count(row["points"]), wanted, reached,
            interval if row["points"] and not counted else formats.NOTHING,
            formats.NOTHING if row["met"] == "-" else str(row["met"]),
        ])  # fmt: skip
    return table(["goal", "points", "wanted", "reached", "95 % interval", "met"], cells)
