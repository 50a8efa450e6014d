"""Derived tables: known answers come back out of made-up timings."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import synthetic

from passline.derive import selection
from passline.derive.ceilings import ceilings_table
from passline.derive.marks import with_marks
from passline.derive.passes import bound_of, passes_table
from passline.derive.ratios import compared, families, pairs, ratios_table
from passline.derive.rounds import round_medians
from passline.errors import TableError
from passline.statistics import DEPENDENT_BELOW
from passline.tables import conform


@pytest.mark.parametrize(
    ("measured", "core", "memory", "expected"),
    [
        (1.10, 0.5, 1.0, "memory"),
        (1.1001, 0.5, 1.0, "both"),
        (1.0, 1.0, 1.0, "core"),  # equal bounds: memory needs core < memory
        (1.10, 1.0, 0.9, "core"),
        (1.1001, 1.0, 0.9, "both"),
        (1.05, 1.0, 1.02, "memory"),
        (0.9, 0.5, 1.0, "memory"),  # faster than the ceiling loop still means the ceiling
        (math.nan, 1.0, 1.0, "-"),
        (1.0, math.nan, 1.0, "-"),
        (1.0, 1.0, math.nan, "-"),
    ],
)
def test_bound_boundaries(measured: float, core: float, memory: float, expected: str) -> None:
    assert bound_of(measured, core, memory) == expected


def test_warm_up_values_never_count(full_timings: pd.DataFrame) -> None:
    spoiled = full_timings.copy()
    spoiled.loc[spoiled["is_warmup"], "time_s"] = 1e6
    pd.testing.assert_frame_equal(round_medians(spoiled), round_medians(full_timings))


def test_planted_ratios_are_recovered(full: dict[str, pd.DataFrame]) -> None:
    """Nine in ten intervals at least hold the ratio that was planted (95 % each, a few hundred of them)."""
    held = []
    for base in selection.question(synthetic.plan()).bases:
        for _, row in selection.against(full["ratios"], "two_pass", base).iterrows():
            truth = synthetic.true_ratio(row["isa"], row["variant"], row["n_elements"], base)
            assert row["ratio"] == pytest.approx(truth, rel=0.01)
            held.append(row["ratio_low"] <= truth <= row["ratio_high"])
    assert np.mean(held) > 0.9


def test_verdicts_follow_the_planted_direction(full: dict[str, pd.DataFrame]) -> None:
    for base in selection.question(synthetic.plan()).bases:
        for _, row in selection.against(full["ratios"], "two_pass", base).iterrows():
            truth = synthetic.true_ratio(row["isa"], row["variant"], row["n_elements"], base)
            if abs(truth - 1.0) > 0.03 and not row["p_dependence"] < DEPENDENT_BELOW:
                assert row["verdict"] == ("faster" if truth > 1.0 else "slower")


def test_every_comparison_is_there_once(full: dict[str, pd.DataFrame]) -> None:
    ratios = full["ratios"]
    key = ["algorithm", "base", "isa", "base_isa", "variant", "base_variant", "n_elements", "cache_protocol"]
    assert not ratios.duplicated(key).any()
    at_one_point = ratios[(ratios["n_elements"] == 4096) & (ratios["cache_protocol"] == "hot")]
    # 3 pairs x 3 ISAs x 2 variants; 3 algorithms x 2 narrower ISAs x 2 variants; 3 x 3 tuned against preset
    assert len(at_one_point) == 18 + 12 + 9


def test_a_base_that_is_absent_is_not_compared() -> None:
    alone = [("b", "two_pass", "avx2", "tuned", 1)]
    assert list(pairs(alone, ["scalar", "avx2"], synthetic.plan()["comparisons"])) == []
    both = [*alone, ("other build", "three_pass_reload", "avx2", "tuned", 1)]
    assert list(pairs(both, ["scalar", "avx2"], synthetic.plan()["comparisons"])) == []


def test_ratios_pair_by_round() -> None:
    """A round that only one contender has is left out, whatever its times."""
    shape = synthetic.Shape(isas=("avx2",), variants=("preset",), protocols=("paper",), sizes=(4096,), rounds=8)
    timings = synthetic.timings(shape)
    lost = (timings["round"] == 3) & (timings["algorithm"] == "two_pass")
    kept = timings[~lost]
    found = compared(kept, synthetic.registry(), synthetic.plan())
    ratios = ratios_table(found, synthetic.rounds(shape))
    rows = ratios[ratios["algorithm"] == "two_pass"]
    assert set(rows["n_rounds"]) == {7}


def test_a_ratio_is_taken_within_a_sweep() -> None:
    """A disturbance that a sweep's values share cancels, however large; one in the median of a round would not."""
    shape = synthetic.Shape(isas=("avx2",), variants=("preset",), protocols=("paper",), sizes=(4096,), rounds=8)
    timings = synthetic.timings(shape)
    before = ratios_table(compared(timings, synthetic.registry(), synthetic.plan()), synthetic.rounds(shape))
    disturbed = timings.assign(time_s=timings["time_s"] * (1.0 + 0.5 * (timings["value_index"] == 1)))
    after = ratios_table(compared(disturbed, synthetic.registry(), synthetic.plan()), synthetic.rounds(shape))
    assert after["ratio"].to_numpy() == pytest.approx(before["ratio"].to_numpy(), rel=1e-9)


def test_marked_rounds_count_and_what_changes_without_them_is_told() -> None:
    shape = synthetic.Shape(isas=("avx2",), variants=("preset",), protocols=("paper",), sizes=(4096,), rounds=12)
    rounds = synthetic.rounds(shape)
    rounds = rounds.assign(marked=rounds["round"] < 3)
    timings = synthetic.timings(shape)
    slow = (timings["round"] < 3) & (timings["algorithm"] == "two_pass")
    timings = timings.assign(time_s=timings["time_s"] * (1.0 + 3.0 * slow))
    ratios = ratios_table(compared(timings, synthetic.registry(), synthetic.plan()), rounds)
    rows = ratios[ratios["algorithm"] == "two_pass"]
    assert set(rows["n_marked"]) == {3}
    assert (rows["n_rounds"] == 12).all()
    assert (rows["outliers"] == 3).all()
    assert (rows["ratio_unmarked"] > rows["ratio"]).all()


def test_a_round_at_another_clock_is_marked_and_kept() -> None:
    rounds = synthetic.rounds(synthetic.Shape(rounds=8))
    clocks = rounds["clock_hz"].where(rounds["round"] != 5, rounds["clock_hz"] * 0.97)
    found = with_marks(rounds.assign(clock_hz=clocks, marked=False, reason="-"))
    assert len(found) == len(rounds)
    assert set(found.loc[found["marked"], "round"]) == {5}
    assert found.loc[found["marked"], "reason"].str.contains("GHz").all()


def test_what_a_round_found_itself_stays_and_unknown_clocks_mark_nothing() -> None:
    rounds = synthetic.rounds(synthetic.Shape(rounds=8)).assign(clock_hz=float("nan"))
    found = with_marks(rounds)
    assert list(found["marked"]) == list(rounds["marked"])
    assert list(found["reason"]) == list(rounds["reason"])


def test_a_round_in_which_its_cpu_was_throttled_is_marked() -> None:
    """Counts are per cpu and of all time: what they were before the first round says nothing."""
    rounds = synthetic.rounds(synthetic.MINIMAL)
    block = rounds["block"].iloc[0]
    rounds = rounds[rounds["block"] == block].iloc[[0, 1, 2, 0, 1, 2]].reset_index(drop=True)
    rounds = rounds.assign(cpu=[0, 0, 0, 1, 1, 1], throttle_count=[70.0, 70.0, 72.0, 5.0, 8.0, 8.0])
    found = with_marks(rounds.assign(marked=False, reason="-"))
    assert list(found["marked"]) == [False, False, True, False, True, False]
    assert "throttled 2 times" in found["reason"][2]
    shuffled = with_marks(rounds.iloc[::-1].assign(marked=False, reason="-"))
    assert list(shuffled["marked"]) == list(found["marked"])[::-1]


def test_without_six_unmarked_rounds_nothing_is_said_of_them() -> None:
    shape = synthetic.Shape(isas=("avx2",), variants=("preset",), protocols=("paper",), sizes=(4096,), rounds=12)
    found = compared(synthetic.timings(shape), synthetic.registry(), synthetic.plan())
    rounds = synthetic.rounds(shape)
    few = ratios_table(found, rounds.assign(marked=rounds["round"] < 7))
    assert few["ratio_unmarked"].isna().all()
    assert set(few["verdict_unmarked"]) == {"-"}
    enough = ratios_table(found, rounds.assign(marked=rounds["round"] < 6))
    assert enough["ratio_unmarked"].notna().all()
    none = ratios_table(found, rounds.assign(marked=False))
    assert list(none["verdict_unmarked"]) == list(none["verdict"])
    assert list(none["ratio_unmarked"]) == list(none["ratio"])


def test_the_ratios_of_rounds_are_those_of_table_ratios(full: dict[str, pd.DataFrame]) -> None:
    point = ["algorithm", "base", "isa", "variant", "n_elements", "cache_protocol"]
    rounds = full["round_ratios"].groupby(point)["ratio"].agg(["median", "size"])
    ratios = full["ratios"]
    ratios = ratios[(ratios["isa"] == ratios["base_isa"]) & (ratios["variant"] == ratios["base_variant"])]
    assert len(ratios) == len(rounds)
    ratios = ratios.set_index(point).loc[rounds.index]
    assert rounds["median"].to_numpy() == pytest.approx(ratios["ratio"].to_numpy())
    assert list(rounds["size"]) == list(ratios["n_rounds"])


def test_what_ended_a_block_stands_with_its_ratios(full_timings: pd.DataFrame) -> None:
    found = compared(full_timings, synthetic.registry(), synthetic.plan())
    rounds = synthetic.rounds()
    at_cap = "algorithms-hot-n4096-uniform-huge"
    reasons = rounds["stop_reason"].where(rounds["block"] != at_cap, "cap")
    ratios = ratios_table(found, rounds.assign(stop_reason=reasons))
    here = (ratios["cache_protocol"] == "hot") & (ratios["n_elements"] == 4096)
    assert set(ratios.loc[here, "stop_reason"]) == {"cap"}
    assert set(ratios.loc[~here, "stop_reason"]) == {"planned"}


def test_a_round_that_table_rounds_lacks_is_an_error(full_timings: pd.DataFrame) -> None:
    found = compared(full_timings, synthetic.registry(), synthetic.plan())
    rounds = synthetic.rounds()
    with pytest.raises(TableError, match="has no round 5 of block algorithms"):
        ratios_table(found, rounds[rounds["round"] != 5])


def test_families_keep_protocols_and_isas_apart(full: dict[str, pd.DataFrame]) -> None:
    ratios = full["ratios"].assign(family=families(full["ratios"]))
    for _, family in ratios.groupby("family"):
        assert family[["isa", "cache_protocol", "algorithm", "base"]].drop_duplicates().shape[0] == 1


def test_bounds_of_the_model_are_found(full: dict[str, pd.DataFrame]) -> None:
    alone = selection.alone(full["passes"])
    fast = alone[(alone["isa"] == "avx512f") & (alone["n_elements"] == 33554432)]
    assert set(fast["bound"]) == {"memory"}
    near = alone[(alone["isa"] == "avx512f") & (alone["n_elements"] == 4096) & (alone["pass"] == "raddextexp")]
    assert set(near["bound"]) == {"core"}


def test_memory_time_is_the_fastest_ceiling_with_the_same_streams_and_ordinary_stores(
    full: dict[str, pd.DataFrame],
) -> None:
    alone = selection.alone(full["passes"])
    mixes = {"rmax": "read", "vmulc": "scale_inplace"}
    for name, ceiling in mixes.items():
        assert set(alone.loc[alone["pass"] == name, "ceiling"].str.split("-").str[1]) == {ceiling}
    stores = set(alone.loc[alone["pass"] == "vscaleextexp", "ceiling"])
    assert all("-ordinary-" in name and name.split("-")[1] in ("copy", "scale") for name in stores)


def test_fraction_of_ceiling_is_the_planted_overhead(full: dict[str, pd.DataFrame]) -> None:
    alone = selection.alone(full["passes"])
    rows = alone[(alone["n_elements"] == 33554432) & (alone["isa"] == "avx512f")]
    assert rows["fraction_of_ceiling"].to_numpy() == pytest.approx(1 / 1.02, rel=0.01)


def test_without_an_l1_block_nothing_is_judged(full_timings: pd.DataFrame) -> None:
    plan = synthetic.plan()
    plan["labels"].pop("L1")
    table = conform("passes", passes_table(full_timings, synthetic.registry(), synthetic.counters(), plan))
    assert set(table["bound"]) == {"-"}
    assert table["time_core_s"].isna().all()
    assert table["time_median_s"].notna().all()


def test_model_bytes_of_whole_algorithms(full: dict[str, pd.DataFrame]) -> None:
    """16, 20 and 12 bytes per element; 20, 24 and 16 with write-allocate."""
    whole = selection.whole(full["passes"])
    per_element = (
        whole.assign(
            useful=whole["bytes_algorithmic"] / whole["n_elements"],
            all=(whole["bytes_read_model"] + whole["bytes_written_model"]) / whole["n_elements"],
        )
        .groupby("algorithm")[["useful", "all"]]
        .agg(["min", "max"])
    )
    expected = {"three_pass_recompute": (16, 20), "three_pass_reload": (20, 24), "two_pass": (12, 16)}
    for name, (useful, modelled) in expected.items():
        assert list(per_element.loc[name]) == [useful, useful, modelled, modelled]


def test_no_counted_bytes_are_invented(full: dict[str, pd.DataFrame]) -> None:
    assert full["passes"][["bytes_read_counted", "bytes_written_counted"]].isna().all().all()
    assert set(full["passes"]["confidence"]) == {"E"}


def test_ceilings_give_back_the_planted_bandwidth(full: dict[str, pd.DataFrame]) -> None:
    ceilings = full["ceilings"]
    rows = ceilings[
        (ceilings["isa"] == "avx512f") & (ceilings["threads"] == 1) & (ceilings["ceiling"] == "read")
    ].set_index("level")
    for level, value in synthetic.BANDWIDTH.items():
        assert rows.loc[level, "value"] == pytest.approx(value, rel=0.05)
    fma = ceilings[(ceilings["ceiling"] == "fma") & (ceilings["isa"] == "avx512f") & (ceilings["threads"] == 1)]
    assert fma["value"].to_numpy() == pytest.approx(4 * 16 * synthetic.CLOCK_HZ, rel=0.05)


def test_ordinary_stores_count_the_fetched_line_and_non_temporal_ones_do_not() -> None:
    one = synthetic.Shape(isas=("avx2",), rounds=6, values=1)
    timings = synthetic.ceiling_timings(one)
    timings["time_s"] = 1.0
    table = ceilings_table(timings, synthetic.registry(one), synthetic.plan(one))
    rows = table[(table["ceiling"] == "copy") & (table["threads"] == 1) & (table["n_elements"] == 4096)].set_index(
        "store"
    )["value"]
    assert rows["ordinary"] == 12 * 4096
    assert rows["nt"] == 8 * 4096


def test_levels_are_told_apart_by_threads_where_sizes_coincide() -> None:
    """With many cores a core's part of the DRAM row is as long as the LLC's row of one core."""
    one = synthetic.Shape(isas=("avx2",), rounds=2, values=1)
    timings = synthetic.ceiling_timings(one)
    timings = timings[timings["n_elements"] == 4194304]
    plan = synthetic.plan(one) | {
        "ceiling_levels": [
            {"level": "LLC", "threads": 1, "n_elements": 4194304},
            {"level": "DRAM", "threads": 4, "n_elements": 4194304},
        ]
    }
    table = ceilings_table(timings, synthetic.registry(one), plan)
    table = table[table["ceiling"] != "fma"]
    assert set(zip(table["threads"], table["level"], strict=True)) == {(1, "LLC"), (4, "DRAM")}


def test_a_variant_without_registry_row_is_an_error(full_timings: pd.DataFrame) -> None:
    registry = synthetic.registry()
    with pytest.raises(TableError, match="has no variant"):
        passes_table(full_timings, registry[registry["pass"] != "rmax"], synthetic.counters(), synthetic.plan())


def test_the_faster_three_pass_is_the_base(full: dict[str, pd.DataFrame]) -> None:
    ratios = full["ratios"]
    point = ["isa", "variant", "n_elements", "cache_protocol"]
    both = pd.concat(
        [selection.against(ratios, "two_pass", base) for base in selection.question(synthetic.plan()).bases]
    )
    fastest = both.groupby(point)["base_time_median_s"].min()
    best = selection.against_fastest(ratios, synthetic.plan()).set_index(point)["base_time_median_s"]
    pd.testing.assert_series_equal(best.sort_index(), fastest.sort_index())


def test_all_derived_tables_fit_their_models(full: dict[str, pd.DataFrame], minimal: dict[str, pd.DataFrame]) -> None:
    for tables in (full, minimal):
        for name in ("passes", "ratios", "ceilings"):
            pd.testing.assert_frame_equal(conform(name, tables[name]), tables[name])
