"""What goals are about: the numbers at all points that count for one, and what there is to say of them.

A goal's first base tells its kind: ratios of times to other algorithms or baselines, times on some inputs over times on
the fastest of an algorithm's own, or errors against float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from passline.derive.inputs import over_fastest
from passline.derive.selection import MAIN_INPUTS, single_rows
from passline.formats import ratio_with_interval
from passline.plan_points import CONSUMED
from passline.tables import FLOOR, NOT_APPLICABLE

CANDIDATES = "candidates"
"""As contender or base: each algorithm that `best` may choose."""
FASTEST_INPUTS, FLOAT64 = "fastest_inputs", "float64"
OTHERS = "others"
"""As inputs: all families but the main one."""
MINIMUM, MAXIMUM = "minimum", "maximum"
PAGES, CHOICE = "huge", "tuned"

Tables = Mapping[str, pd.DataFrame]
Goal = Mapping[str, Any]
Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Points:
    """Rows with `n_elements`, `value`, `low` and `high`, each of which counts; and what is said beside the verdict."""

    rows: pd.DataFrame
    said: tuple[str, ...] = ()


def points_of(goal: Goal, tables: Tables, plan: Plan) -> Points:
    """What counts for a goal, of tables `ratios`, `beyond` and `error_over_n` of one build."""
    kinds: dict[str, Callable[[Goal, Tables, Plan], Points]] = {FASTEST_INPUTS: _inputs, FLOAT64: _errors}
    return kinds.get(goal["base"][0], _times)(goal, tables, plan)


def worst(statistic: str, rows: pd.DataFrame) -> pd.Series[Any]:
    """The row with the largest value where that is what counts, else with the smallest."""
    return rows.loc[rows["value"].idxmax() if statistic == MAXIMUM else rows["value"].idxmin()]


def _times(goal: Goal, tables: Tables, plan: Plan) -> Points:
    """Time of the fastest base over time of the contender at each size.

    Of the candidates those count that `best` may choose there: not one that stores past the caches where it loses when
    y is read next.
    """
    every = matching(goal, tables["ratios"], plan)
    lost = _lost_when_read(goal, tables["beyond"], plan) if CANDIDATES in goal["base"] else set()
    may = [point not in lost for point in zip(every["base"], every["n_elements"], strict=True)]
    points = fastest_bases(every[pd.Series(may, index=every.index, dtype=bool)])
    if points.empty:
        return Points(points)
    said = [f"fastest base: {_in_runs(points)}"]
    least = worst(MINIMUM, points)
    if goal["statistic"] == MINIMUM and len(points) > 1:
        said.append(f"smallest at {int(least['n_elements'])}")
    if not points["base"].equals((anywhere := fastest_bases(every))["base"]):
        said.append(_unrestricted(anywhere))
    if "margin" in goal:
        said.append(f"{goal['margin']:g} less counts as equal")
    if goal["threads"] > 1 and least["n_marked"] and not math.isnan(least["ratio_unmarked"]):
        rest = int(least["n_rounds"] - least["n_marked"])
        said.append(f"{least['ratio_unmarked']:.3f} in the {rest} rounds that nothing makes doubtful")
    return Points(points, tuple(said))


def matching(goal: Goal, ratios: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The ratios that a goal is about: whatever its bases, at every measured size of its range, one row of x."""
    wanted = {
        "algorithm": goal["contender"],
        "isa": goal["isa"],
        "threads": goal["threads"],
        "base_threads": goal.get("base_threads", goal["threads"]),
        "cache_protocol": goal["protocol"],
        "variant": CHOICE,
        "n_rows": 1,
        "pages": PAGES,
    }
    rows = _asked(goal, ratios)
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    of_its_choice = (rows["base_variant"] == rows["variant"]) | (rows["base_variant"] == NOT_APPLICABLE)
    named = {name for base in goal["base"] for name in (_candidates(plan) if base == CANDIDATES else [base])}
    kept = rows["base"].isin(named) & of_its_choice & rows["base_isa"].isin([goal["isa"], NOT_APPLICABLE])
    if FLOOR in named:
        kept |= rows["base_variant"] == FLOOR
    found = rows[kept]
    return found.assign(value=found["ratio"], low=found["ratio_low"], high=found["ratio_high"])


def fastest_bases(rows: pd.DataFrame) -> pd.DataFrame:
    """Per size, the row with the fastest base by median time, shortest rows first."""
    ordered = rows.sort_values(["n_elements", "base_time_median_s", "base"], kind="stable")
    return ordered.groupby("n_elements", sort=True).head(1).reset_index(drop=True)


def _in_runs(points: pd.DataFrame) -> str:
    """`one at 4096 to 1048576; other at 2097152`: bases of neighbouring sizes together."""
    changes = (points["base"] != points["base"].shift()).cumsum()
    runs = [(str(run["base"].iloc[0]), *run["n_elements"].iloc[[0, -1]]) for _, run in points.groupby(changes)]
    return "; ".join(f"{base} at {first}" + (f" to {last}" if last > first else "") for base, first, last in runs)


def _lost_when_read(goal: Goal, beyond: pd.DataFrame, plan: Plan) -> set[tuple[str, int]]:
    """(algorithm, elements) of candidates with non-temporal stores that are not the fastest in protocol consumed.

    Where that was measured: elsewhere nothing is held against them. By median times, on one thread.
    """
    past = set(plan.get("beyond", {}).get("past_caches", []))
    rows = single_rows(_asked(goal, beyond))
    rows = rows[(rows["cache_protocol"] == CONSUMED) & (rows["isa"] == goal["isa"]) & (rows["variant"] == CHOICE)]
    lost = set()
    for n, mine in rows[rows["algorithm"].isin(_candidates(plan))].groupby("n_elements"):
        times = mine.set_index("algorithm")["time_median_s"]
        ordinary = min((t for name, t in times.items() if name not in past), default=math.inf)
        lost |= {(str(name), int(n)) for name, t in times.items() if name in past and t >= ordinary}
    return lost


def _unrestricted(points: pd.DataFrame) -> str:
    """The smallest ratio if every candidate counted everywhere."""
    least = worst(MINIMUM, points)
    shown = ratio_with_interval(least["value"], least["low"], least["high"])
    return (
        f"{shown} against {least['base']} at {int(least['n_elements'])} if stores past the caches counted also where "
        f"they lose in protocol {CONSUMED}"
    )


def _inputs(goal: Goal, tables: Tables, plan: Plan) -> Points:
    """Time on each of the goal's inputs over that on the fastest inputs, of each algorithm at each size."""
    rows = _of_contenders(goal, over_fastest(tables["ratios"], plan, goal["protocol"]), plan)
    return Points(rows, _where_worst(goal, rows))


def _errors(goal: Goal, tables: Tables, plan: Plan) -> Points:
    """Largest error of an output against float64, in ULP, of each algorithm at each size and on each of the inputs."""
    errors = tables["error_over_n"]
    rows = _of_contenders(goal, errors[errors["variant"] == CHOICE], plan)
    known = rows[rows["max_error_ulp"].notna()]
    known = known.assign(**dict.fromkeys(("value", "low", "high"), known["max_error_ulp"]))
    absent = rows[rows["max_error_ulp"].isna()].drop_duplicates("n_elements")
    unknown = tuple(f"not known at {row['n_elements']}: {row['reason']}" for _, row in absent.iterrows())
    return Points(known, (*_where_worst(goal, known), *unknown))


def _of_contenders(goal: Goal, rows: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    names = _candidates(plan) if goal["contender"] == CANDIDATES else [goal["contender"]]
    rows = _asked(goal, rows)
    rows = rows[rows["algorithm"].isin(names) & (rows["isa"] == goal["isa"])]
    return rows.sort_values(["n_elements", "algorithm", "inputs"], kind="stable").reset_index(drop=True)


def _where_worst(goal: Goal, rows: pd.DataFrame) -> tuple[str, ...]:
    if rows.empty:
        return ()
    row = worst(goal["statistic"], rows)
    return (f"worst: {row['algorithm']} with {row['isa']} on {row['inputs']} at {int(row['n_elements'])}",)


def _asked(goal: Goal, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the goal's sizes and inputs."""
    asked = [goal["inputs"]] if isinstance(goal["inputs"], str) else goal["inputs"]
    named = rows["inputs"] != MAIN_INPUTS if asked == [OTHERS] else rows["inputs"].isin(asked)
    return rows[named & rows["n_elements"].between(goal["sizes"]["from"], goal["sizes"]["to"])]


def _candidates(plan: Plan) -> list[str]:
    return list(plan.get("beyond", {}).get("candidates", []))
