"""Table `port_model`: what each pass of an algorithm takes in L1, and the least that the core's ports allow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from passline import port_model
from passline.builds import chosen
from passline.disassembly import Instruction, functions, hot_loop, unanalysed
from passline.port_model import NoPredictionError, Tool
from passline.registry import Study, Variant
from passline.tables import conform

Row = dict[str, Any]


def floor_rows(tuning: pd.DataFrame, study: Study, listings: Mapping[str, str], microarchitecture: str) -> pd.DataFrame:
    """One row per pass of each algorithm, with its tuned variant on each ISA; scalar code is left out.

    Args:
        tuning: table `tuning`.
        study: the session's study.
        listings: build -> its disassembly.
        microarchitecture: of the machine.
    """
    declared = {v.name: v for v in study.variants}
    rows: list[Row] = []
    for build_id, listing in listings.items():
        choices = chosen(tuning, build_id, study)
        predicted = _predictions(listing, microarchitecture, [declared[name] for name in set(choices.values())])
        measured = _in_l1(tuning, build_id)
        for algorithm in study.algorithms.values():
            for place, step in enumerate(algorithm.steps, start=1):
                for (label, isa), name in choices.items():
                    if label == step.label and declared[name].lanes > 1:
                        key = {"algorithm": algorithm.name, "pass_index": place, "pass": step.pass_name, "isa": isa}
                        facts = predicted[name] | {"cycles_measured": measured[name]}
                        rows.append({"build_id": build_id, "study": study.name, "variant": name, **key, **facts})
    return conform("port_model", pd.DataFrame(rows))


def _in_l1(tuning: pd.DataFrame, build_id: str) -> dict[str, float]:
    """Variant -> least cycles per vector at the shortest length of the tuning step."""
    mine = tuning[(tuning["build_id"] == build_id) & (tuning["n_elements"] == tuning["n_elements"].min())]
    return dict(zip(mine["variant"], mine["cycles_per_vector"], strict=True))


def _predictions(listing: str, microarchitecture: str, variants: Iterable[Variant]) -> dict[str, Row]:
    """Variant -> what the model predicts of its hot loop in this listing."""
    vectors = [v for v in variants if v.lanes > 1]
    wrong = unanalysed(listing)
    try:
        tool = port_model.find(microarchitecture)
    except NoPredictionError as error:
        return {v.name: _nothing(wrong or str(error)) for v in vectors}
    if wrong is not None:
        return {v.name: _nothing(wrong) for v in vectors}
    bodies = dict(functions(listing))
    return {v.name: _predict(tool, v, bodies.get(v.symbol, [])) for v in vectors}


def _predict(tool: Tool, variant: Variant, body: Sequence[Instruction]) -> Row:
    loop = hot_loop(list(body))
    if not loop.straight:
        return _nothing(loop.reason if body else "the listing does not hold the function")
    try:
        found = tool.predict(port_model.assembly(body, loop.straight))
    except NoPredictionError as error:
        return _nothing(str(error))
    return {
        "cycles_predicted": found.cycles / (variant.step // variant.lanes),
        "unknown_instructions": found.unknown,
        "model": f"{tool.name} {tool.version}",
        "reason": "-",
    }


def _nothing(reason: str | None) -> Row:
    reason = f"unavailable: {reason}"
    return {"cycles_predicted": math.nan, "unknown_instructions": -1, "model": "-", "reason": reason}
