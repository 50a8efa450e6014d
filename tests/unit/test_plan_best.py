"""What `best` may pick, how it is found, and where it is timed."""

from __future__ import annotations

import copy

import pandas as pd
import pytest
from beyond_study import CACHES, CEILINGS, CONFIG, EXTRA, GROUP, ISAS, make, planner, tuned

from passline import choosing_plan
from passline.config import check_config
from passline.contenders import Built
from passline.derive.choices import taken, taken_in_batch
from passline.errors import ConfigError
from passline.plan import Host, Planner
from passline.plan_beyond import candidates, document
from passline.registry import KERNELS, Study, load_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return load_study(make(tmp_path_factory.mktemp("kernels") / "softmax"), ISAS)


def crossovers(study: Study) -> pd.DataFrame:
    """On AVX2 the plain one for short rows, and the other never."""
    names = " ".join(tuned(study)[f"{p} unroll=1", "avx2"] for p in ("raddextexp", "vscaleextexp"))
    row = {
        "build_id": "id",
        "isa": "avx2",
        "batch_from": 0,
        "n_from": 0,
        "algorithm": "two_pass_plain",
        "variants": names,
    }
    return pd.DataFrame([row | {"threads": threads, "threads_used": threads} for threads in (1, 2)])


def test_the_choosing_step_compares_all_that_may_be_picked_up_to_the_longest_row_timed(study: Study) -> None:
    built = [Built("gcc", "id", tuned(study))]
    blocks = choosing_plan.blocks(planner(study, blocks=[{**GROUP, "sizes": [4096, 1 << 22]}]), built)
    sizes = {p: [b["n_elements"] for b in blocks if b["protocol"] == p] for p in ("hot", "consumed")}
    assert sizes["hot"][0] == 1024
    assert max(sizes["hot"]) == 1 << 22
    assert min(sizes["consumed"]) == CACHES.llc // 8 // 4
    for block in blocks:
        assert {c["key"]["algorithm"] for c in block["contenders"]} == set(study.beyond)
        assert {bool(c["consumer"]) for c in block["contenders"]} == {block["protocol"] == "consumed"}
        assert not block["stop"]["pairs"]
    groups = [group for group in CONFIG["blocks"] if "algorithms" not in group]
    assert choosing_plan.blocks(planner(study, blocks=groups), built) == []


def test_best_is_timed_where_it_is_known_what_it_picks(study: Study) -> None:
    made = planner(study, blocks=[GROUP])
    block = made.plan([Built("gcc", "id", tuned(study))], 20e-9, 0.15e-9, None, crossovers(study)).blocks[0]
    (best,) = [c for c in block["contenders"] if c["key"]["algorithm"] == "best"]
    assert (best["key"]["isa"], best["key"]["variant"], best["whole"]) == ("avx2", "tuned", True)
    assert best["choices"].splitlines()[1:] == [f"avx2 1 0 0 1 {' '.join(best['variants'])}"]
    told = document(study, CEILINGS, Built("gcc", "id", tuned(study)), ["avx2"], [], crossovers(study))
    assert [choice["threads"] for choice in told["choices"]] == [1, 2]
    assert {(c["isa"], c["n_from"], c["algorithm"]) for c in told["choices"]} == {("avx2", 0, "two_pass_plain")}
    assert "best" in told["algorithms"]
    assert ["best", "two_pass_plain"] in told["comparisons"]


def test_best_is_timed_with_several_threads_to_a_row_beside_one(study: Study) -> None:
    made = planner(study, blocks=[{**GROUP, "together": [1, "all", 64]}])
    built = [Built("gcc", "id", tuned(study))]
    block = made.plan(built, 20e-9, 0.15e-9, None, crossovers(study)).blocks[0]
    best = {c["threads"]: c for c in block["contenders"] if c["key"]["algorithm"] == "best"}
    assert sorted(best) == [1, 2]
    assert {threads: c["key"]["threads"] for threads, c in best.items()} == {1: 1, 2: 2}
    assert [line.split()[:5] for line in best[2]["choices"].splitlines()[1:]] == [
        ["avx2", "1", "0", "0", "1"],
        ["avx2", "2", "0", "0", "2"],
    ]
    assert {c["threads"] for c in block["contenders"] if c["key"]["algorithm"] != "best"} == {1}
    chosen_among = choosing_plan.blocks(made, built)[0]["contenders"]
    shared = [c for c in chosen_among if c["threads"] == 2]
    assert len(shared) == len(chosen_among) / 2
    assert {c["key"]["threads"] for c in shared} == {2}
    for contender in shared:
        isa, variants = contender["key"]["isa"], " ".join(contender["variants"])
        assert contender["choices"] == f"{isa} 1 0 0 1 {variants}\n{isa} 2 0 0 2 {variants}\n"


def test_rows_of_each_number_of_threads_must_fit_into_memory(study: Study) -> None:
    n = 1 << 26
    config = {**copy.deepcopy(CONFIG), "blocks": [{**GROUP, "sizes": [n], "together": [1, 2]}]}
    built = [Built("gcc", "id", tuned(study))]
    for memory, there in ((3 * 4 * n / 0.79, False), (2 * 3 * 4 * n / 0.79, True)):
        made = Planner(config, study, CEILINGS, ISAS, Host(CACHES, int(memory), (1, 0)))
        result = made.plan(built, 20e-9, 0.15e-9, None, crossovers(study))
        assert bool(result.blocks) == there
        assert any("do not fit" in row["reason"] for row in result.skipped) != there


@pytest.mark.parametrize(
    "changes", [{"rows": "in_cache"}, {"threads": [2]}, {"algorithms": "paper"}, {"protocols": ["cold"]}]
)
def test_a_row_is_shared_only_beyond_the_paper_one_at_a_time(changes: dict[str, object]) -> None:
    check_config({**CONFIG, "blocks": [{**GROUP, "together": [1, "all"]}]})
    with pytest.raises(ConfigError):
        check_config({**CONFIG, "blocks": [{**GROUP, "together": [1, "all"], **changes}]})


def test_best_picks_among_what_promises_its_errors(study: Study) -> None:
    softmax = load_study(KERNELS / "softmax", ISAS)
    promising = {name for name, algorithm in softmax.algorithms.items() if algorithm.max_ulp}
    for made, names in ((softmax, promising), (study, set(EXTRA))):
        found = candidates(made, Built("gcc", "id", tuned(made)), ["avx512f"])
        assert {contender["key"]["algorithm"] for contender in found} == names
    assert promising < set(softmax.beyond)
    told = document(softmax, CEILINGS, Built("gcc", "id", tuned(softmax)), ["avx2"], [], pd.DataFrame())
    assert set(told["candidates"]) == promising
    assert set(told["past_caches"]) == {name for name in softmax.beyond if name.endswith("_nt")}


def test_the_choosing_step_streams_batches_of_a_few_lengths_that_fit(study: Study) -> None:
    built = [Built("gcc", "id", tuned(study))]
    groups = [{**GROUP, "sizes": [1 << 20], "rows": "streamed", "threads": [1, "all"]}]
    made = planner(study, blocks=groups)
    batches = [block for block in choosing_plan.blocks(made, built) if block["rows"]]
    assert [block["n_elements"] for block in batches] == [1 << k for k in range(10, 19, 2)]
    for block in batches:
        assert (block["protocol"], block["threads"]) == ("hot", 1)
        assert 4 * block["n_elements"] * block["rows"] == 4 * CACHES.llc
        assert {c["threads"] for c in block["contenders"]} == {1, 2}
        assert block["rounds"] == made.design.choose_rounds_shared
    alone = planner(study, blocks=[GROUP])
    assert {block["rounds"] for block in choosing_plan.blocks(alone, built)} == {alone.design.choose_rounds}
    small = Planner({**copy.deepcopy(CONFIG), "blocks": groups}, study, CEILINGS, ISAS, Host(CACHES, 1 << 28, (1, 0)))
    assert not [block for block in choosing_plan.blocks(small, built) if block["rows"]]


def test_a_batch_on_several_threads_is_shared_by_best_alone(study: Study) -> None:
    made = planner(study, blocks=[{**GROUP, "sizes": [4096], "rows": "streamed", "threads": [1, "all"]}])
    found = made.plan([Built("gcc", "id", tuned(study))], 20e-9, 0.15e-9, None, crossovers(study)).blocks
    for block in found:
        assert {c["threads"] for c in block["contenders"] if c["choices"]} == {block["threads"]}
        assert {c["threads"] for c in block["contenders"] if not c["choices"]} == {1}
        assert {c["key"]["threads"] for c in block["contenders"]} == {block["threads"]}
    assert [block["threads"] for block in found] == [1, 2]


def test_the_choice_of_a_batch_is_looked_up_as_the_library_does() -> None:
    def line(threads: int, batch: int, n: int, name: str) -> dict[str, object]:
        return {"isa": "avx2", "threads": threads, "batch_from": batch, "n_from": n, "algorithm": name}

    known = [line(1, 0, 0, "a"), line(1, 0, 500, "b"), line(1, 4000, 0, "c"), line(1, 4000, 200, "d")]
    known += [line(2, 0, 0, "e"), line(2, 4000, 0, "f")]
    asked = [(1, 100, 39), (1, 100, 40), (1, 300, 13), (1, 300, 14), (1, 4000, 2), (2, 100, 39), (2, 100, 40)]
    names = [(taken_in_batch(known, "avx2", *point) or {})["algorithm"] for point in asked]
    assert names == ["a", "c", "a", "d", "b", "a", "f"]
    assert (taken(known, "avx2", 1, 4000) or {})["algorithm"] == "b"
    assert taken_in_batch(known, "avx512f", 1, 100, 40) is None
