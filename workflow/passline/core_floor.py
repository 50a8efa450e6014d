"""The floor in cache beside what was measured: from tables `port_model`, `beyond` and `rounds`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import beyond_report, formats
from passline.derive.choices import of_rows
from passline.report_tables import ReportTable, table
from passline.titles import algorithm_title, isa_title

PORTS = "ports"
"""In place of an algorithm: the least that the core's ports allow what `best` picks."""

TOO_HIGH = "model is wrong"
"""What was measured takes less than a model allows."""

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]


def sums(tables: Tables) -> pd.DataFrame:
    """Cycles per vector of whole algorithms.

    Columns `algorithm`, `isa`, `predicted` (NaN where a pass has none), `measured` (passes alone in L1), `unknown`
    instructions and `lanes`.
    """
    lanes = tables["registry"].drop_duplicates("isa").set_index("isa")["lanes"]
    return (
        tables["port_model"]
        .groupby(["algorithm", "isa"], sort=False)
        .agg(
            predicted=("cycles_predicted", lambda cycles: cycles.sum(skipna=False)),
            measured=("cycles_measured", "sum"),
            unknown=("unknown_instructions", "sum"),
        )
        .reset_index()
        .assign(lanes=lambda rows: rows["isa"].map(lanes))
    )


def forbidden(tables: Tables) -> pd.DataFrame:
    """`sums` of what was predicted, with `whole`, cycles per vector of whole calls on the shortest row, and `wrong`.

    `wrong` says whether less was measured than the model allows, of the passes alone or of whole calls.
    """
    calls = beyond_report.usual(tables, "beyond")
    shortest = calls[calls["n_elements"] == calls.groupby("isa")["n_elements"].transform("min")]
    timed = {(r["algorithm"], r["isa"]): r["time_median_s"] / r["n_elements"] for _, r in shortest.iterrows()}
    found = sums(tables).dropna(subset="predicted")
    seconds = [timed.get(key, float("nan")) for key in zip(found["algorithm"], found["isa"], strict=True)]
    whole = pd.Series(seconds, index=found.index, dtype=float) * found["lanes"] * clock_hz(tables)
    wrong = (found["measured"] < found["predicted"]) | (whole < found["predicted"])
    return found.assign(whole=whole, wrong=wrong)


def clock_hz(tables: Tables) -> float:
    """Median core clock of the session's rounds."""
    return float(tables["rounds"]["clock_hz"].median())


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """Per algorithm: cycles per vector as predicted, of its passes alone in L1, and of whole calls on the shortest row.

    Empty where nothing was predicted; why, says value `port_model`.
    """
    head = ["ISA", "algorithm", "ports", "not known", "passes in L1", "whole calls", "whole / ports", ""]
    rows = []
    found = forbidden(tables)
    for isa in reversed(list(dict.fromkeys(tables["registry"].sort_values("lanes")["isa"]))):
        mine = found[found["isa"] == isa].set_index("algorithm")
        for name in beyond_report.ordered(set(mine.index), plan):
            row = mine.loc[name]
            whole = row["whole"]
            cells = [row["predicted"], row["measured"], whole, whole / row["predicted"]]
            shown = [formats.significant(value) if value == value else formats.NOTHING for value in cells]
            shown.insert(1, str(row["unknown"]))
            remark = TOO_HIGH if row["wrong"] else ""
            rows.append([isa_title(isa, plan), algorithm_title(name, plan), *shown, remark])
    return {"beyond_core": table(head, rows)}


def values(tables: Tables) -> dict[str, str]:
    """What predicted, or why nothing did."""
    rows = tables["port_model"]
    models = sorted(set(rows.loc[rows["cycles_predicted"].notna(), "model"]))
    reasons = rows.loc[rows["cycles_predicted"].isna(), "reason"].value_counts()
    said = f"The floor in cache is predicted by {', '.join(models)}." if models else ""
    told = forbidden(tables)
    if models:
        said += (
            f" It forbids what {int(told['wrong'].sum())} of {len(told)} algorithms reached: there it is wrong about "
            "this processor or these loops, and its other predictions are hints."
            if told["wrong"].any()
            else " Nothing measured contradicts it."
        )
    if len(reasons) and models:
        said += f" Of {int(reasons.sum())} passes there is no prediction: {reasons.index[0]}."
    elif len(reasons):
        said = f"The floor in cache is {reasons.index[0]}."
    return {"port_model": said or "The floor in cache was not asked for."}


def of_best(tables: Tables, plan: Plan) -> pd.DataFrame:
    """Seconds per element that the ports allow what `best` picks for short rows: columns `isa`, `upto`, `seconds`."""
    found = sums(tables).set_index(["algorithm", "isa"])["predicted"].dropna()
    lanes = tables["registry"].drop_duplicates("isa").set_index("isa")["lanes"]
    rows = []
    choices = plan.get("beyond", {}).get("choices", [])
    for isa in dict.fromkeys(c["isa"] for c in choices):
        mine = of_rows(choices, isa, 1)
        first = mine[0]["algorithm"] if mine else ""
        if (first, isa) in found.index:
            upto = next((c["n_from"] for c in mine if c["algorithm"] != first), float("inf"))
            seconds = found[first, isa] / (lanes[isa] * clock_hz(tables))
            rows.append({"isa": isa, "upto": upto, "seconds": seconds})
    return pd.DataFrame(rows, columns=["isa", "upto", "seconds"])
