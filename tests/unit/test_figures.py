"""Figures: each draws on full, minimal and no data, says the truth about gaps, and is deterministic."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import doubtful
import matplotlib as mpl
import pandas as pd
import pytest
import synthetic
import synthetic_pages
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from passline import claims, titles
from passline import figure_style as style
from passline.derive import selection
from passline.tables import TABLES, conform, write_table
from scripts.figure import main as draw_figure

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "workflow" / "figures").glob("*.py") if path.stem != "__init__")


QUALITY = {
    "session": "some/session",
    "command": "snakemake {figure}.svg",
    "timed": [{"state": "good", "words": "all is well"}],
    "half_widths": [],
    "bytes": {"state": "doubtful", "words": "bytes are modelled"},
    "words": titles.question_words(synthetic.plan()),
}
SUFFIXES = ("svg", "pdf", "csv", "json")


def module(name: str) -> ModuleType:
    return importlib.import_module(f"figures.{name}")


def with_claims(tables: dict[str, pd.DataFrame], plan: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    document = claims.load_claims(ROOT / "reports" / "claims.yaml")
    return {**tables, "claims": conform("claims", claims.claims_table(document, tables, plan))}


@pytest.fixture(scope="module")
def everything(full: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {**with_claims(full, synthetic.plan()), "selftest": doubtful.selftest()}


def tables_of(name: str) -> list[str]:
    """Tables that a figure names, optional ones included."""
    return [*module(name).TABLES, *getattr(module(name), "OPTIONAL", ())]


@cache
def beyond() -> dict[str, pd.DataFrame]:
    """A made-up session with algorithms beyond the paper; their errors are those of Two-Pass."""
    tables = synthetic_pages.tables()
    errors = tables["error_over_n"]
    of_two_pass = errors[errors["algorithm"] == "two_pass"]
    ours = [of_two_pass.assign(algorithm=name) for name in synthetic_pages.plan()["beyond"]["algorithms"]]
    return {**tables, "error_over_n": pd.concat([errors, *ours])}


def is_beyond(name: str) -> bool:
    """Whether a figure is of the pages beyond the paper."""
    return getattr(module(name), "BEYOND", False)


def words(figure: Figure) -> str:
    found = figure.findobj(mpl.text.Text)
    return " ".join(text.get_text() for text in found)


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_states_its_tables_caption_limits_and_section(name: str) -> None:
    assert set(tables_of(name)) <= set(TABLES)
    caption = module(name).CAPTION
    assert caption.endswith(".")
    assert len(caption) > 60
    assert module(name).LIMITS.endswith(".")
    assert module(name).SECTION in ("answers", "paper", "trust", "details")


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_reads_only_the_tables_it_names(name: str, everything: dict[str, pd.DataFrame]) -> None:
    known, plan = (beyond(), synthetic_pages.plan()) if is_beyond(name) else (everything, synthetic.plan())
    drawing = module(name).draw({table: known[table] for table in tables_of(name)}, plan)
    assert isinstance(drawing, Figure)
    assert drawing.get_figwidth() <= style.TEXT_WIDTH_IN
    assert len(drawing.axes) > 0


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_draws_on_minimal_data(name: str, minimal: dict[str, pd.DataFrame]) -> None:
    plan = synthetic.plan(synthetic.MINIMAL)
    tables = {"selftest": conform("selftest", pd.DataFrame()), **with_claims(minimal, plan)}
    assert isinstance(module(name).draw(tables, plan), Figure)


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_says_so_when_there_is_nothing_to_draw(name: str, everything: dict[str, pd.DataFrame]) -> None:
    empty = {table: everything[table].head(0) for table in tables_of(name) if table != "registry"}
    drawing = module(name).draw({"registry": everything["registry"], **empty}, synthetic.plan())
    assert not drawing.axes
    assert words(drawing).startswith("No ")


@pytest.mark.parametrize("name", ["against_bases", "bars", "split"])
def test_a_figure_without_tuned_variants_shows_presets_and_says_it(
    name: str, everything: dict[str, pd.DataFrame]
) -> None:
    tables = {
        key: frame.query("variant != 'tuned'") if "variant" in frame and key != "claims" else frame
        for key, frame in everything.items()
    }
    tables["tuning"] = everything["tuning"].assign(chosen=False)
    drawn = module(name).data(tables, synthetic.plan())
    assert len(drawn) > 0
    assert not set(drawn["variant"]) & {"tuned"}


def test_no_two_labels_overlap_in_the_bars(everything: dict[str, pd.DataFrame]) -> None:
    """Words at the bars' ends stay inside their panel."""
    drawing = module("bars").draw(everything, synthetic.plan())
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    for ax in drawing.axes:
        edge = ax.get_window_extent(canvas.get_renderer()).x1
        for text in ax.texts:
            assert text.get_window_extent(canvas.get_renderer()).x1 <= edge + 4


def test_the_same_algorithm_has_the_same_colour_in_every_figure(everything: dict[str, pd.DataFrame]) -> None:
    colours: dict[str, set[str]] = {}
    for name in ("against_bases", "other_pairs", "error_over_n"):
        drawing = module(name).draw(everything, synthetic.plan())
        for legend in drawing.legends:
            for handle, label in zip(legend.legend_handles, legend.get_texts(), strict=True):
                colours.setdefault(label.get_text(), set()).add(mpl.colors.to_hex(handle.get_color()))  # type: ignore[union-attr]
    assert len(colours) == 3
    assert all(len(found) == 1 for found in colours.values())


def test_no_two_algorithms_share_a_colour() -> None:
    plan = synthetic_pages.plan()
    names = [*plan["algorithms"], *plan["beyond"]["algorithms"]]
    assert len({style.beyond_style(name, plan)["color"] for name in names}) == len(names)


def hues(drawing: Figure) -> set[float]:
    """Hues of all that a figure draws; grey, black and white have none, and a tint has that of its colour."""
    found: list[Any] = []
    for line in drawing.findobj(mpl.lines.Line2D):
        marked = line.get_marker() not in ("", "None", None)
        joined = line.get_linestyle() != "None"
        filled = line.get_marker() in mpl.lines.Line2D.filled_markers
        found += [line.get_color()] * joined + [line.get_markeredgecolor()] * marked
        found += [line.get_markerfacecolor()] * (marked and filled)
    for patch in drawing.findobj(mpl.patches.Patch):
        found += [patch.get_facecolor(), patch.get_edgecolor()]
    for lines in drawing.findobj(mpl.collections.Collection):
        found += [*lines.get_facecolor(), *lines.get_edgecolor()]
    found += [text.get_color() for text in drawing.findobj(mpl.text.Text) if text.get_text()]
    given = [mpl.colors.to_rgba(colour) for colour in found if str(colour) not in ("none", "None")]
    return {hue(colour) for *colour, seen in given if seen and max(colour) - min(colour) > 0.02}


def hue(colour: Any) -> float:
    return round(float(mpl.colors.rgb_to_hsv(mpl.colors.to_rgb(colour))[0]), 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_colour_is_that_of_an_algorithm_that_is_drawn(name: str, everything: dict[str, pd.DataFrame]) -> None:
    """All else, such as passes, instruction sets, loops and bounds, is grey."""
    known, plan = (beyond(), synthetic_pages.plan()) if is_beyond(name) else (everything, synthetic.plan())
    tables = {**beyond(), **known}
    read = {table: tables[table] for table in tables_of(name)}
    drawn = module(name).data(read, plan)
    names = [*plan["algorithms"], *plan.get("beyond", {}).get("algorithms", {})]
    shown = set(drawn.select_dtypes(exclude="number").astype(str).to_numpy().ravel()) & set(names)
    about = [selection.question(plan).contender] if shown else []  # a ratio's base is in the data, or its contender
    allowed = {hue(style.beyond_style(algorithm, plan)["color"]) for algorithm in [*shown, *about]}
    assert hues(module(name).draw(read, plan)) <= allowed


def test_ratios_have_a_tick_at_1_wherever_it_is_in_sight() -> None:
    for low, high in ((0.58, 1.37), (0.97, 1.013), (0.2, 6.7), (1.0, 1.5)):
        ticks = style.AroundOne().tick_values(low, high)
        assert 1.0 in ticks
        assert 2 <= len(ticks) <= 8
        assert low <= min(ticks)
        assert max(ticks) <= high
    assert style.AroundOne(3).tick_values(1.21, 1.37) == [1.25, 1.3, 1.35]


@pytest.mark.parametrize("name", ["against_bases", "other_pairs", "where_it_wins", "rival", "beyond", "left_to_gain"])
def test_all_panels_of_a_row_show_all_points_on_one_scale(name: str, everything: dict[str, pd.DataFrame]) -> None:
    known, plan = (beyond(), synthetic_pages.plan()) if is_beyond(name) else (everything, synthetic.plan())
    drawing = module(name).draw({table: known[table] for table in tables_of(name)}, plan)
    FigureCanvasAgg(drawing).draw()
    for ax in drawing.axes:
        assert all(ax.get_shared_y_axes().joined(ax, other) for other in drawing.axes
                   if other.get_subplotspec().rowspan == ax.get_subplotspec().rowspan)  # type: ignore[union-attr]  # fmt: skip
        low, high = ax.get_ylim()
        values = [y for line in ax.lines for y in line.get_ydata() if line.get_transform() == ax.transData]
        assert all(low <= y <= high for y in values)


def test_first_page_shows_published_values_only_where_the_paper_gives_one(everything: dict[str, pd.DataFrame]) -> None:
    drawn = module("first_page").data(everything, synthetic.plan()).drop_duplicates("isa").set_index("isa")["published"]
    assert drawn["avx512f"] == 1.28
    assert drawn["avx2"] == 1.18
    assert pd.isna(drawn["scalar"])


@pytest.mark.parametrize(("measurement", "stamped"), [(True, False), (False, True)])
def test_the_script_writes_three_files_and_stamps_smoke_runs(
    tmp_path: Path,
    everything: dict[str, pd.DataFrame],
    measurement: bool,
    stamped: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved: list[Figure] = []
    monkeypatch.setattr("passline.figure_style.save", lambda figure, *_, **_told: saved.append(figure))
    _write(tmp_path, everything, measurement)
    draw_figure("ceilings", *_sources(tmp_path), _files(tmp_path, "c"))
    assert (titles.SMOKE_STAMP in words(saved[0])) is stamped
    assert len(pd.read_csv(tmp_path / "c.csv", comment="#")) > 0


@pytest.mark.parametrize("tested", [False, True])
def test_an_optional_table_may_be_missing_and_may_be_of_another_build(
    tmp_path: Path, everything: dict[str, pd.DataFrame], tested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Figure] = []
    monkeypatch.setattr("passline.figure_style.save", lambda figure, *_, **_told: saved.append(figure))
    _write(tmp_path, everything, measurement=True)
    if tested:
        write_table("selftest", everything["selftest"].assign(build_id="another"), tmp_path / "selftest.csv")
    draw_figure("selftest", *_sources(tmp_path), _files(tmp_path, "s"))
    assert words(saved[0]).startswith("No self-test") is not tested
    assert len(pd.read_csv(tmp_path / "s.csv", comment="#")) == (len(everything["selftest"]) if tested else 0)


def test_equal_data_give_equal_files(tmp_path: Path, everything: dict[str, pd.DataFrame]) -> None:
    _write(tmp_path, everything, measurement=True)
    for number in (1, 2):
        draw_figure("ceilings", *_sources(tmp_path), _files(tmp_path, str(number)))
    for suffix in SUFFIXES:
        assert (tmp_path / f"1.{suffix}").read_bytes() == (tmp_path / f"2.{suffix}").read_bytes()
    svg = (tmp_path / "1.svg").read_text(encoding="utf-8")
    assert "<text" not in svg, "letters must be drawn as paths"
    assert "<dc:date>" not in svg
    limits = module("ceilings").LIMITS
    for told in ("Ceilings of", "some/session", "snakemake ceilings.svg", "data: all is well; bytes are", limits[:60]):
        assert told in svg, "who has the file alone must know where it is from"
    assert (tmp_path / "1.csv").read_text(encoding="utf-8").startswith("# passline figure ceilings\n# session some/")


def test_last_bits_of_a_layout_do_not_show(tmp_path: Path) -> None:
    files = []
    for shift in (0.0, 1e-13):
        drawing = Figure(figsize=(3, 2))
        drawing.add_axes((0.1 + shift, 0.2 - shift, 0.5, 0.6)).plot([0, 1], [0, 1])
        files.append((tmp_path / f"{shift}.svg", tmp_path / f"{shift}.pdf"))
        style.save(drawing, *files[-1], title="One", about=())
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


def _write(folder: Path, tables: Mapping[str, pd.DataFrame], measurement: bool) -> None:
    for name in ("ceilings", "registry", "machines"):
        write_table(name, tables[name], folder / f"{name}.csv")
    plan = synthetic.plan() | {"measurement": measurement, "primary_build_id": synthetic.BUILD}
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (folder / "quality.json").write_text(json.dumps(QUALITY), encoding="utf-8")


def _sources(folder: Path) -> tuple[Path, Path, Path]:
    """What a figure is drawn from: the folder of tables, the plan, and quality.json."""
    return folder, folder / "plan.json", folder / "quality.json"


def _files(folder: Path, name: str) -> dict[str, Path]:
    return {suffix: folder / f"{name}.{suffix}" for suffix in SUFFIXES}
