"""Where a study may lie, what it may take from another, and the skeleton that new-study writes."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
import yaml

from passline import cli
from passline.errors import ConfigError, StudyError
from passline.own_reference import whole_reference
from passline.registry import KERNELS, load_isas, load_study, source_files
from passline.studies import load_studies
from passline.study_file import known_studies, study_folder

V_UNROLL = {"macro": "PASSLINE_UNROLL", "prefix": "v", "description": "vectors per loop step"}
ISAS = {"scalar": load_isas()["scalar"]}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh study of the working directory."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new-study", "mine"]) == 0
    return tmp_path / "mine"


def edit(folder: Path, change) -> None:
    document = yaml.safe_load((folder / "study.yaml").read_text())
    change(document)
    (folder / "study.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


@pytest.mark.parametrize("named", ["mine", "./mine", "mine/", "../{parent}/mine", "{absolute}"])
def test_a_path_names_a_study(named: str, study: Path) -> None:
    assert study_folder(named.format(parent=study.parent.name, absolute=study)) == study


def test_a_name_in_kernels_is_that_one_even_beside_a_folder_of_the_name(study: Path) -> None:
    study.rename(study.parent / "softmax")
    assert study_folder("softmax") == KERNELS / "softmax"
    assert study_folder("./softmax") == study.parent / "softmax"


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("sofmax", r"'sofmax' has no .*study.yaml. Known studies: ceilings, .*softmax; or give the path"),
        ("./nowhere", r"the folder .*/nowhere does not exist. .*passline new-study"),
        ("..", r".* has no study.yaml. Add one as in .*skeleton"),
    ],
)
def test_no_such_study(named: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"config: study: {says}"):
        study_folder(named)


def test_the_name_of_the_roofs_is_taken(study: Path) -> None:
    edit(study, lambda d: d.update(study="ceilings"))
    with pytest.raises(StudyError, match="'ceilings' is the name of the roofs"):
        load_studies("./mine", ISAS, "presets")


def test_what_a_study_takes_comes_with_all_that_belongs_to_it() -> None:
    study, softmax = (load_study(KERNELS / name, ISAS) for name in ("logsumexp", "softmax"))
    taken = study.passes["raddextexp"]
    assert taken == softmax.passes["raddextexp"]
    assert taken.source.parent == KERNELS / "softmax"
    mine, theirs = (s.variants_of("raddextexp", "scalar") for s in (study, softmax))
    assert [v.name for v in mine] == [v.name for v in theirs]
    assert {v.study for v in mine} == {"logsumexp"}
    header = KERNELS / "logsumexp" / "log_of_pair.h"
    assert mine[0].macros == (*theirs[0].macros, "-include", str(header), "-DPASSLINE_THEN=log_of_pair")
    assert study.variants_of("rmax", "scalar")[0].macros == softmax.variants_of("rmax", "scalar")[0].macros
    assert study.inputs == softmax.inputs
    assert {KERNELS / "softmax" / "exp.h", header} <= set(source_files(study, "raddextexp"))
    assert study.folders == (KERNELS / "logsumexp", KERNELS / "softmax")
    assert (study.result, study.outputs_sum, softmax.result, softmax.outputs_sum) == ("value", None, None, 1)


def test_a_study_elsewhere_takes_from_kernels_and_from_beside_it(study: Path) -> None:
    assert cli.main(["new-study", "other"]) == 0
    edit(study, lambda d: d["passes"].update(vmulc={"from": "softmax"}, vscale={"from": "../other", "max_ulp": {}}))
    loaded = load_study(study, ISAS)
    assert loaded.passes["vscale"].source == study.parent / "other" / "vscale.c"
    assert loaded.passes["vscale"].bound_ulp("scalar") is None  # what it says itself goes first
    assert loaded.passes["vmulc"].source == KERNELS / "softmax" / "vmulc.c"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["passes"].update(vmulc={"from": "sofmax"}), r"passes.vmulc.from: 'sofmax' has no"),
        (
            lambda d: d["passes"].update(vmul={"from": "softmax"}),
            r"passes.vmul: softmax has no pass 'vmul'. Its passes:",
        ),
        (lambda d: d["passes"].update(vscale={"from": "../mine"}), r"mine takes from itself"),
        (
            lambda d: d["passes"]["vscale"].update(then="halve"),
            r"passes.vscale.then: its file .*halve.h does not exist",
        ),
        (lambda d: d["passes"]["vscale"].pop("reads"), r"passes.vscale: the key 'reads' is missing"),
        (
            lambda d: (d["passes"].update(vmulc={"from": "softmax"}), d["dimensions"].update(unroll=V_UNROLL)),
            r"dimensions.unroll: 'unroll' of this study is not what a pass taken from another study means",
        ),
    ],
)
def test_what_cannot_be_taken(change, says: str, study: Path) -> None:
    edit(study, change)
    with pytest.raises(StudyError, match=says):
        load_study(study, ISAS)


def test_the_skeleton_is_the_study_of_its_folder_and_loads(study: Path) -> None:
    loaded = load_study(study, ISAS)
    assert (loaded.name, loaded.folder) == ("mine", study)
    assert {path.name for path in study.iterdir()} == {path.name for path in (KERNELS / "skeleton").iterdir()}
    assert "skeleton" not in (study / "README.md").read_text()


def test_every_study_has_some_dimensions_and_inputs_and_may_redefine_them(study: Path) -> None:
    edit(study, lambda d: (d["inputs"].update(uniform={"distribution": "uniform", "low": 0, "high": 1}),
                           d["passes"]["vscale"].update(variants=[{"unroll": [4], "accumulators": [2]}])))  # fmt: skip
    loaded = load_study(study, ISAS)
    assert list(loaded.dimensions) == ["sums", "unroll", "accumulators"]
    assert [v.name for v in loaded.variants_of("vscale", "scalar")] == ["f32-vscale-scalar-u4-acc2"]
    assert set(loaded.inputs) == {"small", "large", "normal", "uniform", "constant", "one_hot"}
    assert loaded.inputs["uniform"]["high"] == 1
    assert "accumulators" not in load_study(KERNELS / "skeleton", ISAS).dimensions  # no pass uses it
    edit(study, lambda d: d["passes"]["vscale"].update(variants=[{"unroll": [4], "accumulators": [3]}]))
    with pytest.raises(StudyError, match="3 does not divide 4"):
        load_study(study, ISAS)


def test_a_constant_stands_once_for_c_and_for_the_reference(study: Path) -> None:
    edit(study, lambda d: d["constants"].update(EPS=0.25))
    loaded = load_study(study, ISAS)
    assert all("-DEPS=0.25" in variant.macros for variant in loaded.variants)
    assert whole_reference(loaded)(np.zeros(1, np.float32) + 1)[0] == 1 / np.sqrt(1.25)
    # A pass keeps the constants of the study that it is taken from.
    assert cli.main(["new-study", "other"]) == 0
    edit(study, lambda d: d["passes"].update(vscale={"from": "../other"}))
    loaded = load_study(study, ISAS)
    assert "-DEPS=1e-05" in loaded.variants_of("vscale", "scalar")[0].macros
    assert "-DEPS=0.25" in loaded.variants_of("sumsq", "scalar")[0].macros


def code(text: str, comment: str) -> list[str]:
    """Its lines that are neither blank nor comment alone."""
    return [line for line in text.splitlines() if line.strip() and not line.strip().startswith(comment)]


@pytest.mark.parametrize("name", ["skeleton", "logsumexp"])
def test_a_pass_is_under_60_lines_of_c_and_yaml(name: str) -> None:
    """Of its study's own files: the C file, headers of the study that it includes or ends with, and its entry.

    Lines that are blank or comment alone do not count, nor does what a pass of another study brings.
    """
    folder = KERNELS / name
    lines = code((folder / "study.yaml").read_text(), "#")
    for pass_name, spec in yaml.safe_load((folder / "study.yaml").read_text())["passes"].items():
        start = next(i for i, line in enumerate(lines) if line.startswith(f"  {pass_name}:"))
        entry = [lines[start], *takewhile(lambda line: line.startswith("   "), lines[start + 1 :])]
        source = folder / f"{pass_name}.c"
        files = [source] if source.is_file() else []
        files += [path for path in folder.glob("*.h") if files and f'#include "{path.name}"' in source.read_text()]
        files += [folder / f"{spec['then']}.h"] if "then" in spec else []
        assert files or "from" in spec
        length = len(entry) + sum(len(code(path.read_text(), "//")) for path in files)
        assert 1 <= length < 60, (pass_name, length)


def test_new_study_overwrites_nothing_and_refuses_what_is_no_name(study: Path, capsys) -> None:
    before = {path: path.read_bytes() for path in study.iterdir()}
    (study.parent / "file").touch()
    for name, says in {
        "mine": "exists, and nothing is overwritten",
        "file": "exists, and nothing is overwritten",
        "Row-norm": "'Row-norm' cannot be the name of a study. Use small letters",
        "sub/softmax": "'softmax' is a study in kernels/ already",
        "file/mine": "cannot be made (",
    }.items():
        assert cli.main(["new-study", name]) == 2
        assert says in capsys.readouterr().err
    assert {path: path.read_bytes() for path in study.iterdir()} == before
    assert not (study.parent / "sub").exists()


def test_every_study_of_kernels_loads_and_has_a_folder_of_its_name() -> None:
    for name in known_studies():
        assert load_studies(name, ISAS, "default")[0].name == name
