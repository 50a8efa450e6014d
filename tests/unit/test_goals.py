"""Goals of a kind of their own: inputs that are slow, errors, and choices that `best` may not make."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
import synthetic
import synthetic_pages as made

from passline import beyond_report
from passline.derive.goals import goals_table, load_goals
from passline.derive.inputs import CLIFF
from passline.tables import conform

GOALS = {goal["id"]: goal for goal in load_goals(synthetic.GOALS)["goals"]}
CONSUMED_AT = 4194304


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return made.tables()


def plan(**changes: Any) -> dict[str, Any]:
    scheme = made.plan(session="beyond")
    return {**scheme, "beyond": {**scheme["beyond"], "candidates": ["online"], **changes}}


def found(name: str, tables: dict[str, pd.DataFrame], scheme: dict[str, Any], **changes: Any) -> pd.Series[Any]:
    return conform("goals", goals_table({"goals": [{**GOALS[name], **changes}]}, tables, scheme)).iloc[0]


def errors(**by_point: float) -> pd.DataFrame:
    """Table `error_over_n` of `online` with AVX-512: names are inputs and elements, `normal_4096`."""
    row = synthetic.error_over_n().iloc[0].to_dict() | {"algorithm": "online", "isa": "avx512f", "variant": "tuned"}
    points = [(name.rpartition("_"), value) for name, value in by_point.items()]
    return conform("error_over_n", pd.DataFrame([
        row | {"inputs": inputs, "n_elements": int(n), "max_error_ulp": value,
               "reason": "takes 8 GiB" if math.isnan(value) else "-"}
        for (inputs, _, n), value in points
    ]))  # fmt: skip


def test_a_slow_input_of_what_best_may_choose_is_told(tables: dict[str, pd.DataFrame]) -> None:
    row = found("no_cliff", tables, plan())
    assert row["reached"] == pytest.approx(made.ONE_HOT, rel=0.02)
    assert row["met"] == "missed"
    assert row["reason"].startswith("worst: online with avx512f on one_hot at ")
    ramps = found("no_cliff", tables, plan(), inputs=["ramp_up"])
    assert ramps["reached"] == pytest.approx(made.RAMP, rel=0.02)
    assert ramps["met"] == "met"
    other = found("no_cliff", tables, plan(candidates=["ref"]))
    assert (other["met"], other["reason"]) == (
        "unavailable", "unavailable: nothing of candidates against fastest_inputs was measured",
    )  # fmt: skip


def test_what_is_called_a_cliff_is_what_the_goal_forbids() -> None:
    assert {goal["at_most"] for goal in GOALS.values() if goal["base"] == ["fastest_inputs"]} == {CLIFF}


@pytest.mark.parametrize(
    ("points", "normal", "others", "said"),
    [
        ({"normal_4096": 3.9, "normal_65536": 4.0, "narrow_4096": 8.0}, "met", "met", "on normal at 65536"),
        ({"normal_4096": 4.01, "normal_65536": 3.9, "narrow_4096": 8.01}, "missed", "missed", "on normal at 4096"),
        ({"normal_4096": math.inf, "narrow_4096": 0.0}, "missed", "met", "on normal at 4096"),
        ({"normal_4096": 3.9, "normal_65536": math.nan, "narrow_4096": 1.0}, "met", "met", "known at 65536: takes 8"),
    ],
)
def test_errors_are_exact_and_the_largest_is_named(
    tables: dict[str, pd.DataFrame], points: dict[str, float], normal: str, others: str, said: str
) -> None:
    known = {**tables, "error_over_n": errors(**points)}
    first, second = (found(name, known, plan()) for name in ("accuracy_normal", "accuracy_others"))
    assert (first["met"], second["met"]) == (normal, others)
    assert said in first["reason"]
    assert first["reached"] == first["low"] == first["high"]
    assert "on narrow at 4096; nothing above 4096" in second["reason"]
    assert found("avx2_accuracy_normal", known, plan())["met"] == "unavailable"
    assert found("accuracy_normal", known, plan(candidates=[]))["reason"].endswith("nothing that best may choose")


def choices(tables: dict[str, pd.DataFrame], non_temporal: float) -> dict[str, pd.DataFrame]:
    """With protocol consumed at one size, where `ref_nt` takes so many times as long as `ref`."""
    rows = tables["beyond"]
    rows = rows[(rows["n_elements"] == CONSUMED_AT) & (rows["isa"] == "avx512f") & (rows["threads"] == 1)]
    rows = rows[(rows["inputs"] == "normal") & (rows["n_rows"] == 1)].assign(cache_protocol="consumed")
    ref = float(rows.loc[rows["algorithm"] == "ref", "time_median_s"].iloc[0])
    rows.loc[rows["algorithm"] == "ref_nt", "time_median_s"] = non_temporal * ref
    return {**tables, "beyond": pd.concat([tables["beyond"], rows])}


def test_stores_past_the_caches_are_no_rival_where_they_lose_when_y_is_read(tables: dict[str, pd.DataFrame]) -> None:
    """`best` is as fast as `ref`; `ref_nt` is faster at each size, and counts but where it loses in consumed."""
    rows = tables["ratios"]
    rows = rows[(rows["algorithm"] == "best") & (rows["base"] == "online")]
    ends, faster = ["ratio", "ratio_low", "ratio_high"], 1 / made.NON_TEMPORAL
    ref, ref_nt = (
        rows.assign(base=base, **dict.fromkeys(ends, value), base_time_median_s=value * rows["time_median_s"])
        for base, value in (("ref", 1.0), ("ref_nt", faster))
    )
    tables = {**tables, "ratios": pd.concat([ref, ref_nt])}
    scheme, sizes = plan(candidates=["ref", "ref_nt"], past_caches=["ref_nt"]), {"from": CONSUMED_AT, "to": CONSUMED_AT}
    for non_temporal, reached in ((1.2, 1.0), (1.0, 1.0), (0.9, faster)):
        row = found("right_choice", choices(tables, non_temporal), scheme, sizes=sizes)
        assert row["reached"] == pytest.approx(reached)
        told = f"{faster:.3f} [{faster:.3f}, {faster:.3f}] against ref_nt at {CONSUMED_AT} if stores past the caches"
        assert (told in row["reason"]) is (reached == 1.0)
    assert found("right_choice", choices(tables, 1.2), scheme)["reached"] == pytest.approx(faster)
    unmeasured = found("right_choice", tables, scheme, sizes=sizes)
    assert unmeasured["reached"] == pytest.approx(faster), "nothing is held against it where nobody measured"


def test_the_report_says_which_side_is_wanted_and_shows_exact_numbers_alone(tables: dict[str, pd.DataFrame]) -> None:
    known = {**tables, "error_over_n": errors(normal_4096=3.5)}
    goals = {"goals": [GOALS[name] for name in ("accuracy_normal", "in_cache", "no_cliff")]}
    known["goals"] = conform("goals", goals_table(goals, known, plan()))
    rows = beyond_report.goals(known, plan())["rows"]
    assert [row[3] for row in rows] == ["≤ 4", "≥ 1.45", "≤ 1.5"]
    assert rows[0][4] == "3.500"
    assert "[" in rows[2][4]
    assert rows[0][6].startswith("worst: Online with AVX-512 on normal at 4\u202fKi")
