"""Traffic in the report: model and counts stay apart, counts name their source, and nothing counted has its reason."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import synthetic
from test_report import document_of, text_of

from passline import figure_style, formats, numbers_traffic
from passline.derive.passes import passes_table
from passline.report import compile_report
from passline.tables import conform

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "workflow" / "figures").glob("*.py") if path.stem != "__init__")
FAR = 33554432
SIMULATED = [synthetic.variant(name, isa) for name in synthetic.PASSES for isa in synthetic.LANES]
PLAN: dict[str, Any] = synthetic.plan() | {"llc_bytes": synthetic.LLC, "simulated": SIMULATED}
Tables = dict[str, pd.DataFrame]


def made(full: Tables, source: str | None, counters: pd.DataFrame | None = None) -> Tables:
    """The made-up session as if `source` had counted in it."""
    counts = synthetic.counters(source=source) if counters is None else counters
    passes = conform("passes", passes_table(full["timings"], full["registry"], counts, PLAN))
    return {**full, "counters": counts, "passes": passes}


@pytest.fixture(scope="module")
def by_source(full: Tables) -> dict[str | None, Tables]:
    return {source: made(full, source) for source in (None, "imc", "df", "core")}


def figure(name: str, tables: Tables) -> pd.DataFrame:
    found: pd.DataFrame = importlib.import_module(f"figures.{name}").data(tables, PLAN)
    return found


def test_without_counters_one_sentence_says_so_and_why(by_source: dict[str | None, Tables]) -> None:
    said = numbers_traffic.values(by_source[None], PLAN)
    assert said["counting"] == (
        f"No bytes were counted in this session, as {synthetic.NO_COUNTERS}; bandwidths and intensities rest on the "
        "traffic model, and what bounds a pass on its three bars."
    )
    assert "not verified here" in said["limits_traffic"]
    assert said["limits_threads"] == "Several threads appear only in the ceilings."
    tables = numbers_traffic.report_tables(by_source[None], PLAN)
    assert tables["traffic_counted"]["rows"] == tables["traffic_bandwidth"]["rows"] == []
    assert len(tables["traffic_passes"]["rows"]) == len(synthetic.PASSES)


def test_the_model_is_trusted_more_where_the_kernels_were_simulated(by_source: dict[str | None, Tables]) -> None:
    passes = by_source[None]["passes"]
    preset = passes["variant"].isin([*SIMULATED, "preset"])
    far = passes["n_elements"] >= FAR
    assert set(passes.loc[preset & far, "confidence"]) == {"D"}
    assert set(passes.loc[~(preset & far), "confidence"]) == {"E"}
    unsaid = PLAN | {"simulated": []}
    other = passes_table(by_source[None]["timings"], by_source[None]["registry"], synthetic.counters(), unsaid)
    assert set(other["confidence"]) == {"E"}


def test_counted_bytes_stand_beside_the_model_with_their_source(by_source: dict[str | None, Tables]) -> None:
    table = numbers_traffic.report_tables(by_source["imc"], PLAN)["traffic_counted"]
    row = next(r for r in table["rows"] if r[:3] == ["AVX-512", "vscaleextexp", "1"])
    assert row == [
        "AVX-512", "vscaleextexp", "1", "out of cache", "4 to 8", "8.16", "4", "4.08", "8 to 12", "12.24", row[10],
        "imc", "A",
    ]  # fmt: skip
    assert row[10].startswith("100")
    assert {r[2] for r in table["rows"]} == {"1", "4"}
    said = numbers_traffic.values(by_source["imc"], PLAN)
    assert said["counting"].startswith("Bytes were counted by imc (scope: socket)")
    assert "1.010 of known bytes (read) and 1.010 of known bytes (write)" in said["counting"]
    assert "0 counts were refused" in said["counting"]
    assert "in counted traffic" in said["limits_threads"]


def test_bandwidth_stands_against_the_ceiling_of_the_same_mix_and_threads(by_source: dict[str | None, Tables]) -> None:
    tables = by_source["imc"]
    roofs = tables["ceilings"]
    for threads in (1, 4):
        for name, mix in (("rmax", ["read"]), ("vmulc", ["scale_inplace"]), ("vscaleextexp", ["copy", "scale"])):
            passes = tables["passes"]
            mine = (passes["pass"] == name) & (passes["threads"] == threads) & (passes["source"] == "imc")
            row = passes[mine].iloc[0]
            here = (roofs["level"] == "DRAM") & (roofs["threads"] == threads) & (roofs["store"] != "nt")
            own = roofs[here & roofs["ceiling"].isin(mix)]
            assert numbers_traffic.ceiling(tables, row) == own["value"].max() > 0
    found = numbers_traffic.report_tables(tables, PLAN)["traffic_bandwidth"]["rows"]
    assert {row[2] for row in found} == {"1", "4"}
    assert {(row[6], row[7]) for row in found} == {("3.00", "5.00")}
    nothing = {**tables, "ceilings": roofs[roofs["threads"] == 1]}
    cells = numbers_traffic.report_tables(nothing, PLAN)["traffic_bandwidth"]["rows"]
    assert {row[4] for row in cells if row[2] == "4"} == {formats.NOTHING}


def test_a_source_that_cannot_split_directions_shows_their_sum(by_source: dict[str | None, Tables]) -> None:
    rows = numbers_traffic.report_tables(by_source["df"], PLAN)["traffic_counted"]["rows"]
    row = next(r for r in rows if r[1] == "vscaleextexp")
    assert (row[5], row[7], row[9], row[12]) == (formats.NOTHING, formats.NOTHING, "12.24", "B")
    points = figure("roofline", by_source["df"]).query("kind == 'pass'")
    assert set(points["source"]) == {"df"}


def test_a_lower_bound_is_marked_and_never_an_intensity(by_source: dict[str | None, Tables]) -> None:
    rows = numbers_traffic.report_tables(by_source["core"], PLAN)["traffic_counted"]["rows"]
    assert all(row[5].startswith("≥ ") and row[7] == row[9] == formats.NOTHING for row in rows)
    assert "lower bound" in numbers_traffic.values(by_source["core"], PLAN)["limits_traffic"]
    drawn = figure("roofline", by_source["core"]).query("kind == 'pass'")
    assert set(drawn["source"]) == {"model"}
    pd.testing.assert_series_equal(
        drawn["intensity"], figure("roofline", by_source[None]).query("kind == 'pass'")["intensity"]
    )


def test_roofline_points_move_to_the_counted_bytes_and_are_filled(by_source: dict[str | None, Tables]) -> None:
    model, counts = (figure("roofline", by_source[s]).query("kind == 'pass'") for s in (None, "imc"))
    np.testing.assert_allclose(counts["intensity"], model["intensity"] / 1.02)
    np.testing.assert_allclose(counts["value"], model["value"])
    for source, filled in ((None, False), ("imc", True)):
        drawing = importlib.import_module("figures.roofline").draw(by_source[source], PLAN)
        marked = [line for line in drawing.axes[0].lines if line.get_marker() == "o"]
        assert len(marked) == len(model)
        assert {line.get_markerfacecolor() != "white" for line in marked} == {filled}
        assert ("counted byte" in drawing.axes[0].get_xlabel()) == filled


def test_the_traffic_figure_draws_counts_beside_the_model(by_source: dict[str | None, Tables]) -> None:
    alone = figure("traffic", by_source[None])
    assert set(alone["origin"]) == {"model"}
    both = figure("traffic", by_source["imc"])
    assert set(both["origin"]) == {"model", "imc"}
    model = both[both["origin"] == "model"]
    assert set(model["confidence"]) == {"-"}
    assert set(alone["confidence"]) <= {"D", "E"}
    one = model[model["threads"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(one.drop(columns="confidence"), alone.drop(columns="confidence"))
    read = both.query("origin == 'imc' and direction == 'read' and `pass` == 'vscaleextexp'")["value"]
    np.testing.assert_allclose(read, 8.16)
    module = importlib.import_module("figures.traffic")
    for source, panels in ((None, 1), ("imc", 2), ("df", 2), ("core", 2)):
        assert len(module.draw(by_source[source], PLAN).axes) == panels


def test_dirty_lines_carried_over_are_what_the_cache_can_hold(by_source: dict[str | None, Tables]) -> None:
    passes = by_source[None]["passes"]
    writes = passes[(passes["n_elements"] == FAR) & (passes["bytes_written_model"] > 0)]
    assert set(writes["bytes_carried_model"]) == {float(synthetic.LLC)}
    assert set(passes.loc[passes["bytes_written_model"] == 0, "bytes_carried_model"]) == {0.0}
    said = numbers_traffic.values(by_source[None], PLAN)["carried"].replace("\u202f", " ")
    assert "up to 32 MiB stay" in said
    assert "25 % of a row of 33 554 432 elements" in said


def test_counts_of_a_smoke_run_are_withheld(by_source: dict[str | None, Tables]) -> None:
    tables = numbers_traffic.report_tables(by_source["imc"], PLAN | {"measurement": False})
    assert tables["traffic_counted"]["rows"] == tables["traffic_bandwidth"]["rows"] == []
    assert tables["traffic_passes"]["rows"]


def test_refused_counts_are_told_and_leave_the_model(full: Tables) -> None:
    counts = synthetic.counters(source="imc")
    bad = counts.assign(status="rejected", reason="multiplexed: counted 0.5 of the time", value=float("nan"))
    said = numbers_traffic.values(made(full, None, bad), PLAN)
    assert "as multiplexed: counted 0.5 of the time;" in said["counting"]
    assert made(full, None, bad)["passes"]["bytes_read_counted"].isna().all()


@pytest.mark.parametrize("source", [None, "imc", "core"])
def test_the_report_holds_the_traffic_pages(
    source: str | None, by_source: dict[str | None, Tables], tmp_path: Path
) -> None:
    empty = tmp_path / "empty.svg"
    with mpl.rc_context(figure_style.RC):
        figure_style.message("made up").savefig(empty)
    drawings = dict.fromkeys(NAMES, empty)
    compile_report(
        ROOT / "reports/templates/report.typ", document_of(by_source[source], PLAN)[0], drawings, tmp_path / "r.pdf"
    )
    text = " ".join(text_of(tmp_path / "r.pdf"))
    assert ("No bytes were counted in this session" in text) == (source is None)
    assert ("Model against counted bytes per element" in text) == (source is not None)
    assert "held back by the LLC" in text
