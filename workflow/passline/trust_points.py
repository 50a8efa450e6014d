"""The points that the report's pages on trust show, and what a point is called.

Figures, tables and sentences choose here, so that they speak of the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from passline import formats
from passline.derive import selection
from passline.derive.rounds import length_of
from passline.statistics import DEPENDENT_BELOW
from passline.tables import KEY
from passline.titles import algorithm_title, in_sentence, isa_title, shown_variant

Plan = Mapping[str, Any]

PAIR = (*KEY, "base", "base_isa", "base_variant")
"""Columns that tables `ratios` and `round_ratios` share: they name a point."""

MOST_DRAWN = 24
"""Distributions that fit on a page."""


def judged(ratios: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The study's contender against each base on the vector ISAs, shown variant, primary protocol and `hot`."""
    protocols = dict.fromkeys((plan["primary_protocol"], "hot"))
    rows = pd.concat([selection.primary(ratios, plan, protocol) for protocol in protocols])
    rows = _shown(selection.against_bases(rows, plan))
    return rows.sort_values(["isa", "cache_protocol", "base", "n_elements"], kind="stable").reset_index(drop=True)


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the shown variant, on vector ISAs."""
    isas = selection.without_scalar(sorted(set(rows["isa"])))
    return rows[(rows["variant"] == shown_variant(rows)) & rows["isa"].isin(isas)]


def headline_points(ratios: pd.DataFrame, plan: Plan, labels: Sequence[str]) -> pd.DataFrame:
    """The study's contender against its fastest base at the sizes with these labels, shown variant, vector ISAs.

    Returns:
        Rows of table `ratios` with `label`, ascending in size.
    """
    rows = _shown(selection.against_fastest(selection.primary(ratios, plan), plan))
    names = {n: label for label in labels if (n := length_of(plan, label)) is not None}
    rows = rows[rows["n_elements"].isin(names)]
    rows = rows.assign(label=rows["n_elements"].map(names).astype(object))
    return rows.sort_values(["n_elements", "isa"], kind="stable").reset_index(drop=True)


def with_rounds(points: pd.DataFrame, round_ratios: pd.DataFrame) -> pd.DataFrame:
    """The rounds of the points, each with its `point`: the number of its row in `points`."""
    named = points[list(PAIR)].assign(point=range(len(points)))
    return named.merge(round_ratios, on=list(PAIR), how="inner").sort_values(["point", "round"], kind="stable")


def bimodal_pairs(ratios: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Bimodal ratios of two algorithms, the primary protocol and the shown variant first."""
    rows = ratios[ratios["bimodal"] & of_algorithms(ratios)]
    later = (rows["cache_protocol"] != plan["primary_protocol"]) | (rows["variant"] != shown_variant(rows))
    return (
        rows.assign(later=later)
        .sort_values(["later", "n_elements", "isa", *PAIR], kind="stable")
        .drop(columns="later")
        .reset_index(drop=True)
    )


def reach(values: pd.Series[float], low: float, high: float) -> tuple[float, float]:
    """Limits of an axis that shows the bulk of `values` and the interval; what lies beyond is drawn at its edge."""
    quartiles = values.quantile([0.25, 0.75])
    spread = 3.0 * (quartiles.iloc[1] - quartiles.iloc[0])
    inside = values[(values >= quartiles.iloc[0] - spread) & (values <= quartiles.iloc[1] + spread)]
    ends = [v for v in (inside.min(), inside.max(), low, high) if not math.isnan(v)]
    margin = 0.1 * (max(ends) - min(ends)) or 0.001
    return min(ends) - margin, max(ends) + margin


def in_cache_elements(plan: Plan) -> float:
    """Largest x that the design counts as in cache, elements: x and y together in half of the last-level cache."""
    return (length_of(plan, "LLC/2") or 0) / 2


def half_width(ratios: pd.DataFrame) -> pd.Series[float]:
    """Half-width of each ratio's interval; NaN where there is none."""
    return (ratios["ratio_high"] - ratios["ratio_low"]) / 2.0


def of_algorithms(ratios: pd.DataFrame) -> pd.Series[bool]:
    """Whether a ratio is one of two algorithms: same ISA, same choice of variants."""
    return (ratios["isa"] == ratios["base_isa"]) & (ratios["variant"] == ratios["base_variant"])


def dependent(ratios: pd.DataFrame) -> pd.Series[bool]:
    """Whether the rounds of a ratio depend on each other."""
    return ratios["p_dependence"] < DEPENDENT_BELOW


def point_name(row: pd.Series[Any], plan: Plan) -> str:
    """A ratio in words: `Two-Pass against recomputing Three-Pass on AVX2 at L2 (tuned, paper)`."""
    what = in_sentence(algorithm_title(row["algorithm"], plan))
    isa = isa_title(row["isa"], plan)
    if row["algorithm"] != row["base"]:
        pair = f"{what} against {in_sentence(algorithm_title(row['base'], plan))} on {isa}"
    elif row["isa"] != row["base_isa"]:
        pair = f"{what}, {isa} against {isa_title(row['base_isa'], plan)}"
    else:
        pair = f"{what} on {isa}, {row['variant']} against {row['base_variant']}"
    return f"{pair} at {size_name(row['n_elements'], plan)} ({conditions(row, plan)})"


def size_name(n: int, plan: Plan) -> str:
    """The label of a size, or its number of elements."""
    label = next((label for label, length in plan["labels"].items() if int(length) == int(n)), None)
    return label or f"{formats.count(n)} elements"


def conditions(row: pd.Series[Any], plan: Plan) -> str:
    """Variants and protocol of a point, and inputs and pages where they are not the usual ones."""
    usual = {"inputs": plan.get("primary_inputs", "uniform"), "pages": plan.get("primary_pages", "huge")}
    others = [str(row[column]) for column, value in usual.items() if row[column] != value]
    return ", ".join([str(row["variant"]), str(row["cache_protocol"]), *others])
