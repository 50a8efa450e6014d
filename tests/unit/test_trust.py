"""Pages on trust: sentences, tables and figures say what made-up tables with known doubts hold."""

from __future__ import annotations

import re

import doubtful
import numpy as np
import pandas as pd
import pytest
import synthetic

from figures import precision
from passline import formats, trust, trust_points
from passline.derive import selection
from passline.derive.selftest import goals
from passline.statistics import UNDECIDED

PLAN = doubtful.plan()
POINT = ["isa", "variant", "n_elements", "cache_protocol"]
FINDINGS = (
    "half_width_in", "half_width_out", "rounds_enough", "stops", "dependence", "outliers", "bimodal",
    "distributions_shown", "marked", "selftest_counts",
)  # fmt: skip


@pytest.fixture(scope="module")
def tables(full: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return doubtful.tables(full)


@pytest.fixture(scope="module")
def said(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    return trust.values(tables, PLAN)


# --- which points ------------------------------------------------------------------------------------


def test_judged_ratios_are_two_pass_against_three_pass_on_vector_isas(tables: dict[str, pd.DataFrame]) -> None:
    rows = trust_points.judged(tables["ratios"], PLAN)
    assert set(rows["algorithm"]) == {"two_pass"}
    assert set(rows["base"]) == {"three_pass_recompute", "three_pass_reload"}
    assert set(rows["isa"]) == {"avx2", "avx512f"}
    assert set(rows["variant"]) == set(rows["base_variant"]) == {"tuned"}
    assert set(rows["cache_protocol"]) == {"paper", "hot"}
    assert len(rows) == 2 * 2 * 2 * len(synthetic.FULL.sizes)


def test_headline_points_are_against_the_faster_three_pass(tables: dict[str, pd.DataFrame]) -> None:
    rows = trust_points.headline_points(tables["ratios"], PLAN, PLAN["bars"])
    assert list(rows["label"]) == [label for label in ("L1", "L2", "LLC/2", "4 x LLC") for _ in ("avx2", "avx512f")]
    for _, row in rows.iterrows():
        both = pd.concat(
            [
                selection.against(tables["ratios"], "two_pass", base)
                for base in selection.question(synthetic.plan()).bases
            ]
        )
        both = both[(both[POINT] == row[POINT]).all(axis=1)]
        assert len(both) == 2
        assert row["base_time_median_s"] == both["base_time_median_s"].min()


def test_each_point_gets_its_own_rounds(tables: dict[str, pd.DataFrame]) -> None:
    points = trust_points.judged(tables["ratios"], PLAN)
    rounds = trust_points.with_rounds(points, tables["round_ratios"])
    assert list(rounds.groupby("point").size()) == list(points["n_rounds"])
    spread = (rounds["ratio"] / rounds["point"].map(points["ratio"]) - 1).abs()
    assert spread.median() < 0.05


def test_bimodal_pairs_leave_out_isas_and_variants_against_each_other(tables: dict[str, pd.DataFrame]) -> None:
    everywhere = tables["ratios"].assign(bimodal=True)
    rows = trust_points.bimodal_pairs(everywhere, PLAN)
    assert 0 < len(rows) < len(everywhere)
    assert (rows["algorithm"] != rows["base"]).all()
    first = rows.iloc[: len(trust_points.judged(everywhere, PLAN)) // 2]
    assert set(first["cache_protocol"]) == {"paper"}
    assert set(first["variant"]) == {"tuned"}


def test_an_axis_reaches_over_bulk_and_interval_but_not_to_outliers() -> None:
    values = pd.Series([1.00, 1.01, 1.02, 1.03, 1.04, 1.05, 9.0])
    low, high = trust_points.reach(values, 0.95, 1.10)
    assert low < 0.95
    assert 1.10 < high < 2.0
    flat = trust_points.reach(pd.Series([1.0, 1.0, 1.0]), np.nan, np.nan)
    assert flat[0] < 1.0 < flat[1]


# --- sentences -----------------------------------------------------------------------------------------


def test_half_widths_are_medians_in_and_out_of_cache(said: dict[str, str], tables: dict[str, pd.DataFrame]) -> None:
    rows = trust_points.judged(tables["ratios"], PLAN)
    width = (rows["ratio_high"] - rows["ratio_low"]) / 2
    near, far = rows["n_elements"] <= 4194304 / 2, rows["n_elements"] == 33554432
    assert said["half_width_in"] == formats.percent(width[near].median(), 2)
    assert said["half_width_out"] == formats.percent(width[far].median(), 2)
    assert said["half_width_in"] != said["half_width_out"]


def test_the_stop_rule_is_the_plans(said: dict[str, str]) -> None:
    for number in (f"1.0{formats.NARROW}%", f"3.0{formats.NARROW}%", "24 or 18 rounds", "after 12"):
        assert number in said["stop_rule"]
    least = PLAN | {"design": doubtful.DESIGN | {"rounds_most_in_cache": 6, "rounds_most": 6}}
    assert "else with its 6 rounds;" in trust.stop_rule(least)


def test_stops_count_every_ratio_drawn(said: dict[str, str], tables: dict[str, pd.DataFrame]) -> None:
    total, *parts = (int(n) for n in re.findall(r"\d+", said["stops"]))
    assert total == len(precision.data(tables, PLAN)) == sum(parts)
    assert len(parts) == 2


def test_few_rounds_are_compared_with_what_the_correction_needs(tables: dict[str, pd.DataFrame]) -> None:
    few = trust.rounds_enough(tables["ratios"].assign(n_rounds=6))
    assert "some verdicts are undecided whatever the times" in few


def test_dependence_says_which_verdicts_it_took(said: dict[str, str], tables: dict[str, pd.DataFrame]) -> None:
    total = len(tables["ratios"])
    assert said["dependence"].startswith(
        f"Of {formats.count(total)} ratios of the reproduction, 1 has rounds that follow the one before"
    )
    assert f"chance alone makes about {total / 100:.0f})" in said["dependence"]
    assert said["dependence"].endswith("1 verdict fell to undecided for it (1 slower otherwise).")
    none = trust.dependence(tables["ratios"].assign(p_dependence=0.5))
    assert "ratios of the reproduction, 0 have rounds" in none
    assert none.endswith("No verdict changes for it.")
    wide = tables["ratios"].assign(p_adjusted=1.0, ratio_low=0.9, ratio_high=1.1, verdict=UNDECIDED)
    assert "1 has rounds" in trust.dependence(wide)
    assert trust.dependence(wide).endswith("No verdict changes for it.")
    assert trust.dependence(tables["ratios"].assign(p_dependence=np.nan)).startswith("No ratio has rounds enough")


def test_outliers_are_counted(tables: dict[str, pd.DataFrame]) -> None:
    ratios = tables["ratios"].head(4).assign(outliers=[1, 0, 2, 0], n_rounds=12)
    assert trust.outliers(ratios).startswith(f"3 of 48 ratios of single rounds (6.2{formats.NARROW}%) lie further")


def test_bimodal_points_are_named(said: dict[str, str], tables: dict[str, pd.DataFrame]) -> None:
    total = formats.count(len(tables["ratios"]))
    assert said["bimodal"].startswith(f"2 of {total} ratios with 12 rounds or more are bimodal")
    assert "Two-Pass against recomputing Three-Pass on AVX-512 at LLC/2 (tuned, paper)" in said["bimodal"]
    assert "at Wikilinks" in said["bimodal"]
    assert trust.bimodal(tables["ratios"].assign(bimodal=False), PLAN).startswith("None of")
    assert trust.bimodal(tables["ratios"].assign(bimodal=False, n_rounds=6), PLAN).startswith("No ratio has 12 rounds")


def test_bimodal_ratios_between_isas_and_variants_are_named_too(tables: dict[str, pd.DataFrame]) -> None:
    ratios = tables["ratios"]
    isas = ratios.index[(ratios["isa"] != ratios["base_isa"])][0]
    variants = ratios.index[ratios["variant"] != ratios["base_variant"]][0]
    text = trust.bimodal(ratios.assign(bimodal=ratios.index.isin([isas, variants])), PLAN)
    assert text.startswith("2 of")
    assert "AVX2 against Scalar" in text
    assert "tuned against preset" in text


def test_many_names_end_in_a_count(tables: dict[str, pd.DataFrame]) -> None:
    ratios = tables["ratios"].head(10).assign(bimodal=True)
    assert trust.bimodal(ratios, PLAN).count(";") == trust.NAMED
    assert trust.bimodal(ratios, PLAN).endswith("4 more in tables/ratios.csv.")


def test_marked_rounds_say_what_changes_without_them(said: dict[str, str], tables: dict[str, pd.DataFrame]) -> None:
    point = "Two-Pass against recomputing Three-Pass on AVX-512 at L2 (tuned, paper)"
    assert f"1 verdict would change ({point}, slower with them, undecided without)" in said["marked"]
    assert f"the largest change of a ratio is 1.25{formats.NARROW}% ({point}" in said["marked"]
    touched = int((tables["ratios"]["n_marked"] > 0).sum())
    assert f"part of {touched} of" in said["marked"]
    assert said["marked"].startswith(f"{int(tables['rounds']['marked'].sum())} of ")


def test_marked_rounds_that_change_nothing(tables: dict[str, pd.DataFrame]) -> None:
    ratios, rounds = tables["ratios"], tables["rounds"]
    same = ratios.assign(verdict_unmarked=ratios["verdict"])
    assert "no verdict would change" in trust.marked(same, rounds, PLAN)
    assert "no ratio rests on any" in trust.marked(ratios.assign(n_marked=0), rounds, PLAN)
    elsewhere = same.assign(verdict_unmarked=np.where(same["n_marked"] == 0, "equal", same["verdict"]))
    assert f"{formats.count(int((elsewhere['verdict_unmarked'] != same['verdict']).sum()))} verdicts would change" in (
        trust.marked(elsewhere, rounds, PLAN)
    )
    none = trust.marked(ratios, rounds.assign(marked=False), PLAN)
    assert none == f"None of {len(rounds)} rounds is marked as doubtful."
    lost = trust.marked(ratios.assign(ratio_unmarked=np.nan), rounds, PLAN)
    assert "would have fewer than 6 rounds left" in lost
    assert "would change" not in lost
    assert "largest change" not in lost


def test_layout_is_said_as_drawn(said: dict[str, str], tables: dict[str, pd.DataFrame]) -> None:
    rounds = tables["rounds"]
    for column, words in (("env_bytes", "environment"), ("offset_bytes", "x"), ("offset_y_bytes", "y")):
        reach = f"{formats.count(rounds[column].min())} to {formats.count(rounds[column].max())}{formats.NARROW}B"
        assert f"{words} {reach}" in said["layout"]
    fixed = trust.layout(rounds.assign(offset_bytes=0))
    assert f"offset of x always 0{formats.NARROW}B" in fixed


# --- the self-test ---------------------------------------------------------------------------------------


def test_without_a_self_test_one_sentence_says_how_to_run_it(tables: dict[str, pd.DataFrame]) -> None:
    absent = {name: frame for name, frame in tables.items() if name != "selftest"}
    empty = {**tables, "selftest": tables["selftest"].head(0)}
    for each in (absent, empty):
        text = trust.selftest(each, PLAN)
        assert text.startswith("The instrument was not tested on this machine")
        assert text.endswith("“snakemake selftest” has run.")
        assert trust.report_tables(each, PLAN)["goals"]["rows"] == []


def test_a_self_test_of_another_build_says_so(said: dict[str, str], tables: dict[str, pd.DataFrame]) -> None:
    assert "build" not in said["selftest"]
    other = {**tables, "selftest": tables["selftest"].assign(build_id="feedbeef")}
    assert f"on build feedbeef, and this report speaks of build {synthetic.BUILD}" in trust.selftest(other, PLAN)


def test_self_test_counts_are_the_tables(said: dict[str, str], tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["selftest"]
    for share in doubtful.PLANTED:
        mine = rows[rows["planted_fraction"] == share]
        truth = 1 / (1 + share)
        holds = int((mine["ratio_low"].le(truth) & mine["ratio_high"].ge(truth)).sum())
        found = int((mine["verdict"] == "slower").sum())
        assert (
            f"{formats.percent(share)} planted: {len(mine)} points, {found} "
            f"{'found slower' if share else 'called faster or slower'}, {holds} intervals hold the truth"
        ) in said["selftest_counts"]


def test_goals_say_whether_they_are_met(tables: dict[str, pd.DataFrame]) -> None:
    rows, known = trust.report_tables(tables, PLAN)["goals"]["rows"], goals(tables["selftest"])
    assert [row[0] for row in rows] == list(known["goal"])
    assert [row[-1] for row in rows] == [formats.NOTHING if met == "-" else met for met in known["met"]]
    shares = known["low"].notna()
    for row, (_, goal) in zip(np.array(rows)[shares], known[shares].iterrows(), strict=True):
        low, high = (formats.percent(goal[end], 1) for end in ("low", "high"))
        assert list(row[1:5]) == [
            formats.count(goal["points"]), formats.percent(goal["wanted"], 1), formats.percent(goal["reached"], 1),
            f"{low} to {high}",
        ]  # fmt: skip


def test_more_is_wanted_at_the_effort_of_the_paper(tables: dict[str, pd.DataFrame]) -> None:
    usual, more = (trust.goals_table(tables, PLAN | {"effort": effort})["rows"] for effort in (1, 4))
    assert sum(row[2] == formats.NOTHING for row in usual) == 5
    assert sum(row[2] == formats.NOTHING for row in more) == 3, "told, and never wanted"


def test_alarms_are_counted_and_a_goal_without_points_is_not_judged(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["selftest"]
    alarmed = rows[rows["planted_fraction"] == 0].assign(verdict=["faster"] * 3 + ["equal"] * 51)
    table = trust.goals_table({"selftest": alarmed}, PLAN)["rows"]
    assert [row[1:] for row in table if "alarms" in row[0]] == [["54", "0", "3", formats.NOTHING, "no"]]
    slower = [row for row in table if "slower" in row[0]]
    assert len(slower) == 8
    assert all(row[1] == "0" and row[3:] == [formats.NOTHING] * 3 for row in slower)


# --- tables, smoke runs, gaps ------------------------------------------------------------------------------


def test_the_table_of_points_holds_every_labelled_size(tables: dict[str, pd.DataFrame]) -> None:
    rows = trust.report_tables(tables, PLAN)["points"]["rows"]
    assert len(rows) == 2 * len(PLAN["labels"])
    marked = [row for row in rows if row[0] == "L2"]
    assert all("2 marked" in row[-1] for row in marked)
    points = trust_points.headline_points(tables["ratios"], PLAN, list(PLAN["labels"]))
    assert [row[5] for row in rows] == [formats.percent(w, 2) for w in points["smallest_detectable"]]


def test_the_table_of_points_remarks_dependence_and_modes(tables: dict[str, pd.DataFrame]) -> None:
    doubted = doubtful.with_ratios(tables, p_dependence=0.001, bimodal=True, n_marked=0)
    rows = trust.report_tables(doubted, PLAN)["points"]["rows"]
    assert {row[-1] for row in rows} == {"dependent rounds, bimodal"}
    sound = trust.report_tables(doubtful.with_ratios(tables, p_dependence=0.5, bimodal=False, n_marked=0), PLAN)[
        "points"
    ]
    assert sound["head"][-1] == "ended by", "a column of remarks stands only where there are any"


def test_a_smoke_run_withholds_all_findings(tables: dict[str, pd.DataFrame]) -> None:
    smoke = PLAN | {"measurement": False}
    said = trust.values(tables, smoke)
    assert {key for key, text in said.items() if text == trust.WITHHELD} == set(FINDINGS)
    assert all(table["rows"] == [] for table in trust.report_tables(tables, smoke).values())


@pytest.mark.parametrize("gone", [("ratios",), ("selftest",), ("ratios", "round_ratios", "selftest")])
def test_empty_tables_leave_sentences_that_say_so(tables: dict[str, pd.DataFrame], gone: tuple[str, ...]) -> None:
    less = {name: frame.head(0) if name in gone else frame for name, frame in tables.items()}
    said = trust.values(less, PLAN)
    assert all(said.values())
    assert not re.search(r"nan|None,", " ".join(said.values()))
    if "ratios" in gone:
        assert said["stops"].startswith("No ratio")
        assert said["half_width_in"] == formats.NOTHING


def test_minimal_data_without_intervals_pass(minimal: dict[str, pd.DataFrame]) -> None:
    plan = synthetic.plan(synthetic.MINIMAL) | {"measurement": True, "effort": 1, "design": doubtful.DESIGN}
    said = trust.values(minimal, plan)
    assert said["half_width_in"] == formats.NOTHING
    assert all(said.values())
