"""Numbers: sentences say what the tables say, and a missing number is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import doubtful
import pandas as pd
import pytest
import synthetic

from passline import claims, formats, numbers, report_tables
from passline.errors import ReportError
from passline.glossary import glossary
from passline.tables import conform

ROOT = Path(__file__).parents[2]
TABLE1 = pd.read_csv(ROOT / "reports" / "published" / "paper" / "table1.csv")


def complete(tables: dict[str, pd.DataFrame], plan: dict[str, Any]) -> dict[str, pd.DataFrame]:
    document = claims.load_claims(ROOT / "reports" / "claims.yaml")
    return {**tables, "claims": conform("claims", claims.claims_table(document, tables, plan))}


@pytest.fixture(scope="module")
def found(full: dict[str, pd.DataFrame]) -> dict[str, Any]:
    return numbers.numbers(complete(full, synthetic.plan()), synthetic.plan(), TABLE1)


def test_the_first_headline_gives_each_isa_its_ratio_interval_and_base(
    found: dict[str, Any], full: dict[str, pd.DataFrame]
) -> None:
    ratios = full["ratios"]
    for isa, title in (("avx2", "AVX2"), ("avx512f", "AVX-512")):
        row = ratios[
            (ratios["algorithm"] == "two_pass") & (ratios["base"] == "three_pass_recompute") & (ratios["isa"] == isa)
            & (ratios["variant"] == "tuned") & (ratios["base_variant"] == "tuned") & (ratios["n_elements"] == 33554432)
            & (ratios["cache_protocol"] == "paper")
        ].iloc[0]  # fmt: skip
        expected = formats.ratio_with_interval(row["ratio"], row["ratio_low"], row["ratio_high"])
        assert f"{title}: faster than recomputing Three-Pass, {expected} tuned" in found["headlines"][0]


def test_the_second_headline_names_the_crossover(found: dict[str, Any]) -> None:
    assert f"Two-Pass stays ahead from {formats.count(16777216)} elements on" in found["headlines"][1]
    assert "at L1" in found["headlines"][1]
    assert "against reloading Three-Pass" in found["headlines"][1]


def test_the_third_headline_says_why(found: dict[str, Any]) -> None:
    assert "AVX-512 (tuned): memory bandwidth bounds all 7 passes" in found["headlines"][2]
    assert "arithmetic bounds raddexpminusmax and raddextexp" in found["headlines"][2]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["slower", "faster", "faster"], 200),
        (["faster", "slower", "faster"], 300),
        (["faster", "faster", "faster"], 100),
        (["faster", "faster", "undecided"], None),
        (["faster", "undecided", "faster"], 300),
    ],
)
def test_crossover_is_where_it_stays_ahead(verdicts: list[str], expected: int | None) -> None:
    rows = pd.DataFrame({"n_elements": [100, 200, 300], "verdict": verdicts})
    assert numbers.crossover(rows) == expected


def test_headlines_of_a_smoke_run_judge_nothing(minimal: dict[str, pd.DataFrame]) -> None:
    plan = synthetic.plan(synthetic.MINIMAL)
    document = numbers.numbers(complete(minimal, plan), plan, TABLE1)
    assert len(document["headlines"]) == 3
    assert "not a measurement" in document["headlines"][0]
    assert all(row[1:] == ["withheld"] * 3 + [""] for row in document["tables"]["verdicts"]["rows"])
    assert "faster" not in " ".join(document["headlines"])


def test_the_claims_stand_in_the_order_of_their_numbers(found: dict[str, Any]) -> None:
    first, second = (row[0] for row in found["tables"]["verdicts"]["rows"][:2])
    assert "28 %" in first
    assert "18 %" in second


def test_rounds_are_marked_for_a_reason_with_its_numbers(full: dict[str, pd.DataFrame]) -> None:
    rounds = (
        full["rounds"]
        .head(3)
        .assign(marked=True, block="tune-a", reason=["took 0.1 of 2 s", "took 0.2 of 3 s", "is hot"])
    )
    rows = report_tables.marked_rounds(rounds)["rows"]
    assert rows == [["tune", "1 of 3", "is hot"], ["tune", "2 of 3", "for example: took 0.1 of 2 s"]]


def test_passes_are_explained_in_the_words_of_the_study(found: dict[str, Any]) -> None:
    plan = synthetic.plan() | {"passes": {"rmax": "maximum of x"}}
    assert glossary(plan)["rows"] == [["rmax", "maximum of x", "Three-Pass, recomputing; Three-Pass, reloading"]]
    assert found["tables"]["glossary"]["rows"] == [], "a plan that knows no summaries has no glossary"


def test_a_faster_two_pass_with_another_mechanism_is_remarked(found: dict[str, Any]) -> None:
    remarks = {row[0]: (row[2], row[4]) for row in found["tables"]["verdicts"]["rows"]}
    avx2 = next(value for claim, value in remarks.items() if "18 %" in claim)
    avx512 = next(value for claim, value in remarks.items() if "28 %" in claim)
    assert avx2 == ("does not hold here", "faster, but not all memory-bound")
    assert avx512 == ("holds here", "")


@pytest.mark.parametrize("empty", ["ratios", "passes", "tuning", "error_over_n", "ceilings", "skipped"])
def test_an_empty_table_leaves_sentences_that_say_so(full: dict[str, pd.DataFrame], empty: str) -> None:
    tables = {**full, empty: full[empty].head(0)}
    document = numbers.numbers(complete(tables, synthetic.plan()), synthetic.plan(), TABLE1)
    assert len(document["headlines"]) == 3
    assert all(sentence.endswith(".") for sentence in document["headlines"])


def test_text_speaks_of_the_primary_build_only(full: dict[str, pd.DataFrame]) -> None:
    other = {
        name: frame.assign(build_id="other", **({"ratio": 9.0} if name == "ratios" else {}))
        for name, frame in full.items()
        if "build_id" in frame
    }
    both = {name: pd.concat([frame, other[name]]) if name in other else frame for name, frame in full.items()}
    plan = synthetic.plan() | {"primary_build_id": synthetic.BUILD}
    alone = numbers.numbers(complete(full, plan), plan, TABLE1)
    assert numbers.numbers(complete(both, plan), plan, TABLE1)["headlines"] == alone["headlines"]


@pytest.mark.parametrize("key", numbers.REQUIRED_FACTS)
def test_a_missing_fact_is_an_error_that_names_it(full: dict[str, pd.DataFrame], key: str) -> None:
    machines = full["machines"]
    with pytest.raises(ReportError, match=key):
        numbers.machine_facts(machines[machines["key"] != key])


def test_no_rounds_is_an_error(full: dict[str, pd.DataFrame]) -> None:
    tables = complete(full, synthetic.plan())
    with pytest.raises(ReportError, match="rounds"):
        numbers.numbers({**tables, "rounds": tables["rounds"].head(0)}, synthetic.plan(), TABLE1)


def test_an_unknown_fact_is_shown_with_its_reason(found: dict[str, Any]) -> None:
    rows = {row[0]: row[1] for row in found["tables"]["machine"]["rows"]}
    assert "governor" not in rows
    assert ["governor", "not exposed here"] in found["tables"]["machine_missing"]["rows"]
    assert rows["memory bytes"] == f"16{formats.NARROW}GiB"


def test_facts_that_are_missing_for_one_reason_share_a_row() -> None:
    origins = {"governor": "sys/a: no cpufreq", "turbo": "sys/b: no cpufreq", "power": "no battery", "cores": "proc"}
    values = {key: "2" if key == "cores" else "unavailable" for key in origins}
    facts = pd.DataFrame({"key": list(origins), "value": values.values(), "unit": "-", "origin": origins.values()})
    assert report_tables.machine_missing(facts)["rows"] == [["governor, turbo", "no cpufreq"], ["power", "no battery"]]
    assert [row[0] for row in report_tables.machine(facts)["rows"]] == ["cores"]


def test_traffic_table_holds_the_known_totals(found: dict[str, Any]) -> None:
    rows = {row[0]: row[2:] for row in found["tables"]["traffic"]["rows"]}
    assert rows["Three-Pass, recomputing"] == ["3", "1", "16", "20", "37", "1.33", "1.25"]
    assert rows["Three-Pass, reloading"] == ["3", "2", "20", "24", "20", "1.67", "1.50"]
    assert rows["Two-Pass"] == ["2", "1", "12", "16", "38", "1.00", "1.00"]


def test_class_counts_are_all_there_and_the_skipped_one_has_its_reason(found: dict[str, Any]) -> None:
    rows = found["tables"]["table1"]["rows"]
    assert {row[1] for row in rows} == {formats.count(n) for n in TABLE1["class_count"]}
    assert rows[-1][-1].startswith("skipped: needs 4.1 GiB")


def test_the_effort_is_said_as_the_design_that_follows_from_it() -> None:
    text = numbers.effort_in_words(0.5, doubtful.DESIGN)
    assert text.startswith("0.5, that is, at least 12 rounds of each block")
    assert f"16 values of 500{formats.NARROW}µs per contender" in text


def test_report_tables_refuse_a_row_of_another_length() -> None:
    with pytest.raises(ReportError, match="2 cells"):
        report_tables.table(["one"], [["a", "b"]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formats.significant(0.012345), "0.0123"),
        (formats.significant(1234.5), f"1{formats.NARROW}230"),
        (formats.significant(9.999), "10.0"),
        (formats.significant(0.0), "0"),
        (formats.significant(float("nan")), formats.NOTHING),
        (formats.quantity(2.1e-8, "s"), f"21.0{formats.NARROW}ns"),
        (formats.quantity(999.6e-9, "s"), f"1.00{formats.NARROW}µs"),
        (formats.quantity(0.0, "s"), f"0{formats.NARROW}s"),
        (formats.quantity(26e9, "B/s"), f"26.0{formats.NARROW}GB/s"),
        (formats.binary_bytes(32768), f"32{formats.NARROW}KiB"),
        (formats.ratio_with_interval(1.2344, 1.2, 1.25), "1.234 [1.200, 1.250]"),
        (formats.ratio_with_interval(1.2, float("nan"), float("nan")), "1.200 [no interval]"),
        (formats.listed(["a", "b", "c"]), "a, b and c"),
        (formats.listed([]), ""),
    ],
)
def test_formats(text: str, expected: str) -> None:
    assert text == expected
