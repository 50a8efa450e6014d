"""Table `goals`: what our own kernels must reach (reports/goals.yaml), and what they reached in this session."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from passline.errors import ReportError
from passline.schema import load_listed
from passline.statistics import Floats
from passline.tables import FLOOR, NOT_APPLICABLE

MET, MISSED, OPEN, UNAVAILABLE, WITHHELD = "met", "missed", "undecided", "unavailable", "withheld"
FIXED = "fixed"
GEOMETRIC_MEAN, MINIMUM = "geometric mean", "minimum"
PAGES = "huge"

Tables = Mapping[str, pd.DataFrame]
Goal = Mapping[str, Any]
Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Reached:
    """A ratio with its 95 % interval; NaN where there are too few rounds for one."""

    ratio: float
    low: float
    high: float


def load_goals(path: Path) -> dict[str, Any]:
    """Read goals.yaml; ReportError where it is not what its schema says."""
    document = load_listed(path, "goals", ReportError)
    for goal in document["goals"]:
        where = f"{path}: goals.{goal['id']}"
        if goal["sizes"]["from"] > goal["sizes"]["to"]:
            raise ReportError(where, "sizes: from is larger than to", "Exchange them")
    return document


def goals_table(goals: Mapping[str, Any], ratios: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Table `goals`: one row per goal.

    Args:
        goals: the parsed goals.yaml.
        ratios: table `ratios` of one build.
        plan: the session's plan.
    """
    return pd.DataFrame([{"position": i} | _row(goal, ratios, plan) for i, goal in enumerate(goals["goals"], start=1)])


def _row(goal: Goal, ratios: pd.DataFrame, plan: Plan) -> dict[str, Any]:
    points = fastest_bases(matching(goal, ratios, plan))
    row = {
        "machine": plan["machine"],
        "session": plan["session"],
        "goal": goal["id"],
        "statement": goal["statement"],
        "contender": goal["contender"],
        "base": " ".join(goal["base"]),
        "isa": goal["isa"],
        "threads": goal["threads"],
        "cache_protocol": goal["protocol"],
        "statistic": goal["statistic"],
        "from_elements": goal["sizes"]["from"],
        "to_elements": goal["sizes"]["to"],
        "sizes": " ".join(str(n) for n in points["n_elements"]) or NOT_APPLICABLE,
        "wanted": float(goal["wanted"]),
    }
    nothing = dict.fromkeys(("reached", "low", "high"), math.nan)
    if not plan["measurement"]:
        return row | nothing | {"met": WITHHELD, "reason": "smoke run, not a measurement"}
    if points.empty:
        return row | nothing | {"met": UNAVAILABLE, "reason": f"{UNAVAILABLE}: {_why_nothing(goal, plan)}"}
    reached = reached_of(goal["statistic"], points)
    numbers = {"reached": reached.ratio, "low": reached.low, "high": reached.high}
    met = judged(reached, row["wanted"] - goal.get("margin", 0.0))
    return row | numbers | {"met": met, "reason": _why(goal, points)}


def matching(goal: Goal, ratios: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The ratios that a goal is about: whatever its bases, at every measured size of its range, one row of x."""
    wanted = {
        "algorithm": goal["contender"],
        "isa": goal["isa"],
        "threads": goal["threads"],
        "base_threads": goal.get("base_threads", goal["threads"]),
        "cache_protocol": goal["protocol"],
        "inputs": goal["inputs"],
        "variant": "tuned",
        "n_rows": 1,
        "pages": PAGES,
    }
    rows = ratios[ratios["n_elements"].between(goal["sizes"]["from"], goal["sizes"]["to"])]
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    named = set(goal["base"])
    of_its_choice = (rows["base_variant"] == rows["variant"]) | (rows["base_variant"] == NOT_APPLICABLE)
    fixed = set(plan.get("beyond", {}).get("algorithms", {})) - {goal["contender"]}
    kept = rows["base"].isin(named) & of_its_choice & rows["base_isa"].isin([goal["isa"], NOT_APPLICABLE])
    if FLOOR in named:
        kept |= rows["base_variant"] == FLOOR
    if FIXED in named:
        kept |= rows["base"].isin(fixed) & of_its_choice & (rows["base_isa"] == goal["isa"])
    return rows[kept]


def fastest_bases(rows: pd.DataFrame) -> pd.DataFrame:
    """Per size, the row with the fastest base by median time, shortest rows first."""
    ordered = rows.sort_values(["n_elements", "base_time_median_s", "base"], kind="stable")
    return ordered.groupby("n_elements", sort=True).head(1).reset_index(drop=True)


def reached_of(statistic: str, points: pd.DataFrame) -> Reached:
    """The statistic over sizes, with its interval.

    The minimum is the smallest ratio with its own interval. The interval of the geometric mean follows from those at
    the sizes, whose rounds are independent of each other: their distances on the log scale add up as squares, each
    side by itself (the method of variance estimates recovery; Zou & Donner, Statistics in Medicine 27, 2008).
    """
    logs = {c: np.log(points[c].to_numpy(dtype=np.float64)) for c in ("ratio", "ratio_low", "ratio_high")}
    if statistic == MINIMUM:
        smallest = int(np.argmin(logs["ratio"]))
        return Reached(*(math.exp(logs[c][smallest]) for c in ("ratio", "ratio_low", "ratio_high")))
    middle = float(logs["ratio"].mean())
    below, above = (_root_of_squares(logs[c] - logs["ratio"]) for c in ("ratio_low", "ratio_high"))
    return Reached(*(math.exp(value) for value in (middle, middle - below, middle + above)))


def _root_of_squares(distances: Floats) -> float:
    return float(np.sqrt(np.sum(distances**2)) / len(distances))


def judged(reached: Reached, wanted: float) -> str:
    """Met where the whole interval reaches what is wanted, missed where none of it does; else undecided."""
    if reached.low >= wanted:
        return MET
    return MISSED if reached.high < wanted else OPEN


def _why(goal: Goal, points: pd.DataFrame) -> str:
    """The bases at the sizes, and where the statistic is a minimum, its size; what of the range was not measured."""
    at = {base: ", ".join(map(str, mine["n_elements"])) for base, mine in points.groupby("base", sort=False)}
    said = ["fastest base: " + "; ".join(f"{base} at {sizes}" for base, sizes in at.items())]
    if goal["statistic"] == MINIMUM and len(points) > 1:
        smallest = points.loc[points["ratio"].idxmin()]
        said.append(f"smallest at {int(smallest['n_elements'])}")
    if "margin" in goal:
        said.append(f"{goal['margin']:g} less counts as equal")
    worst = points.loc[points["ratio"].idxmin()]
    if goal["threads"] > 1 and worst["n_marked"] and not math.isnan(worst["ratio_unmarked"]):
        rest = int(worst["n_rounds"] - worst["n_marked"])
        said.append(f"{worst['ratio_unmarked']:.3f} in the {rest} rounds that nothing makes doubtful")
    longest = int(points["n_elements"].max())
    if longest < goal["sizes"]["to"]:
        said.append(f"nothing above {longest} was measured here")
    return "; ".join(said)


def _why_nothing(goal: Goal, plan: Plan) -> str:
    """Why a goal has no ratio in this session."""
    scheme = plan.get("beyond", {}).get("algorithms", {})
    if goal["contender"] not in {**scheme, **plan["algorithms"]}:
        return f"the study has no algorithm {goal['contender']}"
    if goal["isa"] not in plan["isas"]:
        return f"the session has no {goal['isa']}"
    peers = plan.get("baselines", {})
    reasons = [f"baseline {b}: {peers[b]['reason']}" for b in goal["base"] if b in peers and not peers[b]["ok"]]
    if reasons:
        return "; ".join(reasons)
    if goal["session"] != plan["session"]:
        return f"it is measured by the session {goal['session']}"
    threads = "" if goal["threads"] == 1 else f" on {goal['threads']} threads"
    return f"no ratio of {goal['contender']}{threads} against {' or '.join(goal['base'])} was measured"
