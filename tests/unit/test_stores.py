"""What write-allocate costs: quotients of the right times, on work that differs in its stores alone."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import synthetic

from figures import stores as figure
from passline.algorithms import Algorithm, Step
from passline.derive.stores import ALGORITHM, LOOP, stores_table
from passline.plan_beyond import comparisons, twins
from passline.questions import stores as question
from passline.registry import load_isas, load_study
from passline.setup import SOFTMAX

ISA = "avx512f"


def plan(pairs: tuple[tuple[str, str], ...] = (("past", "plain"),)) -> dict[str, Any]:
    """A plan of an algorithm with both kinds of stores."""
    streams = {"plain": "read+copy", "past": "read+copy-nt"}
    return {
        **synthetic.plan(),
        "beyond": {
            "algorithms": {name: {"title": name.title(), "passes": ["one", "two"]} for name in streams},
            "floors": {name: {ISA: floor} for name, floor in streams.items()},
            "twins": [list(pair) for pair in pairs],
        },
    }


def ratios(*values: tuple[int, float, float, float]) -> pd.DataFrame:
    """Ratios of the one with ordinary stores over the other, at a size each, with their intervals."""
    rows = pd.DataFrame(values, columns=["n_elements", "ratio", "ratio_low", "ratio_high"])
    return rows.assign(
        isa=ISA, base_isa=ISA, variant="tuned", base_variant="tuned", algorithm="past", base="plain", n_rows=1,
        threads=1, pages="huge", cache_protocol="hot", inputs="normal", verdict="undecided",
    )  # fmt: skip


def beyond(*sizes: int) -> pd.DataFrame:
    return pd.DataFrame({"inputs": ["normal"] * len(sizes), "n_elements": sizes})


def test_ratios_of_the_twins_alone_are_taken(full: dict[str, pd.DataFrame]) -> None:
    found = ratios((4096, 0.9, 0.8, 1.0), (1 << 25, 1.25, 1.2, 1.3))
    more = [
        found.assign(algorithm="another"),
        found.assign(base="another"),
        found.assign(n_rows=8),
        found.assign(threads=2),
    ]
    tables = {**full, "ratios": pd.concat([found, *more])}
    rows = stores_table(tables, plan())
    rows = rows[rows["kind"] == ALGORITHM]
    assert rows["ratio"].tolist() == [0.9, 1.25]
    assert set(rows["what"]) == {"plain"}
    assert rows["model"].tolist() == pytest.approx([16 / 12] * 2), "two reads and a write, with and without the fetch"


def test_loops_are_compared_by_the_time_of_an_element(full: dict[str, pd.DataFrame]) -> None:
    """A copy that moves 12 bytes at 30 GB/s and one that moves 8 at 20 GB/s take equally long."""
    ceilings = full["ceilings"]
    copies = ceilings[(ceilings["ceiling"] == "copy") & (ceilings["level"] == "DRAM") & (ceilings["isa"] == ISA)]
    rates = copies["store"].map({"ordinary": 30e9, "nt": 20e9})
    copies = copies.assign(value=rates, low=rates * 0.9, high=rates * 1.1)
    found = stores_table({**full, "ceilings": copies}, synthetic.plan())
    (row,) = found[found["kind"] == LOOP].to_dict("records")
    assert row["ratio"] == pytest.approx(1.0)
    assert (row["low"], row["high"]) == pytest.approx((0.9 / 1.1, 1.1 / 0.9))
    assert row["model"] == pytest.approx(1.5)


def test_the_answer_and_the_figure_hold_the_same(full: dict[str, pd.DataFrame]) -> None:
    found = ratios((4096, 0.9, 0.85, 0.95), (1 << 25, 1.25, 1.2, 1.3))
    tables = {**full, "ratios": found, "beyond": beyond(4096, 1 << 25)}
    drawn = figure.data(tables, plan())
    said = " ".join(question.answer(tables, plan()))
    assert drawn.loc[drawn["kind"] == ALGORITHM, "ratio"].tolist() == [0.9, 1.25]
    assert "Plain with AVX-512: 1.250 [1.200, 1.300] where bytes alone make 1.33 at 32\u202fMi elements" in said
    assert "0.900 [0.850, 0.950] at 4\u202fKi, where ordinary stores are faster." in said
    assert (drawn["model"] > 1.0).all(), "what fetches nothing has no cost to show"


def test_what_the_interval_does_not_decide_is_not_decided(full: dict[str, pd.DataFrame]) -> None:
    nan = float("nan")
    for low, high in ((0.9, 1.1), (nan, nan)):
        tables = {
            **full,
            "ratios": ratios((4096, 0.99, low, high), (8192, 1.2, 1.1, 1.3)),
            "beyond": beyond(4096, 8192),
        }
        assert "neither is decided to be faster" in " ".join(question.answer(tables, plan()))
    one = {**full, "ratios": ratios((4096, 1.2, 1.1, 1.3)), "beyond": beyond(4096)}
    assert question.answer(one, plan())[-1].count("4\u202fKi") == 1


def test_nothing_with_both_kinds_is_said(full: dict[str, pd.DataFrame]) -> None:
    tables = {**full, "ceilings": full["ceilings"].head(0)}
    assert question.answer(tables, synthetic.plan()) == ["Not known: nothing ran with both kinds of stores."]


def test_twins_of_the_study_differ_in_nothing_but_stores() -> None:
    study = load_study(SOFTMAX, load_isas())
    found = twins(study)
    assert ["two_pass_ref_nt", "two_pass_ref"] in found
    assert ["online_nt", "online"] not in found, "its last pass is another one"
    assert all(pair in comparisons(study, []) for pair in found)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Step("b", (("store", 1),)), Step("b", (("store", 0),)), True),
        (Step("b", (("store", 0),)), Step("b", (("store", 0),)), False),
        (Step("b", (("store", 1), ("degree", 5))), Step("b", (("store", 0), ("degree", 3))), False),
        (Step("b", (("store", 1),)), Step("b"), False),
        (Step("c", (("store", 1),)), Step("b", (("store", 0),)), False),
    ],
)
def test_what_makes_twins(one: Step, other: Step, expected: bool) -> None:
    study = load_study(SOFTMAX, load_isas())
    made = {n: Algorithm(n, n, (Step("a"), step), "beyond") for n, step in (("one", one), ("other", other))}
    object.__setattr__(study, "algorithms", made)
    assert (["one", "other"] in twins(study)) is expected
