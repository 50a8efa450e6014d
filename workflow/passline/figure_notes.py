"""What stands beside every figure: its caption, how it is drawn again, how good its data are, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from passline import formats
from passline.citation import Published
from passline.derive import selection
from passline.derive.counted import COUNTED
from passline.derive.selftest import HELD, goals, holding
from passline.titles import question_words
from passline.trust_points import half_width, in_cache_elements, judged

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

TABLES = ("ratios", "counters")
"""Tables that tell how good a session's data are, beside `selftest` where it ran."""

GOOD, DOUBTFUL = "good", "doubtful"
TARGETS = ("target_in_cache", "target")


@dataclass(frozen=True)
class Flag:
    """What is known of the quality of a figure's data: whether all is well, and in words."""

    state: str
    words: str


def quality(tables: Tables, plan: Plan, published: Published | None = None) -> dict[str, Any]:
    """What the notes on a session's figures have in common.

    Args:
        tables: `TABLES`, and `selftest` where it ran.
        plan: the session's plan.
        published: the published copy, where the figures are of one: it has no session to draw them from.

    Returns:
        `session`; `command` that draws a figure again, with {figure} in place of its name; `timed`, the flags of what
        rests on times; `half_widths`, those of what shows ratios of many kinds; `design`, by which a figure's own are
        rated; `bytes`, that of what draws modelled bytes; `words`, what captions and limits name in braces.
    """
    drawn = selection.of_build(tables, plan)
    session = f"{plan['machine']}/{plan['folder']}"
    # The file goes first: what follows --config or --configfile would be taken for more of it.
    program, _, options = str(plan["command"]).partition(" ")
    drawn_by = f"{program} reports/{session}/figures/{{figure}}.svg {options}".strip()
    return {
        "session": session,
        "command": published.figures if published else drawn_by,
        "timed": [asdict(flag) for flag in _timed({**drawn, **_selftest_of(tables)}, plan)],
        "half_widths": [asdict(flag) for flag in _half_widths(drawn["ratios"], plan)] * bool(plan["measurement"]),
        "design": {key: float(plan["design"][key]) for key in TARGETS} | {"in_cache": in_cache_elements(plan)},
        "bytes": asdict(_bytes(drawn["counters"])),
        "words": question_words(plan),
    }


def note(name: str, module: ModuleType, known: Mapping[str, Any], drawn: pd.DataFrame | None = None) -> dict[str, Any]:
    """A figure's `caption`, `session`, `command`, `flags` (state and words) and `limits`, and whether it is `empty`.

    Args:
        name: the figure.
        module: its module: CAPTION, LIMITS; DETERMINISTIC where nothing of it rests on times, MODELLED where it draws
            bytes of the traffic model.
        known: what `quality` returned.
        drawn: the figure's data: where they are ratios over size, their intervals are rated, and not the session's.
    """
    deterministic = [asdict(Flag(GOOD, "deterministic"))]
    flags = (
        deterministic if getattr(module, "DETERMINISTIC", False) else [*_widths(module, known, drawn), *known["timed"]]
    )
    if getattr(module, "MODELLED", False):
        flags.append(known["bytes"])
    return {
        "caption": module.CAPTION.format(**known["words"]),
        "session": known["session"],
        "command": known["command"].format(figure=name),
        "flags": flags,
        "limits": module.LIMITS.format(**known["words"]),
        "empty": drawn is not None and drawn.empty,
    }


def in_words(told: Mapping[str, Any]) -> list[str]:
    """A figure's note, line by line, for the files that hold the figure or its data."""
    flags = "; ".join(flag["words"] for flag in told["flags"])
    return [
        f"session {told['session']}",
        f"draw again: {told['command']}",
        f"data: {flags}",
        f"limits: {told['limits']}",
    ]


def _timed(tables: Tables, plan: Plan) -> list[Flag]:
    """What there is to say of every figure of times."""
    if not plan["measurement"]:
        return [Flag(DOUBTFUL, "smoke run, no measurement")]
    return [_selftest(tables)]


def _widths(module: ModuleType, known: Mapping[str, Any], drawn: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Half-widths of the ratios that a figure shows: its own, else the session's; none where it shows none.

    Its own where it says in RATIOS what their columns are: value, low and high.
    """
    columns = getattr(module, "RATIOS", None if "ratios" in getattr(module, "TABLES", ()) else ())
    if not known["half_widths"] or columns == ():
        return []
    if columns is None or drawn is None:
        return list(known["half_widths"])
    rows = drawn
    for column, value in (("panel", "ratio"), ("kind", "point")):  # the rest is times, or crossings
        if column in rows and (rows[column] == value).any():
            rows = rows[rows[column] == value]
    rows = rows.rename(columns=dict(zip(columns[1:], ("ratio_low", "ratio_high"), strict=True)))
    design = known["design"]
    near = rows["n_elements"] <= design["in_cache"]
    rated = [_rated("in cache", rows[near], design["target_in_cache"]), _rated("beyond", rows[~near], design["target"])]
    return [asdict(flag) for flags in rated for flag in flags]


def _rated(place: str, rows: pd.DataFrame, target: float) -> Iterator[Flag]:
    found = float(half_width(rows).median())
    if found == found:
        told = f"half-width {place} {formats.percent(found, 1)} (target {formats.percent(target, 1)})"
        yield Flag(GOOD if found <= target else DOUBTFUL, told)


def _half_widths(ratios: pd.DataFrame, plan: Plan) -> Iterator[Flag]:
    """Median half-widths of the session's judged ratios against the targets at which measuring stops."""
    rows = judged(ratios, plan)
    places = {
        "in cache": (rows["n_elements"] <= in_cache_elements(plan), float(plan["design"]["target_in_cache"])),
        "out of cache": (rows["n_elements"].isin(selection.out_of_cache(plan)), float(plan["design"]["target"])),
    }
    for place, (mine, target) in places.items():
        found = float(half_width(rows[mine]).median())
        told = f"the session's half-width {place} {formats.percent(found, 1)} (target {formats.percent(target, 1)})"
        known = found == found
        yield Flag(
            GOOD if found <= target else DOUBTFUL, told if known else f"the session's half-width {place} not known"
        )


def _selftest_of(tables: Tables) -> dict[str, pd.DataFrame]:
    """The self-test, which may be of another build."""
    return {name: tables[name] for name in ("selftest",) if name in tables}


def _selftest(tables: Tables) -> Flag:
    found = tables.get("selftest")
    if found is None or found.empty:
        return Flag(DOUBTFUL, "self-test not run")
    met = goals(found)["met"].value_counts()
    asked = int(met.get("yes", 0) + met.get("no", 0))
    shares = {place: share for place, share in zip(("in cache", "out"), holding(found), strict=True) if share == share}
    held = " and ".join(f"{formats.percent(share)} {place}" for place, share in shares.items())
    state = GOOD if met.get("no", 0) == 0 and all(share >= HELD for share in shares.values()) else DOUBTFUL
    kept = f", its intervals hold the truth at {held}" if held else ""
    return Flag(state, f"self-test meets {met.get('yes', 0)} of {asked} goals{kept}")


def _bytes(counters: pd.DataFrame) -> Flag:
    counted = ((counters["status"] == COUNTED) & (counters["direction"] != "-")).any()
    return Flag(GOOD, "bytes counted and modelled") if counted else Flag(DOUBTFUL, "bytes modelled, none counted")
