"""What the HTML report says beside figures and tables, all of it known before the run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import synthetic

from passline.errors import StudyError
from passline.html_report import categories, row_of, shown_figures
from passline.registry import KERNELS, load_isas, load_study
from passline.table_models import TABLES
from passline.titles import SMOKE_STAMP, question_words

WORKFLOW = Path(__file__).parents[2] / "workflow"
FIGURES = sorted((WORKFLOW / "figures").glob("[a-z]*.py"))
SIMPLE = '"""Dots, many of them."""\nCAPTION = "{contender} in dots."\nLIMITS = "No lines."\nSECTION = "trust"\n'


@pytest.fixture(scope="module")
def setup():
    """What a figure's caption needs of a session of the softmax study."""
    study = load_study(KERNELS / "softmax", load_isas())
    return SimpleNamespace(study=study, planner=lambda: study)


def figure(folder, text):
    path = folder / "dots.py"
    path.write_text(text)
    return path


def test_every_figure_has_a_category_a_summary_and_a_caption_without_a_gap(setup):
    shown = shown_figures(FIGURES, setup)
    named = categories(shown.values())
    assert list(shown) == [path.stem for path in FIGURES]
    assert sorted(named.values()) == list(named.values())
    for each in shown.values():
        assert each.section in named
        assert each.summary
        assert "{" not in each.caption


def test_a_caption_is_filled_before_the_run_as_after_it(setup, tmp_path):
    after = question_words(synthetic.plan())
    shown = shown_figures([figure(tmp_path, SIMPLE.replace("{contender}", "{contender} to {bases}"))], setup)
    assert shown["dots"].caption == f"{after['contender']} to {after['bases']} in dots. No lines."
    assert shown["dots"].summary == "Dots"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SIMPLE.replace('"trust"', '"elsewhere"'), "there is no section 'elsewhere'. Use one of: answers, "),
        (SIMPLE.replace("SECTION", "OTHER"), "the figure has no SECTION. Add TABLES, "),
        (
            SIMPLE.replace("{contender}", "{seconds}"),
            "{seconds} is not a word that is known before the run. Use some of",
        ),
    ],
)
def test_a_figure_that_cannot_be_shown_is_refused(setup, tmp_path, text, said):
    with pytest.raises(StudyError, match=r"dots\.py") as error:
        shown_figures([figure(tmp_path, text)], setup)
    assert said in str(error.value)


def test_empty_categories_are_left_out_and_the_others_numbered():
    assert categories([]) == {"report": "1. Report", "tables": "2. Tables"}


@pytest.mark.parametrize("name", TABLES)
def test_a_row_is_named_without_remarks(name):
    assert not {"(", ")", ":"} & set(row_of(name))


@pytest.mark.parametrize("name", ["figure", "report", "table", "workflow"])
def test_every_text_is_stamped_in_a_smoke_run(name):
    assert SMOKE_STAMP in (WORKFLOW / "report" / f"{name}.rst").read_text()
