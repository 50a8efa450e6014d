"""perf as the oracle: every event we would open, encoded by us and by perf, over trees of every family in the table."""

import os
import re
import shutil
import subprocess

import pmu_trees
import pytest

from passline.counters import amd, chain, core, sysfs
from passline.counters.records import UNSCHEDULED
from passline.counters.rights import Rights

PERF = shutil.which("perf")
RIGHTS = Rights(2, 0, (), "none", None, 1024)
needs_perf = pytest.mark.skipif(PERF is None, reason="perf is not installed (apt install linux-perf)")


def perf(root, *arguments, **environment):
    run = subprocess.run(
        [PERF, *arguments],
        env={**os.environ, "SYSFS_PATH": str(root / "sys"), "LC_ALL": "C", **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return run.stdout + run.stderr


def attributes(said):
    """Type -> [((type, config, config1, config2), cpu)] of the events that perf tried, in the order asked for."""
    found = {}
    for block in re.split(r"^perf_event_attr:$", said, flags=re.MULTILINE)[1:]:
        lines = dict(re.findall(r"^  (?:\{ \w+, )?(\w+)(?: \})? +(\S+)$", block, re.MULTILINE))
        words = tuple(int(lines.get(key, "0"), 0) for key in ("type", "config", "config1", "config2"))
        cpu = int(re.search(r"sys_perf_event_open: pid -1  cpu (-?\d+)", block).group(1))
        # perf opens cpu by cpu, and repeats in other forms what this kernel refuses as malformed (a cpu it has not).
        if (words, cpu) not in found.setdefault(words[0], []):
            found[words[0]].append((words, cpu))
    return found


def every_plan(host):
    """What each source that a family has would open, not only the one that is chosen."""
    for source in chain.sources():
        if source.fits(host):
            found = source.probe(host, pmu_trees.FakeKernel())
            if found.ok:
                yield found.plan


def asked(event):
    """An event as one asks perf for it: by the kernel's name where it has one."""
    return f"{event.pmu}/{event.name if '=' not in event.name and event.scale_origin == 'sysfs' else event.terms}/"


def compared(name, root):
    """(ours, perf's) of every event of a family's plans."""
    host = pmu_trees.build(name, root)
    events = [(e, g) for plan in every_plan(host) for g in plan.groups for e in g.events if e.type != 0]
    said = perf(root, "stat", "-vv", "-a", *(a for e, _ in events for a in ("-e", asked(e))), "true")
    theirs = attributes(said)
    # Per unit and event, however many sockets it is opened on.
    ours = {e.type: list(dict.fromkeys(f for f, h in events if f.type == e.type)) for e, _ in events}
    assert {number: len(found) for number, found in theirs.items()} == {n: len(found) for n, found in ours.items()}
    group_of = dict(events)
    return [
        (e, group_of[e], words, cpu)
        for number, found in ours.items()
        for e, (words, cpu) in zip(found, theirs[number], strict=True)
    ]


@needs_perf
@pytest.mark.parametrize("name", list(pmu_trees.FAMILIES))
def test_oracle_perf_encodes_every_event_of_a_family_as_we_do(name, tmp_path):
    for event, group, words, cpu in compared(name, tmp_path):
        assert (event.type, event.config, event.config1, event.config2) == words, event.label
        if group.cpu >= 0 and event.type >= pmu_trees.FIRST_TYPE:
            # perf stops at the first cpu of the mask, as no kernel knows these units.
            assert cpu == min(sysfs.read_pmu(host_tree(tmp_path), event.pmu).cpus)


def host_tree(root):
    return pmu_trees.Tree(root)


@needs_perf
def test_oracle_enough_different_encodings_are_compared(tmp_path, record_property):
    seen, events = set(), 0
    for name in pmu_trees.FAMILIES:
        rows = compared(name, tmp_path / name)
        events += len(rows)
        # Boxes of one kind count once: what differs is the unit's kind and the words.
        seen |= {(re.sub(r"\d+", "", e.pmu), e.terms, words[1:]) for e, _, words, _ in rows}
    record_property("encodings compared", len(seen))
    record_property("events compared", events)
    print(f"perf and Passline agree on {len(seen)} encodings in {events} events")
    assert len(seen) > 30


def listed(root, cpuid):
    """Name -> terms of the events that perf knows for a processor, where the tree has their unit."""
    said = perf(root, "list", "--details", PERF_CPUID=cpuid)
    names = re.findall(r"^  (\S+) *\n(?:       .*\n)*?        (\w+)/(event=\S+)/ *$", said, re.MULTILINE)
    return {name: (unit, dict(term.split("=") for term in terms.split(","))) for name, unit, terms in names}


def terms_of(text):
    return {key: int(value, 0) for key, value in (term.split("=") for term in text.split(","))}


def perf_terms(entry):
    return {key: int(value, 0) for key, value in entry[1].items()}


@needs_perf
@pytest.mark.parametrize("name", ["zen2", "zen3"])
def test_oracle_perf_names_the_same_codes_of_the_data_fabric(name, tmp_path):
    host = pmu_trees.build(name, tmp_path)
    known = listed(tmp_path, pmu_trees.FAMILIES[name]["perf_cpuid"])
    if "dram_channel_data_controller_0" not in known:
        pytest.skip("this perf has no table for the processor")
    plan = amd.probe_df(host, pmu_trees.FakeKernel()).plan
    ours = {tuple(sorted(terms_of(e.terms).items())) for g in plan.groups for e in g.events}
    theirs = {tuple(sorted(perf_terms(known[f"dram_channel_data_controller_{i}"]).items())) for i in range(8)}
    assert ours == theirs
    assert known["dram_channel_data_controller_0"][0] == "amd_df"


@needs_perf
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("zen3", [["ls_any_fills_from_sys.mem_io_local", "ls_any_fills_from_sys.mem_io_remote"], ["l2_pf_miss_l2_l3"]]),
        (
            "zen2",
            [
                ["ls_refills_from_sys.ls_mabresp_lcl_dram", "ls_refills_from_sys.ls_mabresp_rmt_dram"],
                ["l2_pf_miss_l2_l3"],
            ],
        ),
    ],
)
def test_oracle_perf_names_the_same_codes_of_the_core(name, parts, tmp_path):
    host = pmu_trees.build(name, tmp_path)
    known = listed(tmp_path, pmu_trees.FAMILIES[name]["perf_cpuid"])
    if "l2_pf_miss_l2_l3" not in known:
        pytest.skip("this perf has no table for the processor")
    (group,) = core.probe(host, pmu_trees.FakeKernel()).plan.groups
    assert len(group.events) == len(parts)
    for event, names in zip(group.events, parts, strict=True):
        theirs = [perf_terms(known[n]) for n in names]
        ours = terms_of(event.terms)
        # One event with several unit masks counts the sum of their events.
        assert {ours["event"]} == {t["event"] for t in theirs}
        assert ours["umask"] == sum(t["umask"] for t in theirs)


@pytest.mark.parametrize("name", list(pmu_trees.FAMILIES))
def test_each_family_is_counted_by_its_best_source(name, tmp_path):
    host = pmu_trees.build(name, tmp_path)
    kernel = pmu_trees.FakeKernel()
    chosen = chain.choose("auto", host, kernel, RIGHTS, "none")
    expect = pmu_trees.FAMILIES[name]["expect"]
    assert chosen.source == expect["source"]
    events = [e for g in chosen.plan.groups for e in g.events]
    assert (len(chosen.plan.groups), len(events)) == (expect["groups"], expect["events"])
    sizes = {}
    for e in events:
        if not e.pmu.startswith("uncore_hbm"):
            sizes.setdefault(e.direction, set()).add(e.per_count)
    assert sizes == {direction: {size} for direction, size in expect["bytes"].items()}
    assert all(g.pid == -1 and g.cpu in (0, 3, 8) for g in chosen.plan.groups) or chosen.plan.scope == "process"
    assert kernel.left_open == 0


def test_stacked_memory_counts_beside_the_ordinary_at_32_bytes(tmp_path):
    plan = chain.choose("imc", pmu_trees.build("xeon-max", tmp_path), pmu_trees.FakeKernel(), RIGHTS, None).plan
    stacked = [e for g in plan.groups for e in g.events if e.pmu.startswith("uncore_hbm")]
    assert len(stacked) == 64
    assert {e.per_count for e in stacked} == {32.0}


def test_free_running_units_are_no_ordinary_ones(tmp_path):
    host = pmu_trees.build("ice-lake-sp", tmp_path)
    for event in ("data_reads", "data_writes"):  # even if one had the names of a client's uncore_imc
        file = tmp_path / pmu_trees.DEVICES / "uncore_imc_free_running_0/events" / event
        file.write_text("event=0x01\n")
        file.with_suffix(".scale").write_text("6.103515625e-5\n")
        file.with_suffix(".unit").write_text("MiB\n")
    plan = chain.choose("imc", host, pmu_trees.FakeKernel(), RIGHTS, None).plan
    assert len(plan.groups) == 16
    assert not [g for g in plan.groups if "free_running" in g.events[0].pmu]


def test_each_unit_is_opened_once_per_socket_and_never_once_per_cpu(tmp_path):
    plan = chain.choose("imc", pmu_trees.build("broadwell-ep", tmp_path), pmu_trees.FakeKernel(), RIGHTS, None).plan
    opened = [(g.events[0].pmu, g.cpu, g.socket) for g in plan.groups]
    assert len(set(opened)) == len(opened) == 8
    assert {(cpu, socket) for _, cpu, socket in opened} == {(0, 0), (8, 1)}


def test_runs_of_the_data_fabric_want_no_more_counters_than_there_are(tmp_path):
    for name, most in (("zen2", 4), ("zen4-old-kernel", 12)):
        plan = amd.probe_df(pmu_trees.build(name, tmp_path / name), pmu_trees.FakeKernel()).plan
        assert len(plan.runs) == 2
        assert {len(g.events) for run in plan.runs for g in run} == {most}


def test_a_unit_that_opens_without_counters_is_not_available(tmp_path):
    host = pmu_trees.build("skylake-x", tmp_path)
    found = chain.sources()[0].probe(host, pmu_trees.FakeKernel(lost=frozenset({"uncore_imc_3"})))
    assert (found.ok, found.errno) == (False, UNSCHEDULED)
    assert "uncore_imc_3/cas_count_read/ on cpu 0" in found.reason
