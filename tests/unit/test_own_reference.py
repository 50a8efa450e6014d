"""References of a study that lies elsewhere: found, and refused where they are of no use."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from passline.errors import StudyError
from passline.new_study import write
from passline.own_reference import check_references, reference, whole_reference
from passline.registry import KERNELS, Study, load_isas, load_study

ISAS = {"scalar": load_isas()["scalar"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "mine")
    return tmp_path / "mine"


def edited(folder: Path, file: str, old: str, new: str) -> Study:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    return load_study(folder, ISAS)


@pytest.mark.parametrize("name", ["softmax", "logsumexp", "skeleton"])
def test_references_of_our_studies_are_of_use(name: str) -> None:
    check_references(load_study(KERNELS / name, ISAS))


def test_a_reference_comes_with_its_pass_unless_the_study_has_its_own(folder: Path) -> None:
    study = edited(folder, "study.yaml", "passes:\n", "passes:\n  rmax: {from: softmax}\n")
    assert reference(study, "rmax") is reference(load_study(KERNELS / "softmax", ISAS), "rmax")
    x = np.array([3, 4], dtype=np.float32)
    assert reference(study, "sumsq")(x).value == 25
    edited(folder, "reference.py", "REFERENCES = {", "REFERENCES = {'rmax': sumsq, ")
    other = folder.rename(folder.parent / "other")  # a file is run once
    assert reference(load_study(other, ISAS), "rmax")(x).value == 25


def test_a_pass_of_a_name_of_softmax_does_not_get_the_reference_of_softmax(folder: Path) -> None:
    (folder / "vscale.c").rename(folder / "vmulc.c")
    study = edited(folder, "study.yaml", "vscale", "vmulc")
    with pytest.raises(StudyError, match=r"passes.vmulc: no float64 reference .*REFERENCES in .*mine/reference.py"):
        check_references(study)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("def whole(x:", "def whole(x", r"reference.py, line \d+: SyntaxError"),
        ("import math", "import maths", r"reference.py, line 5: ModuleNotFoundError: No module named 'maths'"),
        ("def whole(", "def hole(", r"no float64 reference says what its algorithms compute. Define whole"),
        ("return wide /", "return nowhere /", r"reference.py: whole: NameError: .*nowhere.* \(for a row of 5, x\[0\]"),
        ("return wide /", "return np.zeros(1) #", r"reference.py: whole: gives float64\[1\], not float64\[5\]"),
        ('"sum",', '"summ",', r"REFERENCES\['sumsq'\]: 'summ' is no field of passline_state. Known: max, sum"),
        ("return Expected(state", "return dict(state", r"REFERENCES\['vscale'\]: returns dict. Return passline"),
        (", outputs=x.astype(np.float64) * scale", "", r"REFERENCES\['vscale'\]: expects neither outputs nor a value"),
        ("outputs=x.astype(np.float64)", "outputs=x", r"outputs: gives float32\[5\], not float64\[5\]"),
    ],
)
def test_a_reference_of_no_use(old: str, new: str, says: str, folder: Path) -> None:
    study = edited(folder, "reference.py", old, new)
    with pytest.raises(StudyError, match=says):
        check_references(study)


def test_an_unknown_field_of_the_result(folder: Path) -> None:
    study = edited(folder, "study.yaml", "element: f32\n", "element: f32\nresult: values\n")
    with pytest.raises(StudyError, match=r"result: 'values' is no field of passline_state\. Known: max, sum"):
        check_references(study)


def test_the_logarithm_keeps_what_is_near_0_and_what_is_huge() -> None:
    whole = whole_reference(load_study(KERNELS / "logsumexp", ISAS))
    near = np.full(3, -math.log(3), dtype=np.float32)
    assert whole(near)[0] == pytest.approx(float(near[0]) + math.log(3), abs=1e-15)
    assert whole(np.full(4, 1e30, dtype=np.float32))[0] == pytest.approx(1e30)
    rng = np.random.default_rng(1)
    x = rng.standard_normal(200_000, dtype=np.float32)
    assert whole(x)[0] == pytest.approx(math.log(math.fsum(np.exp(x.astype(np.float64)))), abs=1e-12)
    for row in ([1, np.nan], [np.inf, 0], [-np.inf, -np.inf]):
        assert np.isnan(whole(np.array(row, dtype=np.float32))).all()
