"""The report: it compiles, says the verdicts, and refuses gaps."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import doubtful
import matplotlib as mpl
import pandas as pd
import pypdf
import pytest
import synthetic
import synthetic_beyond

import scripts.ceilings
import scripts.claims
import scripts.figure
import scripts.numbers
import scripts.passes
import scripts.quality
import scripts.ratios
from passline import claims, figure_style, formats, numbers, titles
from passline.derive import selection
from passline.errors import ReportError
from passline.figure_notes import note, quality
from passline.imports import template_parts
from passline.report import compile_report
from passline.tables import TABLES, conform, read_table, write_table
from scripts.report import main as compile_from_files

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "reports" / "templates" / "report.typ"
NAMES = sorted(path.stem for path in (ROOT / "workflow" / "figures").glob("*.py") if path.stem != "__init__")


def document_of(
    tables: dict[str, pd.DataFrame], plan: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    judged = claims.claims_table(claims.load_claims(ROOT / "reports" / "claims.yaml"), tables, plan)
    everything = {**tables, "claims": conform("claims", judged)}
    table1 = pd.read_csv(ROOT / "reports" / "published" / "paper" / "table1.csv")
    document = numbers.numbers(everything, plan, table1)
    known = quality(everything, plan)
    notes = {name: note(name, importlib.import_module(f"figures.{name}"), known) for name in NAMES}
    return {**document, "figures": notes}, everything


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An empty drawing under each figure's name."""
    path = tmp_path_factory.mktemp("figures") / "empty.svg"
    with mpl.rc_context(figure_style.RC):
        figure_style.message("made up").savefig(path)
    return dict.fromkeys(NAMES, path)


def text_of(path: Path) -> list[str]:
    return [re.sub(r"\s+", " ", page.extract_text()) for page in pypdf.PdfReader(path).pages]


@pytest.fixture(scope="module")
def pages(
    full: dict[str, pd.DataFrame], drawings: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    output = tmp_path_factory.mktemp("report") / "report.pdf"
    compile_report(TEMPLATE, document_of(full, synthetic.plan())[0], drawings, output)
    return text_of(output)


def test_the_first_page_holds_the_verdicts_and_ratios(pages: list[str], full: dict[str, pd.DataFrame]) -> None:
    document, everything = document_of(full, synthetic.plan())
    assert all(verdict in pages[0] for verdict in ("holds here", "does not hold here", "not this machine"))
    for value in everything["claims"].query("unit == @claims.RATIO_UNIT")["our_value"]:
        assert f"{value:.3f}" in pages[0]
    assert "zen4" in pages[0]
    assert document["headlines"][2][:40] in pages[0]


def test_every_page_names_machine_session_and_build(pages: list[str]) -> None:
    for number, page in enumerate(pages, start=1):
        assert f"machine {synthetic.MACHINE} · session {synthetic.SESSION} · build {synthetic.BUILD}" in page
        assert f"{number} / {len(pages)}" in page
        assert titles.SMOKE_STAMP not in page


def test_all_parts_are_there(pages: list[str]) -> None:
    text = " ".join(pages)
    for part in (
        "Machine and method",
        "How far to trust these numbers",
        "Over size",
        "Is each pass bound by memory?",
        "Where does Two-Pass win",
        "What does write-allocate cost?",
        "How wrong are the sums?",
        "tables and figures, and ours",
        "Passes and roofs",
        "class counts",
        "Traffic",
        "Variants",
        "left out",
        "Limits",
        "rebuild",
    ):
        assert part in text
    assert "reading the clock costs 3.1 % of a call" in text
    assert "results/synthetic/made-up/tables" in text


def test_without_a_self_test_the_report_says_so_and_how_to_run_it(pages: list[str]) -> None:
    text = " ".join(pages)
    assert "The instrument was not tested on this machine" in text
    assert "snakemake selftest" in text
    assert "What the instrument must reach" not in text


def test_with_a_self_test_the_report_holds_its_counts_and_goals(
    full: dict[str, pd.DataFrame], drawings: dict[str, Path], tmp_path: Path
) -> None:
    tables, plan = doubtful.tables(full), doubtful.plan()
    output = tmp_path / "report.pdf"
    document = document_of(tables, plan)[0]
    compile_report(TEMPLATE, document, drawings, output)
    text = " ".join(text_of(output))
    assert "not tested" not in text
    assert "What the instrument must reach" in text
    for row in document["tables"]["goals"]["rows"]:
        assert row[0] in text
    for said in ("dependence", "outliers", "bimodal", "marked", "distributions_shown", "selftest_counts"):
        assert document["values"][said][:40].replace(formats.NARROW, " ") in text


def test_a_session_without_the_papers_blocks_says_what_it_is_of_and_lists_what_it_leaves_out(
    drawings: dict[str, Path], tmp_path: Path
) -> None:
    tables, plan = synthetic_beyond.tables(), synthetic_beyond.plan(session="beyond")
    ours = tables["ratios"]["algorithm"].isin(list(synthetic_beyond.ALGORITHMS))
    none = {name: tables[name].iloc[:0] for name in ("passes", "round_ratios", "ceilings")}
    document, everything = document_of({**tables, **none, "ratios": tables["ratios"][ours]}, plan)
    everything["selftest"] = conform("selftest", pd.DataFrame())
    for name, told in document["figures"].items():
        figure = importlib.import_module(f"figures.{name}")
        seen = everything if getattr(figure, "BEYOND", False) else selection.of_paper(everything, plan)
        told["empty"] = figure.data(seen, plan).empty
    assert [each["key"] for each in document["questions"] if not each["known"]][:2] == ["bound", "wins"]
    output = tmp_path / "report.pdf"
    compile_report(TEMPLATE, document, drawings, output)
    first, *others = text_of(output)
    assert "the reproduction is the session default" in first
    assert "Reproduction:" not in first
    _, _, left_out = first.partition("Left out as this session does not measure it: ")
    for title in (
        "Is each pass bound by memory?",
        "Where does Two-Pass win",
        "tables and figures, and ours",
        "Over size",
    ):
        assert title in left_out
        assert title not in " ".join(others)
    assert "Not known" not in " ".join([first, *others])
    assert document["headlines"][0] in first
    assert "undecided" not in {row[2] for row in document["tables"]["verdicts"]["rows"]}


def test_another_study_has_its_own_title_question_and_no_claims(
    full: dict[str, pd.DataFrame], drawings: dict[str, Path], tmp_path: Path
) -> None:
    plan = synthetic.plan() | {"study": "other", "paper": "", "title": "Another study"}
    plan["comparisons"] = [["two_pass", "three_pass_reload"]]
    document, everything = document_of(full, plan)
    assert everything["claims"].empty
    compile_report(TEMPLATE, document, drawings, tmp_path / "report.pdf")
    pages = text_of(tmp_path / "report.pdf")
    text = " ".join(pages)
    assert "Another study" in pages[0]
    assert "Two-Pass against reloading Three-Pass on" in pages[0]
    for word in ("Reproduction", "class counts", "claims", "What the verdicts rest on", "{"):
        assert word not in text, word


def test_a_study_that_leaves_a_number_is_asked_nothing_of_stores_and_sums(
    full: dict[str, pd.DataFrame], drawings: dict[str, Path], tmp_path: Path
) -> None:
    plan = synthetic.plan() | {"study": "other", "paper": "", "title": "A number", "result": "value", "simulated": []}
    plan |= {"outputs_sum": None, "comparisons": [["two_pass", "three_pass_reload"]]}
    tables = full | {"error_over_n": full["error_over_n"].assign(sum_error=float("nan"))}
    document, _ = document_of(tables, plan)
    assert "stores" not in {question["key"] for question in document["questions"]}
    assert document["tables"]["error"]["head"] == ["ISA", "algorithm", "inputs", *["elements", "ULP"] * 2]
    compile_report(TEMPLATE, document, drawings, tmp_path / "report.pdf")
    text = " ".join(text_of(tmp_path / "report.pdf"))
    assert "largest error of the result." in text
    for word in (
        "released with the paper",
        "the paper's",
        "write-allocate cost",
        "Recomputing",
        "sum - 1",
        "simulated",
    ):
        assert word not in text, word
    words = titles.question_words(plan)
    assert (words["summed"], words["published"], words["preset"]) == ("", "", "the study's preset")


def test_the_names_of_a_question() -> None:
    plan = synthetic.plan()
    assert titles.question_words(plan) == {
        "contender": "Two-Pass",
        "bases": "Three-Pass",
        "each": "each Three-Pass",
        "fastest": "the faster Three-Pass",
        "beyond_rival": "no other",
        "preset": "the paper's preset",
        "published": ". Diamonds, if any: the largest gain that the paper reports, on its own machine",
        "leading": "",
        "summed": "; below, where outputs sum to 1: distance of their sum from it",
    }
    unlike = plan | {"algorithms": {"a": {"title": "A"}, "b": {"title": "B"}, "c": {"title": "C"}, "d": {"title": "D"}}}
    three = titles.question_words(unlike | {"comparisons": [["a", "b"], ["b", "c"], ["a", "c"], ["a", "d"]]})
    assert (three["contender"], three["fastest"]) == ("A", "the fastest of B, C and D")
    assert titles.question_words(unlike | {"comparisons": [["a", "numpy"]]})["fastest"] == "no other"


def test_a_smoke_run_is_stamped_on_every_page_and_withholds_verdicts(
    minimal: dict[str, pd.DataFrame], drawings: dict[str, Path], tmp_path: Path
) -> None:
    output = tmp_path / "report.pdf"
    compile_report(TEMPLATE, document_of(minimal, synthetic.plan(synthetic.MINIMAL))[0], drawings, output)
    found = text_of(output)
    assert "no measurement" in found[0]
    assert "withheld" in found[0]
    assert all(titles.SMOKE_STAMP in page for page in found)
    assert "holds here" not in " ".join(found)
    assert "what its rounds say is withheld" in " ".join(found)
    assert "outliers" not in " ".join(found)
    assert pypdf.PdfReader(output).metadata.title.endswith("no measurement")  # type: ignore[union-attr]


@pytest.mark.parametrize("key", ["machine", "cpu", "rounds", "half_width_out", "folder", "command"])
def test_a_missing_number_stops_the_build(
    full: dict[str, pd.DataFrame], drawings: dict[str, Path], tmp_path: Path, key: str
) -> None:
    document = document_of(full, synthetic.plan())[0]
    del document["values"][key]
    with pytest.raises(ReportError, match=f"no value {key}"):
        compile_report(TEMPLATE, document, drawings, tmp_path / "report.pdf")
    assert not list(tmp_path.iterdir()), "nothing may be left half written"


def test_a_missing_table_or_figure_stops_the_build(
    full: dict[str, pd.DataFrame], drawings: dict[str, Path], tmp_path: Path
) -> None:
    document = document_of(full, synthetic.plan())[0]
    without = {name: drawing for name, drawing in drawings.items() if name != "bars"}
    with pytest.raises(ReportError, match="no figure bars"):
        compile_report(TEMPLATE, document, without, tmp_path / "report.pdf")
    lost = {**drawings, "bars": tmp_path / "nowhere.svg"}
    with pytest.raises(ReportError, match=r"nowhere\.svg: the figure does not exist"):
        compile_report(TEMPLATE, document, lost, tmp_path / "report.pdf")
    del document["tables"]["traffic"]
    with pytest.raises(ReportError, match="no table traffic"):
        compile_report(TEMPLATE, document, drawings, tmp_path / "report.pdf")


def test_the_scripts_lead_from_tables_to_the_pdf(minimal: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """Files in, files out, through every script of the analysis, on the least there can be."""
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(synthetic.plan(synthetic.MINIMAL)), encoding="utf-8")
    path = {name: tmp_path / f"{name}.csv" for name in [*TABLES, "ceiling_timings"]}
    for name, frame in minimal.items():
        write_table(name, frame, path[name])
    write_table("timings", synthetic.ceiling_timings(synthetic.MINIMAL), path["ceiling_timings"])
    table1 = ROOT / "reports" / "published" / "paper" / "table1.csv"

    scripts.ceilings.main(path["ceiling_timings"], path["registry"], plan, path["ceilings"])
    scripts.passes.main(path["timings"], path["registry"], path["counters"], plan, path["passes"])
    inputs = {name: path[name] for name in ("timings", "registry", "rounds")}
    scripts.ratios.main(**inputs, plan=plan, ratios_out=path["ratios"], round_ratios_out=path["round_ratios"])
    judged = {name: path[name] for name in scripts.claims.TABLES}
    scripts.claims.main(judged, ROOT / "reports" / "claims.yaml", plan, path["claims"])
    numbers_json = tmp_path / "numbers.json"
    scripts.numbers.main({name: path[name] for name in scripts.numbers.TABLES}, plan, table1, numbers_json)
    rated = tmp_path / "quality.json"
    scripts.quality.main({name: path[name] for name in scripts.quality.TABLES}, plan, rated)
    for name in NAMES:
        out = {suffix: tmp_path / f"{name}.{suffix}" for suffix in ("svg", "pdf", "json")}
        scripts.figure.main(name, tmp_path, plan, rated, {**out, "csv": tmp_path / "data" / f"{name}.csv"})
    compile_from_files(TEMPLATE, numbers_json, [tmp_path / f"{name}.svg" for name in NAMES], tmp_path / "report.pdf")

    for name in ("ceilings", "passes", "ratios", "round_ratios"):
        pd.testing.assert_frame_equal(read_table(name, path[name]), minimal[name], rtol=1e-6)
    assert len(text_of(tmp_path / "report.pdf")) > 3


def test_every_value_is_used_and_no_number_is_typed(full: dict[str, pd.DataFrame]) -> None:
    """Values nobody reads rot; a decimal number in the template's prose would be typed by hand."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (TEMPLATE, *template_parts(TEMPLATE)))
    values = document_of(full, synthetic.plan())[0]["values"]
    asked = set(re.findall(r'num\("(\w+)"\)', source))
    asked |= {f"no_{name}" for name in re.findall(r'drawing-if\("(\w+)"\)', source)}
    modules = [importlib.import_module(f"figures.{name}") for name in NAMES]
    captions = " ".join(text for module in modules for text in (module.CAPTION, module.LIMITS))
    assert asked | set(re.findall(r"{(\w+)}", captions)) == set(values)
    prose = re.sub(r"[\d.]+(pt|cm|em|in|deg|fr)\b|#[\w.-]+\([^)]*\)", "", source)
    allowed = {"p < 0.05"}
    typed = [found for found in re.findall(r"p < 0\.05|\b\d+\.\d+\b", prose) if found not in allowed]
    assert not typed


def test_equal_inputs_give_equal_bytes(
    full: dict[str, pd.DataFrame], drawings: dict[str, Path], tmp_path: Path
) -> None:
    document = document_of(full, synthetic.plan())[0]
    (tmp_path / "numbers.json").write_text(json.dumps(document), encoding="utf-8")
    svgs = []
    for name, drawing in drawings.items():
        svgs.append(tmp_path / f"{name}.svg")
        svgs[-1].write_bytes(drawing.read_bytes())
        svgs[-1].with_suffix(".json").write_text(json.dumps(document["figures"][name]), encoding="utf-8")
    for output in ("one.pdf", "two.pdf"):
        compile_from_files(TEMPLATE, tmp_path / "numbers.json", svgs, tmp_path / output)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
