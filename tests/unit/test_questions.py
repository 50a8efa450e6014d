"""The report's questions: answers say what is true of made-up tables, and why where there is none."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
import synthetic
import synthetic_beyond as made

from passline.questions import QUESTIONS, WITHHELD, questions


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return made.tables()


@pytest.fixture(scope="module")
def answers(tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    return by_key(tables, made.plan())


def by_key(tables: dict[str, pd.DataFrame], plan: dict[str, Any]) -> dict[str, list[str]]:
    return {found["key"]: found["answer"] for found in questions(tables, plan)}


def test_all_are_asked_of_a_study_with_more_than_the_paper(tables: dict[str, pd.DataFrame]) -> None:
    asked = questions(tables, made.plan())
    assert [found["key"] for found in asked] == ["bound", "wins", "rival", "stores", "left", "errors"]
    assert [found["title"] for found in asked][1:3] == [
        "Where does Two-Pass win, and where does it lose?",
        "Does Online do as well?",
    ]
    assert all(found["figure"] for found in asked)
    assert all(1 <= len(found["answer"]) <= 2 for found in asked)
    assert all(said.endswith(".") for found in asked for said in found["answer"])


def test_a_study_without_more_is_asked_less(full: dict[str, pd.DataFrame]) -> None:
    assert list(by_key(full, synthetic.plan())) == ["bound", "wins", "stores", "errors"]


def test_what_bounds_the_passes(answers: dict[str, list[str]]) -> None:
    assert "AVX-512: memory bandwidth bounds all 7 passes" in answers["bound"][0]
    assert "arithmetic bounds raddexpminusmax and raddextexp" in answers["bound"][0]


def test_the_crossing_lies_between_the_sizes_that_decide(
    answers: dict[str, list[str]], tables: dict[str, pd.DataFrame]
) -> None:
    assert "AVX-512: Two-Pass takes the lead at about" in answers["wins"][0]
    rows = tables["ratios"]
    best = rows[(rows["cache_protocol"] == "paper") & (rows["isa"] == "avx512f") & (rows["variant"] == "tuned")]
    assert f"{best[best['base'] == 'three_pass_reload']['ratio'].min():.3f} [" in answers["wins"][1]


def test_the_rival_is_as_fast_as_it_was_made(answers: dict[str, list[str]]) -> None:
    said = answers["rival"][0]
    assert said.startswith("With the same exp")
    ratios = [float(found) for found in re.findall(r"(\d\.\d{3}) \[", said)]
    assert len(ratios) == 4
    assert ratios == pytest.approx([made.ONLINE] * 4, rel=0.01)
    assert "faster at" in answers["rival"][1]


def test_what_is_left_is_what_the_floor_leaves(answers: dict[str, list[str]]) -> None:
    over = [float(found) for found in re.findall(r"Best (\d\.\d{3}) \[", answers["left"][0])]
    assert over == pytest.approx([1 / made.FLOOR] * 2, rel=0.01)
    assert answers["left"][0].startswith("On 32\u202fMi elements")
    assert answers["left"][1].startswith("In cache, on 4\u202fKi elements")


def test_errors_name_the_least_and_the_most(full: dict[str, pd.DataFrame]) -> None:
    errors = full["error_over_n"]
    errors = errors.assign(
        max_error_ulp=errors["algorithm"].map({"two_pass": 7.0, "three_pass_reload": 2.0}).fillna(3.0)
    )
    said = by_key({**full, "error_over_n": errors}, synthetic.plan())["errors"][0]
    assert "2.00\u202fULP (Three-Pass, reloading) to 7.00\u202fULP (Two-Pass)." in said


@pytest.mark.parametrize("empty", ["passes", "ratios", "beyond", "ceilings", "error_over_n", "tuning", "round_ratios"])
def test_an_empty_table_is_said_and_no_crash(tables: dict[str, pd.DataFrame], empty: str) -> None:
    answers = by_key({**tables, empty: tables[empty].head(0)}, made.plan())
    assert all(said and all(sentence.endswith(".") for sentence in said) for said in answers.values())
    of_table = {"passes": "bound", "ratios": "wins", "beyond": "left", "error_over_n": "errors"}
    if empty in of_table:
        assert answers[of_table[empty]][0].startswith("Not known: ")


def test_a_smoke_run_answers_only_what_needs_no_time(minimal: dict[str, pd.DataFrame]) -> None:
    answers = by_key(minimal, synthetic.plan(synthetic.MINIMAL))
    timed = [each.__name__.rpartition(".")[2] for each in QUESTIONS if not getattr(each, "DETERMINISTIC", False)]
    assert all(answers[key] == [WITHHELD] for key in timed if key in answers)
    assert "ULP" in answers["errors"][0]
