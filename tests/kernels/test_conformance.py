"""The check accepts what is right and rejects each defect for the right reason; the study's kernels pass it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from built_kernels import Built
from wrong_kernels import KERNELS as WRONG

from passline.conformance import check_variants
from passline.conformance_algorithms import SPECIAL, Contender, check_algorithms, presets
from passline.conformance_bench import make_bench, run_algorithm
from passline.conformance_judge import Case, longest_chain
from passline.conformance_memory import CANARY, GuardedRow, denormals_flushed
from passline.errors import BuildError, StudyError
from passline.own_reference import reference
from passline.reference import FLT_MIN, Expected, make_inputs, ulp_error
from passline.tables import conform
from softmax_reference import softmax

Rows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def verdicts(wrong: Built) -> pd.DataFrame:
    """The check of all wrong kernels, and of the presets beside them, in one go."""
    rows = check_variants(wrong.path, wrong.study, wrong.study.variants, seed=1, limit_s=2)
    return conform("accuracy", pd.DataFrame(rows))


@pytest.mark.parametrize("kernel", WRONG, ids=lambda kernel: kernel.name)
def test_each_defect_is_rejected_for_its_reason(kernel: Any, verdicts: pd.DataFrame) -> None:
    rows = verdicts[verdicts["variant"] == f"f32-{kernel.pass_name}-scalar-{kernel.name}"]
    assert len(rows) == 11
    if kernel.reason is None:
        assert rows["passed"].all(), rows["reason"].tolist()
    else:
        failed = rows[~rows["passed"]]
        assert not failed.empty
        assert failed["reason"].str.contains(kernel.reason, regex=False).any(), failed["reason"].iloc[0]


def test_a_death_is_told_with_its_place_and_fails_every_family(verdicts: pd.DataFrame) -> None:
    rows = verdicts[verdicts["variant"].str.endswith("-writes-one-too-many")]
    assert not rows["passed"].any()
    assert rows["max_error_ulp"].isna().all()
    reason = rows["reason"].iloc[0]
    assert "outside its rows" in reason
    assert "all tails, row of 1," in reason


def test_neighbours_of_a_wrong_kernel_are_judged_all_the_same(verdicts: pd.DataFrame, wrong: Built) -> None:
    study = wrong.study
    names = {study.preset(name, "scalar").name for name in study.passes if study.variants_of(name, "scalar")}
    rows = verdicts[verdicts["variant"].isin(names)]
    assert len(rows) == len(names) * 11
    assert rows["passed"].all()


def test_the_worst_input_can_be_run_again(verdicts: pd.DataFrame, wrong: Built) -> None:
    row = verdicts[verdicts["variant"].str.endswith("right-vscale") & (verdicts["inputs"] == "normal")].iloc[0]
    index, x = int(row["worst_index"]), float.fromhex(row["worst_x"])
    drawn = [make_inputs(wrong.study.inputs["normal"], n, int(row["seed"])) for n in range(index + 1, 4100)]
    assert any(float(values[index]) == x for values in drawn)
    got, want = float.fromhex(row["got"]), float.fromhex(row["want"])
    assert ulp_error(np.array([got], np.float32), np.array([want]))[0] == pytest.approx(row["max_error_ulp"])


def test_the_study_passes(built: Built) -> None:
    rows = check_variants(built.path, built.study, built.study.variants, seed=3)
    table = conform("accuracy", pd.DataFrame(rows))
    assert set(table["variant"]) == {variant.name for variant in built.study.variants}
    failed = table[~table["passed"]]
    assert failed.empty, failed[["variant", "inputs", "reason"]].to_string()


def test_algorithms_agree_with_softmax_and_with_each_other(built: Built) -> None:
    contenders = presets(built.study)
    rows = check_algorithms(built.load(), built.study, contenders, seed=3)
    table = conform("accuracy", pd.DataFrame(rows))
    assert {contender.algorithm for contender in contenders} == set(built.study.algorithms)
    assert len(table) == len(contenders) * (len(built.study.inputs) + 1)
    assert table["passed"].all(), table[~table["passed"]][["isa", "variant", "inputs", "reason"]].to_string()
    assert (table["max_error_ulp"] <= table["bound_ulp"]).all()


def test_all_contenders_are_nan_and_zero_in_the_same_places(built: Built) -> None:
    bench = make_bench(built.load(), built.study, 5)
    rows = {name: make_inputs(built.study.inputs["masked"], 77, seed) for seed, name in enumerate("ab")}
    rows["nan"] = rows["a"].copy()
    rows["nan"][40] = np.nan
    rows["inf"] = rows["a"].copy()
    rows["inf"][76] = np.inf
    rows["none"] = np.full(77, -np.inf, dtype=np.float32)
    for name, x in rows.items():
        results = [run_algorithm(bench, contender.variants, x)[0] for contender in presets(built.study)]
        for y in results:
            assert np.isnan(y).all() == (name in ("nan", "inf", "none"))
            assert np.array_equal(y == 0, results[0] == 0), name


def test_an_algorithm_is_held_to_what_it_promises(built: Built) -> None:
    contender = next(c for c in presets(built.study) if c.algorithm == "two_pass_ref")
    promised = replace(built.study.algorithms["two_pass_ref"], max_ulp={"normal": 0.1, "any": 8})
    study = replace(built.study, algorithms={**built.study.algorithms, "two_pass_ref": promised})
    rows = {r["inputs"]: r for r in check_algorithms(built.load(), study, [contender], seed=3)}
    assert not rows["normal"]["passed"]
    assert rows["normal"]["bound_ulp"] == 0.1
    assert rows["uniform"]["passed"]


@pytest.mark.parametrize(
    ("defect", "row"), [("off-by-1e-5", "normal"), ("loses-nan", SPECIAL), ("masked-is-not-zero", SPECIAL)]
)
def test_a_wrong_algorithm_is_rejected(defect: str, row: str, wrong: Built) -> None:
    study = wrong.study
    first = [study.preset(name, "scalar").name for name in ("rmax", "raddexpminusmax")]
    # An error of 1e-5, 168 ULP, shows only beside a small bound: not in long sums.
    contender = Contender("three_pass_recompute", "scalar", "tuned", (*first, f"f32-vscaleexpminusmax-scalar-{defect}"))
    rows = {r["inputs"]: r for r in check_algorithms(wrong.load(), study, [contender], seed=1)}
    assert not rows[row]["passed"]
    assert rows[row]["variant"] == "three_pass_recompute/tuned"


def test_the_runtime_calls_passes_as_the_check_does(built: Built) -> None:
    library = built.load()
    bench = make_bench(library, built.study, 0)
    x = make_inputs(built.study.inputs["normal"], 333, 7)
    for contender in presets(built.study):
        y = np.empty_like(x)
        state = library.call(contender.variants, x, y)
        assert np.array_equal(run_algorithm(bench, contender.variants, x)[0], y)
        assert y.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)
        assert state["scale"] > 0


def test_a_variant_the_library_lacks_is_a_failed_row(built: Built) -> None:
    other = replace(built.study.variants[0], name="f32-rmax-scalar-u999-acc1")
    rows = check_variants(built.path, built.study, [other], seed=0)
    assert {row["reason"] for row in rows} == {"the library does not hold it"}


def test_a_library_that_cannot_be_loaded(built: Built, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"libnothing\.so"):
        check_variants(tmp_path / "libnothing.so", built.study, built.study.variants[:1], seed=0)


def test_a_pass_without_reference_is_found_before_anything_runs(built: Built) -> None:
    passes = {"rsum": replace(built.study.passes["rmax"], name="rsum"), **built.study.passes}
    with pytest.raises(StudyError, match="rsum"):
        check_variants(built.path, replace(built.study, passes=passes), built.study.variants, seed=0)


def test_outputs_below_flt_min_may_be_flushed_but_not_lost() -> None:
    tiny = np.array([FLT_MIN / 2, 0.5])
    case = Case(np.array([-88, 0], dtype=np.float32), Expected(outputs=tiny))
    assert case.judge_outputs(np.array([0, 0.5], dtype=np.float32), 4).reason is None
    lost = case.judge_outputs(np.array([4 * FLT_MIN, 0.5], dtype=np.float32), 4)
    assert lost.reason is not None
    assert "below FLT_MIN" in lost.reason


def test_a_bound_is_exact() -> None:
    one = Case(np.zeros(1, dtype=np.float32), Expected(outputs=np.ones(1)))
    at = np.array([1 + 4 * 2.0**-23], dtype=np.float32)
    assert one.judge_outputs(at, 4).reason is None
    assert one.judge_outputs(np.nextafter(at, np.float32(2)), 4).reason is not None


def test_longest_chain_by_hand() -> None:
    # 4099 floats, 8 lanes, 4 vectors, 2 accumulators: 128 steps of 2 additions, 1 vector left, 2 accumulators, 8 lanes.
    assert longest_chain(4099, 8, {"unroll": 4, "accumulators": 2}) == 128 * 2 + 1 + 2 + 8
    assert longest_chain(5, 1, {}) == 5


def test_guarded_rows_see_what_is_written_beside_a_row() -> None:
    row = GuardedRow(100)
    offset = row.flush_right(10)
    row.put(offset, np.ones(10, dtype=np.float32))
    assert row.take(offset, 10).sum() == 10
    assert row.intact()
    row.floats[offset - 1] = 1
    assert not row.intact()
    assert row.intact()  # and are whole again
    assert (row.floats.view(np.uint32) == CANARY).all()


def test_denormals_are_flushed_only_inside_the_block() -> None:
    half = np.full(4, FLT_MIN, dtype=np.float32)
    with denormals_flushed():
        flushed = half * np.float32(0.5)
    kept = half * np.float32(0.5)
    assert (kept > 0).all()
    assert (flushed == 0).all()


def test_a_domain_of_a_hundred_thousand_and_more(built: Built) -> None:
    """Two-Pass does not subtract the maximum: far from 0 its range reduction is put to the test."""
    library = built.load()
    for centre in (-5e5, 5e5):
        x = np.float32(centre) + make_inputs(built.study.inputs["normal"], 1000, 9)
        want = softmax(x)
        for contender in presets(built.study):
            y = np.empty_like(x)
            library.call(contender.variants, x, y)
            assert ulp_error(y, want).max() < 100, contender
    assert reference(built.study, "raddextexp")(x).exponent == pytest.approx(5e5 / np.log(2), rel=1e-3)
