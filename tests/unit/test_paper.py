"""The paper's figures: numbers that somebody read off stand beside ours, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import synthetic
import synthetic_beyond

from figures import beside_paper as figure
from passline import report_tables
from passline.errors import ReportError
from passline.paper import CELLS, COLUMNS, SLOTS, TEXT, UNITS, cells_read, load_slots, slots_table, values_table
from passline.registry import load_isas, load_study
from passline.setup import SOFTMAX
from passline.tables import conform

STUDY = load_study(SOFTMAX, load_isas())
REPORTS = Path(__file__).parents[2] / "reports"
HEAD = ",".join(COLUMNS)
GOOD = "Figure 9,7,A. Reader,two_pass,-,8650752,1,1.5e9,1/s"


@pytest.fixture(scope="module")
def slots() -> dict[str, object]:
    return load_slots(REPORTS / "paper.yaml")


def read(slots: dict[str, object], folder: Path, *lines: str) -> pd.DataFrame:
    (folder / "two_pass_avx512f.csv").write_text("\n".join((HEAD, *lines)) + "\n", encoding="utf-8")
    return values_table(slots, folder, STUDY)


def tables(values: pd.DataFrame, slots: dict[str, object]) -> dict[str, pd.DataFrame]:
    found = conform("paper_values", values)
    return {
        **synthetic_beyond.tables(),
        "paper_values": found,
        "paper_slots": conform("paper_slots", slots_table(slots, found)),
    }


def test_each_drawn_slot_has_its_file_and_none_holds_a_number_that_nobody_confirmed(slots: dict[str, object]) -> None:
    drawn = [slot["id"] for slot in slots[SLOTS] if slot["kind"] != TEXT]  # type: ignore[attr-defined]
    folder = REPORTS / "published" / "paper"
    assert {path.stem for path in folder.glob("*.csv")} == {*drawn, "table1"}
    assert not any(cells_read(slots, folder).values())
    assert values_table(slots, folder, STUDY).empty, "numbers were read off the paper: say here who read which"


def test_figures_of_several_instruction_sets_have_a_slot_for_each(slots: dict[str, object]) -> None:
    """The paper has groups A to E for AVX-512 and for AVX2 each."""
    isas: dict[str, set[str]] = {}
    for slot in slots[SLOTS]:  # type: ignore[attr-defined]
        if slot["kind"] in UNITS and "microarchitecture" not in slot and "baseline" not in slot:
            isas.setdefault(slot["item"], set()).add(slot["isa"])
    assert len(isas) == 5
    assert all(found == {"avx2", "avx512f"} for found in isas.values())


def test_cells_of_a_table_are_counted_and_a_wrong_one_is_named(slots: dict[str, object], tmp_path: Path) -> None:
    path, cell = tmp_path / "table2.csv", "Table 2,3,A. Reader,Two-Pass,reads,2N"
    path.write_text("\n".join((",".join(CELLS), cell, cell)) + "\n", encoding="utf-8")
    assert cells_read(slots, tmp_path) == {"table2": 2, "table3": 0}
    known = slots_table(slots, values_table(slots, tmp_path, STUDY), cells_read(slots, tmp_path)).set_index("slot")
    assert known.loc["table2", "numbers"] == 2
    for wrong, told in ((",reads,", ",,"), "line 2: column: is empty"), ((",3,", ",x,"), "line 2: page: is 'x'"):
        path.write_text("\n".join((",".join(CELLS), cell.replace(*wrong))) + "\n", encoding="utf-8")
        with pytest.raises(ReportError, match=told):
            cells_read(slots, tmp_path)


def test_a_number_that_was_read_off_is_drawn_beside_ours(slots: dict[str, object], tmp_path: Path) -> None:
    known = tables(read(slots, tmp_path, GOOD), slots)
    drawn = figure.data(known, synthetic_beyond.plan())
    mine = drawn[drawn["slot"] == "two_pass_avx512f"]
    assert mine.loc[mine["side"] == "paper", "value"].tolist() == [1.5e9]
    assert set(mine.loc[mine["side"] == "here", "algorithm"]) == set(synthetic.ALGORITHMS)
    words = [
        text.get_text().replace("\n", "")
        for ax in figure.draw(known, synthetic_beyond.plan()).axes
        for text in ax.texts
    ]
    assert sum("two_pass_avx512f.csv" in word for word in words) == 0
    assert sum("two_pass_avx2.csv" in word for word in words) == 1, "the others keep an empty frame that says so"
    items = {row[1]: row[2] for row in report_tables.paper_items(known["paper_slots"])["rows"]}
    assert items["Two-Pass and both Three-Pass over size"] == "1 numbers read off"
    assert items["both Three-Pass over size"] == "not at hand"


def test_ours_is_what_was_measured(slots: dict[str, object], tmp_path: Path) -> None:
    known = tables(read(slots, tmp_path), slots)
    drawn = figure.data(known, synthetic_beyond.plan())
    passes = known["passes"]
    row = passes[
        (passes["algorithm"] == "two_pass") & (passes["pass"] == "-") & (passes["isa"] == "avx512f")
        & (passes["variant"] == "tuned") & (passes["cache_protocol"] == "paper")
    ].iloc[-1]  # fmt: skip
    of_slot = (drawn["slot"] == "two_pass_avx512f") & (drawn["algorithm"] == "two_pass")
    (found,) = drawn[of_slot & (drawn["n_elements"] == row["n_elements"])].to_dict("records")
    assert found["value"] == pytest.approx(row["n_elements"] / row["time_median_s"])
    assert found["low"] <= found["value"] <= found["high"]


def test_another_machine_does_not_answer_for_one_of_the_papers(slots: dict[str, object], tmp_path: Path) -> None:
    known = tables(read(slots, tmp_path), slots)
    drawn = figure.data(known, synthetic_beyond.plan())
    assert "zen2_avx2" not in set(drawn["slot"])
    here = {**known, "machines": synthetic.machines("zen2")}
    assert "zen2_avx2" in set(figure.data(here, synthetic_beyond.plan())["slot"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (GOOD.replace("1.5e9", "fast"), "line 2: value: is 'fast'. Give a positive number"),
        (GOOD.replace("1.5e9", "-1"), "line 2: value: is '-1'"),
        (GOOD.replace("8650752", ""), "line 2: n_elements: is ''"),
        (GOOD.replace("A. Reader", " "), "line 2: read_by: is empty. Say which figure it is, and who read"),
        (GOOD.replace("1/s", "GB/s"), "line 2: unit: is 'GB/s'. Values of over_size are in 1/s"),
        ("Figure 9,7", "line 2: read_by: is empty"),
        (GOOD.replace(",7,", ",7.9,"), "line 2: page: is '7.9'. Give a whole number"),
        (GOOD.replace("two_pass", "twopass"), "line 2: algorithm: is 'twopass'. Known: three_pass_recompute,"),
        (GOOD.replace(",-,", ",raddexexp,"), "line 2: pass: is 'raddexexp'. Known: "),
    ],
)
def test_a_wrong_line_is_named(slots: dict[str, object], tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ReportError) as caught:
        read(slots, tmp_path, line)
    assert told in str(caught.value)
    assert "two_pass_avx512f.csv" in str(caught.value)


def test_other_columns_are_refused(slots: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "split_avx2.csv").write_text("figure,value\n", encoding="utf-8")
    with pytest.raises(
        ReportError, match=r"split_avx2\.csv: line 1: the columns are figure, value\. They must be figure,"
    ):
        values_table(slots, tmp_path, STUDY)
