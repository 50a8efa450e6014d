"""Rounds as real processes: what they write, how they resume, and what is refused. Nothing here asserts a time."""

import json
import math
import statistics

import numpy as np
import pyperf
import pytest
from small_block import facts_of, take

from passline.collect import collect
from passline.contenders import Built, algorithm, planted, together
from passline.errors import MeasurementError
from passline.measure import buffers, session, stop
from passline.measure.library import Library
from passline.measure.round import LEAST_SWEEPS, Runner, begin_at, offsets, row_sets
from passline.measure.spec import fingerprint, write_json
from passline.plan_blocks import stop_rule
from passline.tables import conform


def test_a_round_is_a_pyperf_file_with_every_contender_and_pass(block, tmp_path, host):
    manifest = take(block, tmp_path, host)
    (_, suite), *others = session.read(tmp_path, manifest)
    assert len(others) == 2
    names = suite.get_benchmark_names()
    assert len(names) == 1 + 2 + 1 + 1  # whole, the split one's two passes, the pass alone, another whole
    for benchmark in suite.get_benchmarks():
        assert len(benchmark.get_values()) == 2
        assert all(value > 0 for value in benchmark.get_values())
    folder = tmp_path / manifest[block["name"]]["folder"]
    assert pyperf.BenchmarkSuite.load(str(folder / "round-000.json")) is not None
    assert not list(folder.glob(".*"))  # nothing half written


def test_rounds_become_rows_of_the_tables(block, tmp_path, host):
    manifest = take(block, tmp_path, host)
    keys = {block["name"]: [c["key"] for c in block["contenders"]]}
    variants = {block["name"]: [c["variants"] for c in block["contenders"]]}
    write_json(tmp_path / "manifest.json", {"blocks": manifest, "keys": keys, "variants": variants})
    timings, rounds = collect(tmp_path / "manifest.json", "machine", "session")
    timings, rounds = conform("timings", timings), conform("rounds", rounds)
    assert set(timings["pass"]) == {"-", "raddextexp", "vscaleextexp", "vmulc"}
    split = timings[(timings["pass_index"] > 0) & ~timings["is_warmup"]]
    assert set(split["pass_index"]) == {1, 2}
    assert list(rounds["round"]) == [0, 1, 2]
    assert rounds["order"].nunique() > 1 or rounds["seed"].nunique() == 3


def test_a_killed_step_goes_on_where_it_stopped(block, tmp_path, host):
    manifest = take(block, tmp_path, host)
    folder = tmp_path / manifest[block["name"]]["folder"]
    kept = {path.name: path.read_bytes() for path in folder.glob("round-00[02].json")}
    (folder / "round-001.json").unlink()
    again = take(block, tmp_path, host)
    assert (folder / "round-001.json").is_file()
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert again[block["name"]]["rounds"].keys() == manifest[block["name"]]["rounds"].keys()


def test_more_rounds_of_the_same_block_keep_those_that_are_there(block, tmp_path, host):
    few = take({**block, "rounds": 2}, tmp_path, host)[block["name"]]
    more = take({**block, "rounds": 3}, tmp_path, host)[block["name"]]
    assert more["folder"] == few["folder"]
    assert few["rounds"].items() <= more["rounds"].items()


def test_a_changed_object_changes_the_block(block):
    assert fingerprint(block, {"object": "1"}) != fingerprint(block, {"object": "2"})
    fewer = {**block, "contenders": block["contenders"][:1]}
    assert fingerprint(block, {}) != fingerprint(fewer, {})
    assert fingerprint(block, {}) == fingerprint({**block, "rounds": 99}, {})


def test_a_changed_round_file_is_refused(block, tmp_path, host):
    manifest = take({**block, "rounds": 1}, tmp_path, host)
    path = tmp_path / manifest[block["name"]]["folder"] / "round-000.json"
    document = json.loads(path.read_text())
    document["benchmarks"][0]["runs"][0]["values"][0] *= 0.5
    path.write_text(json.dumps(document))
    with pytest.raises(MeasurementError, match="missing or was changed since it was taken"):
        list(session.read(tmp_path, manifest))


def test_the_same_seed_gives_the_same_order(block, tmp_path, host):
    orders = []
    for folder in ("a", "b"):
        manifest = take({**block, "rounds": 1}, tmp_path / folder, host)
        orders.append([facts["order"] for facts in facts_of(tmp_path / folder, manifest)])
    assert orders[0] == orders[1]


def test_several_threads_share_a_block(block, tmp_path, built):
    threaded = {**block, "protocol": "hot", "threads": 2, "contenders": [block["contenders"][2]], "rounds": 1}
    host = session.Host({"cc": str(built.path)}, [0, 0], 1 << 20, seed=7)
    manifest = take(threaded, tmp_path, host)
    (_, suite), *_ = session.read(tmp_path, manifest)
    assert suite.get_benchmarks()[0].get_values()[0] > 0


def test_threads_that_share_a_row_run_beside_one(block, tmp_path, built):
    """In the same round, each on rows of its own, and right."""
    plain = block["contenders"][0]
    shared = together(plain, 2)
    shared["key"] = {**shared["key"], "threads": 2}
    both = {**block, "protocol": "hot", "contenders": [plain, shared], "rounds": 1}
    host = session.Host({"cc": str(built.path)}, [0, 0], 1 << 20, seed=7)
    manifest = take(both, tmp_path, host)
    (facts,) = facts_of(tmp_path, manifest)
    assert (facts["n_rows"], facts["reason"]) == (1, "-")
    alone = take({**both, "contenders": [plain]}, tmp_path / "alone", host)
    assert facts["buffer_bytes"] == 2 * facts_of(tmp_path / "alone", alone)[0]["buffer_bytes"]


def test_rounds_of_another_cpu_llc_or_seed_are_other_rounds(block, tmp_path, host):
    folders = {take({**block, "rounds": 1}, tmp_path, host)[block["name"]]["folder"]}
    for change in ({"seed": 8}, {"llc_bytes": 2 << 20}):
        other = session.Host(**{**host.__dict__, **change})
        folders.add(take({**block, "rounds": 1}, tmp_path, other)[block["name"]]["folder"])
    assert len(folders) == 3


LAYOUT = ("offset_bytes", "offset_y_bytes", "env_bytes")


def test_the_layout_differs_from_round_to_round_and_repeats_with_the_seed(block, tmp_path, host):
    few = {**block, "rounds": 6, "sweeps": 1, "stop": stop_rule([], 0.0, 6, 6)}
    first, again = (facts_of(tmp_path / f, take(few, tmp_path / f, host)) for f in ("a", "b"))
    other_seed = facts_of(tmp_path / "c", take(few, tmp_path / "c", session.Host(**{**host.__dict__, "seed": 8})))
    for name in LAYOUT:
        values = [facts[name] for facts in first]
        # Of 64 lines in a page, or 4096 bytes, six draws are all alike with a probability below 1e-8.
        assert len(set(values)) > 1, name
        assert [facts[name] for facts in again] == values
        assert [facts[name] for facts in other_seed] != values
    for facts in first:
        assert {facts["offset_bytes"] % 64, facts["offset_y_bytes"] % 64} == {0}
        assert max(facts["offset_bytes"], facts["offset_y_bytes"]) < 4096


def test_rows_move_from_sweep_to_sweep():
    first = (64 * 5, 64 * 63)
    moved = [offsets(first, sweep) for sweep in range(64)]
    assert moved[0] == first
    for stream in zip(*moved, strict=True):
        assert sorted(stream) == [64 * line for line in range(64)]
        # The alignment to 256 bytes decides over prefetching: few sweeps must meet all of them alike.
        for start in range(0, 64, LEAST_SWEEPS):
            assert {offset % 256 for offset in stream[start : start + LEAST_SWEEPS]} == {0, 64, 128, 192}
    assert len({(x - y) % 4096 for x, y in moved}) > 16


def test_a_workload_moves_to_where_its_rows_start(built):
    x, y = (buffers.allocate(2, 100, "huge") for _ in range(2))
    x.flat[:] = np.arange(len(x.flat), dtype=np.float32)
    y.flat[:] = np.nan
    workload = Library(built.path).workload([built.study.preset("vmulc", "scalar").name], x.rows, y.rows)
    workload.set_state({"scale": 2.0})
    y.flat[16:116] = 3.0
    workload.move(4 * 8, 4 * 16)
    workload.call()
    assert (y.flat[16:116] == 6.0).all()
    assert np.isnan(y.flat[:16]).all()
    assert np.isnan(y.flat[116:]).all()


def median_times(suite):
    return {b.get_metadata()["passline_contender"]: statistics.median(b.get_values()) for b in suite.get_benchmarks()}


def test_a_planted_slowdown_makes_a_call_slower_by_about_that_share(block, built, tmp_path, host):
    known = Built("cc", "id", {})
    found = [
        algorithm(built.study, "two_pass", known, "scalar", "preset", split=False),
        *(planted(built.study, "two_pass", known, "scalar", share) for share in (0.0, 1.0)),
        planted(built.study, "two_pass", known, "scalar", 0.5, whole_calls=True),
    ]
    key = block["contenders"][0]["key"]
    trial = {
        **block,
        "protocol": "hot",
        "sweeps": 8,
        "contenders": [{**c, "key": {**key, "variant": c["key"]["variant"]}} for c in found],
    }
    suites = [suite for _, suite in session.read(tmp_path, take(trial, tmp_path, host))]
    times = [median_times(suite) for suite in suites]
    twice = statistics.median(t[2] / t[0] for t in times)
    same = statistics.median(t[1] / t[0] for t in times)
    assert 1.5 < twice < 3  # all elements a second time: about 2
    assert 0.7 < same < 1.4  # the same call under another name
    assert twice / same > 1.5
    half = statistics.median(t[3] / t[0] for t in times)
    assert 1.2 < half / same < 1.9  # every second call twice: 1.5
    loops = [b.get_loops() for suite in suites for b in suite.get_benchmarks()]
    assert loops
    assert all(number % 2 == 0 for number in loops[3::4])


def test_the_stop_rule_reads_from_a_round_what_pyperf_wrote(block, tmp_path, host):
    compared = {**block, "rounds": 1, "stop": {"pairs": [[0, 3], [3, 0]], "target": 0.01, "looks": []}}
    manifest = take(compared, tmp_path, host)
    ((_, suite),) = session.read(tmp_path, manifest)
    folder = tmp_path / manifest[block["name"]]["folder"]
    (over, under), facts = stop.read_round(folder / "round-000.json", compared)
    values = {b.get_metadata()["passline_contender"]: b.get_values() for b in suite.get_benchmarks()}
    assert over == statistics.median(b / c for c, b in zip(values[0], values[3], strict=True))
    assert under == statistics.median(b / c for c, b in zip(values[3], values[0], strict=True))
    assert facts["duration_s"] > 0
    assert (facts["round"], facts["block"]) == (0, block["name"])


def test_what_ended_a_block_is_in_the_manifest(block, tmp_path, host):
    pairs = [[0, 3]]
    wide = {"pairs": pairs, "target": 1e9, "looks": [[2, 1], [3, 1]]}
    narrow = {"pairs": pairs, "target": 1e-12, "looks": [[2, 1], [3, 1]]}
    for rule, reason, rounds in (
        (wide, stop.TARGET, 2),
        (narrow, stop.CAP, 3),
        ({"pairs": [], "target": 0.0, "looks": []}, stop.PLANNED, 3),
    ):
        entry = take({**block, "stop": rule}, tmp_path, host)[block["name"]]
        assert (entry["stop_reason"], len(entry["rounds"])) == (reason, rounds)


def test_rounds_on_disk_beyond_what_the_rule_asks_for_are_not_used(block, tmp_path, host):
    all_of_them = take(block, tmp_path, host)[block["name"]]
    rule = {"pairs": [[0, 3]], "target": 1e9, "looks": [[2, 1], [3, 1]]}
    entry = take({**block, "stop": rule}, tmp_path, host)[block["name"]]
    assert list(entry["rounds"]) == ["round-000.json", "round-001.json"]
    assert entry["rounds"].items() < all_of_them["rounds"].items()
    assert len(list((tmp_path / entry["folder"]).glob("round-*.json"))) == 3


class Told:
    """A progress that remembers what it was told."""

    def __init__(self):
        self.said = []

    def start(self, taken, expected):
        self.said.append(("start", taken, expected))

    def took(self, block, taken, expected, left_s, noise):
        assert left_s >= 0
        assert math.isnan(noise) or noise > 0
        self.said.append((block, taken, expected))

    def end(self, taken):
        self.said.append(("end", taken))


def test_progress_counts_rounds(block, tmp_path, host):
    first, second, third = Told(), Told(), Told()
    take({**block, "rounds": 1}, tmp_path, host, first)
    take(block, tmp_path, host, second)
    take(block, tmp_path, host, third)
    name = block["name"]
    assert first.said == [("start", 0, 1), (name, 1, 1), ("end", 1)]
    assert second.said == [("start", 1, 3), (name, 2, 3), (name, 3, 3), ("end", 3)]
    assert third.said == [("end", 3)]  # nothing to take: no lock, no bar


def test_rounds_are_taken_in_turn_by_all_blocks(block, tmp_path, host):
    told = Told()
    blocks = [{**block, "name": name, "sweeps": 1, "rounds": rounds} for name, rounds in (("a", 2), ("b", 3))]
    session.run("times", blocks, {b["name"]: {} for b in blocks}, tmp_path, host, told)
    assert [said[0] for said in told.said[1:-1]] == ["a", "b", "a", "b", "b"]


def test_the_consumer_reads_y_after_every_call(built):
    # One that scales in place stands for it: what it read shows.
    library, scale = Library(built.path), built.study.preset("vmulc", "scalar").name
    x, y = (buffers.allocate(3, 100, "huge") for _ in range(2))
    y.flat[:] = 1.0
    workload = library.workload([scale], x.rows, y.rows)
    workload.set_state({"scale": 2.0})
    workload.c.consumer = library.variants[scale]
    workload.run(2)
    workload.run_split(1)
    assert [set(row) for row in y.rows] == [{4.0}, {4.0}, {4.0}]
    padding = np.setdiff1d(y.flat, [4.0])
    assert set(padding) == {1.0}


def test_a_round_of_protocol_consumed_takes_the_consumers_time_too(block, tmp_path, host):
    plain = block["contenders"][0]
    reader = plain["variants"][0]  # half of the call: read like this, y costs half as much again
    read = {**plain, "name": "read", "consumer": reader}
    hot = {**block, "protocol": "consumed", "sweeps": 8, "contenders": [plain, read]}
    suites = [suite for _, suite in session.read(tmp_path, take(hot, tmp_path, host))]
    times = [median_times(suite) for suite in suites]
    assert statistics.median(t[1] / t[0] for t in times) > 1.1
    assert fingerprint(hot, {}) != fingerprint({**hot, "contenders": [plain, plain]}, {})


def test_the_rows_of_a_batch_lie_one_behind_the_other():
    batch = buffers.allocate(5, 1001, "huge", packed=True)
    starts = [row.ctypes.data for row in batch.rows]
    assert np.diff(starts).tolist() == [4 * 1001] * 4
    # They can be moved within a page all the same.
    assert starts[-1] + 4 * 1001 + buffers.SLACK <= batch.flat.ctypes.data + batch.bytes


def test_calls_walk_over_a_batch_on_each_thread(block, tmp_path, built):
    batch = {**block, "protocol": "hot", "rows": 3, "contenders": [block["contenders"][0]], "rounds": 1}
    one = take(batch, tmp_path / "one", session.Host({"cc": str(built.path)}, [0], 1 << 20, seed=7))
    two = take(
        {**batch, "threads": 2}, tmp_path / "two", session.Host({"cc": str(built.path)}, [0, 0], 1 << 20, seed=7)
    )
    assert [facts["n_rows"] for facts in facts_of(tmp_path / "one", one)] == [3]
    (facts,) = facts_of(tmp_path / "two", two)
    assert (facts["n_rows"], facts["reason"]) == (6, "-")


def test_a_batch_on_several_threads_is_one_and_what_goes_by_choices_takes_all_of_it(block, tmp_path, built):
    """Beside threads that each walk over their part of the same memory."""
    plain = block["contenders"][0]
    team = together(plain, 2)
    team["key"] = {**team["key"], "threads": 2}
    host = session.Host({"cc": str(built.path)}, [0, 0], 1 << 20, seed=7)
    batch = {**block, "protocol": "hot", "rows": 4, "threads": 2, "rounds": 1}
    facts = {}
    for name, contenders in {"parts": [plain], "both": [plain, team]}.items():
        (facts[name],) = facts_of(tmp_path / name, take({**batch, "contenders": contenders}, tmp_path / name, host))
    assert {(told["n_rows"], told["reason"]) for told in facts.values()} == {(8, "-")}
    assert facts["both"]["buffer_bytes"] == facts["parts"]["buffer_bytes"]


@pytest.mark.parametrize(("block_threads", "team_threads", "calls"), [(1, 1, 6), (1, 2, 6), (2, 2, 3)])
def test_as_many_calls_as_a_batch_has_compute_each_of_its_rows(block, built, block_threads, team_threads, calls):
    library, n, n_rows = Library(built.path), block["n_elements"], 6
    contender = together(block["contenders"][0], team_threads)
    asked = {**block, "protocol": "hot", "rows": n_rows // block_threads, "threads": block_threads}
    spec = {"block": {**asked, "contenders": [contender]}, "cpus": [0, 0], "seed": 3}
    sets = row_sets(spec, (asked["rows"], asked["rows"]), library)[team_threads]
    runner = Runner(contender, library, spec["block"], sets, [0, 0], begin=0.5)
    y = [row for each in sets for row in each.y]
    for row in y:
        row[:] = 7
    runner.run(calls)
    assert len(y) == n_rows
    assert {round(float(row.sum()), 3) for row in y} == {1.0}
    assert all(len(row) == n for row in y)


def test_where_rows_are_streamed_calls_begin_at_other_rows(block, built):
    library = Library(built.path)
    asked = {**block, "protocol": "hot", "rows": 10, "contenders": block["contenders"][:1]}
    (rows,) = row_sets({"block": asked, "cpus": [0], "seed": 3}, (10, 10), library)[1]
    runner = Runner(asked["contenders"][0], library, asked, [rows], [0], begin=0.7)
    rows.y[7][:] = 7
    runner.run(1)
    assert runner.first_row == 7
    assert rows.written(7, 0).sum() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("threads", [1, 2])
def test_contenders_begin_at_other_rows_and_what_may_take_fewer_threads_with_the_first(block, threads):
    asked = {**block, "threads": threads, "contenders": [block["contenders"][0], together(block["contenders"][0], 2)]}
    assert begin_at(asked, 10) == [1 / 3, 2 / 3 if threads == 1 else 0.0]
    assert begin_at(asked, 1) == [0.0, 0.0]


def test_a_choice_for_fewer_threads_than_a_batch_has_is_no_doubt(block, tmp_path, built):
    plain = block["contenders"][0]
    names = " ".join(plain["variants"])
    alone = {**plain, "name": "alone", "threads": 2, "key": {**plain["key"], "threads": 2}}
    alone["choices"] = "".join(f"{plain['key']['isa']} {threads} 0 0 1 {names}\n" for threads in (1, 2))
    batch = {**block, "protocol": "hot", "rows": 40, "threads": 2, "rounds": 1, "contenders": [plain, alone]}
    host = session.Host({"cc": str(built.path)}, [0, 0], 1 << 20, seed=7)
    (facts,) = facts_of(tmp_path, take(batch, tmp_path, host))
    assert facts["reason"] == "-"


def test_runs_that_start_with_the_first_row_go_on_where_the_last_one_ended(built):
    library, scale = Library(built.path), built.study.preset("vmulc", "scalar").name
    x, y = (buffers.allocate(3, 10, "huge") for _ in range(2))
    y.flat[:] = 1.0
    workload = library.workload([scale], x.rows, y.rows)
    workload.set_state({"scale": 2.0})
    touched = []
    for calls in (2, 2, 1):
        workload.advance(calls)
        workload.call()
        touched.append([row[0] for row in y.rows])
    assert touched == [[1, 1, 2], [1, 2, 2], [1, 2, 4]]
    workload.move(64, 64)
    assert touched == [[1, 1, 2], [1, 2, 2], [1, 2, 4]]
