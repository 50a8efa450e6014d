"""Table `goals`: what our own kernels must reach (reports/goals.yaml), and what they reached in this session."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from passline.derive.goal_points import CANDIDATES, FASTEST_INPUTS, FLOAT64, MAXIMUM, MINIMUM, Points, points_of, worst
from passline.errors import ReportError
from passline.schema import load_listed
from passline.statistics import Floats
from passline.tables import NOT_APPLICABLE

MET, MISSED, OPEN, UNAVAILABLE, WITHHELD = "met", "missed", "undecided", "unavailable", "withheld"
GEOMETRIC_MEAN = "geometric mean"

Tables = Mapping[str, pd.DataFrame]
Goal = Mapping[str, Any]
Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Reached:
    """A number with its 95 % interval; NaN where there are too few rounds for one, of no width where it is exact."""

    value: float
    low: float
    high: float


def load_goals(path: Path) -> dict[str, Any]:
    """Read goals.yaml; ReportError where it is not what its schema says."""
    document = load_listed(path, "goals", ReportError)
    for goal in document["goals"]:
        where = f"{path}: goals.{goal['id']}"
        if goal["sizes"]["from"] > goal["sizes"]["to"]:
            raise ReportError(where, "sizes: from is larger than to", "Exchange them")
        wanted = "at_most" if goal["statistic"] == MAXIMUM else "wanted"
        if {"at_most", "wanted"} & goal.keys() != {wanted}:
            what = f"statistic: {goal['statistic']} goes with {wanted}"
            raise ReportError(where, what, f"Give {wanted}, and not the other of at_most and wanted")
        if ("protocol" in goal) == (FLOAT64 in goal["base"]):
            raise ReportError(where, "protocol: times have one, errors none", "Give it to goals about time alone")
        if {FASTEST_INPUTS, FLOAT64} & set(goal["base"]) and (len(goal["base"]), goal["threads"]) != (1, 1):
            what = f"base: {', '.join(goal['base'])} on {goal['threads']} threads"
            raise ReportError(where, what, f"{FASTEST_INPUTS} and {FLOAT64} are a base alone, on one thread")
    return document


def bound(statistic: str, wanted: float) -> str:
    """What is wanted, with its direction: a largest number is to be small, any other one large."""
    return f"{'≤' if statistic == MAXIMUM else '≥'} {wanted:g}"


def goals_table(goals: Mapping[str, Any], tables: Tables, plan: Plan) -> pd.DataFrame:
    """Table `goals`: one row per goal.

    Args:
        goals: the parsed goals.yaml.
        tables: `ratios`, `beyond` and `error_over_n` of one build.
        plan: the session's plan.
    """
    return pd.DataFrame([{"position": i} | _row(goal, tables, plan) for i, goal in enumerate(goals["goals"], start=1)])


def _row(goal: Goal, tables: Tables, plan: Plan) -> dict[str, Any]:
    points = points_of(goal, tables, plan)
    statistic, sizes = goal["statistic"], sorted(set(points.rows["n_elements"]))
    row = {
        "machine": plan["machine"],
        "session": plan["session"],
        "goal": goal["id"],
        "statement": goal["statement"],
        "contender": goal["contender"],
        "base": " ".join(goal["base"]),
        "isa": goal["isa"],
        "threads": goal["threads"],
        "cache_protocol": goal.get("protocol", NOT_APPLICABLE),
        "statistic": statistic,
        "from_elements": goal["sizes"]["from"],
        "to_elements": goal["sizes"]["to"],
        "sizes": " ".join(map(str, sizes)) or NOT_APPLICABLE,
        "wanted": wanted_of(goal),
    }
    nothing = dict.fromkeys(("reached", "low", "high"), math.nan)
    if not plan["measurement"]:
        return row | nothing | {"met": WITHHELD, "reason": "smoke run, not a measurement"}
    if points.rows.empty:
        return row | nothing | {"met": UNAVAILABLE, "reason": f"{UNAVAILABLE}: {_why_nothing(goal, plan)}"}
    reached = reached_of(statistic, points.rows)
    numbers = {"reached": reached.value, "low": reached.low, "high": reached.high}
    met = judged(reached, row["wanted"] - goal.get("margin", 0.0), statistic)
    return row | numbers | {"met": met, "reason": _why(goal, points)}


def wanted_of(goal: Goal) -> float:
    """What a goal wants: at most that of a largest number, at least that of any other."""
    return float(goal["at_most"] if goal["statistic"] == MAXIMUM else goal["wanted"])


def reached_of(statistic: str, points: pd.DataFrame) -> Reached:
    """The statistic over the points, with its interval.

    The minimum is the smallest value with its own interval, the maximum the largest with its. The interval of the
    geometric mean follows from those at the sizes, whose rounds are independent of each other: their distances on the
    log scale add up as squares, each side by itself (the method of variance estimates recovery; Zou & Donner,
    Statistics in Medicine 27, 2008).
    """
    ends = ("value", "low", "high")
    if statistic in (MINIMUM, MAXIMUM):
        row = worst(statistic, points)
        return Reached(*(float(row[end]) for end in ends))
    logs = {end: np.log(points[end].to_numpy(dtype=np.float64)) for end in ends}
    middle = float(logs["value"].mean())
    below, above = (_root_of_squares(logs[end] - logs["value"]) for end in ("low", "high"))
    return Reached(*(math.exp(value) for value in (middle, middle - below, middle + above)))


def _root_of_squares(distances: Floats) -> float:
    return float(np.sqrt(np.sum(distances**2)) / len(distances))


def judged(reached: Reached, wanted: float, statistic: str) -> str:
    """Met where the whole interval is on the wanted side, missed where none of it is; else undecided."""
    if statistic == MAXIMUM:
        near, far, limit = -reached.high, -reached.low, -wanted
    else:
        near, far, limit = reached.low, reached.high, wanted
    if near >= limit:
        return MET
    return MISSED if far < limit else OPEN


def _why(goal: Goal, points: Points) -> str:
    """What the verdict rests on, and what of the range was not measured."""
    said = list(points.said)
    longest = int(points.rows["n_elements"].max())
    if longest < goal["sizes"]["to"]:
        said.append(f"nothing above {longest} was measured here")
    return "; ".join(said)


def _why_nothing(goal: Goal, plan: Plan) -> str:
    """Why a goal has no number in this session."""
    scheme = plan.get("beyond", {})
    known = {**scheme.get("algorithms", {}), **plan["algorithms"]}
    if goal["contender"] != CANDIDATES and goal["contender"] not in known:
        return f"the study has no algorithm {goal['contender']}"
    if CANDIDATES in (goal["contender"], *goal["base"]) and not scheme.get("candidates"):
        return "the study has nothing that best may choose"
    if goal["isa"] not in plan["isas"]:
        return f"the session has no {goal['isa']}"
    peers = plan.get("baselines", {})
    reasons = [f"baseline {b}: {peers[b]['reason']}" for b in goal["base"] if b in peers and not peers[b]["ok"]]
    if reasons:
        return "; ".join(reasons)
    if goal["session"] != plan["session"]:
        return f"it is measured by the session {goal['session']}"
    threads = "" if goal["threads"] == 1 else f" on {goal['threads']} threads"
    return f"nothing of {goal['contender']}{threads} against {' or '.join(goal['base'])} was measured"
