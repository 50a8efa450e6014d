"""What algorithms, ISAs and choices are called in figures and text, and in which order they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

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


def shown_variant(frame: pd.DataFrame) -> str | None:
    """The choice that figures and text show: tuned where it was measured, else the paper's preset."""
    present = set(frame["variant"])
    return next((name for name in ("tuned", "preset") if name in present), None)


def vector_isas(isas: list[str]) -> list[str]:
    """The vector ISAs, or all where there is no other."""
    return [name for name in isas if name != "scalar"] or isas
