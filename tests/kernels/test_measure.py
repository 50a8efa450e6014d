"""Rounds as real processes: what they write, how they resume, and what is refused. Nothing here asserts a time."""

import json

import pyperf
import pytest

from passline.collect import collect
from passline.contenders import Built, algorithm, alone
from passline.errors import MeasurementError
from passline.measure import session
from passline.measure.spec import fingerprint, write_json
from passline.tables import conform

N = 3001


@pytest.fixture
def block(built):
    study = built.study
    tuned = {(p, i): study.preset(p, i).name for p in study.passes for i in built.isas}
    known = Built("cc", "id", tuned)
    contenders = [algorithm(study, "two_pass", known, "scalar", "preset", split=split) for split in (False, True)]
    contenders[1]["name"] += " split"
    contenders.append(alone(study, study.preset("vmulc", "scalar"), known))
    point = {"n_elements": N, "threads": 1, "cache_protocol": "paper", "inputs": "uniform", "pages": "huge"}
    return {
        "name": f"algorithms-paper-n{N}-uniform-huge",
        "protocol": "paper",
        "n_elements": N,
        "threads": 1,
        "inputs": {"name": "uniform", "distribution": "uniform", "low": -1000.0, "high": 1000.0},
        "pages": "huge",
        "rounds": 3,
        "sweeps": 2,
        "value_s": 1e-4,
        "contenders": [{**c, "key": {**c["key"], **point}} for c in contenders],
    }


@pytest.fixture
def host(built):
    return session.Host({"cc": str(built.path)}, [0], 1 << 20, seed=7)


def take(block, raw, host):
    return session.run("times", [block], {block["name"]: {"object": "1"}}, raw, host)


def test_a_round_is_a_pyperf_file_with_every_contender_and_pass(block, tmp_path, host):
    manifest = take(block, tmp_path, host)
    (_, suite), *others = session.read(tmp_path, manifest)
    assert len(others) == 2
    names = suite.get_benchmark_names()
    assert len(names) == 1 + 2 + 1  # whole, the split one's two passes, the pass alone
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


def test_a_failing_round_names_itself_and_loses_nothing(block, tmp_path, host):
    take({**block, "rounds": 1}, tmp_path, host)
    broken = session.Host({"cc": str(tmp_path / "missing.so")}, [0], 1 << 20, seed=7)
    with pytest.raises(MeasurementError, match=r"round 1: the process ended with status 1 .*run snakemake again"):
        take(block, tmp_path, broken)
    assert len(list(tmp_path.glob("*/round-*.json"))) == 1


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
        (_, suite), *_ = session.read(tmp_path / folder, manifest)
        orders.append(json.loads(suite.get_benchmarks()[0].get_metadata()["passline_round"])["order"])
    assert orders[0] == orders[1]


def test_several_threads_share_a_block(block, tmp_path, built):
    threaded = {**block, "protocol": "hot", "threads": 2, "contenders": [block["contenders"][2]], "rounds": 1}
    host = session.Host({"cc": str(built.path)}, [0, 0], 1 << 20, seed=7)
    manifest = take(threaded, tmp_path, host)
    (_, suite), *_ = session.read(tmp_path, manifest)
    assert suite.get_benchmarks()[0].get_values()[0] > 0


def test_rounds_of_another_cpu_llc_or_seed_are_other_rounds(block, tmp_path, host):
    folders = {take({**block, "rounds": 1}, tmp_path, host)[block["name"]]["folder"]}
    for change in ({"seed": 8}, {"llc_bytes": 2 << 20}):
        other = session.Host(**{**host.__dict__, **change})
        folders.add(take({**block, "rounds": 1}, tmp_path, other)[block["name"]]["folder"])
    assert len(folders) == 3


def test_a_round_cut_short_by_a_crash_is_taken_again(block, tmp_path, host):
    manifest = take({**block, "rounds": 1}, tmp_path, host)
    path = tmp_path / manifest[block["name"]]["folder"] / "round-000.json"
    path.write_text("")
    take({**block, "rounds": 1}, tmp_path, host)
    assert json.loads(path.read_text())["benchmarks"]
