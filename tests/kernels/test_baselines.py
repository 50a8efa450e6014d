"""Outside baselines: the real ones that are installed here, and fakes that are absent, wrong, or allocate.

Fakes lie in `fake_baselines`, one file each as the real ones; rounds and probes meet them in processes of their own.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_block import facts_of, take

from passline import baselines
from passline.availability import look, probe
from passline.baselines import Softmax, onnxruntime
from passline.collect import collect, collect_baselines
from passline.conformance_algorithms import presets
from passline.contenders import outside
from passline.derive.passes import passes_table
from passline.derive.ratios import compared, ratios_table
from passline.error_over_n import error_over_n
from passline.known_baselines import FOLDER, installed, names
from passline.measure import session
from passline.measure.outside import RELATIVE_ERROR, consumed, deviation
from passline.measure.spec import write_json
from passline.plan_blocks import pairs
from passline.tables import conform

FAKES = Path(__file__).parent / "fake_baselines"
PAGE = 4096


@pytest.fixture
def fakes(monkeypatch):
    """The fakes are baselines, here and in processes started from here."""
    monkeypatch.setattr(baselines, "__path__", [*baselines.__path__, str(FAKES)])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKES), os.environ.get("PYTHONPATH", "")]))


def test_the_baselines_are_the_files_of_their_folder():
    assert "numpy" in names()
    assert {f"{name}.py" for name in names()} == {path.name for path in FOLDER.iterdir() if path.suffix == ".py"} - {
        "__init__.py"
    }


@pytest.mark.parametrize("name", names())
def test_a_baseline_says_why_it_is_absent_or_is_right(name):
    known = probe(name)
    assert known.title
    if not known.ok:
        assert len(known.reason) > 10
        pytest.skip(known.reason)
    assert known.threads == 1
    assert known.denormals in ("kept", "flushed")
    assert "-" not in (known.version, known.isa)
    assert installed([name])[name]


def test_numpy_is_always_there():
    assert probe("numpy").ok
    assert probe("numpy").version == np.__version__


def test_one_thread_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    baselines.module("numpy")
    assert os.environ["OMP_NUM_THREADS"] == "1"


@pytest.mark.usefixtures("fakes")
def test_what_is_absent_wrong_or_crashes_is_not_timed_and_says_so():
    assert probe("fake_exact").ok
    assert probe("fake_absent").reason == "this fake is never there"
    assert "killed by signal 4" in probe("fake_crashing").reason
    wrong = look("fake_wrong")
    assert not wrong.ok
    assert "failed the check on 1 elements: 1 of 1 outputs are wrong" in wrong.reason


def test_a_deviation_is_told_beyond_the_bound_and_not_within_it():
    x = np.linspace(-80, 0, 999, dtype=np.float32)
    want = np.exp(x.astype(np.float64)) / np.exp(x.astype(np.float64)).sum()

    def off_by(factor, size=999):
        return Softmax(lambda _x, _y: lambda: None, outputs=lambda _: (want * factor).astype(np.float32)[:size])

    assert deviation(off_by(1 + 0.9 * RELATIVE_ERROR), x, np.empty_like(x)) is None
    assert "999 of 999 outputs are wrong" in deviation(off_by(1 + 1.1 * RELATIVE_ERROR), x, np.empty_like(x))
    assert "(998,) outputs for (999,) inputs" in deviation(off_by(1, 998), x, np.empty_like(x))
    nothing = Softmax(lambda _x, _y: lambda: None)
    assert "outputs are wrong, such as nan" in deviation(nothing, x, want.astype(np.float32))


def with_baselines(block, *wanted, **changes):
    """The block's whole algorithms beside outside baselines; ratios with the first of these are looked at."""
    own = [c for c in block["contenders"] if c["whole"]]
    point = {key: own[0]["key"][key] for key in ("n_elements", "threads", "cache_protocol", "inputs", "pages")}
    study = type("Study", (), {"name": own[0]["key"]["study"]})
    peers = [outside(study, name) for name in wanted]
    peers = [{**c, "key": {**c["key"], **point}} for c in peers]
    made = {**block, "contenders": [*own, *peers], **changes}
    compared_with = [("two_pass", wanted[0])]
    rule = {"pairs": pairs(made["contenders"], compared_with), "target": 0.0, "looks": []}
    return {**made, "stop": rule}


def tables_of(block, folder, manifest):
    name = block["name"]
    document = {
        "blocks": manifest,
        "keys": {name: [c["key"] for c in block["contenders"]]},
        "variants": {name: [c["variants"] for c in block["contenders"]]},
    }
    write_json(folder / "manifest.json", document)
    timings, rounds = collect(folder / "manifest.json", "machine", "session")
    told = collect_baselines(folder / "manifest.json", "machine", "session")
    return conform("timings", timings), conform("rounds", rounds), conform("baselines", told)


@pytest.mark.parametrize("protocol", ["paper", "hot", "cold"])
@pytest.mark.usefixtures("fakes")
def test_baselines_run_in_the_rounds_of_our_own(protocol, block, tmp_path, host):
    mixed = with_baselines(block, "numpy", "fake_exact", protocol=protocol)
    manifest = take(mixed, tmp_path, host)
    # What a shared host does to a round is told, and not what is asked here.
    reasons = [facts["reason"] for facts in facts_of(tmp_path, manifest)]
    assert [reason for reason in reasons if not reason.startswith("the hypervisor took")] == ["-"] * (
        3 - sum(reason.startswith("the hypervisor took") for reason in reasons)
    )
    timings, rounds, told = tables_of(mixed, tmp_path, manifest)
    assert (rounds["marked"] == (rounds["reason"] != "-")).all()
    own = timings[timings["isa"] == "scalar"]
    theirs = timings[timings["algorithm"] == "numpy"]
    assert set(theirs["round"]) == set(own["round"])
    assert (theirs["time_s"] > 0).all()
    assert (theirs[["build_id", "isa", "variant", "pass"]] == "-").all(axis=None)
    facts = told.set_index("algorithm").loc["fake_exact"]
    assert (facts["version"], facts["dispatches_to"], facts["denormals"]) == ("1.2.3", "fake instructions", "kept")
    assert facts["n_rounds"] == 3
    median = timings[timings["algorithm"] == "fake_exact"]["time_s"].median()
    assert 0 < facts["call_overhead_s"] < median  # one element against thousands


@pytest.mark.usefixtures("fakes")
def test_pages_of_results_are_counted_where_a_call_allocates_and_only_there(block, tmp_path, host):
    n = block["n_elements"]
    mixed = with_baselines(block, "fake_allocating", "fake_exact", protocol="hot")
    *_, told = tables_of(mixed, tmp_path, take(mixed, tmp_path, host))
    faults = told.set_index("algorithm")["minor_faults_per_call"]
    pages = -(-4 * n // PAGE)
    assert faults["fake_allocating"] >= pages
    assert faults["fake_exact"] < 1


@pytest.mark.usefixtures("fakes")
def test_a_wrong_baseline_marks_its_rounds(block, tmp_path, host):
    mixed = with_baselines(block, "fake_wrong", rounds=1)
    (facts,) = facts_of(tmp_path, take(mixed, tmp_path, host))
    assert facts["marked"]
    assert "fake_wrong: 1 of 3001 outputs are wrong" in facts["reason"]


@pytest.mark.usefixtures("fakes")
def test_a_baseline_that_is_gone_when_its_round_starts_is_an_error_with_its_name(block, tmp_path, host):
    with pytest.raises(session.MeasurementError, match="what is absent is not loaded"):
        take(with_baselines(block, "fake_absent", rounds=1), tmp_path, host)


def test_ratios_pair_an_algorithm_with_a_baseline(block, tmp_path, host):
    mixed = with_baselines(block, "numpy", protocol="hot", rounds=6)
    timings, rounds, _ = tables_of(mixed, tmp_path, take(mixed, tmp_path, host))
    registry = pd.DataFrame({"isa": ["scalar"], "lanes": [1]})
    plan = {"comparisons": [["two_pass", "numpy"], ["three_pass_reload", "two_pass"]]}
    table = conform("ratios", ratios_table(compared(timings, registry, plan), rounds))
    row = table.set_index(["algorithm", "base"]).loc[("two_pass", "numpy")]
    assert (row["isa"], row["base_isa"], row["base_variant"], row["n_rounds"]) == ("scalar", "-", "-", 6)
    assert row["ratio"] == pytest.approx(row["base_time_median_s"] / row["time_median_s"], rel=0.5)
    assert ("three_pass_reload", "numpy") not in table.set_index(["algorithm", "base"]).index


def test_bytes_of_a_baseline_are_not_modelled(block, tmp_path, host, built):
    mixed = with_baselines(block, "numpy", protocol="hot", rounds=1)
    timings, *_ = tables_of(mixed, tmp_path, take(mixed, tmp_path, host))
    registry = pd.DataFrame(
        {"study": "softmax", "pass": name, "variant": name, "build_id": "id", "flops_per_element": 1.0}
        | {f"bytes_{kind}_per_element": 4 for kind in ("read", "written", "write_allocate")}
        for name in built.study.passes
    )
    plan = {
        "labels": {},
        "out_of_cache": [],
        "baselines": {"numpy": {}},
        "algorithms": {a.name: {"passes": list(a.passes)} for a in built.study.algorithms.values()},
    }
    nothing = conform("counters", pd.DataFrame())
    table = conform("passes", passes_table(timings, registry, nothing, plan)).set_index("algorithm")
    assert table.loc["numpy", "time_median_s"] > 0
    assert np.isnan(table.loc["numpy", "bytes_algorithmic"])
    assert table.loc["numpy", "confidence"] == "-"
    assert table.loc["two_pass", "bytes_algorithmic"] > 0


def test_the_error_over_n_of_a_baseline_stands_beside_ours(built):
    peers = {"numpy": baselines.module("numpy").load()}
    own = presets(built.study)[:1]
    rows = error_over_n(built.load(), built.study, own, seed=1, sizes=[1 << 12], baselines=peers)
    table = conform("error_over_n", pd.DataFrame(rows))
    assert set(table["inputs"]) == set(built.study.inputs)
    table = table[table["inputs"] == "normal"].set_index("algorithm")
    assert len(table) == 2
    assert (table.loc["numpy", ["build_id", "isa", "variant"]] == "-").all()
    assert 0 < table.loc["numpy", "max_error_ulp"] < 100


def test_the_onnx_model_is_one_softmax_node():
    document = onnxruntime.model()
    assert json.dumps(document.count(b"Softmax")) == "1"
    fields = dict(fields_of(document))
    assert (fields[1], dict(fields_of(fields[8]))[2]) == (8, 13)  # versions of the format and of the operators
    node = fields_of(dict(fields_of(fields[7]))[1])
    assert node == [(1, b"x"), (2, b"y"), (4, b"Softmax")]


def fields_of(message):
    """(number, value) of the fields of a protocol-buffers message: bytes, or small numbers."""
    found, at = [], 0
    while at < len(message):
        number, kind = divmod(message[at], 8)
        if kind == 0:
            found.append((number, message[at + 1]))
            at += 2
        else:
            size = message[at + 1]
            found.append((number, message[at + 2 : at + 2 + size]))
            at += 2 + size
    assert at == len(message)
    return found


@pytest.mark.parametrize("allocates", [False, True])
def test_what_a_baseline_wrote_is_read_after_each_call(allocates):
    x, y, seen = np.zeros(4, np.float32), np.zeros(4, np.float32), []

    def bind(_x, y):
        def call():
            y[:] = 0.25
            return np.full(4, 0.5, np.float32)

        return call

    softmax = Softmax(bind, outputs=(lambda returned: returned) if allocates else None)
    both = consumed(softmax, bind(x, y), y, lambda row: seen.append(float(row.sum())))
    both()
    both()
    assert seen == [2.0 if allocates else 1.0] * 2


@pytest.mark.usefixtures("fakes")
def test_baselines_run_in_rounds_of_protocol_consumed_and_over_batches(block, tmp_path, host):
    reader = block["contenders"][0]["variants"][0]  # it reads a row and writes none
    mixed = with_baselines(block, "numpy", "fake_exact", protocol="consumed")
    peers = [{**c, "consumer": reader} for c in mixed["contenders"] if c["baseline"]]
    own = [c for c in mixed["contenders"] if not c["baseline"]]
    manifest = take({**mixed, "rows": 3, "contenders": [*own, *peers], "rounds": 1}, tmp_path, host)
    (facts,) = facts_of(tmp_path, manifest)
    assert facts["n_rows"] == 3
