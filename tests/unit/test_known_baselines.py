"""Outside baselines in the plan and in the config; that they run is a test of the kernels'."""

import copy

import pytest
import yaml

from passline import known_baselines
from passline.config import expanded
from passline.contenders import Built, untuned
from passline.errors import ConfigError, StudyError
from passline.forecast import read_config
from passline.known_baselines import Known
from passline.plan import Host, Planner
from passline.registry import KERNELS, load_isas, load_study
from passline.schema import validate
from passline.sizes import Caches

ISAS = load_isas()
STUDY = load_study(KERNELS / "softmax", ISAS)
CEILINGS = load_study(KERNELS / "ceilings", ISAS)
HOST = Host(Caches(l1d=32 << 10, l2=1 << 20, llc=32 << 20), 24 << 30, (0,))
CHOSEN = dict(untuned(STUDY, ISAS, "gcc").chosen)
HERE = {
    "numpy": Known("NumPy", ok=True, version="2", isa="AVX", threads=1, denormals="kept"),
    "torch": Known("PyTorch", ok=False, reason="PyTorch cannot be imported"),
}
CONFIG = yaml.safe_load((known_baselines.FOLDER.parents[1] / "config" / "default.yaml").read_text())


def group(**changes):
    common = {"kind": "algorithms", "protocols": ["hot"], "sizes": [65536], "inputs": ["uniform"]}
    return {**common, "isas": ["avx2", "avx512f"], **changes}


def config(*groups, **changes):
    return {**copy.deepcopy(CONFIG), "blocks": list(groups), **changes}


def plan(*groups, baselines=HERE, **changes):
    made = Planner(config(*groups, **changes), STUDY, CEILINGS, ISAS, HOST)
    return made.plan([Built("gcc", "id", CHOSEN)], 20e-9, 0.15e-9, baselines)


def named(block, index):
    key = block["contenders"][index]["key"]
    return key["algorithm"], key["isa"], key["variant"]


def baselines_of(block):
    return [c["baseline"] for c in block["contenders"] if c["baseline"]]


def test_sessions_that_time_those_that_are_there():
    folder = known_baselines.FOLDER.parents[1] / "config"
    configs = {path.stem: read_config([path], None) for path in folder.glob("*.yaml")}
    wanted = {name: known_baselines.wanted(expanded(config)) for name, config in configs.items()}
    every = known_baselines.names()
    assert wanted == {"default": [], "smoke": ["numpy"], "beyond": every, "paper": every}


def test_what_is_there_is_timed_beside_the_algorithms_and_what_is_not_is_skipped_with_the_reason():
    made = plan(group(baselines=["numpy", "torch"]))
    (block,) = made.blocks
    assert baselines_of(block) == ["numpy"]
    assert made.skipped == [{"what": "baseline torch", "reason": "PyTorch cannot be imported"}]
    contender = block["contenders"][-1]
    assert contender["key"]["n_elements"] == 65536
    assert (contender["variants"], contender["library"]) == ([], "")


def test_available_asks_for_every_file_and_what_was_not_probed_is_skipped():
    made = plan(group(baselines="available"))
    assert baselines_of(made.blocks[0]) == ["numpy"]
    assert {row["what"] for row in made.skipped} == {
        f"baseline {name}" for name in known_baselines.names() if name != "numpy"
    }
    assert known_baselines.wanted(config(group(baselines="available"))) == known_baselines.names()


def test_groups_without_the_key_hold_none():
    assert [baselines_of(b) for b in plan(group()).blocks] == [[]]


def test_comparisons_name_a_baseline_as_base_of_each_isa_and_choice():
    made = plan(group(baselines=["numpy"]), comparisons=[["two_pass", "numpy"]])
    (block,) = made.blocks
    found = [(named(block, c), named(block, b)) for c, b in block["stop"]["pairs"]]
    with_numpy = [pair for pair in found if pair[1][0] == "numpy"]
    assert set(with_numpy) == {
        (("two_pass", isa, choice), ("numpy", "-", "-"))
        for isa in ("avx2", "avx512f")
        for choice in ("preset", "tuned")
    }
    assert len(found) == len(set(found)) == len(STUDY.comparisons) * 4 + len(with_numpy)


def test_a_baseline_that_is_not_there_is_compared_with_nothing():
    (block,) = plan(group(baselines=["torch"]), comparisons=[["two_pass", "torch"]]).blocks
    assert {named(block, b)[0] for _, b in block["stop"]["pairs"]} <= STUDY.algorithms.keys()


def test_a_second_group_adds_its_baselines_to_a_block_and_its_pairs_with_what_was_there():
    comparisons = [["two_pass", "numpy"]]
    (merged,) = plan(group(), group(baselines=["numpy"]), comparisons=comparisons).blocks
    (single,) = plan(group(baselines=["numpy"]), comparisons=comparisons).blocks
    pairs = [{(named(b, c), named(b, base)) for c, base in b["stop"]["pairs"]} for b in (merged, single)]
    assert baselines_of(merged) == ["numpy"]
    assert pairs[0] == pairs[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baselines": ["numpi"]}, r"blocks\.baselines: 'numpi' is not an outside baseline\. Use available, or some"),
        ({"baselines": "available", "kind": "passes"}, r"blocks of kind 'passes' hold no whole algorithms"),
    ],
)
def test_a_baseline_that_cannot_be_meant_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        known_baselines.wanted(config(group(**changes)))


def test_baselines_compute_softmax_and_are_skipped_in_another_study():
    asked = config(group(baselines=["numpy"]), study="logsumexp", comparisons=[["two_pass", "numpy"]])
    assert known_baselines.wanted(asked) == []
    study = load_study(KERNELS / "logsumexp", ISAS)
    planner = Planner(asked, study, CEILINGS, ISAS, HOST)
    assert planner.comparisons == study.comparisons
    made = planner.plan([untuned(study, ISAS, "gcc")], 20e-9, 0.15e-9, {})
    assert baselines_of(made.blocks[0]) == []
    assert {"what": "baseline numpy", "reason": "it computes softmax, the study is logsumexp"} in made.skipped


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (["numpy", "two_pass"], "'numpy' is not an algorithm of the study"),
        (["two_pass", "nothing"], "'nothing' is neither an algorithm of the study nor an outside baseline"),
    ],
)
def test_a_comparison_of_what_does_not_exist_is_refused(pair, message):
    known_baselines.check_comparisons([["two_pass", "numpy"], ["two_pass", "three_pass_reload"]], STUDY.algorithms)
    with pytest.raises(ConfigError, match=message):
        known_baselines.check_comparisons([pair], STUDY.algorithms)


def test_a_study_may_name_a_baseline_as_base_only(tmp_path):
    text = (KERNELS / "softmax" / "study.yaml").read_text()
    study = yaml.safe_load(text)
    for name in study["passes"]:
        (tmp_path / f"{name}.c").touch()
    for pair, refused in ((["two_pass", "numpy"], False), (["numpy", "two_pass"], True)):
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(study | {"comparisons": [pair]}))
        if refused:
            with pytest.raises(StudyError, match="unknown algorithm 'numpy'"):
                load_study(tmp_path, ISAS)
        else:
            assert load_study(tmp_path, ISAS).comparisons == (tuple(pair),)


def test_the_schema_knows_the_keys():
    validate(config(group(baselines="available"), comparisons=[["two_pass", "numpy"]]), "config", "here", ConfigError)
    with pytest.raises(ConfigError, match="baselines"):
        validate(config(group(baselines="all")), "config", "here", ConfigError)


def test_an_installed_library_is_told_by_name_and_size_and_not_by_where_it_lies(tmp_path, monkeypatch):
    """It stands in what is exported; and another one of the same name is still another one."""
    (tmp_path / "libXNNPACK.so.0.1").write_bytes(b"1234")
    (tmp_path / "libXNNPACK.so.0").symlink_to("libXNNPACK.so.0.1")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    monkeypatch.setattr(known_baselines, "_SYSTEM", ())
    assert known_baselines.installed(["xnnpack"]) == {"xnnpack": "libXNNPACK.so.0.1 (4 bytes)"}
    (tmp_path / "libXNNPACK.so.0.1").write_bytes(b"12345")
    assert known_baselines.installed(["xnnpack"]) == {"xnnpack": "libXNNPACK.so.0.1 (5 bytes)"}
