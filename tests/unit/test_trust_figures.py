"""Figures on trust: half-widths, drift, distributions and self-test draw what made-up tables with known doubts hold."""

from __future__ import annotations

from typing import Any

import doubtful
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from figures import distributions, drift, precision, selftest
from passline import trust, trust_points

PLAN = doubtful.plan()


@pytest.fixture(scope="module")
def tables(full: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return doubtful.tables(full)


@pytest.fixture(scope="module")
def said(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    return trust.values(tables, PLAN)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_precision_draws_half_widths_beside_both_targets(tables: dict[str, pd.DataFrame]) -> None:
    drawn = precision.data(tables, PLAN)
    rows = trust_points.judged(tables["ratios"], PLAN)
    assert list(drawn["half_width"]) == list((rows["ratio_high"] - rows["ratio_low"]) / 2)
    figure = precision.draw(tables, PLAN)
    assert len(figure.axes) == 4
    for ax in figure.axes:
        steps = [line for line in ax.lines if len(line.get_xdata()) == 4 and line.get_marker() == "None"]
        assert [list(line.get_ydata()) for line in steps] == [[1.0, 1.0, 3.0, 3.0]]
        assert steps[0].get_xdata()[1] == 2097152


@pytest.mark.parametrize(("kept", "target"), [("n_elements < 1000000", 1.0), ("n_elements > 3000000", 3.0)])
def test_precision_draws_one_target_where_all_sizes_share_it(
    tables: dict[str, pd.DataFrame], kept: str, target: float
) -> None:
    for ax in precision.draw({**tables, "ratios": tables["ratios"].query(kept)}, PLAN).axes:
        drawn = [list(line.get_ydata()) for line in ax.lines]
        assert [target, target] in drawn
        assert [1.0, 1.0, 3.0, 3.0] not in drawn


def test_precision_tells_stops_apart_without_colour(tables: dict[str, pd.DataFrame]) -> None:
    planned = doubtful.with_ratios(tables, stop_reason=np.resize(["target", "cap", "planned"], len(tables["ratios"])))
    figure = precision.draw(planned, PLAN)
    fills = {line.get_fillstyle() for ax in figure.axes for line in ax.lines if len(line.get_xdata()) not in (0, 4)}
    assert {"full", "none", "left"} <= fills
    assert {"ended by target", "by most rounds", "planned"} <= set(texts(figure))


def test_drift_holds_all_rounds_of_the_headline_points(tables: dict[str, pd.DataFrame]) -> None:
    drawn = drift.data(tables, PLAN)
    points = trust_points.headline_points(tables["ratios"], PLAN, PLAN["bars"])
    ratios = drawn[drawn["isa"] != "-"]
    assert len(ratios) == points["n_rounds"].sum()
    assert ratios["marked"].sum() == 2 * 2, "two rounds at L2, on both ISAs"
    for state in drift.STATE:
        assert (drawn["panel"] == state).sum() == len(tables["rounds"])


def test_drift_keeps_values_beyond_the_axis_at_its_edge(tables: dict[str, pd.DataFrame]) -> None:
    figure = drift.draw(tables, PLAN)
    drawn = drift.data(tables, PLAN)
    shown = sum(
        len(line.get_xdata())
        for ax in figure.axes[:8]
        for line in ax.lines
        if line.get_linestyle() == "None" and len(line.get_xdata())
    )
    assert shown == (drawn["isa"] != "-").sum()
    for ax in figure.axes[:8]:
        low, high = ax.get_ylim()
        assert all(low <= y <= high for line in ax.lines for y in line.get_ydata())


def test_a_pause_of_a_day_is_cut_out() -> None:
    starts = pd.Series(["2026-01-01T08:00:00+00:00", "2026-01-01T08:03:00+00:00", "2026-01-02T08:03:00+00:00"])
    minutes, pauses = drift.minutes(pd.concat([starts, starts]).reset_index(drop=True))
    assert list(minutes) == [0.0, 3.0, 3.0 + drift.STRIPE_MIN] * 2
    assert pauses == [pytest.approx(3.0 + drift.STRIPE_MIN / 2)]


def test_distributions_show_bimodal_points_or_else_the_headlines(
    tables: dict[str, pd.DataFrame], said: dict[str, str]
) -> None:
    drawn = distributions.data(tables, PLAN)
    assert drawn["bimodal"].all()
    assert set(zip(drawn["isa"], drawn["n_elements"], strict=True)) == set(doubtful.BIMODAL)
    assert "all 2 bimodal" in said["distributions_shown"]
    single = doubtful.with_ratios(tables, bimodal=False)
    drawn = distributions.data(single, PLAN)
    assert drawn["point"].nunique() == 8
    assert "points of the headlines are shown" in trust.values(single, PLAN)["distributions_shown"]


def test_as_many_distributions_are_drawn_as_fit_and_the_text_says_how_many(tables: dict[str, pd.DataFrame]) -> None:
    many = doubtful.with_ratios(tables, bimodal=True)
    figure = distributions.draw(many, PLAN)
    assert sum(ax.get_visible() for ax in figure.axes) == trust_points.MOST_DRAWN
    number = distributions.data(many, PLAN)["point"].nunique()
    assert f"{trust_points.MOST_DRAWN} of the {number} bimodal" in trust.values(many, PLAN)["distributions_shown"]


def test_the_self_test_figure_knows_the_truth(tables: dict[str, pd.DataFrame]) -> None:
    drawn = selftest.data(tables, PLAN)
    assert len(drawn) == len(tables["selftest"])
    assert set(drawn["truth"].round(4)) == {1.0, 0.9804, 0.9524, 0.9091}
    planted = drawn["planted_fraction"] > 0
    assert (drawn.loc[planted, "right"] == (drawn.loc[planted, "verdict"] == "slower")).all()
    alarmed = selftest.data({**tables, "selftest": tables["selftest"].assign(verdict="faster")}, PLAN)
    assert not alarmed["right"].any()


@pytest.mark.parametrize("module", [precision, drift, distributions, selftest])
def test_no_two_titles_or_axis_labels_overlap(module: Any, tables: dict[str, pd.DataFrame]) -> None:
    figure = module.draw(tables, PLAN)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    labels = [
        text
        for ax in figure.axes
        if ax.get_visible()
        for text in (ax.title, ax.xaxis.label, ax.yaxis.label)
        if text.get_text() and text.get_visible()
    ]
    boxes = [text.get_window_extent(renderer) for text in labels]
    for place, box in enumerate(boxes):
        assert box.x0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        for other in boxes[place + 1 :]:
            assert not box.overlaps(other)
