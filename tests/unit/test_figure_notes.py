"""What stands beside a figure: flags say how good its data are, and why they may not be."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import doubtful
import pandas as pd
import pytest
import synthetic

from passline import figure_notes
from passline.figure_notes import DOUBTFUL, GOOD, in_words, quality
from passline.tables import conform


def figure(**attributes: Any) -> Any:
    told = {"CAPTION": "Of {contender}.", "LIMITS": "Few.", "SECTION": "details"}
    return SimpleNamespace(**{**told, **attributes})


def note(tables: dict[str, pd.DataFrame], plan: dict[str, Any], module: Any) -> dict[str, Any]:
    return figure_notes.note("some", module, quality(tables, plan))


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
            for words, found in states(note(tables, synthetic.plan(), figure(TABLES=("ratios",)))).items()
            if "half-width" in words
        }
        assert set(noise.values()) == {state}
        assert len(noise) == 2


def test_half_widths_are_those_of_the_ratios_that_a_figure_draws(full: dict[str, pd.DataFrame]) -> None:
    known = quality(full, synthetic.plan())
    rows = [("ratio", 1024, 1.0), ("ratio", 2**26, 1.0), ("time", 1024, 9.0)]
    drawn = pd.DataFrame(
        [{"panel": p, "n_elements": n, "value": 1.0, "low": 1.0 - w / 100, "high": 1.0 + w / 100} for p, n, w in rows]
    )
    of_ratios = figure(TABLES=("ratios",), RATIOS=("value", "low", "high"))
    told = states(figure_notes.note("some", of_ratios, known, drawn))
    assert any(words.startswith("half-width in cache 1.0") for words in told)
    assert any(words.startswith("half-width beyond 1.0") for words in told)
    of_times = states(figure_notes.note("some", figure(TABLES=("passes",)), known, drawn))
    assert not any("half-width" in words for words in of_times), "a figure without ratios says nothing of theirs"


def test_a_self_test_that_was_not_run_or_missed_its_goals_is_doubtful(full: dict[str, pd.DataFrame]) -> None:
    assert states(note(full, synthetic.plan(), figure()))["self-test not run"] == DOUBTFUL
    tested = {**full, "selftest": doubtful.selftest()}
    told = next(iter(words for words in states(note(tested, synthetic.plan(), figure())) if "self-test" in words))
    assert "self-test" in told
    tested = states(note({**full, "selftest": doubtful.selftest()}, synthetic.plan(), figure()))
    (told,) = (words for words in tested if "self-test" in words)
    assert re.match(r"self-test meets \d of \d goals, its intervals hold the truth at \d+\u202f% in cache and", told)
    none_seen = doubtful.selftest().assign(verdict="equal")
    missed = states(note({**full, "selftest": none_seen}, synthetic.plan(), figure()))
    (told,) = (words for words in missed if "self-test" in words)
    assert re.match(r"self-test meets [0-3] of 5", told)
    assert missed[told] == DOUBTFUL


def test_intervals_that_miss_the_truth_out_of_cache_are_doubtful_though_all_goals_are_met(
    full: dict[str, pd.DataFrame],
) -> None:
    right = doubtful.selftest()
    truth = 1.0 / (1.0 + right["planted_fraction"])
    right = right.assign(ratio=truth, ratio_low=truth * 0.999, ratio_high=truth * 1.001)
    right["verdict"] = right["planted_fraction"].gt(0.0).map({True: "slower", False: "equal"})
    one = right[(right["planted_fraction"] > 0.0) & right["in_cache"]]
    wrong = one.head(1).assign(in_cache=False, ratio_low=1.5, ratio_high=1.6)
    for more, state in ((one.head(0), GOOD), (wrong, DOUBTFUL)):
        rows = pd.concat([right[right["in_cache"]], *[one] * 20, more])
        found = states(note({**full, "selftest": rows}, synthetic.plan(), figure()))
        (told,) = (words for words in found if "self-test" in words)
        assert found[told] == state, told
        assert "goals" in told


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("snakemake", "snakemake reports/synthetic/made-up/figures/some.svg"),
        ("snakemake --config study=x", "snakemake reports/synthetic/made-up/figures/some.svg --config study=x"),
    ],
)
def test_options_come_after_the_file(full: dict[str, pd.DataFrame], command: str, expected: str) -> None:
    """What follows --config is taken for more of it."""
    assert note(full, {**synthetic.plan(), "command": command}, figure())["command"] == expected


def test_data_of_another_build_do_not_count(full: dict[str, pd.DataFrame]) -> None:
    ratios = full["ratios"]
    noisy = ratios.assign(build_id="other", ratio_low=ratios["ratio"] - 1, ratio_high=ratios["ratio"] + 1)
    plan = {**synthetic.plan(), "primary_build_id": synthetic.BUILD}
    drawing = figure(TABLES=("ratios",))
    alone = states(note(full, plan, drawing))
    assert states(note({**full, "ratios": pd.concat([ratios, noisy])}, plan, drawing)) == alone


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
