"""The self-test's table and goals: made-up rounds of known truth, and every way a goal can end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scripts.selftest
from passline.derive.selftest import goals, in_words, selftest_table
from passline.tables import conform, read_table

LLC = 32 * 1024 * 1024
IN_CACHE, OUT_OF_CACHE = LLC // 2 // 8, LLC // 2 // 8 + 1
VARIANTS = {"preset": None, "preset+0%": 0.0, "preset+2%": 0.02, "preset+5%": 0.05, "preset+10%": 0.10}
ROUNDS, SWEEPS = 24, 5


def measured(own: float = 0.002) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Timings and rounds of a self-test: rounds drift by up to 30 %, contenders err by `own` per round, each alone."""
    rng = np.random.default_rng(7)
    rows, facts = [], []
    for n in (IN_CACHE, OUT_OF_CACHE):
        block = f"selftest-hot-n{n}-uniform-huge"
        for number in range(ROUNDS):
            drift = 1.0 + 0.3 * rng.random()
            facts.append({"block": block, "round": number, "stop_reason": "target" if n == IN_CACHE else "cap"})
            for algorithm in ("two_pass", "three_pass_reload"):
                for isa in ("avx2", "avx512f"):
                    for variant, planted in VARIANTS.items():
                        call = 1e-4 * (1.0 + (planted or 0.0)) * drift * (1.0 + own * rng.standard_normal())
                        for sweep in range(SWEEPS + 1):
                            rows.append({
                                "machine": "m", "session": "s", "build_id": "b", "study": "softmax",
                                "algorithm": algorithm, "pass_index": 0, "pass": "-", "isa": isa, "variant": variant,
                                "n_elements": n, "n_rows": 1, "threads": 1, "cache_protocol": "hot",
                                "inputs": "uniform", "pages": "huge", "block": block, "round": number,
                                "value_index": sweep, "loops": 3, "is_warmup": sweep == 0,
                                "time_s": call * (3.0 if sweep == 0 else 1.0 + 0.001 * rng.standard_normal()),
                            })  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(facts)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return conform("selftest", selftest_table(*measured(), LLC))


def test_each_planted_call_is_compared_with_the_unmodified_one(table: pd.DataFrame) -> None:
    assert len(table) == 2 * 2 * 2 * 4
    assert sorted(set(table["planted_fraction"])) == [0.0, 0.02, 0.05, 0.10]
    assert table["ratio"].to_numpy() == pytest.approx((1.0 / (1.0 + table["planted_fraction"])).to_numpy(), rel=0.003)


def test_verdicts_are_right_where_the_noise_is_small(table: pd.DataFrame) -> None:
    assert set(table.loc[table["planted_fraction"] == 0.0, "verdict"]) <= {"equal", "undecided"}
    assert set(table.loc[table["planted_fraction"] > 0.0, "verdict"]) == {"slower"}


def test_the_cache_ends_where_x_and_y_fill_half_of_it(table: pd.DataFrame) -> None:
    assert dict(zip(table["n_elements"], table["in_cache"], strict=True)) == {IN_CACHE: True, OUT_OF_CACHE: False}
    assert set(zip(table["n_elements"], table["stop_reason"], strict=True)) == {
        (IN_CACHE, "target"),
        (OUT_OF_CACHE, "cap"),
    }


def test_p_values_are_corrected_within_each_planted_fraction() -> None:
    """The least p of 24 rounds is 2 / 2^24; a family of eight multiplies it by eight, one of 24 would by 24."""
    found = selftest_table(*measured(), LLC)
    clear = found.loc[found["planted_fraction"] == 0.10, "p_adjusted"]
    assert clear.to_numpy() == pytest.approx(8 * 2.0**-23)


def test_without_a_self_test_there_is_an_empty_table() -> None:
    timings, rounds = measured()
    assert selftest_table(timings.assign(block="algorithms-" + timings["block"]), rounds, LLC).empty
    assert conform("selftest", selftest_table(pd.DataFrame(), pd.DataFrame(), LLC)).empty


def points(fraction: float, number: int, hits: int, in_cache: bool = True) -> pd.DataFrame:
    """`number` points of which the first `hits` are judged and covered rightly."""
    truth = 1.0 / (1.0 + fraction)
    right, wrong = ("slower", "undecided") if fraction else ("equal", "faster")
    good = np.arange(number) < hits
    return pd.DataFrame(
        {
            "planted_fraction": fraction,
            "ratio_low": np.where(good, truth - 0.001, truth + 0.001),
            "ratio_high": truth + 0.002,
            "verdict": np.where(good, right, wrong),
            "in_cache": in_cache,
        }
    )


@pytest.mark.parametrize(
    ("rows", "goal", "met"),
    [
        # 53 is the 2.5 % quantile of how many of 60 intervals at 95 % hold the truth.
        (points(0.0, 60, 53), "no difference: intervals that contain 1", "yes"),
        (points(0.0, 60, 52), "no difference: intervals that contain 1", "no"),
        (points(0.0, 60, 60), "no difference: alarms after correction", "yes"),
        (points(0.0, 60, 59), "no difference: alarms after correction", "no"),
        (points(0.05, 20, 19), "5 % slower, in cache: found", "yes"),
        (points(0.05, 20, 18), "5 % slower, in cache: found", "no"),
        (points(0.10, 20, 19, in_cache=False), "10 % slower: found", "yes"),
        (points(0.10, 20, 18, in_cache=False), "10 % slower: found", "no"),
        (points(0.02, 20, 18), "slower: intervals that contain the planted size", "yes"),
        (points(0.02, 20, 17), "slower: intervals that contain the planted size", "no"),
        (points(0.02, 20, 0), "2 % slower, in cache: found", "-"),
        (points(0.02, 20, 0), "10 % slower: found", "-"),
    ],
)
def test_goals_at_their_boundaries(rows: pd.DataFrame, goal: str, met: str) -> None:
    assert goals(rows).set_index("goal").loc[goal, "met"] == met


@pytest.mark.parametrize(("hits", "met"), [(19, "yes"), (18, "no")])
def test_more_is_wanted_of_more_effort(hits: int, met: str) -> None:
    rows = pd.concat([points(0.02, 20, hits), points(0.05, 20, hits, in_cache=False)], ignore_index=True)
    judged = goals(rows, paper=True).set_index("goal")["met"]
    assert judged["2 % slower, in cache: found"] == met
    assert judged["5 % slower, out of cache: found"] == met


def test_goals_in_words_say_what_was_reached_of_how_many() -> None:
    rows = pd.concat([points(0.0, 60, 59), points(0.05, 20, 18), points(0.02, 20, 20)], ignore_index=True)
    told = "\n".join(in_words(goals(rows)))
    assert "NOT MET: no difference: alarms after correction 1 of 60 points, wanted 0" in told
    assert (
        "NOT MET: 5 % slower, in cache: found 90.0% of 20 points (95 % interval 68.3% to 98.8%), wanted 95.0%" in told
    )
    assert "for information: 2 % slower, in cache: found 100.0% of 20 points" in told
    assert "10 % slower: found: no points" in told


def test_the_script_writes_the_table_and_says_the_goals(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: pd.DataFrame
) -> None:
    monkeypatch.setattr(scripts.selftest, "collect", lambda *_: measured())
    scripts.selftest.main(tmp_path / "manifest.json", "m", "s", LLC, tmp_path / "selftest.csv", paper=False)
    pd.testing.assert_frame_equal(read_table("selftest", tmp_path / "selftest.csv"), table, rtol=1e-6)
    assert "met: 10 % slower: found 100.0% of 8 points" in capsys.readouterr().err
