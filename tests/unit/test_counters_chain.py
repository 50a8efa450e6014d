"""Which source is chosen, and what is said where none is: with a fake kernel below read(2), named so."""

import errno

import pmu_trees
import pytest

from passline.counters import chain, core, explain, uncore
from passline.counters.explain import Facts
from passline.counters.records import UNSCHEDULED, Attempt
from passline.counters.rights import Rights, rights
from passline.errors import ConfigError, MachineError

RIGHTS = Rights(2, 1000, (), "none", None, 1024)


def choose(mode, host, kernel, hypervisor="none", given=RIGHTS):
    return chain.choose(mode, host, kernel, given, hypervisor)


@pytest.mark.parametrize(("value", "mode"), [("auto", "auto"), (False, "off"), (True, "auto"), ("df", "df")])
def test_modes_as_yaml_gives_them(value, mode):
    assert chain.mode_of(value) == mode


def test_a_misspelt_mode_is_an_error_with_the_right_one():
    with pytest.raises(ConfigError, match=r"'reqire' is not accepted. Did you mean 'require'"):
        chain.mode_of("reqire")


def test_off_tries_nothing(tmp_path):
    kernel = pmu_trees.FakeKernel()
    chosen = choose("off", pmu_trees.build("zen4", tmp_path), kernel)
    assert (chosen.source, chosen.plan, chosen.attempts) == ("model", None, ())
    assert chosen.reason == "counters: off"
    assert kernel.opened == []


def test_a_fake_kernel_without_rights_falls_to_the_core_and_keeps_every_errno(tmp_path):
    kernel = pmu_trees.FakeKernel(refuse={"uncore_imc": errno.EACCES, "uncore_imc_free_running": errno.EACCES})
    chosen = choose("auto", pmu_trees.build("ice-lake-sp", tmp_path), kernel)
    assert chosen.source == "core"
    tried = [(a.source, a.ok, a.errno) for a in chosen.attempts]
    assert tried == [
        ("perf_event", True, "-"),
        ("imc", False, "EACCES"),
        ("imc_free_running", False, "EACCES"),
        ("core", True, "-"),
    ]
    assert "uncore_imc_0/cas_count_read/ on cpu 0: Permission denied" in chosen.attempts[1].reason
    assert kernel.left_open == 0


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENOSYS, errno.ENOENT, errno.EMFILE])
def test_a_fake_kernel_that_refuses_all_leaves_the_model_and_is_never_silent(number, tmp_path):
    kernel = pmu_trees.FakeKernel(refuse={"*": number})
    name = errno.errorcode[number]
    host = pmu_trees.build("skylake-x", tmp_path)
    chosen = choose("auto", host, kernel)
    assert (chosen.source, chosen.plan) == ("model", None)
    assert {a.errno for a in chosen.attempts if a.source in ("imc", "core", "perf_event")} <= {name, "ENOENT"}
    assert f"imc {name}" in chosen.reason
    with pytest.raises(MachineError) as error:
        choose("require", host, kernel)
    assert name in str(error.value)
    assert chosen.explanation.what in str(error.value)
    assert "counters: auto" in str(error.value)


def test_a_named_source_is_a_demand(tmp_path):
    host = pmu_trees.build("zen4", tmp_path)
    assert choose("df", host, pmu_trees.FakeKernel()).source == "df"
    with pytest.raises(MachineError, match=r"counters: scf: memory traffic cannot be counted"):
        choose("scf", host, pmu_trees.FakeKernel())


ADDED = """
  - source: tried
    architectures: [x86_64]
    vendors: [GenuineIntel]
    modprobe: tried_pmu
    boxes:
      - pmu: tried_ctl_[0-9]+
        events: [{read: [rd_data], write: [wr_data], bytes: 64}]
"""


def test_a_source_that_is_added_is_tried_and_chosen(tmp_path, monkeypatch):
    """As CONTRIBUTING.md says: its row in uncore.yaml, and a fake machine that shows it."""
    table = tmp_path / "uncore.yaml"
    table.write_text(uncore.TABLE.read_text() + ADDED)
    events = {"rd_data": {"terms": "event=0x01"}, "wr_data": {"terms": "event=0x02"}}
    unit = {"cpumask": "0,8", "format": {"event": "config:0-7"}, "events": events}
    host = {"architecture": "x86_64", "vendor": "GenuineIntel", "microarchitecture": "unknown", "model": 1}
    families = {**pmu_trees.FAMILIES, "added": {"host": host, "pmus": {"tried_ctl_{0-1}": unit}}}
    monkeypatch.setattr(pmu_trees, "FAMILIES", families)
    machine = pmu_trees.build("added", tmp_path / "machine")
    with pytest.raises(ConfigError):
        chain.mode_of("tried")
    monkeypatch.setattr(uncore, "TABLE", table)
    uncore.sources.cache_clear()
    try:
        assert chain.mode_of("tried") == "tried"
        kernel = pmu_trees.FakeKernel()
        assert choose("auto", machine, kernel).source == "tried"
        assert {event.pmu for group in kernel.opened for event in group.events} >= {"tried_ctl_0", "tried_ctl_1"}
        elsewhere = choose("auto", pmu_trees.build("zen4", tmp_path / "amd"), pmu_trees.FakeKernel())
        assert "tried" not in [attempt.source for attempt in elsewhere.attempts]
        refused = choose("auto", machine, pmu_trees.FakeKernel(refuse={"*": errno.EACCES}))
        assert ("tried", "EACCES") in [(attempt.source, attempt.errno) for attempt in refused.attempts]
    finally:
        uncore.sources.cache_clear()


def test_sources_of_other_processors_are_not_tried(tmp_path):
    kernel = pmu_trees.FakeKernel(refuse={"*": errno.ENOENT})
    amd = choose("auto", pmu_trees.build("zen3", tmp_path / "a"), kernel)
    assert [a.source for a in amd.attempts] == ["perf_event", "umc", "df", "core"]
    arm = choose("auto", pmu_trees.build("grace", tmp_path / "b"), kernel)
    assert [a.source for a in arm.attempts[1:]] == ["scf", "ddrc", "mrvl_ddr", "ali_drw", "cmn", "dmc620", "core"]


def test_a_processor_that_hides_its_vendor_may_have_any_source(tmp_path):
    host = pmu_trees.build("broadwell-ep", tmp_path)
    hidden = type(host)(host.tree, "x86_64", None, "unknown", None, (0,))
    assert choose("auto", hidden, pmu_trees.FakeKernel()).source == "imc"


def test_a_unit_without_a_cpu_list_is_refused_and_not_counted_once_per_cpu(tmp_path):
    host = pmu_trees.build("skylake-client", tmp_path)
    (tmp_path / pmu_trees.DEVICES / "uncore_imc/cpumask").unlink()
    chosen = choose("auto", host, pmu_trees.FakeKernel())
    assert (chosen.attempts[1].errno, chosen.source) == ("EINVAL", "model")
    assert "would count them repeatedly" in chosen.attempts[1].reason


def test_a_scale_that_is_no_bytes_is_refused(tmp_path):
    host = pmu_trees.build("skylake-client", tmp_path)
    (tmp_path / pmu_trees.DEVICES / "uncore_imc/events/data_reads.unit").write_text("Joules\n")
    chosen = choose("auto", host, pmu_trees.FakeKernel())
    assert "'Joules' is no number of bytes" in chosen.attempts[1].reason


def test_several_threads_of_a_core_source_are_counted_by_cpu(tmp_path):
    host = pmu_trees.build("neoverse-guest", tmp_path)
    both = type(host)(host.tree, host.architecture, host.vendor, host.microarchitecture, None, (2, 3))
    plan = core.probe(both, pmu_trees.FakeKernel()).plan
    assert [(g.pid, g.cpu) for g in plan.groups] == [(-1, 2), (-1, 3)]
    assert plan.scope == "cpus"
    alone = core.probe(host, pmu_trees.FakeKernel()).plan
    assert [(g.pid, g.cpu) for g in alone.groups] == [(0, -1)]


def test_cycles_of_a_hybrid_machine_are_those_of_the_cores_that_run(tmp_path):
    host = pmu_trees.build("alder-lake", tmp_path)
    plan = core.probe_work(host, pmu_trees.FakeKernel()).plan
    assert [e.config for g in plan.groups for e in g.events] == [4 << 32 | 0, 4 << 32 | 1]
    elsewhere = type(host)(host.tree, host.architecture, host.vendor, host.microarchitecture, None, (9,))
    events = core.probe_work(elsewhere, pmu_trees.FakeKernel()).plan.groups[0].events
    assert {e.pmu for e in events} == {"cpu_atom"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("EACCES", "perf_event_paranoid <= 0 (it is 2)"),
        ("EPERM", "security policy"),
        ("ENOSYS", "sandbox"),
        ("ENOENT", "driver is not loaded"),
        ("EMFILE", "1024 files"),
        (UNSCHEDULED, "no hardware counters"),
        ("EDOM", "refused with EDOM"),
    ],
)
def test_each_refusal_is_explained_with_a_fix(name, says):
    told = explain.explain(name, Facts(RIGHTS, "none", ("intel_uncore",)))
    assert says in told.what
    assert told.fix


@pytest.mark.parametrize(
    ("name", "facts", "what", "fix"),
    [
        ("ENOENT", Facts(RIGHTS, "unnamed", ()), "virtual machine", "model"),
        ("EACCES", Facts(Rights(3, 1000, (), "none", None, 9), "none", ()), "paranoid is 3", "2 for the cores alone"),
        ("ENOENT", Facts(RIGHTS, "none", ("amd_uncore",)), "driver", "modprobe -a amd_uncore"),
        ("ENOENT", Facts(RIGHTS, "none", ()), "for this processor", "newer kernel"),
        ("EPERM", Facts(Rights(4, 0, (), "filter", "docker", 9), "none", ()), "seccomp", "--cap-add PERFMON"),
        ("ENOSYS", Facts(Rights(None, 0, (), None, None, 9), "none", ()), "without perf events", "CONFIG_PERF_EVENTS"),
    ],
)
def test_the_same_errno_has_other_causes_elsewhere(name, facts, what, fix):
    told = explain.explain(name, facts)
    assert what in told.what
    assert fix in told.fix


def test_every_rule_can_be_said():
    for rule in explain.RULES:
        told = explain.explain(rule.errno, Facts(Rights(None, 0, (), "filter", "docker", 256), None, ()))
        assert "{" not in told.what + told.fix


def test_what_hinders_all_is_explained_before_what_one_lacks():
    attempts = [Attempt("imc", False, "ENOENT", "-"), Attempt("core", False, "EACCES", "-")]
    assert explain.decisive(attempts) == "EACCES"
    assert explain.decisive([Attempt("imc", False, "ENOENT", "-")]) == "ENOENT"
    assert explain.decisive([]) == "ENOENT"


def test_rights_are_read_from_proc(tmp_path):
    files = {
        "proc/self/status": "Name:\tx\nCapEff:\t0000004000000000\nSeccomp:\t2\n",
        "proc/sys/kernel/perf_event_paranoid": "3\n",
        "run/.containerenv": "",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = rights(tmp_path)
    assert (found.paranoid, found.capabilities, found.seccomp, found.container) == (3, ("perfmon",), "filter", "podman")
    assert rights(tmp_path / "nowhere").paranoid is None
