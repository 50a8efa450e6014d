"""Algorithms beyond the paper: declared with fixed dimensions, timed in blocks of their own beside their floors."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from beyond_study import CACHES, CEILINGS, CONFIG, EXTRA, GROUP, ISAS, make, plan, planner, tuned, write

from passline.builds import chosen
from passline.config import check_config
from passline.contenders import Built
from passline.errors import ConfigError, StudyError
from passline.known_baselines import Known
from passline.measure.round import row_counts
from passline.plan_beyond import document
from passline.plan_points import thread_counts
from passline.registry import KERNELS, Study, load_study
from passline.selftest_plan import blocks as selftest_blocks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("kernels") / "softmax")


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return load_study(folder, ISAS)


def test_a_step_takes_the_variants_with_what_it_fixes(study: Study) -> None:
    reduce, output = study.algorithms["two_pass_plain"].steps
    assert {v.dimensions["unroll"] for v in study.variants_of("raddextexp", "avx2", reduce)} == {1}
    assert study.preset("vscaleextexp", "avx2", output).dimensions["unroll"] == 1
    # Null is the absence of a dimension: the finite-only variants of three vectors are left out.
    kept = study.variants_of("vscaleextexp", "avx512f", study.algorithms["two_pass_unclamped"].steps[1])
    assert {v.dimensions["unroll"] for v in kept} == {3}
    assert not any(v.finite_only for v in kept)


def test_presets_alone_still_hold_a_variant_for_each_step(folder: Path) -> None:
    presets = load_study(folder, ISAS, "presets")
    for name in presets.algorithms:
        assert presets.lacks(name, "avx512f") is None
    assert len(presets.variants_of("raddextexp", "avx512f")) == 2
    assert presets.lacks("two_pass_unclamped", "avx2") == presets.algorithms["two_pass_unclamped"].steps[1]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"pass": "raddexp"}, "unknown pass 'raddexp'. Known passes: rmax"),
        ({"pass": "raddextexp", "unrol": 1}, "unknown dimension 'unrol'. Known dimensions: rr"),
    ],
)
def test_a_step_that_names_what_is_not_there_is_an_error(
    tmp_path: Path, entry: dict[str, object], message: str
) -> None:
    made = tmp_path / "softmax"
    shutil.copytree(KERNELS / "softmax", made)
    write(made, {"odd": {"title": "Odd", "group": "beyond", "passes": [entry]}})
    with pytest.raises(StudyError, match=message):
        load_study(made, ISAS)


def test_the_reproduction_is_the_same_with_and_without_them(study: Study) -> None:
    papers = load_study(KERNELS / "softmax", ISAS)
    groups = [group for group in CONFIG["blocks"] if "algorithms" not in group]
    choices = {key: name for key, name in tuned(study).items() if "=" not in key[0]}
    with_them = planner(study, blocks=groups).plan([Built("gcc", "id", tuned(study))], 20e-9, 0.15e-9)
    without = planner(papers, blocks=groups).plan([Built("gcc", "id", choices)], 20e-9, 0.15e-9)
    if not papers.beyond:
        assert with_them.blocks == without.blocks
    timed = {c["key"]["algorithm"] for b in with_them.blocks for c in b["contenders"]}
    assert not timed & set(study.beyond)
    made = planner(study)
    checked = {
        c["key"]["algorithm"] for b in selftest_blocks(made, [Built("gcc", "id", {})], [4096]) for c in b["contenders"]
    }
    assert checked == set(study.papers)


def test_all_algorithms_and_the_floor_of_each_share_a_block(study: Study) -> None:
    result = plan(study, GROUP)
    assert [b["name"] for b in result.blocks] == [f"beyond-hot-n{n}-normal-huge" for n in (4096, 65536)]
    keys = {(c["key"]["algorithm"], c["key"]["isa"], c["key"]["variant"]) for c in result.blocks[0]["contenders"]}
    assert {(a, "avx512f", "tuned") for a in study.algorithms} <= keys
    floors = {(a, isa) for a, isa, variant in keys if variant == "floor"}
    assert {("read+copy", "avx512f"), ("read+read+copy", "avx2"), ("read+copy+scale_inplace", "avx2")} <= floors
    assert ("two_pass_unclamped", "avx2", "tuned") not in keys
    assert {
        "what": "two_pass_unclamped on avx2",
        "reason": "the study declares no vscaleextexp unroll=3 clamp=None for it",
    } in (result.skipped)


def test_only_those_beyond_the_paper(study: Study) -> None:
    (block, *_) = plan(study, {**GROUP, "algorithms": "beyond"}).blocks
    named = {c["key"]["algorithm"] for c in block["contenders"] if c["key"]["variant"] == "tuned"}
    assert named == set(study.beyond)


def test_a_floor_runs_the_ceilings_with_the_streams_of_each_pass(study: Study) -> None:
    block = plan(study, GROUP).blocks[0]
    floor = next(c for c in block["contenders"] if c["name"] == "gcc read+copy+scale_inplace avx2 floor")
    assert [v.split("-")[1] for v in floor["variants"]] == ["read", "copy", "scale_inplace"]
    assert floor["state"] == {"scale": 1.0}
    assert not floor["whole"]
    assert floor["key"]["study"] == "ceilings"


def test_a_study_without_any_skips_the_blocks_and_says_so(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "softmax"
    shutil.copytree(folder, made)
    write(made, {})
    result = plan(load_study(made, ISAS), GROUP)
    assert not result.blocks
    assert result.skipped == [{"what": "blocks beyond the paper", "reason": "the study has no algorithm for them"}]


def test_what_the_analysis_is_told(study: Study) -> None:
    told = document(study, CEILINGS, Built("gcc", "id", tuned(study)), ["avx2", "avx512f"], ["torch"], pd.DataFrame())
    assert list(told["algorithms"]) == list(EXTRA)
    assert ["two_pass_plain", "two_pass"] in told["comparisons"]
    assert ["two_pass_plain", "torch"] in told["comparisons"]
    assert not [pair for pair in told["comparisons"] if pair[0] in study.papers]
    assert told["floors"]["two_pass_plain"] == {"avx2": "read+copy", "avx512f": "read+copy"}
    assert list(told["floors"]["two_pass_unclamped"]) == ["avx512f"]
    plain = {"reference": "per element", "degree": "5", "store": "ordinary", "reload": "no"}
    assert told["parts"]["two_pass_plain"]["avx2"] == plain
    reloading = plain | {"reference": "maximum first", "rr": "2", "reload": "yes"}
    assert told["parts"]["three_pass_reload"]["avx2"] == reloading


def test_algorithms_beyond_the_paper_that_differ_in_one_part_alone_are_compared() -> None:
    study = load_study(KERNELS / "softmax", ISAS)
    told = document(study, CEILINGS, Built("gcc", "id", tuned(study)), ["avx2"], [], pd.DataFrame())
    assert {"two_pass_ref_p5", "online", "two_pass_ref_reload_p5"} <= set(told["parts"])
    assert ["two_pass_ref_p5", "online"] in told["comparisons"], "what they are relative to"
    assert ["two_pass_ref_reload_p5", "two_pass_ref_p5"] in told["comparisons"], "reloading"
    assert ["two_pass_ref_reload_p5", "online"] not in told["comparisons"], "both"
    assert len(told["comparisons"]) == len({tuple(pair) for pair in told["comparisons"]})


def test_the_key_is_for_algorithms_only() -> None:
    with pytest.raises(ConfigError):
        check_config({**CONFIG, "blocks": [{**GROUP, "kind": "split"}]})
    check_config({**CONFIG, "blocks": [GROUP]})


def test_the_tuned_choice_of_a_fixed_step_is_the_best_that_it_admits(study: Study) -> None:
    variants = study.variants_of("vscaleextexp", "avx512f")
    rows = pd.DataFrame(
        {
            "build_id": "id", "pass": v.pass_name, "isa": v.isa, "variant": v.name, "n_elements": n,
            "time_median_s": 1e-6 / v.dimensions["unroll"], "stack_references": 0, "calls": 0,
            "finite_only": v.finite_only, "chosen": v.dimensions["unroll"] == 8,
        }
        for v in variants for n in (4096, 65536)
    )  # fmt: skip
    found = chosen(rows, "id", study)
    assert "-u128" in found["vscaleextexp", "avx512f"]
    assert "-u16" in found["vscaleextexp unroll=1", "avx512f"]
    assert "-u48" in found["vscaleextexp unroll=3 clamp=None", "avx512f"]


def test_consumed_reads_y_by_the_read_loop_of_each_contenders_isa(study: Study) -> None:
    peer = {"numpy": Known("NumPy", ok=True)}
    made = planner(study, blocks=[{**GROUP, "protocols": ["consumed"], "sizes": [4096], "baselines": ["numpy"]}])
    (block,) = made.plan([Built("gcc", "id", tuned(study))], 20e-9, 0.15e-9, peer).blocks
    assert block["name"] == "beyond-consumed-n4096-normal-huge"
    for contender in block["contenders"]:
        isa = "avx512f" if contender["baseline"] else contender["key"]["isa"]
        assert contender["consumer"].startswith(f"f32-read-{isa}-")
        assert contender["key"]["cache_protocol"] == "consumed"
    assert {c["consumer"] for c in plan(study, GROUP).blocks[0]["contenders"]} == {""}


def test_batches_stay_in_cache_or_stream_from_memory(study: Study) -> None:
    sizes = [1024, 50257, 256000]
    cached = plan(study, {**GROUP, "sizes": sizes, "rows": "in_cache"}).blocks
    streamed = plan(study, {**GROUP, "sizes": sizes, "rows": "streamed"}).blocks
    for block in cached:
        assert 8 * block["n_elements"] * block["rows"] <= CACHES.llc / 2
        assert 8 * block["n_elements"] * (block["rows"] + 1) > CACHES.llc / 2
    for block in streamed:
        assert 4 * block["n_elements"] * block["rows"] >= 4 * CACHES.llc
        assert row_counts(block, CACHES.llc) == (block["rows"], block["rows"])
    assert cached[0]["name"] == "beyond-hot-n1024-r2048-normal-huge"
    # Where a batch is out of cache, intervals may be as wide as there.
    design = planner(study).design
    pairs = {"comparisons": [["two_pass_plain", "two_pass"]]}
    wide = planner(study, blocks=[{**GROUP, "rows": "streamed"}], **pairs)
    found = wide.plan([Built("gcc", "id", tuned(study))], 20e-9, 0.15e-9).blocks
    assert {b["stop"]["target"] for b in found} == {design.target}


def test_several_threads_share_the_batch_and_have_no_outside_baseline(study: Study) -> None:
    group = {**GROUP, "sizes": [4096], "rows": "in_cache", "threads": [1, "node", "all", 4], "baselines": ["numpy"]}
    made = planner(study, blocks=[group])
    result = made.plan([Built("gcc", "id", tuned(study))], 20e-9, 0.15e-9, {"numpy": Known("NumPy", ok=True)})
    by_threads = {b["threads"]: b for b in result.blocks}
    assert sorted(by_threads) == [1, 2]
    assert by_threads[1]["rows"] == 2 * by_threads[2]["rows"]
    assert {c["key"]["threads"] for c in by_threads[2]["contenders"]} == {2}
    assert any(c["baseline"] for c in by_threads[1]["contenders"])
    assert not any(c["baseline"] for c in by_threads[2]["contenders"])
    assert any(row["reason"] == "the session has 2 cores" and "-t4-" in row["what"] for row in result.skipped)


def test_threads_in_words_are_numbers_each_once() -> None:
    words = ["powers_of_two", "node", "socket", "all"]
    assert thread_counts(words, node=1, socket=1, cores=1) == [1]
    assert thread_counts(words, node=2, socket=2, cores=2) == [1, 2]
    # Twelve cores in two sockets of two nodes each: past the node, the socket, then all.
    assert thread_counts(words, node=3, socket=6, cores=12) == [1, 2, 3, 4, 6, 8, 12]
    assert thread_counts([5, "socket"], node=3, socket=6, cores=12) == [5, 6]


@pytest.mark.parametrize("changes", [{"protocols": ["cold"]}, {"algorithms": "paper"}, {"protocols": ["hot", "paper"]}])
def test_batches_are_for_blocks_beyond_and_protocols_without_rows_of_their_own(changes: dict[str, object]) -> None:
    for key in ({"rows": "in_cache"}, {"threads": [2]}):
        check_config({**CONFIG, "blocks": [{**GROUP, **key}]})
        with pytest.raises(ConfigError):
            check_config({**CONFIG, "blocks": [{**GROUP, **key, **changes}]})


def test_a_group_may_ask_for_few_rounds(study: Study) -> None:
    comparisons = [["two_pass_plain", "two_pass"]]
    for asked, expected in ((9, 9), (99, planner(study).design.rounds_least)):
        made = planner(study, blocks=[{**GROUP, "rounds": asked}], comparisons=comparisons)
        for block in made.plan([Built("gcc", "id", tuned(study))], 20e-9, 0.15e-9).blocks:
            assert (block["rounds"], block["stop"]["pairs"], block["stop"]["looks"]) == (expected, [], [])


def test_what_only_they_use_is_tuned_only_where_blocks_ask_for_them(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "softmax"
    shutil.copytree(folder, made)
    document = yaml.safe_load((made / "study.yaml").read_text())
    document["passes"]["again"] = document["passes"]["vmulc"]
    document["algorithms"]["scaled_twice"] = {"title": "Twice", "group": "beyond", "passes": ["rmax", "again"]}
    (made / "study.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    shutil.copy(made / "vmulc.c", made / "again.c")
    study, builds = load_study(made, ISAS), [Built("gcc", "id", {})]
    papers = [group for group in CONFIG["blocks"] if "algorithms" not in group]
    tuned_with = {
        asked: {c["key"]["pass"] for b in planner(study, blocks=blocks).tuning(builds) for c in b["contenders"]}
        for asked, blocks in (("papers", papers), ("all", [*papers, GROUP]))
    }
    assert tuned_with["all"] - tuned_with["papers"] == {"again"}
