"""Studies beside softmax: what they compute is right by their own references, and what is wrong is caught."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from built_kernels import Built, link

from passline.builds import check_sound, rejected
from passline.conformance import check_variants
from passline.conformance_algorithms import SPECIAL, check_algorithms, presets
from passline.conformance_bench import make_bench, special_rows, ways_to_share
from passline.contenders import Built as Known
from passline.contenders import algorithm, judged, untuned
from passline.error_over_n import error_over_n
from passline.errors import MeasurementError
from passline.measure.timed import Timed
from passline.new_study import write
from passline.own_reference import whole_reference
from passline.registry import KERNELS, Isa, Study, load_isas, load_study
from passline.tables import conform

SCALAR = {"scalar": load_isas()["scalar"]}


def build(compiler: str, study: Study, isas: dict[str, Isa], folder: Path) -> Built:
    """The presets of a study, or the first variant that each step of an algorithm admits."""
    steps = [(name, isa, step) for name in study.passes for isa in isas for step in study.steps(name)]
    few = dict.fromkeys(study.preset(name, isa, s).name for name, isa, s in steps if study.variants_of(name, isa, s))
    return link(compiler, replace(study, variants=tuple(v for v in study.variants if v.name in few)), isas, {}, folder)


@pytest.fixture(scope="session")
def logsumexp(compiler: str, host_isas: dict[str, Isa], tmp_path_factory: pytest.TempPathFactory) -> Built:
    study = load_study(KERNELS / "logsumexp", host_isas, "presets")
    return build(compiler, study, host_isas, tmp_path_factory.mktemp("logsumexp"))


@pytest.fixture(scope="session")
def skeleton(compiler: str, host_isas: dict[str, Isa], tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("skeleton")
    write(folder / "mine")
    return build(compiler, load_study(folder / "mine", host_isas), host_isas, folder)


@pytest.mark.parametrize("name", ["logsumexp", "skeleton"])
def test_every_pass_and_every_algorithm_is_right(name: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(name)
    rows = check_variants(built.path, built.study, built.study.variants, seed=3)
    rows += check_algorithms(built.load(), built.study, presets(built.study), seed=3)
    table = conform("accuracy", pd.DataFrame(rows))
    assert table["passed"].all(), table.loc[~table["passed"], "reason"].tolist()
    whole = table[table["pass"] == "-"]
    assert len(whole) == len(presets(built.study)) * (len(built.study.inputs) + 1)
    assert (whole.loc[whole["inputs"] != SPECIAL, "bound_ulp"] >= 2).all()
    check_sound(built.study, table, Path("accuracy.csv"))
    assert rejected(table, "-") == {}


def numbers(built: Built, x: np.ndarray) -> list[float]:
    library, y = built.load(), np.zeros_like(x)
    return [library.call(c.variants, x, y)["value"] for c in presets(built.study)]


def test_the_logarithm_near_0_and_of_huge_scores(logsumexp: Built) -> None:
    whole = whole_reference(logsumexp.study)
    for n in (2, 3, 1000):
        near = np.full(n, -np.log(n), dtype=np.float32)
        assert numbers(logsumexp, near) == pytest.approx([whole(near)[0]] * len(presets(logsumexp.study)), abs=1e-5)
    for centre in (-2.7e6, 2.7e6):
        x = np.float32(centre) + np.linspace(-4, 4, 1000, dtype=np.float32)
        assert numbers(logsumexp, x) == pytest.approx([whole(x)[0]] * len(presets(logsumexp.study)), rel=2.0**-23)


def test_special_rows_leave_what_the_readme_says(logsumexp: Built) -> None:
    for title, x in special_rows(8, 16, seed=1):
        top = x.max()
        for value in numbers(logsumexp, x):
            assert np.isfinite(value) == np.isfinite(top), title
            assert np.isfinite(value) or np.isnan(value), title


WRONG_RESULTS = {
    "off by a few units": ("state->max + log", "1e-5 + state->max + log", "the result of a row of"),
    "not set": ("state->value = (float)", "state->scale = (float)", "is nan ULP off"),
    "loses NaN": ("log((double)state->sum)", "(state->sum > 0 ? log((double)state->sum) : 0)", "outputs are NaN"),
    "infinite": ("log((double)state->sum)", "(state->sum > 0 ? log(state->sum) : INFINITY)", "outputs are NaN"),
}


@pytest.mark.parametrize("name", WRONG_RESULTS)
def test_a_wrong_result_is_caught(name: str, compiler: str, tmp_path: Path) -> None:
    old, new, says = WRONG_RESULTS[name]
    folder = tmp_path / "logsumexp"
    folder.mkdir()
    for path in (KERNELS / "logsumexp").iterdir():
        (folder / path.name).write_text(path.read_text().replace(old, new) if path.suffix == ".h" else path.read_text())
    built = build(compiler, load_study(folder, SCALAR, "presets"), SCALAR, tmp_path)
    table = pd.DataFrame(check_algorithms(built.load(), built.study, presets(built.study), seed=3))
    failed = table[~table["passed"]]
    assert set(failed["variant"]) >= {"two_pass/preset", "online/preset"}
    assert failed["reason"].str.contains(says).any(), failed["reason"].tolist()


PARTS_OF = "for (size_t i = 0; i < n_parts; i++) "
WRONG_COMBINES = {
    "the last part": ("skeleton", "sumsq", "sum += parts[i].state.sum;", "sum = parts[i].state.sum;"),
    "the length of a part": ("skeleton", "sumsq", "n += parts[i].n;", "n = parts[i].n;"),
    "told to one": ("skeleton", "sumsq", PARTS_OF + "leave(&parts[i].state", "leave(&parts[0].state"),
    "off by a little": (
        "skeleton",
        "sumsq",
        "double sum = 0.0;\n  size_t n = 0;",
        "double sum = 0.01;\n  size_t n = 0;",
    ),
    "sums over other maxima": ("logsumexp", "raddexponline", "parts_online);", "parts_sum);"),
    "no common maximum": ("logsumexp", "raddexpminusmax", "parts_sum);", "parts_maximum);"),
    "exponents that differ": ("logsumexp", "raddextexp", "parts_pair);", "parts_sum);"),
}


def _text(header: Path, otherwise: str) -> str:
    """A header beside a pass, in place of the line that includes it."""
    return header.read_text() if header.is_file() else otherwise


@pytest.mark.parametrize("name", WRONG_COMBINES)
def test_a_wrong_combine_is_caught(name: str, compiler: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """On one thread the pass is right; an algorithm with it is never timed, least of all on several."""
    study_name, pass_name, old, new = WRONG_COMBINES[name]
    study = replace(request.getfixturevalue(study_name).study)
    study = replace(study, variants=tuple(v for v in study.variants if v.isa == "scalar"))
    home = study.passes[pass_name].source
    source = re.sub(r'#include "(\w+\.h)"', lambda found: _text(home.with_name(found[1]), found[0]), home.read_text())
    assert old in source
    path = tmp_path / f"{pass_name}.c"
    path.write_text(source.replace(old, new))
    wrong = {v.name for v in study.variants if v.pass_name == pass_name}
    built = link(compiler, study, SCALAR, dict.fromkeys(wrong, path), tmp_path)
    rows = check_variants(built.path, study, study.variants, seed=3)
    rows += check_algorithms(built.load(), study, presets(study), seed=3)
    failed = pd.DataFrame(rows).query("not passed")
    assert set(failed.loc[failed["pass"] == pass_name, "variant"]) == wrong
    broken = [a for a in study.algorithms if pass_name in study.algorithms[a].passes]
    assert set(failed.loc[failed["pass"] == "-", "variant"]) == {f"{a}/preset" for a in broken}
    assert failed["reason"].str.contains("parts").all(), failed["reason"].tolist()
    known = rejected(pd.DataFrame(rows), "-")
    for algorithm_name in broken:
        contender = algorithm(study, algorithm_name, untuned(study, SCALAR, "cc"), "scalar", "preset", split=False)
        assert set(judged(contender)) & known.keys() >= {f"{algorithm_name} on scalar"}


def test_rows_are_shared_only_where_parts_tell_each_other(skeleton: Built, logsumexp: Built) -> None:
    for built in (skeleton, logsumexp):
        bench = make_bench(built.load(), built.study, seed=1)
        assert {ways_to_share(bench, c.variants) for c in presets(built.study)} == {(1, 2, 3)}
        last = [c.variants[-1:] for c in presets(built.study)]
        assert {ways_to_share(bench, names) for names in last} == {(1, 2, 3)}
    vscale = next(v.name for v in skeleton.study.variants if v.pass_name == "vscale")
    assert ways_to_share(make_bench(skeleton.load(), skeleton.study, seed=1), [vscale, vscale]) == (1,)


def test_a_wrong_reference_ends_with_its_pass_and_what_was_seen(skeleton: Built) -> None:
    table = pd.DataFrame(check_variants(skeleton.path, skeleton.study, skeleton.study.variants, seed=3))
    table["passed"] &= table["pass"] != "vscale"
    table.loc[table["pass"] == "vscale", "reason"] = "output 0 of 1 is 9 ULP off"
    with pytest.raises(
        MeasurementError, match=r"no variant of vscale is right.*9 ULP off\)\. Correct the pass, or what"
    ):
        check_sound(skeleton.study, table, Path("accuracy.csv"))


@pytest.mark.parametrize("name", ["logsumexp", "skeleton"])
def test_errors_over_n(name: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(name)
    rows = error_over_n(built.load(), built.study, presets(built.study), seed=1, sizes=[1000, 1 << 18])
    table = conform("error_over_n", pd.DataFrame(rows))
    assert (table.loc[table["inputs"] == "normal", "max_error_ulp"] < 1000).all()
    assert table["sum_error"].isna().all()  # nothing says what the outputs sum to


class Still(Timed):
    def move(self, x_bytes: int, y_bytes: int) -> None: ...

    def run(self, calls: int) -> list[float]:
        return [1.0 / calls]


def test_a_round_checks_the_sum_that_the_study_declares(host_isas: dict[str, Isa]) -> None:
    ones = np.ones(4, dtype=np.float32)

    def doubts(study: Study, name: str, **changes: Any) -> list[str]:
        built = Known("cc", "id", untuned(study, host_isas, "cc").chosen)
        contender = algorithm(replace(study, **changes), name, built, "scalar", "preset", split=False)
        return Still(contender).doubts(ones)

    softmax = load_study(KERNELS / "softmax", host_isas, "presets")
    assert doubts(softmax, "two_pass") == ["cc two_pass scalar preset: the outputs sum to 4, not to 1"]
    assert doubts(softmax, "two_pass", outputs_sum=4) == []
    assert doubts(load_study(KERNELS / "skeleton", host_isas), "single") == []


def test_the_field_that_no_pass_sets_is_nan_in_the_check(logsumexp: Built) -> None:
    bench = make_bench(logsumexp.load(), logsumexp.study, seed=1)
    assert "value" in bench.library.fields
    assert bench.sensitivity is not None
