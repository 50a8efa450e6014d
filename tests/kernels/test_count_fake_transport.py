"""The counting step from a machine's sysfs to figures, with real kernels and a fake transport below read(2).

Nothing is measured: the fake shows what the traffic model says, so that every part in between can be judged.
"""

import json
import math
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from built_kernels import CFLAGS
from fake_transport import PER_ELEMENT, FakeTransport

import figures.roofline
import figures.traffic
import scripts.count
import scripts.counters
import scripts.passes
from passline import build
from passline.contenders import Built, untuned
from passline.counters import chain
from passline.errors import MachineError, MeasurementError
from passline.machine import detect, write_machine
from passline.machine_sources import Cache
from passline.measure import lock
from passline.measure.library import Library
from passline.plan import Host, Planner
from passline.plan_beyond import papers_passes
from passline.registry import KERNELS, load_isas, load_study, traffic
from passline.registry_table import registry_rows
from passline.sizes import Caches
from passline.tables import KEY, conform, read_table, write_table
from unit.pmu_trees import build as build_tree

CACHES = Caches(16 << 10, 64 << 10, 256 << 10)
LLC = CACHES.llc
CONFIG = yaml.safe_load((KERNELS.parent / "workflow/config/default.yaml").read_text())
BLOCKS = [{"kind": "passes", "protocols": ["hot"], "sizes": "key", "inputs": ["uniform"], "isas": "widest"}]
LABEL = {"machine": "fake", "session": "fake"}


@pytest.fixture(scope="module")
def kernels(compiler, host_isas, tmp_path_factory):
    """Presets and ceilings of the widest instruction set: its name, both studies, and their library."""
    folder, isa = tmp_path_factory.mktemp("kernels"), list(host_isas)[-1]
    isas = {isa: host_isas[isa]}
    studies = [load_study(KERNELS / "softmax", isas, "presets"), load_study(KERNELS / "ceilings", isas)]
    objects = []
    for study in studies:
        for v in study.variants:
            objects.append(folder / f"{v.name}.o")
            source = study.passes[v.pass_name].source
            build.run(build.compile_command(compiler, CFLAGS, isas[isa], v, source, objects[-1]))
    build.link(compiler, CFLAGS, objects, folder / "libpassline.so")
    return isa, studies, folder / "libpassline.so"


class Session:
    """A session on a fake Broadwell of two sockets whose kernels are real, up to its timing step, and its files."""

    def __init__(self, kernels, folder, transport=FakeTransport, **truth):
        self.folder = folder
        self.isa, self.studies, self.library = kernels
        isas = {self.isa: load_isas()[self.isa]}
        self.host = build_tree("broadwell-ep", folder / "root")
        cpus = tuple(sorted(os.sched_getaffinity(0))[:2])
        self.node = cpus
        self.machine = replace(
            detect(), architecture=self.host.architecture, vendor=self.host.vendor, model=self.host.model,
            microarchitecture=self.host.microarchitecture, hypervisor="none", llc=Cache(3, LLC, cpus),
            measuring_cpu=cpus[0],
        )  # fmt: skip
        write_machine(self.machine, folder / "machine.json")
        planner = Planner({**CONFIG, "blocks": BLOCKS}, *self.studies, isas, Host(CACHES, 8 << 30, cpus))
        self.labels = planner.labels
        kept = papers_passes(self.studies[0])
        chosen = untuned(self.studies[0], [self.isa], "gcc").chosen
        self.chosen = {key: variant for key, variant in chosen.items() if key[0] in kept}
        self.blocks = planner.plan([Built("cc", "id", self.chosen)], 0.0, 1e-9).blocks
        timed = {
            "host": {"libraries": {"cc": str(self.library)}, "cpus": list(cpus), "llc_bytes": LLC, "seed": 1},
            "blocks": self.blocks,
        }
        (folder / "blocks.json").write_text(json.dumps(timed))
        model = {}
        for study in self.studies:
            for v in study.variants:
                read, written, allocated = traffic(study.passes[v.pass_name], non_temporal=v.non_temporal)
                model[v.name] = (read + allocated, written)
        self.kernel = transport(Library(self.library), model, self.host_socket(), LLC, **truth)

    def host_socket(self):
        return self.host.tree.integer(f"sys/devices/system/cpu/cpu{self.node[0]}/topology/physical_package_id")

    def count(self, mode="auto", out="counts.json"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lock, "PATH", self.folder / "measuring.lock")  # it waits for no measurement
            scripts.count.main(
                mode, self.folder / "blocks.json", self.folder / "machine.json", self.node, [self.isa], "softmax",
                "presets", LABEL, self.folder / out, self.host.tree, self.kernel,
            )  # fmt: skip
        return json.loads((self.folder / out).read_text())

    def write_counters(self):
        scripts.counters.main(self.folder / "counts.json", self.folder / "counters.csv")
        return read_table("counters", self.folder / "counters.csv")

    def plan(self):
        study = self.studies[0]
        return {
            "labels": self.labels, "out_of_cache": ["4 x LLC"], "llc_bytes": LLC, "measurement": True,
            "simulated": sorted(study.simulated), "bars": ["L1"],
            "algorithms": {a.name: {"title": a.title, "passes": list(a.passes)} for a in study.algorithms.values()},
        }  # fmt: skip

    def tables(self):
        """Tables `passes` and all that figures take, with made-up times."""
        registry = pd.concat([registry_rows(s, {self.isa: load_isas()[self.isa]}, "id") for s in self.studies])
        timings = pd.DataFrame([
            {**LABEL, **c["key"], "n_rows": 1, "block": b["name"], "round": r, "value_index": 1, "loops": 1,
             "is_warmup": False, "time_s": 1e-9 * b["n_elements"] * (1 + 0.01 * r)}
            for b in self.blocks for c in b["contenders"] for r in range(6)
        ])  # fmt: skip
        paths = {name: self.folder / f"{name}.csv" for name in ("timings", "registry", "counters", "passes")}
        write_table("timings", timings, paths["timings"])
        write_table("registry", registry, paths["registry"])
        (self.folder / "plan.json").write_text(json.dumps(self.plan()))
        scripts.passes.main(
            paths["timings"], paths["registry"], paths["counters"], self.folder / "plan.json", paths["passes"]
        )
        made = {name: read_table(name, path) for name, path in paths.items()}
        made["ceilings"] = conform("ceilings", pd.DataFrame())
        chosen = list(self.chosen.values())
        made["tuning"] = pd.DataFrame({
            "variant": chosen, "pass": [n.split("-")[1] for n in chosen], "isa": self.isa, "study": "softmax",
            "chosen": True,
        })  # fmt: skip
        return made


@pytest.fixture(scope="module")
def counted(kernels, tmp_path_factory):
    """One session, counted with a transport that says the truth."""
    session = Session(kernels, tmp_path_factory.mktemp("counted"))
    affinity = os.sched_getaffinity(0)
    session.record = session.count()
    session.write_counters()
    assert os.sched_getaffinity(0) == affinity
    session.found = session.tables()
    return session


def alone(session, threads=1, n=None):
    passes = session.found["passes"]
    rows = passes[passes["threads"] == threads]
    return rows if n is None else rows[rows["n_elements"] == n]


def test_fake_transport_every_pass_is_counted_in_cache_and_out_of_it(counted):
    table = read_table("counters", counted.folder / "counters.csv")
    assert counted.kernel.left_open == 0
    assert set(table["status"]) == {"counted"}
    assert set(table["source"]) == {"imc", "core"}
    places = set(zip(table["n_elements"], table["threads"], strict=True))
    several = {(math.ceil(counted.labels["4 x LLC"] / 2), 2)} if len(counted.node) == 2 else set()
    assert places == {(counted.labels["L2"], 1), (counted.labels["4 x LLC"], 1)} | several
    for place in places:
        mine = table[(table["n_elements"] == place[0]) & (table["threads"] == place[1])]
        assert set(mine["variant"]) == set(counted.chosen.values())
    traffic_rows = table[table["direction"] != "-"]
    assert set(traffic_rows["repetition"]) == {0, 1, 2}
    assert (traffic_rows["time_s"] >= 0.02).all()
    assert set(traffic_rows["socket"]) == {0, 1}
    assert set(traffic_rows.loc[traffic_rows["local"], "socket"]) == {counted.host_socket()}
    np.testing.assert_allclose(traffic_rows["calibration"], 1.0, rtol=1e-3)
    assert set(traffic_rows["confidence"]) == {"A"}


def test_fake_transport_passes_hold_the_models_bytes_and_never_mix_them_with_counts(counted):
    far = alone(counted, n=counted.labels["4 x LLC"])
    assert len(far) == len(counted.chosen)
    np.testing.assert_allclose(far["bytes_read_counted"], far["bytes_read_model"], rtol=1e-3)
    np.testing.assert_allclose(far["bytes_written_counted"], far["bytes_written_model"], rtol=1e-3)
    assert far["bytes_combined_counted"].isna().all()
    assert set(far["source"]) == {"imc"}
    assert set(far["confidence"]) == {"A"}
    assert set(far["reason"]) == {"-"}
    np.testing.assert_allclose(far["local_share"], 1.0)
    np.testing.assert_allclose(far["cycles_per_element"], PER_ELEMENT["cycles"], rtol=1e-3)
    np.testing.assert_allclose(far["instructions_per_element"], PER_ELEMENT["instructions"], rtol=1e-3)
    bandwidth = (far["bytes_read_counted"] + far["bytes_written_counted"]) / far["time_counted_s"]
    np.testing.assert_allclose(far["bandwidth_counted_bytes_per_s"], bandwidth)
    # Times come from the timing runs, which these are not.
    np.testing.assert_allclose(far["time_median_s"], 1.025e-9 * counted.labels["4 x LLC"])
    near = alone(counted, n=counted.labels["L2"])
    assert (near[["bytes_read_counted", "bytes_written_counted"]] == 0).all().all()
    uncounted = alone(counted, n=counted.labels["L1"])
    assert uncounted["bytes_read_counted"].isna().all()
    assert set(uncounted["source"]) == {"model"}
    assert set(uncounted["confidence"]) == {"E"}
    assert uncounted["reason"].str.contains("no such row").all()


def test_fake_transport_several_threads_have_rows_of_their_own_without_times(counted):
    if len(counted.node) < 2:
        pytest.skip("this host has one cpu")
    rows = alone(counted, threads=2)
    assert len(rows) == len(counted.chosen)
    np.testing.assert_allclose(rows["bytes_read_counted"], rows["bytes_read_model"], rtol=1e-3)
    np.testing.assert_allclose(rows["cycles_per_element"], PER_ELEMENT["cycles"], rtol=1e-3)
    assert rows["time_median_s"].isna().all()
    assert (rows["n_values"] == 0).all()
    assert (rows["bandwidth_counted_bytes_per_s"] > 0).all()


def test_fake_transport_every_number_has_its_record(counted):
    record = counted.record
    assert record["sought"]["1"]["memory"]["source"] == "imc"
    assert [a["source"] for a in record["sought"]["1"]["memory"]["attempts"]] == ["perf_event", "imc"]
    table = read_table("counters", counted.folder / "counters.csv")
    assert len(record["records"]) == len(table.groupby([*KEY, "source"]))
    for each in record["records"]:
        assert each["mux_ratio"] == 1.0
        assert each["null_region"]["cost_s"] > 0
        assert each["repetitions"] == 3
        assert each["rights"]["open_files"] > 0
        if each["source"] == "imc":
            assert each["calibration"]["verdict"] == "good"
            assert {loop["loop"] for loop in each["calibration"]["loops"]} == {"read", "nt_store", "store"}
            assert each["background"]["before"] == {"read": 0.0, "write": 0.0}
            event = each["plan"]["runs"][0][0]["events"][0]
            assert (event["terms"], event["scale_origin"]) == ("event=0x04,umask=0x03", "sysfs")
            warned = any("holds" in text for text in each["confidence"]["warnings"])
            assert warned == (each["footprint_bytes"] < 4 * LLC)


def test_fake_transport_figures_draw_counts_as_counted(counted):
    points = figures.roofline.data(counted.found, counted.plan())
    points = points[points["kind"] == "pass"]
    assert set(points["source"]) == {"imc"}
    rows = alone(counted, n=counted.labels["4 x LLC"]).set_index("pass")
    for _, point in points.iterrows():
        row = rows.loc[point["name"]]
        moved = row["bytes_read_counted"] + row["bytes_written_counted"]
        flops = row["intensity_flop_per_byte"] * (row["bytes_read_model"] + row["bytes_written_model"])
        assert point["intensity"] == pytest.approx(flops / moved)
    drawn = figures.traffic.data(counted.found, counted.plan())
    assert set(drawn["origin"]) == {"model", "imc"}
    both = drawn.pivot_table(index=["threads", "pass", "direction"], columns="origin", values="value")
    assert both["imc"].notna().sum() >= len(counted.chosen)
    one = both.loc[1].dropna()
    assert len(one)
    totals = one.groupby("direction").sum()
    assert totals.loc["written", "imc"] == pytest.approx(totals.loc["written", "model"], rel=1e-3)


def test_fake_transport_a_wrong_scale_is_printed_and_never_corrected(kernels, tmp_path):
    session = Session(kernels, tmp_path, scale=0.5)
    session.count()
    table = session.write_counters()
    session.found = session.tables()
    far = alone(session, n=session.labels["4 x LLC"])
    np.testing.assert_allclose(far["bytes_read_counted"], 0.5 * far["bytes_read_model"], rtol=1e-3)
    assert set(far["confidence"]) == {"C"}
    np.testing.assert_allclose(table.loc[table["direction"] != "-", "calibration"], 0.5, rtol=1e-3)


class Vanishing(FakeTransport):
    """Its controllers can be opened until something runs: the driver goes in the middle of the step."""

    def open(self, group):
        if self.calls and group.events[0].pmu.startswith("uncore"):
            raise OSError(19, "No such device", group.events[0].label)
        return super().open(group)


def test_fake_transport_a_source_that_is_lost_leaves_the_model_and_its_reason(kernels, tmp_path):
    session = Session(kernels, tmp_path, Vanishing)
    session.count()
    table = session.write_counters()
    session.found = session.tables()
    lost = table[table["status"] == "unavailable"]
    assert set(lost["variant"]) == set(session.chosen.values())
    assert lost["reason"].str.contains("imc was lost while counting: uncore_imc").all()
    assert lost["reason"].str.contains("imc ENODEV").all()
    far = alone(session, n=session.labels["4 x LLC"])
    assert far["bytes_read_counted"].isna().all()
    assert set(far["confidence"]) == {"D"}  # presets, out of cache: simulated
    assert (far["cycles_per_element"] > 0).all()
    assert session.kernel.left_open == 0
    session.kernel.calls.clear()
    with pytest.raises(MachineError, match=r"counters: require: .*imc was lost while counting"):
        session.count("require")


def test_fake_transport_off_runs_nothing(counted):
    before = dict(counted.kernel.calls)
    made = counted.count(chain.OFF, "off.json")
    assert counted.kernel.calls == before
    assert {row["reason"] for row in made["rows"]} == {"counters: off"}
    assert made["records"] == []


def test_fake_transport_a_step_whose_run_was_killed_ends_and_leaves_no_half_record(counted, monkeypatch):
    class Orphan:
        """A guard whose parents are gone after the third look."""

        looks = 0

        def alone(self):
            self.looks += 1
            return self.looks > 3

    before = sum(counted.kernel.calls.values())
    monkeypatch.setattr(scripts.count, "Guard", Orphan)
    with pytest.raises(MeasurementError, match=r"the run that asked for it was killed. Run snakemake again"):
        counted.count(out="killed.json")
    assert sum(counted.kernel.calls.values()) > before
    assert counted.kernel.left_open == 0
    assert not list(counted.folder.glob("*killed.json"))
    assert len(os.sched_getaffinity(0)) >= len(counted.node)
