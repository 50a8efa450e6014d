"""The registry: derived from study.yaml and isa.yaml, with errors a person can act on."""

import shutil
from pathlib import Path

import pytest
import yaml

from passline.errors import MachineError, StudyError
from passline.plan_beyond import papers_variants
from passline.registry import KERNELS, load_isas, load_study, select_isas, traffic

ISAS = load_isas()
SOFTMAX = KERNELS / "softmax"


@pytest.fixture
def study_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "softmax"
    shutil.copytree(SOFTMAX, folder)
    return folder


def edit(folder: Path, change) -> None:
    document = yaml.safe_load((folder / "study.yaml").read_text())
    change(document)
    (folder / "study.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def test_names_follow_the_grammar():
    names = {v.name for v in load_study(SOFTMAX, ISAS).variants}
    assert "f32-raddextexp-avx512f-p5-u144-acc3" in names  # the paper's preset: 9 vectors of 16
    assert "f32-raddexpminusmax-avx2-rr2-p5-u96-acc1" in names


@pytest.mark.parametrize(
    ("algorithm", "bytes_per_element", "with_write_allocate"),
    [("three_pass_recompute", 16, 20), ("three_pass_reload", 20, 24), ("two_pass", 12, 16)],
)
def test_traffic_of_the_papers_algorithms(algorithm, bytes_per_element, with_write_allocate):
    study = load_study(SOFTMAX, ISAS)
    parts = [traffic(study.passes[p]) for p in study.algorithms[algorithm].passes]
    assert sum(read + written for read, written, _ in parts) == bytes_per_element
    assert sum(sum(part) for part in parts) == with_write_allocate


def test_the_papers_algorithms_are_not_those_beyond():
    study = load_study(SOFTMAX, ISAS)
    assert set(study.papers) == {"three_pass_recompute", "three_pass_reload", "two_pass"}
    assert set(study.papers) | set(study.beyond) == study.algorithms.keys()
    assert {name for pair in study.comparisons for name in pair} <= set(study.papers)


def test_an_algorithm_runs_where_all_its_steps_do():
    study = load_study(SOFTMAX, ISAS)
    (step,) = [s for s in study.algorithms["two_pass_ref_nt"].steps if s.pass_name == "vscaleexpref"]
    assert all(v.non_temporal for v in study.variants_of("vscaleexpref", "avx2", step))
    (step,) = [s for s in study.algorithms["two_pass_ref_p5"].steps if s.pass_name == "raddexpref"]
    assert {v.dimensions["degree"] for v in study.variants_of("raddexpref", "avx512f", step)} == {5}


def test_non_temporal_stores_fetch_no_line():
    ceilings = load_study(KERNELS / "ceilings", ISAS)
    by_store = {v.non_temporal: v for v in ceilings.variants_of("copy", "avx2")}
    step = ceilings.passes["copy"]
    assert traffic(step, non_temporal=by_store[True].non_temporal)[2] == 0
    assert traffic(step, non_temporal=by_store[False].non_temporal)[2] == 4


@pytest.mark.parametrize("isa", ["neon", "avx2", "avx512f"])
def test_grid_holds_the_presets_and_1_2_4_8_vectors(isa):
    study = load_study(SOFTMAX, ISAS)
    for name in dict.fromkeys(name for one in study.papers for name in study.algorithms[one].passes):
        variants = study.variants_of(name, isa)
        assert sum(v.preset for v in variants) == 1
        assert {1, 2, 4, 8} <= {v.dimensions["unroll"] for v in variants}


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_default_session_builds_at_most_250_variants_for_the_reproduction_and_270_in_all(architecture):
    flags = [flag for isa in ISAS.values() for flag in isa.cpu_flags]
    isas, _ = select_isas(ISAS, "auto", architecture, flags)
    studies = [load_study(KERNELS / s, isas) for s in ("softmax", "ceilings")]
    assert sum(len(papers_variants(study)) for study in studies) <= 250
    assert sum(len(study.variants) for study in studies) <= 270


def test_full_grid_contains_the_default_one():
    default = {v.name for v in load_study(SOFTMAX, ISAS).variants}
    full = {v.name for v in load_study(SOFTMAX, ISAS, "full").variants}
    assert default < full
    assert "f32-raddextexp-avx512f-p5-u192-acc6" in full


@pytest.mark.parametrize("isa", ISAS)
def test_every_algorithm_exists_on_every_isa(isa):
    """Those of the paper at once; those beyond it once the study has presets of the ISA."""
    study = load_study(SOFTMAX, ISAS)
    presets = any(v.preset for v in study.variants if v.isa == isa)
    assert {study.lacks(name, isa) for name in (study.algorithms if presets else study.papers)} == {None}


def test_accumulators_that_do_not_divide_the_unroll(study_folder):
    edit(
        study_folder,
        lambda d: d["passes"]["raddextexp"]["variants"].append({"degree": [5], "unroll": [9], "accumulators": [2]}),
    )
    with pytest.raises(
        StudyError, match=r"raddextexp: unroll 9 with 2 accumulators: 2 does not divide 9\. Use 1, 3, 9"
    ):
        load_study(study_folder, ISAS)


def test_missing_pass_file(study_folder):
    (study_folder / "rmax.c").unlink()
    with pytest.raises(StudyError, match=r"passes\.rmax: its file .*rmax\.c does not exist"):
        load_study(study_folder, ISAS)


def test_unknown_pass_in_an_algorithm(study_folder):
    edit(study_folder, lambda d: d["algorithms"]["two_pass"]["passes"].append("vmul"))
    with pytest.raises(StudyError, match=r"algorithms\.two_pass: unknown pass 'vmul'\. Known passes: rmax"):
        load_study(study_folder, ISAS)


def test_unknown_key_is_named_with_the_closest_known_one(study_folder):
    edit(study_folder, lambda d: d["passes"]["rmax"].update(flop_per_element=1))
    with pytest.raises(
        StudyError, match=r"passes\.rmax: unknown key 'flop_per_element'\. Did you mean 'flops_per_element'\?"
    ):
        load_study(study_folder, ISAS)


def test_unknown_dimension(study_folder):
    edit(study_folder, lambda d: d["passes"]["vmulc"]["variants"].append({"unrol": [4]}))
    with pytest.raises(StudyError, match="unknown dimension 'unrol'"):
        load_study(study_folder, ISAS)


def test_isa_the_machine_lacks_is_an_error_when_listed_and_a_reason_when_automatic():
    flags = ["avx2", "fma"]
    used, missing = select_isas(ISAS, "auto", "x86_64", flags)
    assert list(used) == ["scalar", "avx2"]
    assert missing["avx512f"] == "the CPU does not show avx512f in /proc/cpuinfo"
    with pytest.raises(MachineError, match=r"'avx512f' cannot run here.*Use isas: auto, or some of: scalar, avx2"):
        select_isas(ISAS, ["avx512f"], "x86_64", flags)
    with pytest.raises(StudyError, match="'avx3' is not an instruction set"):
        select_isas(ISAS, ["avx3"], "x86_64", flags)


def test_every_architecture_has_its_own_kernels_and_the_scalar_ones():
    used, missing = select_isas(ISAS, "auto", "aarch64", ["fp", "asimd"])
    assert list(used) == ["scalar", "neon"]
    assert "this machine is aarch64" in missing["avx2"]
    used, missing = select_isas(ISAS, "auto", "riscv64", [])
    assert list(used) == ["scalar"]
    assert missing["neon"] == "needs aarch64, this machine is riscv64"
    assert "neon" not in select_isas(ISAS, "auto", "x86_64", ["avx2", "fma", "avx512f"])[0]
