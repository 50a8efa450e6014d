"""What algorithms, ISAs and choices are called in figures and text, and in which order they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline.derive.selection import question, rival
from passline.formats import listed

SMOKE_STAMP = "SMOKE RUN: NOT A MEASUREMENT"


def pass_order(plan: Mapping[str, Any]) -> list[str]:
    """Passes in the order in which the study's algorithms use them, each once."""
    return list(dict.fromkeys(name for spec in plan["algorithms"].values() for name in spec["passes"]))


def algorithm_title(name: str, plan: Mapping[str, Any]) -> str:
    """The study's title of an algorithm, or an outside baseline's own."""
    beyond = plan.get("beyond", {}).get("algorithms", {})
    known = {**plan.get("baselines", {}), **beyond, **plan["algorithms"]}
    return str(known.get(name, {}).get("title", name))


def isa_title(name: str, plan: Mapping[str, Any]) -> str:
    """The title of an ISA."""
    return str(plan.get("isas", {}).get(name, {}).get("title", name))


def in_sentence(title: str) -> str:
    """`Three-Pass, recomputing` as `recomputing Three-Pass`."""
    name, _, kind = title.partition(", ")
    return f"{kind} {name}" if kind else name


def question_words(plan: Mapping[str, Any]) -> dict[str, str]:
    """What captions and sentences call the contender of the study's question and its bases.

    `contender`; `bases`, all of them; `each`, one of them; `fastest`, the one that is fastest at a point;
    `beyond_rival`, what the study names first of all that is beyond the paper; `preset`, whose parameters those are;
    and what is said only of some studies, else empty: `published` of a paper's gains, `leading` of algorithms beyond
    it, `summed` of outputs that have a known sum.
    """
    asked = question(plan)
    other = rival(plan)
    beyond = {"beyond_rival": "no other" if other is None else algorithm_title(other, plan)} | _asides(plan)
    titles = [algorithm_title(base, plan) for base in asked.bases]
    groups = {title.partition(", ")[0] for title in titles}
    kinds = [in_sentence(title) for title in titles]
    contender = algorithm_title(asked.contender, plan)
    if not titles:
        return beyond | {"contender": contender, "bases": "no other", "each": "another", "fastest": "no other"}
    if len(titles) == 1:
        return beyond | {"contender": contender, **dict.fromkeys(("bases", "each", "fastest"), kinds[0])}
    faster = "faster" if len(titles) == 2 else "fastest"
    if len(groups) == 1:
        name = groups.pop()
        words = {"bases": name, "each": f"each {name}", "fastest": f"the {faster} {name}"}
        return beyond | {"contender": contender, **words}
    words = {"bases": listed(kinds), "each": f"each of {listed(kinds)}", "fastest": f"the {faster} of {listed(kinds)}"}
    return beyond | {"contender": contender, **words}


def _asides(plan: Mapping[str, Any]) -> dict[str, str]:
    beyond = plan.get("beyond", {}).get("algorithms", {})
    total = plan.get("outputs_sum", 1)  # plans without it are of softmax
    return {
        "preset": "the paper's preset" if plan.get("paper") else "the study's preset",
        "published": ". Diamonds, if any: the largest gain that the paper reports, on its own machine"
        if plan.get("paper")
        else "",
        "leading": "; of those beyond the paper, the first and what Best picks" if beyond else "",
        "summed": "" if total is None else f"; below, where outputs sum to {total:g}: distance of their sum from it",
    }


def base_kind(name: str, plan: Mapping[str, Any]) -> str:
    """What tells a base from the others: `recomputing` of `Three-Pass, recomputing`, or its title."""
    return algorithm_title(name, plan).rpartition(", ")[2]


def shown_variant(frame: pd.DataFrame) -> str | None:
    """The choice that figures and text show: tuned where it was measured, else the paper's preset."""
    present = set(frame["variant"])
    return next((name for name in ("tuned", "preset") if name in present), None)
