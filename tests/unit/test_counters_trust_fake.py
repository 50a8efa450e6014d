"""Counting, calibration, confidence and rows over a fake kernel of known truth, below read(2); nothing is measured."""

import math

import numpy as np
import pandas as pd
import pmu_trees
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passline.counters import calibrate, chain, counting, provenance, rows
from passline.counters.calibrate import LOOPS, Background, Calibration, LoopCount
from passline.counters.counting import Counters, amounts, totals
from passline.counters.provenance import confidence
from passline.counters.records import Plan, document
from passline.counters.rights import Rights
from passline.derive import counted
from passline.registry import KERNELS, load_isas, load_study
from passline.tables import KEY, conform

RIGHTS = Rights(0, 0, (), "none", None, 1024)
ROW = 1 << 20  # bytes of a calibration row
KEYS = {column: 1 if column in ("pass_index", "n_elements", "n_rows", "threads") else "-" for column in KEY}


def plan_of(name, root, mode="auto"):
    return chain.choose(mode, pmu_trees.build(name, root), pmu_trees.FakeKernel(), RIGHTS, "none").plan


def of_pass(plan, repetitions, trust=None, elements=1, **given):
    """What table `passes` takes of these repetitions, by way of table `counters`."""
    trust = trust or provenance.Confidence("A", ())
    made = rows.counter_rows(
        {**KEYS, "n_elements": elements}, plan, repetitions, calibration=None, background=None, trust=trust, **given
    )
    (found,) = counted.by_pass(conform("counters", pd.DataFrame(made))).values()
    return found


def opened(plan, **truth):
    kernel = pmu_trees.FakeKernel(plan=plan, **truth)
    return kernel, Counters(kernel, plan, [5])


@pytest.mark.parametrize(
    ("name", "directions"),
    [
        ("skylake-x", {"read": 3e6, "write": 1e6}),
        ("broadwell-ep", {"read": 3e6, "write": 1e6}),
        ("xeon-max", {"read": 3e6, "write": 1e6}),
        ("grace", {"read": 3e6, "write": 1e6}),
        ("zen4", {"read": 3e6, "write": 1e6}),
        ("zen4-old-kernel", {"read": 3e6, "write": 1e6}),
        ("zen2", {"combined": 4e6}),
        ("neoverse-guest", {"read_lower_bound": 2e6}),
    ],
)
def test_a_fake_machine_is_counted_for_what_it_moves(name, directions, tmp_path):
    plan = plan_of(name, tmp_path)
    kernel, counters = opened(plan, traffic=directions)
    with counters:
        null = counters.null_region([])
        repetitions = counting.count(counters, [None], null.cost_s)
    assert kernel.left_open == 0
    assert len(repetitions) == counting.REPETITIONS
    for repetition in repetitions:
        assert repetition.wall_s >= max(counting.LEAST_S, counting.NULL_REGIONS * null.cost_s)
        assert len(repetition.regions) == len(plan.runs)
        found = totals(amounts(repetition))
        assert found == pytest.approx({d: repetition.calls * b for d, b in directions.items()}, rel=1e-3)


def test_a_fake_region_that_was_held_up_does_not_choose_the_calls(tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    kernel, counters = opened(plan, traffic={"read": 3e6, "write": 1e6}, call_s=50e-3)
    with counters:
        assert counters.calls_for([None], 1e-6) == 1  # long enough, but only because something else ran
        kernel.call_s = 1e-3
        calls_for, counters.calls_for = counters.calls_for, lambda *_: 1
        repetitions = counting.count(counters, [None], 1e-6)
        counters.calls_for = calls_for
    assert len(repetitions) == counting.REPETITIONS
    assert len({r.calls for r in repetitions}) == 1
    assert all(r.wall_s >= counting.LEAST_S for r in repetitions)


def test_a_fake_plan_of_several_runs_never_opens_them_together(tmp_path):
    plan = plan_of("zen2", tmp_path)
    kernel, counters = opened(plan, traffic={"combined": 4e6})
    most = []
    read = kernel.read
    kernel.read = lambda handles: (most.append(kernel.left_open), read(handles))[1]
    with counters:
        counters.repetition([None], 10)
    assert set(most) == {len(plan.runs[0])} == {2}  # two sockets, one run at a time


def test_a_fake_machine_that_lost_a_unit_has_no_sum_of_the_others(tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    kernel, counters = opened(plan, traffic={"read": 3e6, "write": 1e6})
    with counters:
        kernel.lost = frozenset({"uncore_imc_2"})
        repetition = counters.repetition([None], 10)
    found = amounts(repetition)
    assert [a.value for a in found] == [None, None]
    assert totals(found) == {}
    assert all("uncore_imc_2" in a.refusal.reason for a in found)
    told = of_pass(plan, [repetition])
    assert math.isnan(told["bytes_read_counted"])
    assert told["source"] == "model"
    assert told["reason"].startswith("unscheduled: uncore_imc_2")


def test_a_fake_counter_that_stands_still_is_refused_where_something_must_move(tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    _, counters = opened(plan, traffic={"read": 3e6})
    with counters:
        repetition = counters.repetition([None], 10)
    expected = {"read": 3e7, "write": 1e7}
    refused = {a.direction: a.refusal.kind for a in amounts(repetition, expected) if a.refusal}
    assert refused == {"write": "flat"}
    told = of_pass(plan, [repetition], expected={"read": 3e6, "write": 1e6})
    assert told["bytes_read_counted"] == pytest.approx(3e6, rel=1e-3)
    assert math.isnan(told["bytes_written_counted"])
    assert math.isnan(told["bandwidth_counted_bytes_per_s"])
    assert told["reason"].startswith("flat: ")


def test_a_fake_repetition_that_was_refused_leaves_the_others(tmp_path):
    plan = plan_of("broadwell-ep", tmp_path)
    kernel, counters = opened(plan, traffic={"read": 4e6, "write": 2e6})
    with counters:
        good = [counters.repetition([None], calls) for calls in (10, 20)]
        kernel.lost = frozenset({"uncore_imc_1"})
        bad = counters.repetition([None], 10)
    told = of_pass(plan, [good[0], bad, good[1]], local_socket=0)
    assert told["bytes_read_counted"] == pytest.approx(4e6, rel=1e-3)
    assert told["bytes_written_counted"] == pytest.approx(2e6, rel=1e-3)
    assert told["bandwidth_counted_bytes_per_s"] == pytest.approx(6e6 / kernel.call_s, rel=0.01)
    assert told["local_share"] == pytest.approx(0.5)
    assert told["reason"].startswith("unscheduled: uncore_imc_1")


def test_a_fake_machine_faster_than_it_can_be_is_refused(tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    kernel = pmu_trees.FakeKernel(plan=plan, traffic={"read": 3e6, "write": 1e6})
    with Counters(kernel, plan, [5], {"B": 1e7}) as counters:  # a call moves 5e8 B/s at each of 6 units
        found = amounts(counters.repetition([None], 10))
    assert {a.refusal.kind for a in found} == {"impossible"}


def test_a_fake_background_is_counted_and_never_subtracted(tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    _, counters = opened(plan, traffic={"read": 3e6, "write": 1e6}, background={"read": 3e8})
    with counters:
        quiet = calibrate.background(counters, 0.1)
        repetition = counters.repetition([None], 100)
    assert quiet["read"] == pytest.approx(3e8, rel=0.01)
    share = provenance.background_share(Background(quiet, quiet), [repetition])
    assert share == pytest.approx(3e8 * repetition.wall_s / (3e8 + 3e8 * repetition.wall_s), rel=0.05)
    assert totals(amounts(repetition))["read"] > 3e8


def test_the_sockets_of_a_fake_machine_stay_apart(tmp_path):
    plan = plan_of("broadwell-ep", tmp_path)
    _, counters = opened(plan, traffic={"read": 4e6, "write": 2e6})
    with counters:
        repetition = counters.repetition([None], 10)
    found = amounts(repetition)
    assert of_pass(plan, [repetition], local_socket=1)["local_share"] == pytest.approx(0.5)
    assert math.isnan(of_pass(plan, [repetition])["local_share"])
    assert sorted((a.direction, a.socket, a.units) for a in found) == [
        ("read", 0, 4), ("read", 1, 4), ("write", 0, 4), ("write", 1, 4),
    ]  # fmt: skip


def test_loops_of_known_traffic_are_the_ceilings_own():
    isas = load_isas()
    study = load_study(KERNELS / "ceilings", {"avx2": isas["avx2"]})
    found = calibrate.loop_variants(study.variants, "avx2")
    assert found.keys() == {loop.name for loop in LOOPS}
    assert "-nt-" in found["nt_store"]
    assert "-nt-" not in found["store"]
    assert calibrate.loop_variants(study.variants, "neon") == {}


class FakeLibrary:
    """A fake: no kernels, but workloads that tell the fake kernel which loop they are."""

    def __init__(self, kernel):
        self.kernel = kernel

    def workload(self, names, x_rows, y_rows):
        self.kernel.traffic = self.truth(names[0], x_rows[0].nbytes)
        assert x_rows[0] is y_rows[0]
        return self

    def set_state(self, state):
        assert state == {"scale": 1.0}

    def truth(self, name, row_bytes):
        loop = next(loop for loop in LOOPS if loop.name == name)
        both = {"read": loop.read * row_bytes, "write": loop.written * row_bytes}
        return {**both, "combined": sum(both.values()), "read_lower_bound": 0.4 * both["read"]}


def calibrated(plan, scale=1.0):
    kernel, counters = opened(plan, scale=scale)
    with counters:
        return calibrate.calibrate(counters, FakeLibrary(kernel), {loop.name: loop.name for loop in LOOPS}, ROW, 1e-5)


@pytest.mark.parametrize(
    ("scale", "verdict", "letter", "says"),
    [
        (1.0, "good", "A", ""),
        (0.96, "good", "A", ""),
        (0.92, "fair", "B", "counted 0.920 of known bytes"),
        (0.0625, "off", "C", "16 times too small"),
        (0.5, "off", "C", "half of the units"),
        (2.0, "off", "C", "counted twice"),
        (0.001, "off", "C", "counts something else"),
    ],
)
def test_a_fake_scale_that_is_wrong_is_found_and_lowers_the_confidence(scale, verdict, letter, says, tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    found = calibrated(plan, scale)
    assert found.read_ratio == pytest.approx(scale, rel=0.01)
    assert found.write_ratio == pytest.approx(scale, rel=0.01)
    assert found.store_read_ratio == pytest.approx(scale, rel=0.01)
    assert found.verdict == verdict
    trust = confidence(plan, found, 0.0)
    assert trust.letter == letter
    assert says in "; ".join(trust.warnings)


def test_a_count_is_never_corrected_by_its_calibration(tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    kernel, counters = opened(plan, traffic={"read": 4e6, "write": 2e6}, scale=0.5)
    with counters:
        repetition = counters.repetition([None], 10)
    assert kernel.scale == 0.5
    told = of_pass(plan, [repetition], confidence(plan, calibrated(plan, 0.5), 0.0))
    assert told["bytes_read_counted"] == pytest.approx(2e6, rel=1e-3)
    assert told["confidence"] == "C"


@pytest.mark.parametrize(("name", "letter"), [("zen2", "B"), ("graviton-metal", "B"), ("neoverse-guest", "C")])
def test_sources_that_tell_less_are_trusted_less(name, letter, tmp_path):
    plan = plan_of(name, tmp_path)
    assert confidence(plan, calibrated(plan), 0.0).letter == letter


def ratios(read, write):
    return Calibration((), read, write, math.nan, "", ())


@given(st.floats(0.0, 3.0), st.floats(0.0, 3.0), st.floats(0.0, 1.0))
def test_confidence_never_grows_with_doubt(near, far, share):
    if abs(near - 1) > abs(far - 1):
        near, far = far, near
    plan = Plan("imc", "socket", (), (), "A")
    events = _PlanWith(plan, frozenset({"read", "write"}))
    better, worse = (confidence(events, ratios(r, 1.0), 0.0).letter for r in (near, far))
    assert better <= worse
    assert confidence(events, ratios(near, 1.0), share).letter >= better
    assert confidence(events, ratios(near, 1.0), 0.0).letter <= "C"


class _PlanWith:
    """A plan of which only the directions matter."""

    def __init__(self, plan, directions):
        self.most_confidence, self.notes, self.source, self.directions = "A", (), plan.source, directions


def test_what_was_not_calibrated_is_at_best_c(tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    assert confidence(plan, None).letter == "C"
    assert confidence(plan, ratios(math.nan, 1.0)).letter == "C"
    assert provenance.model_confidence(confirmed=True).letter == "D"
    assert provenance.model_confidence(confirmed=False).letter == "E"


def test_a_refused_loop_leaves_no_ratio_and_says_why(tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    kernel, counters = opened(plan, traffic={"read": 1e6, "write": 1e6})
    with counters:
        kernel.lost = frozenset({"uncore_imc_0"})
        count = calibrate.loop_count(LOOPS[0], "v", counters.repetition([None], 5), ROW)
    assert math.isnan(count.counted_read)
    assert "another profiler" in count.reason
    assert calibrate.judged([count]).verdict == "unknown"


def test_less_reading_by_ordinary_stores_is_no_fault():
    """Hardware that avoids fetching whole lines reads less than it stores: told, and not held against the scale."""
    counts = [LoopCount("read", "r", 1, 1.0, 8.0, 0.0, 8.0, 0.0, math.nan, "-"),
              LoopCount("nt_store", "n", 1, 1.0, 0.0, 8.0, 0.0, 8.0, math.nan, "-"),
              LoopCount("store", "s", 1, 1.0, 8.0, 8.0, 1.0, 8.0, math.nan, "-")]  # fmt: skip
    found = calibrate.judged(counts)
    assert (found.verdict, found.store_read_ratio, found.hints) == ("good", 0.125, ())


def test_rows_of_a_fake_machine_fit_the_table(tmp_path):
    plan = plan_of("broadwell-ep", tmp_path)
    kernel, counters = opened(plan, traffic={"read": 4e6, "write": 2e6})
    with counters:
        repetitions = [counters.repetition([None], 10)]
        kernel.lost = frozenset({"uncore_imc_1"})
        repetitions.append(counters.repetition([None], 10))
    quiet = Background({"read": 1e3}, {"read": 2e3})
    made = rows.counter_rows(
        KEYS, plan, repetitions, calibration=ratios(1.01, 0.99), background=quiet,
        trust=provenance.Confidence("A", ()),
    )  # fmt: skip
    table = conform("counters", pd.DataFrame(made))
    assert set(table["status"]) == {"counted", "rejected"}
    places = set(zip(table["event"], table["socket"], table["repetition"], strict=True))
    assert places == {(f"cas_count_{d}", s, r) for d in ("read", "write") for s in (0, 1) for r in (0, 1)}
    assert (table["time_s"] > 0).all()
    good = table[table["status"] == "counted"]
    assert good.loc[good["direction"] == "read", "value"].sum() == pytest.approx(4e7, rel=1e-3)
    assert set(good.loc[good["direction"] == "read", "background"]) == {2e3}
    assert np.isnan(table.loc[table["direction"] == "write", "background"]).all()
    bad = table[table["status"] == "rejected"]
    assert bad["value"].isna().all()
    assert bad["reason"].str.startswith("unscheduled: uncore_imc_1").all()
    assert (good["reason"] == "-").all()


def test_a_workload_that_nothing_counted_has_one_row_that_says_why(tmp_path):
    kernel = pmu_trees.FakeKernel(refuse={"*": 2})
    chosen = chain.choose("auto", pmu_trees.build("zen4", tmp_path), kernel, RIGHTS, "unnamed")
    table = conform(
        "counters", pd.DataFrame([rows.unavailable_row(KEYS, chosen, provenance.model_confidence(confirmed=False))])
    )
    (row,) = table.to_dict("records")
    assert (row["status"], row["source"], row["confidence"], row["calls"]) == ("unavailable", "model", "E", 0)
    assert np.isnan(row["value"])
    assert "tried: perf_event ENOENT, umc ENOENT, df ENOENT, core ENOENT" in row["reason"]


def test_work_per_element_of_a_fake_core(tmp_path):
    host = pmu_trees.build("ice-lake-sp-guest", tmp_path)
    plan = chain.core.probe_work(host, pmu_trees.FakeKernel()).plan
    _, counters = opened(plan, traffic={"cycles": 3000.0, "instructions": 9000.0}, call_s=1e-6)
    with counters:
        repetitions = [counters.repetition([None], 1000) for _ in range(3)]
    found = of_pass(plan, repetitions, elements=1000)
    assert found["cycles_per_element"] == pytest.approx(3.0)
    assert found["instructions_per_element"] == pytest.approx(9.0)
    assert (found["source"], found["reason"]) == ("model", "-")
    table = rows.counter_rows(
        KEYS, plan, repetitions, calibration=None, background=None, trust=provenance.Confidence("A", ())
    )
    assert {(r["event"], r["direction"], r["unit"]) for r in table} == {
        ("cycles", "-", "cycles"),
        ("instructions", "-", "instructions"),
    }


def test_a_small_footprint_is_warned_of():
    assert provenance.carry_over(4 << 20, 1 << 20) is None
    assert "50%" in provenance.carry_over(2 << 20, 1 << 20)
    assert provenance.carry_over(1, None) is None


def test_the_record_of_a_count_is_plain_json(tmp_path):
    plan = plan_of("skylake-x", tmp_path)
    _, counters = opened(plan, traffic={"read": 4e6, "write": 2e6})
    with counters:
        null = counters.null_region([])
        repetitions = [counters.repetition([None], 10)]
    chosen = chain.Chosen("auto", "imc", plan, (), None)
    record = document(
        provenance.provenance(
            chosen,
            repetitions,
            cpus=[5],
            footprint_bytes=1 << 20,
            llc_bytes=1 << 20,
            null_region=null,
            calibration=ratios(1.0, math.nan),
            background=None,
            trust=provenance.Confidence("A", ()),
            rights=RIGHTS,
        )
    )
    assert record["mux_ratio"] == 1.0
    assert record["calibration"]["write_ratio"] is None
    event = record["plan"]["runs"][0][0]["events"][0]
    assert (event["terms"], event["scale_origin"], event["per_count"]) == ("event=0x04,umask=0x03", "sysfs", 64.0)
