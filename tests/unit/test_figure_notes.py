"""What stands beside a figure: flags say how good its data are, and why they may not be."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import doubtful
import pandas as pd
import pytest
import synthetic

from passline.figure_notes import DOUBTFUL, GOOD, in_words, notes
from passline.tables import conform


def figure(**attributes: Any) -> Any:
    told = {"CAPTION": "Of {contender}.", "LIMITS": "Few.", "SECTION": "details"}
    return SimpleNamespace(**{**told, **attributes})


def note(tables: dict[str, pd.DataFrame], plan: dict[str, Any], module: Any) -> dict[str, Any]:
    return notes({"some": module}, tables, plan, {"contender": "Two-Pass"})["some"]


def states(found: dict[str, Any]) -> dict[str, str]:
    return {flag["words"]: flag["state"] for flag in found["flags"]}


def test_a_note_says_how_the_figure_is_drawn_again(full: dict[str, pd.DataFrame]) -> None:
    found = note(full, synthetic.plan(), figure())
    assert found["caption"] == "Of Two-Pass."
    assert found["command"] == "snakemake reports/synthetic/made-up/figures/some.svg"
    assert found["session"] == "synthetic/made-up"
    assert in_words(found)[0] == "session synthetic/made-up"
    assert in_words(found)[-1] == "limits: Few."


def test_noise_is_doubtful_above_the_target(full: dict[str, pd.DataFrame]) -> None:
    ratios = full["ratios"]
    for half, state in ((0.001, GOOD), (0.2, DOUBTFUL)):
        tables = {**full, "ratios": ratios.assign(ratio_low=ratios["ratio"] - half, ratio_high=ratios["ratio"] + half)}
        noise = {
            words: found
            for words, found in states(note(tables, synthetic.plan(), figure())).items()
            if "half-width" in words
        }
        assert set(noise.values()) == {state}
        assert len(noise) == 2


def test_a_self_test_that_was_not_run_or_missed_its_goals_is_doubtful(full: dict[str, pd.DataFrame]) -> None:
    assert states(note(full, synthetic.plan(), figure()))["self-test not run"] == DOUBTFUL
    tested = {**full, "selftest": doubtful.selftest()}
    told = next(iter(words for words in states(note(tested, synthetic.plan(), figure())) if "self-test" in words))
    assert "self-test" in told
    none_seen = doubtful.selftest().assign(verdict="equal")
    missed = states(note({**full, "selftest": none_seen}, synthetic.plan(), figure()))
    assert any(
        re.match(r"self-test meets [0-3] of 5 goals", words) and state == DOUBTFUL for words, state in missed.items()
    )


def test_modelled_bytes_are_said_where_none_were_counted(full: dict[str, pd.DataFrame]) -> None:
    assert states(note(full, synthetic.plan(), figure(MODELLED=True)))["bytes modelled, none counted"] == DOUBTFUL
    counted = {**full, "counters": conform("counters", synthetic.counters(source="imc"))}
    assert states(note(counted, synthetic.plan(), figure(MODELLED=True)))["bytes counted and modelled"] == GOOD
    assert not any("bytes" in words for words in states(note(full, synthetic.plan(), figure())))


@pytest.mark.parametrize("measurement", [True, False])
def test_what_does_not_rest_on_times_is_good_in_any_run(full: dict[str, pd.DataFrame], measurement: bool) -> None:
    plan = {**synthetic.plan(), "measurement": measurement}
    assert states(note(full, plan, figure(DETERMINISTIC=True))) == {"deterministic": GOOD}
    timed = states(note(full, plan, figure()))
    assert ("smoke run, no measurement" in timed) is not measurement
