"""The report's questions: answers say what is true of made-up tables, and why where there is none."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
import synthetic
import synthetic_beyond as made

from passline import formats
from passline.questions import QUESTIONS, WITHHELD, questions, stores


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
    assert "memory bandwidth bounds 7 of 7 passes with AVX-512 and 5 of 7 passes with AVX2" in answers["bound"][0]
    assert "AVX-512 (tuned): memory bandwidth bounds all 7 passes" in answers["bound"][0]
    assert "arithmetic bounds raddexpminusmax and raddextexp" in answers["bound"][0]


def test_the_crossing_lies_between_the_sizes_that_decide(
    answers: dict[str, list[str]], tables: dict[str, pd.DataFrame]
) -> None:
    assert "AVX-512: Two-Pass takes the lead at about" in answers["wins"][0]
    rows = tables["ratios"]
    best = rows[(rows["cache_protocol"] == "paper") & (rows["isa"] == "avx512f") & (rows["variant"] == "tuned")]
    assert f"{best[best['base'] == 'three_pass_reload']['ratio'].min():.3f} [" in answers["wins"][1]


def test_the_rival_is_as_fast_as_it_was_made(answers: dict[str, list[str]]) -> None:
    assert "faster at" in answers["rival"][0]
    said = answers["rival"][1]
    ratios = [float(found) for found in re.findall(r"(\d\.\d{3}) \[", said)]
    assert len(ratios) == 4
    assert ratios == pytest.approx([made.ONLINE] * 4, rel=0.01)


def test_what_is_left_is_what_the_floor_leaves(answers: dict[str, list[str]]) -> None:
    over = [float(found) for found in re.findall(r"Best (\d\.\d{3}) \[", answers["left"][0])]
    assert over == pytest.approx([made.FLOOR] * 2, rel=0.01)
    assert "on 32\u202fMi elements" in answers["left"][0]
    assert answers["left"][1].startswith("In cache, on 4\u202fKi elements")


def test_the_worst_size_out_of_cache_is_told_beside_the_longest(tables: dict[str, pd.DataFrame]) -> None:
    rows, plan = tables["beyond"], made.plan()
    plan["labels"] = plan["labels"] | {"LLC/2": made.SIZES[-2] - 1}
    slow = (rows["algorithm"] == "best") & (rows["n_elements"] == made.SIZES[-2])
    columns = ["over_floor", "over_floor_low", "over_floor_high"]
    known = {**tables, "beyond": rows.assign(**{c: rows[c].where(~slow, 4.0) for c in columns})}
    said = by_key(known, plan)["left"][0]
    worst = formats.binary_count(made.SIZES[-2])
    assert f"AVX-512: 0.250 [0.250, 0.250] at {worst} elements" in said


def test_a_pass_faster_than_its_plain_loop_is_said_and_the_loop_called_no_limit(full: dict[str, pd.DataFrame]) -> None:
    passes = full["passes"]
    for share, told in ((0.5, True), (1.5, False)):
        scaled = passes.assign(measured_over_memory=share, time_low_s=passes["time_median_s"] * 0.9)
        scaled = scaled.assign(time_high_s=passes["time_median_s"] * 1.1)
        said = by_key({**full, "passes": scaled}, synthetic.plan())["bound"][1]
        assert f"{share:.2f} [{share * 0.9:.2f}, {share * 1.1:.2f}] times" in said
        assert ("no limit" in said) is told


def test_a_loop_that_fetches_nothing_is_named() -> None:
    rows = pd.DataFrame({
        "what": ["copy", "fill"], "ratio": [1.5, 1.0], "low": [1.4, 0.95], "high": [1.6, 1.1], "model": [1.5, 2.0],
    })  # fmt: skip
    assert "So fill seems to fetch nothing" in stores._unfetched(rows)
    assert stores._unfetched(rows.head(1)) == ""


def test_a_row_out_of_cache_is_not_called_in_cache(tables: dict[str, pd.DataFrame]) -> None:
    far = tables["beyond"][tables["beyond"]["n_elements"] == made.SIZES[-1]]
    (said,) = by_key({**tables, "beyond": far}, made.plan())["left"]
    assert "In cache" not in said


def test_a_model_of_the_ports_that_forbids_what_was_measured_is_called_wrong(tables: dict[str, pd.DataFrame]) -> None:
    for cycles, told in ((1e-3, "of its time"), (1e6, "the model is wrong")):
        known = {**tables, "port_model": ports(cycles)}
        assert told in by_key(known, made.plan())["left"][1]


def ports(cycles: float) -> pd.DataFrame:
    """Predictions for what Best picks."""
    rows = [
        {"build_id": synthetic.BUILD, "algorithm": "online", "isa": isa, "pass_index": i, "pass": name, "variant": "-",
         "model": "made up", "cycles_predicted": cycles, "unknown_instructions": 0, "cycles_measured": 1.0,
         "reason": "-"}
        for isa in made.ISAS
        for i, name in enumerate(("rmaxaddexp", "vscaleexpminusmax"), 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


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


def test_one_isa_without_the_longest_row_or_a_sum_is_no_crash(full: dict[str, pd.DataFrame]) -> None:
    errors = full["error_over_n"]
    longest = errors["n_elements"].max()
    short = errors[(errors["isa"] != "avx512f") | (errors["n_elements"] < longest)]
    said = by_key({**full, "error_over_n": short}, synthetic.plan())["errors"]
    assert "with AVX-512" in said[0]
    some = errors.assign(sum_error=errors["sum_error"].where(errors["algorithm"] != "two_pass"))
    assert "nan" not in " ".join(by_key({**full, "error_over_n": some}, synthetic.plan())["errors"])


@pytest.mark.parametrize("isa", ["scalar", "avx2"])
def test_a_machine_with_one_isa_and_a_session_with_one_size(full: dict[str, pd.DataFrame], isa: str) -> None:
    tables = {name: frame[frame["isa"] == isa] if "isa" in frame else frame for name, frame in full.items()}
    far = tables["ratios"]["n_elements"].max()
    for one in (tables, {**tables, "ratios": tables["ratios"][tables["ratios"]["n_elements"] == far]}):
        answers = by_key(one, synthetic.plan())
        assert all(said and all(sentence.endswith(".") for sentence in said) for said in answers.values())


def test_a_smoke_run_answers_only_what_needs_no_time(minimal: dict[str, pd.DataFrame]) -> None:
    answers = by_key(minimal, synthetic.plan(synthetic.MINIMAL))
    timed = [each.__name__.rpartition(".")[2] for each in QUESTIONS if not getattr(each, "DETERMINISTIC", False)]
    assert all(answers[key] == [WITHHELD] for key in timed if key in answers)
    assert "ULP" in answers["errors"][0]
