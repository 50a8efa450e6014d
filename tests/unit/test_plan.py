"""What is timed, and what is skipped with which reason."""

import copy
import itertools
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from passline.contenders import Built, alone, led_to, untuned
from passline.effort import design
from passline.errors import ConfigError
from passline.measure.round import row_counts
from passline.plan import Host, Planner
from passline.registry import KERNELS, load_isas, load_study
from passline.selftest_plan import LEAST_PLANTED, PLANTED, blocks
from passline.sizes import KEY_FRACTIONS, Caches, key_sizes, sweep_sizes

ISAS = {name: isa for name, isa in load_isas().items() if isa.missing("x86_64", isa.cpu_flags) is None}
STUDY = load_study(KERNELS / "softmax", ISAS)
CEILINGS = load_study(KERNELS / "ceilings", ISAS)
CACHES = Caches(l1d=32 << 10, l2=1 << 20, llc=32 << 20)
CONFIG = yaml.safe_load((Path(__file__).parents[2] / "workflow/config/default.yaml").read_text())
# Blocks beyond the paper have tests of their own: test_plan_beyond.py.
CONFIG["blocks"] = [group for group in CONFIG["blocks"] if "algorithms" not in group]
CHOSEN = dict(untuned(STUDY, ISAS, "gcc").chosen)


def planner(memory_bytes=24 << 30, cpus=(1, 0), **changes) -> Planner:
    config = {**copy.deepcopy(CONFIG), **changes}
    return Planner(config, STUDY, CEILINGS, ISAS, Host(CACHES, memory_bytes, cpus))


def plan(clock_cost_s=20e-9, **kwargs):
    return planner(**kwargs).plan([Built("gcc", "id", CHOSEN)], clock_cost_s, 0.15e-9)


def test_sweep_runs_from_1_kib_to_4_llc():
    sizes = sweep_sizes(CACHES)
    assert (4 * sizes[0], 4 * sizes[-1]) == (1024, 4 * CACHES.llc)
    assert sizes == sorted(set(sizes))
    assert 8 <= len(sizes) <= 13


def test_the_papers_out_of_cache_point_on_its_own_machine():
    # 8.25 MiB of L3: 4 x LLC is the 8,650,752 elements that the paper's breakdown is recalled to use.
    assert key_sizes(Caches(32 << 10, 1 << 20, 8650752))["4 x LLC"] == 8650752


@pytest.mark.parametrize(("l2", "llc"), [(1 << 20, 1 << 20), (2 << 20, 320 << 20), (256 << 10, 2 << 20)])
def test_sizes_are_ascending_on_any_hierarchy(l2, llc):
    sizes = sweep_sizes(Caches(48 << 10, l2, llc))
    assert all(b > a for a, b in pairwise(sizes))


def test_sizes_where_the_clock_costs_over_2_percent_are_skipped_with_that_reason():
    result = plan(clock_cost_s=20e-9)
    skipped = {row["what"]: row["reason"] for row in result.skipped}
    assert "reading the clock" in skipped["algorithms-paper-n256-uniform-huge"]
    assert "algorithms-hot-n2048-uniform-huge" in {b["name"] for b in result.blocks}
    # 20 ns / (n x 0.15 ns) = 2 % at n = 6667
    measured = {b["n_elements"] for b in result.blocks if b["protocol"] == "paper"}
    assert min(measured) >= 6667


def test_every_block_pairs_all_algorithms_preset_and_tuned():
    blocks = [b for b in plan().blocks if b["name"].startswith("algorithms-paper")]
    for block in blocks:
        keys = {(c["key"]["algorithm"], c["key"]["isa"], c["key"]["variant"]) for c in block["contenders"]}
        assert {(a, "avx2", v) for a in STUDY.papers for v in ("preset", "tuned")} <= keys


def test_the_ceilings_of_a_pass_run_in_its_own_rounds():
    block = next(b for b in plan().blocks if b["name"].startswith("passes-"))
    roofs = {(c["key"]["pass"], c["key"]["isa"]) for c in block["contenders"] if c["key"]["study"] == "ceilings"}
    assert {(p, i) for p in ("read", "copy", "scale_inplace") for i in ("avx2", "avx512f")} <= roofs


def test_a_pass_alone_scales_in_place_by_one():
    contender = alone(STUDY, STUDY.preset("vmulc", "avx2"), Built("gcc", "id", CHOSEN))
    assert contender["state"] == {"scale": 1.0}
    assert contender["prefix"] == [STUDY.preset(p, "avx2").name for p in ("rmax", "raddstoreexpminusmax")]


def test_an_isa_that_some_passes_know_nothing_of_is_timed_where_it_can_be():
    """As one that is new: variants that name their ISAs leave it out, and so have no state to hand on to a pass."""
    isas = {**ISAS, "new": replace(ISAS["avx2"], name="new")}
    study = load_study(KERNELS / "softmax", isas)
    lacking = {name for name in study.algorithms if study.lacks(name, "new")}
    assert lacking
    assert not lacking & set(study.papers)
    led = {v.pass_name for v in study.variants if v.isa == "new" and led_to(study, v)}
    not_led = {v.pass_name for v in study.variants if v.isa == "new"} - led
    assert not_led == {"vscaleexpref", "vmulref"}
    assert led >= {name for paper in study.papers for name in study.algorithms[paper].passes}
    assert all(led_to(study, v) for v in study.variants if v.isa in ISAS)


def test_a_variant_that_failed_the_check_is_never_timed():
    bad = STUDY.preset("raddextexp", "avx2").name
    result = planner().plan([Built("gcc", "id", CHOSEN, {bad: "off by one"})], 20e-9, 0.15e-9)
    assert not [c for b in result.blocks for c in b["contenders"] if bad in c["variants"]]
    assert {row["reason"] for row in result.skipped if "two_pass avx2" in row["what"]} == {
        "failed the check: off by one"
    }
    assert bad not in {
        c["variants"][0] for b in planner().tuning([Built("gcc", "id", {}, {bad: "x"})]) for c in b["contenders"]
    }


def test_listed_size_that_does_not_fit_is_an_error_and_a_derived_one_is_skipped():
    with pytest.raises(
        ConfigError,
        match=r"sizes\.sweep: 100000000000 elements need .* GB of buffers.*List sizes up to about",
    ):
        planner(sizes={"sweep": [1024, 100_000_000_000], "class_counts": {}, "large_class_counts": {}})
    small = plan(memory_bytes=200 << 20)
    assert any("do not fit" in row["reason"] for row in small.skipped)


@pytest.mark.parametrize(
    ("gibibytes", "gone"),
    [
        (256, set()),
        (8, {("cold", "4 x LLC")}),  # 8 x LLC of x and of y
        (4, {("paper", "4 x LLC"), ("hot", "4 x LLC")} | {("cold", label) for label in KEY_FRACTIONS}),
    ],
)
def test_a_last_level_cache_of_504_mib_within_a_limit_of_memory(gibibytes, gone):
    caches = Caches(48 << 10, 2 << 20, 504 << 20)
    host = Host(caches, gibibytes << 30, (1, 0))
    result = Planner(copy.deepcopy(CONFIG), STUDY, CEILINGS, ISAS, host).plan(
        [Built("gcc", "id", CHOSEN)], 0.0, 0.15e-9
    )
    why = {row["what"]: row["reason"] for row in result.skipped if "split" not in row["what"]}
    assert set(why.values()) <= {"its buffers do not fit into 80% of the memory"}
    planned = {block["name"] for block in result.blocks}
    sizes = key_sizes(caches)
    assert sizes["4 x LLC"] * 4 == 2016 << 20
    for protocol, label in itertools.product(("paper", "hot", "cold"), sizes):
        name = f"algorithms-{protocol}-n{sizes[label]}-uniform-huge"
        assert (name in why, name in planned) == ((protocol, label) in gone, (protocol, label) not in gone), name


def test_large_class_counts_need_three_times_their_memory():
    sizes = {**CONFIG["sizes"], "large_class_counts": {"DepCC": 364_800_000}}
    blocks = [
        {
            "kind": "algorithms",
            "protocols": ["paper"],
            "sizes": "large_class_counts",
            "inputs": ["uniform"],
            "isas": "widest",
        }
    ]
    fits, not_fits = plan(sizes=sizes, blocks=blocks), plan(memory_bytes=4 << 30, sizes=sizes, blocks=blocks)
    assert {c["key"]["isa"] for b in fits.blocks for c in b["contenders"]} == {"avx512f"}
    assert not not_fits.blocks
    assert "three times its rows" in not_fits.skipped[0]["reason"]


def test_two_compilers_are_contenders_in_the_same_blocks():
    both = planner().plan([Built("gcc", "a", CHOSEN), Built("clang", "b", CHOSEN)], 20e-9, 0.15e-9)
    block = both.blocks[0]
    assert {c["library"] for c in block["contenders"]} == {"gcc", "clang"}
    assert len({c["name"] for c in block["contenders"]}) == len(block["contenders"])


def test_all_cores_share_the_memory_levels():
    roofs = {b["name"]: (b["threads"], b["n_elements"]) for b in planner(cpus=(1, 0)).roofs([Built("gcc", "id", {})])}
    sizes = key_sizes(CACHES)
    assert roofs["ceilings-DRAM-t1"] == (1, sizes["4 x LLC"])
    assert roofs["ceilings-DRAM-t2"] == (2, sizes["4 x LLC"] // 2)
    several = Planner(CONFIG, STUDY, CEILINGS, ISAS, Host(CACHES, 24 << 30, range(8), llc_instances=4))
    shared = {b["name"]: b["n_elements"] for b in several.roofs([Built("gcc", "id", {})])}
    assert shared["ceilings-DRAM-t8"] == 4 * sizes["4 x LLC"] // 8  # 4 x what all of them hold together
    assert roofs["ceilings-L2-t2"] == (2, sizes["L2"])  # every core has its own


def test_the_cores_of_one_numa_node_have_ceilings_of_their_own():
    host = Host(CACHES, 24 << 30, range(8), llc_instances=4, node=range(4), node_llc_instances=2)
    roofs = Planner(CONFIG, STUDY, CEILINGS, ISAS, host).roofs([Built("gcc", "id", {})])
    dram = {b["threads"]: b["n_elements"] for b in roofs if b["name"].startswith("ceilings-DRAM")}
    far = key_sizes(CACHES)["4 x LLC"]
    assert dram == {1: far, 4: 2 * far // 4, 8: 4 * far // 8}


def test_y_rotates_over_more_than_the_llc_as_in_the_released_benchmark():
    block = {"n_elements": 1000, "protocol": "paper", "rows": 0}
    x_rows, y_rows = row_counts(block, 32 << 20)
    assert x_rows == 1
    assert y_rows == 1 + -(-(32 << 20) // 4096)  # rows padded to 128 bytes: 4096 of them hold 1000 floats
    assert row_counts({**block, "protocol": "hot"}, 32 << 20) == (1, 1)
    cold = row_counts({**block, "protocol": "cold"}, 32 << 20)
    assert cold[0] * 4096 >= 4 * (32 << 20)


def named(block, index):
    """Algorithm, ISA and variant of a contender."""
    key = block["contenders"][index]["key"]
    return key["algorithm"], key["isa"], key["variant"]


def test_the_stop_rule_looks_at_the_studys_comparisons_of_one_isa_and_choice():
    block = next(b for b in plan().blocks if b["name"].startswith("algorithms-paper"))
    looked_at = {(named(block, c), named(block, b)) for c, b in block["stop"]["pairs"]}
    isas = {c["key"]["isa"] for c in block["contenders"]}
    assert looked_at == {
        ((algorithm, isa, choice), (base, isa, choice))
        for algorithm, base in STUDY.comparisons
        for isa in isas
        for choice in ("preset", "tuned")
    }


def test_two_builds_are_not_compared_by_the_stop_rule():
    both = planner().plan([Built("gcc", "a", CHOSEN), Built("clang", "b", CHOSEN)], 20e-9, 0.15e-9)
    for block in both.blocks:
        for contender, base in block["stop"]["pairs"]:
            assert block["contenders"][contender]["library"] == block["contenders"][base]["library"]


def test_a_size_of_two_groups_is_one_block_whose_pairs_are_those_of_both():
    def group(isas):
        return {
            "kind": "algorithms",
            "protocols": ["hot"],
            "sizes": [65536],
            "inputs": ["uniform"],
            "isas": isas,
        }

    (merged,) = plan(blocks=[group(["avx2"]), group(["scalar", "avx2"])]).blocks
    assert len({c["name"] for c in merged["contenders"]}) == len(merged["contenders"])
    found = [(named(merged, c), named(merged, b)) for c, b in merged["stop"]["pairs"]]
    assert len(found) == len(set(found)) == len(STUDY.comparisons) * 2 * 2  # ISAs, and preset or tuned
    for (algorithm, *setting), (base, *base_setting) in found:
        assert (algorithm, base) in STUDY.comparisons
        assert setting == base_setting


@pytest.mark.parametrize("effort", [0.1, 1, 4])
def test_rounds_and_targets_follow_from_the_effort(effort):
    wanted = design(effort)
    for block in plan(effort=effort).blocks:
        in_cache = block["protocol"] != "cold" and 8 * block["n_elements"] <= CACHES.llc // 2
        most = wanted.rounds_most_in_cache if in_cache else wanted.rounds_most
        if block["stop"]["pairs"]:
            assert block["stop"]["target"] == (wanted.target_in_cache if in_cache else wanted.target)
            assert (block["rounds"], block["stop"]["looks"][-1][0]) == (most, most)
            assert block["stop"]["looks"][0][0] == wanted.rounds_least
        else:
            assert (block["rounds"], block["stop"]["looks"]) == (wanted.rounds_least, [])
        assert (block["sweeps"], block["value_s"]) == (wanted.sweeps, wanted.value_s)


def test_passes_and_splits_have_nothing_to_compare_and_take_what_is_planned():
    kinds = {(b["name"].split("-")[0], bool(b["stop"]["pairs"])) for b in plan().blocks if b["protocol"] != "cold"}
    assert kinds == {("algorithms", True), ("algorithms", False), ("split", False), ("passes", False)}
    fixed = [b for b in plan().blocks if b["protocol"] == "cold" or b["inputs"]["name"] == "normal"]
    assert {b["rounds"] for b in fixed} == {12}  # as many as the config says
    built = [Built("gcc", "id", {})]
    steps = {"ceiling_rounds": planner().roofs(built), "tune_rounds": planner().tuning(built)}
    for name, found in steps.items():
        for block in found:
            assert block["rounds"] == getattr(design(CONFIG["effort"]), name)
            assert block["stop"]["pairs"] == block["stop"]["looks"] == []


def selftest(**changes):
    made = planner(**changes)
    return blocks(made, [Built("gcc", "id", {})], made.selftest_sizes())


def test_the_selftest_compares_each_call_with_itself_and_with_what_was_planted():
    for block in selftest():
        for contender, base in block["stop"]["pairs"]:
            (algorithm, isa, variant), plain = named(block, contender), named(block, base)
            assert plain == (algorithm, isa, "preset")
            assert variant == f"preset+{block['contenders'][contender]['planted']:.0%}"
            assert block["contenders"][base]["planted"] == 0
            assert block["contenders"][contender]["variants"] == block["contenders"][base]["variants"]
        compared = [contender for contender, _ in block["stop"]["pairs"]]
        others = [i for i in range(len(block["contenders"])) if named(block, i)[2] != "preset"]
        assert compared == others


def test_the_selftest_plants_from_64_k_elements_up():
    for block in selftest():
        shares = {c["planted"] for c in block["contenders"]}
        assert shares == ({0.0, *PLANTED} if block["n_elements"] >= LEAST_PLANTED else {0.0})


def test_rows_in_cache_plant_whole_calls_and_longer_rows_their_first_elements():
    for block in selftest():
        for contender in block["contenders"]:
            whole = contender["planted"] > 0 and 8 * 4 * block["n_elements"] <= CACHES.llc
            assert contender["planted_every"] == (round(1 / contender["planted"]) if whole else 1)


def test_the_default_selftest_has_at_least_60_points_without_a_difference():
    same = [c for b in selftest() for c in b["contenders"] if c["key"]["variant"] == "preset+0%"]
    assert len(same) >= 60
    assert {c["key"]["isa"] for c in same} == {"avx2", "avx512f"}
    assert {c["key"]["algorithm"] for c in same} == set(STUDY.papers)


def test_nothing_is_planted_in_a_measurement():
    made = planner()
    built = [Built("gcc", "id", CHOSEN)]
    steps = [*made.plan(built, 20e-9, 0.15e-9).blocks, *made.roofs(built), *made.tuning(built)]
    assert {c["planted"] for b in steps for c in b["contenders"]} == {0.0}


def test_sizes_of_the_selftest_are_labels_or_numbers():
    sizes = key_sizes(CACHES)
    made = planner(selftest_sizes=["4 x LLC", 1000, "L1"])
    assert made.selftest_sizes() == sorted([1000, sizes["L1"], sizes["4 x LLC"]])
    assert planner(selftest_sizes="sweep").selftest_sizes() == sweep_sizes(CACHES)
    with pytest.raises(ConfigError, match=r"config: selftest_sizes: no size is called 'L9'\. Known: L1, L2"):
        planner(selftest_sizes=["L9"]).selftest_sizes()


def test_consumed_has_one_row_of_each_and_a_batch_its_own():
    block = {"n_elements": 1000, "protocol": "consumed", "rows": 0}
    assert row_counts(block, 32 << 20) == (1, 1)
    assert row_counts({**block, "protocol": "hot", "rows": 7}, 32 << 20) == (7, 7)
