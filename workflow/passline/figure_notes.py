"""What stands beside every figure: its caption, how it is rebuilt, how good its data are, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from passline import formats
from passline.derive import selection
from passline.derive.counted import COUNTED
from passline.derive.selftest import HELD, goals, holding
from passline.trust_points import half_width, in_cache_elements, judged

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

GOOD, DOUBTFUL = "good", "doubtful"


@dataclass(frozen=True)
class Flag:
    """What is known of the quality of a figure's data: whether all is well, and in words."""

    state: str
    words: str


def notes(
    figures: Mapping[str, ModuleType], tables: Tables, plan: Plan, values: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """By figure: `caption`, `section`, `session`, `command` that rebuilds it, `flags` (state and words), `limits`.

    Args:
        figures: the modules of the figures by name.
        tables: tables of the session, `selftest` among them where it ran.
        plan: the session's plan.
        values: what captions and limits may name in braces.
    """
    timed = _timed(tables, plan)
    session = f"{plan['machine']}/{plan['folder']}"
    return {
        name: {
            "caption": module.CAPTION.format(**values),
            "section": module.SECTION,
            "session": session,
            "command": f"{plan['command']} reports/{session}/figures/{name}.svg",
            "flags": [asdict(flag) for flag in _flags(module, timed, tables)],
            "limits": module.LIMITS.format(**values),
        }
        for name, module in figures.items()
    }


def _flags(module: ModuleType, timed: list[Flag], tables: Tables) -> Iterator[Flag]:
    if getattr(module, "DETERMINISTIC", False):
        yield Flag(GOOD, "deterministic")
    else:
        yield from timed
    if getattr(module, "MODELLED", False):
        yield _bytes(tables["counters"])


def _timed(tables: Tables, plan: Plan) -> list[Flag]:
    """What there is to say of every figure of times."""
    if not plan["measurement"]:
        return [Flag(DOUBTFUL, "smoke run, no measurement")]
    return [*_noise(tables["ratios"], plan), _selftest(tables)]


def _noise(ratios: pd.DataFrame, plan: Plan) -> Iterator[Flag]:
    """Half-widths of the judged ratios against the targets at which measuring stops."""
    rows = judged(ratios, plan)
    places = {
        "in cache": (rows["n_elements"] <= in_cache_elements(plan), float(plan["design"]["target_in_cache"])),
        "out of cache": (rows["n_elements"].isin(selection.out_of_cache(plan)), float(plan["design"]["target"])),
    }
    for place, (mine, target) in places.items():
        found = float(half_width(rows[mine]).median())
        state = GOOD if found <= target else DOUBTFUL
        told = f"half-width {place} {formats.percent(found, 1)} (target {formats.percent(target, 1)})"
        yield Flag(state, told) if found == found else Flag(DOUBTFUL, f"half-width {place} not known")


def _selftest(tables: Tables) -> Flag:
    found = tables.get("selftest")
    if found is None or found.empty:
        return Flag(DOUBTFUL, "self-test not run")
    met = goals(found)["met"].value_counts()
    missed, judged_goals = int(met.get("no", 0)), int(met.get("no", 0) + met.get("yes", 0))
    told = [
        f"{formats.percent(share)} {place}"
        for place, share in zip(("in cache", "out"), holding(found), strict=True)
        if share == share
    ]
    held = f"its intervals hold the truth at {' and '.join(told)}" if told else "no slowdown was planted"
    state = GOOD if not missed and all(share >= HELD for share in holding(found)) else DOUBTFUL
    return Flag(state, f"self-test meets {judged_goals - missed} of {judged_goals} goals, {held}")


def _bytes(counters: pd.DataFrame) -> Flag:
    counted = ((counters["status"] == COUNTED) & (counters["direction"] != "-")).any()
    return Flag(GOOD, "bytes counted and modelled") if counted else Flag(DOUBTFUL, "bytes modelled, none counted")


def in_words(note: Mapping[str, Any]) -> list[str]:
    """A figure's note, line by line, for the files that hold the figure or its data."""
    flags = "; ".join(f"{flag['words']}" for flag in note["flags"])
    return [f"session {note['session']}", f"rebuild: {note['command']}", f"data: {flags}", f"limits: {note['limits']}"]
