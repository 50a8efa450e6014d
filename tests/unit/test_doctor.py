"""What doctor says: over fake kernels (named so, below read(2)), made-up facts and this machine's own settings."""

import errno
import fcntl
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pmu_trees
import pytest
import test_machine
from test_counters_trust_fake import FakeLibrary

from passline import doctor, doctor_calibration, doctor_noise, doctor_text
from passline.counters import likwid
from passline.counters.calibrate import LOOPS, Background, LoopCount, judged
from passline.counters.counting import NullRegion
from passline.counters.provenance import confidence
from passline.counters.records import document
from passline.counters.rights import Rights
from passline.counters.survey import missing_modules, survey
from passline.doctor_calibration import Loops, Report
from passline.doctor_noise import Noise, Setting
from passline.machine import detect
from passline.machine_sources import CPU, Tree

ROOT = Rights(2, 0, ("perfmon", "sys_admin"), "none", None, 1024)
USER = Rights(2, 1000, (), "none", None, 1024)
CONTAINED = Rights(2, 1000, (), "filter", "podman", 1024)
QUIET = Noise(True, None, 0.1, 0.0, (), (Setting("SMT", "off", True, "nothing shares the core", "-"),))
NO_LIKWID = likwid.Opinion(None, (), "likwid-perfctr is not on the PATH")
HARDWARE = doctor.Hardware(
    "Intel(R) Xeon(R) W-2135", "skylake-x", "x86_64", 6, 2, 1, 1, 32 << 10, 1 << 20, 8650752, 3, 64 << 30, "none",
    "6.12.0", 5, "the last core; cpu 0 takes most interrupts",
)  # fmt: skip


def diagnosis(tried, rights=ROOT, *, machine=HARDWARE, calibration=None, noise=QUIET, opinion=NO_LIKWID):
    return doctor.Diagnosis(
        machine, rights, tried, "-", doctor.expected(tried),
        calibration or Report("no session has built libpassline.so yet"), "make the-library", noise, opinion,
    )  # fmt: skip


def said(*arguments, **facts):
    """The text, and as one line without its wrapping."""
    words = doctor_text.text(diagnosis(*arguments, **facts))
    assert max(map(len, words.splitlines())) <= 100
    assert words.isascii()
    return words, " ".join(words.split())


def surveyed(name, root, kernel=None, rights=ROOT, hypervisor="none"):
    host = pmu_trees.build(name, root)
    return survey(host, kernel or pmu_trees.FakeKernel(), rights, hypervisor)


@pytest.mark.parametrize("name", list(pmu_trees.FAMILIES))
def test_a_fake_machine_that_counts_is_told_what_to_expect(name, tmp_path):
    tried = surveyed(name, tmp_path)
    expect = pmu_trees.FAMILIES[name]["expect"]["source"]
    words, line = said(tried)
    assert f"counted by source {expect}, at best confidence {tried.plan.most_confidence}" in line
    if expect != "core":
        units = len({(g.events[0].pmu, g.cpu) for g in tried.plan.groups})
        assert re.search(rf"ok {expect} [^.]*: {units} units? on [12] sockets?", line)
    assert "cores cycles and instructions counted" in line
    assert re.search(rf"^  ok +{expect} ", words, re.MULTILINE)
    assert ("a lower bound" in line) == (expect == "core" or "ok core" in line)
    # A library is missing, and the command that builds it is said.
    assert "not done: no session has built libpassline.so yet. build `make the-library`, or any session." in line


def test_a_fake_refusal_of_rights_names_the_level_and_the_smallest_changes(tmp_path):
    kernel = pmu_trees.FakeKernel(refuse={"uncore_imc": errno.EACCES, "software": 0})
    words, line = said(surveyed("skylake-x", tmp_path, kernel, USER), USER)
    assert "user 1000, no CAP_PERFMON; kernel.perf_event_paranoid 2" in line
    assert "modelled, confidence E: counting a whole socket needs kernel.perf_event_paranoid <= 0 (it is 2)" in line
    assert "EACCES imc perf_event_open of uncore_imc_0/cas_count_read/ on cpu 0: Permission denied" in line
    assert "`sudo sysctl kernel.perf_event_paranoid=0`" in words  # a command stands on one line
    assert "`sudo setcap cap_perfmon+ep $(readlink -f .venv/bin/python)`" in words


def test_the_debian_default_is_told_apart(tmp_path):
    strict = replace(USER, paranoid=3)
    kernel = pmu_trees.FakeKernel(refuse={"*": errno.EACCES})
    _, line = said(surveyed("skylake-x", tmp_path, kernel, strict), strict)
    assert "kernel.perf_event_paranoid is 3: a user may not even count the own thread" in line
    assert "(2 for the cores alone)" in line
    assert line.count("may not even count") == 2  # in short, and once in full: then "as above"
    assert "EACCES: as above." in line


@pytest.mark.parametrize(
    ("number", "rights", "hypervisor", "what", "fix"),
    [
        (errno.EPERM, CONTAINED, "none", "a seccomp filter, as containers have", "docker run --cap-add PERFMON"),
        (errno.EPERM, USER, "none", "forbidden by a security policy", "outside of that policy"),
        (errno.ENOSYS, USER, "none", "sandbox around this process", "outside of the sandbox"),
        (errno.ENOSYS, replace(USER, paranoid=None), "none", "without perf events", "CONFIG_PERF_EVENTS"),
        (errno.ENODEV, ROOT, "none", "its unit, is offline", "Bring the cpu online again"),
        (errno.EMFILE, replace(ROOT, open_files=8), "none", "may open 8 files", "`ulimit -n 1024`"),
        (errno.EBUSY, ROOT, "none", "another process holds the counters", "End that profiler"),
        (errno.EINVAL, ROOT, "none", "a mistake in Passline's table", "doctor --dump-sysfs"),
        (errno.ENOENT, ROOT, "Amazon EC2", "this virtual machine shows no hardware counters", "on the machine itself"),
    ],
)
def test_every_fake_refusal_is_explained_with_a_fix(number, rights, hypervisor, what, fix, tmp_path):
    kernel = pmu_trees.FakeKernel(refuse={"uncore_imc": number, "cpu": number})
    tried = surveyed("skylake-x", tmp_path, kernel, rights, hypervisor)
    assert tried.plan is None
    _, line = said(tried, rights)
    name = errno.errorcode[number]
    assert f"{name} imc" in line
    assert re.search(rf"why {name}: [^.]*{re.escape(what)}.*? fix .*?{re.escape(fix)}", line)
    assert "modelled, confidence E: " in line
    assert "called modelled everywhere" in line


def test_a_fake_unit_without_counters_points_to_the_profiler_that_holds_them(tmp_path):
    kernel = pmu_trees.FakeKernel(lost=frozenset({"uncore_imc_0", "cpu"}))
    _, line = said(surveyed("skylake-x", tmp_path, kernel))
    assert "EOF imc" in line
    assert "the events opened, but got no hardware counters" in line
    assert "kernel.nmi_watchdog=0" in line


def test_a_driver_that_is_not_loaded_is_named_and_one_that_is_loaded_is_not(tmp_path):
    host = pmu_trees.build("skylake-x", tmp_path)
    for unit in (tmp_path / pmu_trees.DEVICES).glob("uncore_*"):
        unit.rename(unit.with_name(f"other_{unit.name}"))
    kernel = pmu_trees.FakeKernel(refuse={"cpu": errno.ENOENT})
    _, line = said(survey(host, kernel, ROOT, "none"))
    assert "`sudo modprobe -a intel_uncore`" in line
    (tmp_path / "sys/module/intel_uncore").mkdir(parents=True)
    assert missing_modules(host, ["intel_uncore", "other", "other"]) == ("other",)
    _, line = said(survey(host, kernel, ROOT, "none"))
    assert "modprobe" not in line
    assert "Use a newer kernel" in line


def test_a_lower_bound_does_not_hide_what_stands_in_the_way_of_more(tmp_path):
    kernel = pmu_trees.FakeKernel(refuse={"amd_umc": errno.EACCES, "amd_df": errno.EACCES})
    tried = surveyed("zen4", tmp_path, kernel, USER)
    assert tried.plan.source == "core"
    assert [t.name for t in tried.in_the_way] == ["umc", "df"]
    _, line = said(tried, USER)
    assert "counted by source core, at best confidence C" in line
    assert "why EACCES: counting a whole socket needs" in line


def test_a_source_that_counts_makes_no_ado_about_the_others(tmp_path):
    kernel = pmu_trees.FakeKernel(refuse={"amd_umc": errno.ENOENT})
    words, _ = said(surveyed("zen4-old-kernel", tmp_path, kernel))
    assert "why" not in words.split("Memory counters")[1].split("Core counters")[0]


def test_fake_rights_that_are_missing_besides_are_said(tmp_path):
    kernel = pmu_trees.FakeKernel(refuse={"software": errno.EACCES, "uncore_imc": errno.ENOENT, "cpu": errno.ENOENT})
    _, line = said(surveyed("skylake-x", tmp_path, kernel, USER, "KVM"), USER)
    assert "shows no hardware counters of this kind; besides, rights are missing" in line


def test_where_the_call_cannot_be_made_at_all_that_is_the_answer():
    found = replace(diagnosis(None), survey_reason="perf_event_open: the number of the call is not known")
    line = " ".join(doctor_text.text(found).split())
    assert "modelled, confidence E: perf_event_open: the number of the call is not known" in line
    assert "not tried: perf_event_open" in line


def loop(name, read, written, known=1.32e9):
    """A loop of known traffic that was counted like this in a tenth of a second."""
    (kind,) = [kind for kind in LOOPS if kind.name == name]
    return LoopCount(name, name, 10, 0.1, kind.read * known, kind.written * known, read, written, math.nan, "-")


def calibrated(plan, read=1.0, written=1.0, idle=1e6):
    """What calibrating would give where so much of the known bytes is counted."""
    loops = [
        loop("read", 1.32e9 * read, 2e6),
        loop("nt_store", 3e6, 1.32e9 * written),
        loop("store", 1.32e9 * read, 1.32e9 * written),
    ]
    found = judged(loops)
    background = Background({"read": idle, "write": idle / 10}, {"read": idle, "write": idle / 10})
    share = idle * loops[0].wall_s / (1.32e9 * read)
    return Report(
        "-", "results/m/default/build/gcc/libpassline.so", "avx512f", 5, 132 << 20,
        NullRegion(14.2e-6, {"read": 12e3, "write": 3e3}), background, share, found, confidence(plan, found, share),
    )  # fmt: skip


def test_a_calibration_is_shown_with_its_ratios_cost_and_background(tmp_path):
    tried = surveyed("skylake-x", tmp_path)
    words, line = said(tried, calibration=calibrated(tried.plan, 1.003, 0.991))
    assert re.search(r"^  read +read +\S+ GB +\S+ GB +1\.003$", words, re.MULTILINE)
    assert re.search(r"^  nt_store +read +0 B +3\.00 MB +-$", words, re.MULTILINE)
    assert re.search(r"^ +written +\S+ GB +\S+ GB +0\.991$", words, re.MULTILINE)
    assert "An empty region costs 14.2 us and counts 12.0 kB read and 3.00 kB written." in line
    assert "While idle: 1.00 MB/s read and 100 kB/s written" in line
    assert "Calibration good, confidence A: within 5 % of what is known." in line
    assert "counted by source imc, confidence A" in line


def test_a_calibration_that_is_off_says_what_that_is_known_to_come_from(tmp_path):
    tried = surveyed("skylake-x", tmp_path)
    _, line = said(tried, calibration=calibrated(tried.plan, 0.5, 0.5))
    assert "Calibration off, confidence C" in line
    assert "half of the units are counted" in line
    assert "counted by source imc, confidence C" in line


@pytest.mark.parametrize(("scale", "letter"), [(1.0, "A"), (0.5, "C")])
def test_a_fake_machine_is_calibrated_as_doctor_does_it(scale, letter, tmp_path):
    tried = surveyed("skylake-x", tmp_path)
    kernel = pmu_trees.FakeKernel(plan=tried.plan, scale=scale, background={"read": 2e6, "write": 1e6})
    loops = Loops(tmp_path / "libpassline.so", "avx512f", {kind.name: kind.name for kind in LOOPS})
    found = doctor_calibration.calibrated(tried.plan, loops, FakeLibrary(kernel), kernel, 5, 1 << 20)
    assert found.confidence.letter == letter
    assert found.calibration.read_ratio == pytest.approx(scale, rel=0.01)
    assert found.background.most("read") == pytest.approx(scale * 2e6, rel=0.01)
    assert found.background_share == pytest.approx(2e6 / ((4 << 20) / 1e-3), rel=0.05)  # 4 MiB in each call of a ms
    assert (found.row_bytes, found.cpu, found.null_region.cost_s > 0) == (4 << 20, 5, True)
    assert kernel.left_open == 0
    _, line = said(tried, calibration=found)
    assert f"counted by source imc, confidence {letter}" in line


def test_the_second_opinion_stands_beside_ours(tmp_path):
    tried = surveyed("skylake-x", tmp_path)
    counted = likwid.Counted("read", 8e9, 0.0, 8.08e9, 1e7, 8.09e9)
    opinion = likwid.Opinion("/usr/bin/likwid-perfctr", (counted,), "-")
    words, _ = said(tried, calibration=calibrated(tried.plan, 1.003), opinion=opinion)
    assert re.search(r"^  read +8\.00 GB +1\.010 +1\.003$", words, re.MULTILINE)
    failed = likwid.Opinion("/usr/bin/likwid-perfctr", (), "it ended with status 1 and said: no access")
    _, line = said(tried, opinion=failed)
    assert "was found, but counted nothing: it ended with status 1 and said: no access." in line


def test_the_json_holds_the_same_facts_and_no_number_that_json_lacks(tmp_path):
    tried = surveyed("skylake-x", tmp_path)
    found = diagnosis(tried, calibration=calibrated(tried.plan), noise=replace(QUIET, steal=math.nan))
    text = json.dumps(document(found), allow_nan=False)
    again = json.loads(text)
    assert again["survey"]["plan"]["source"] == again["expected"]["source"] == "imc"
    assert again["calibration"]["calibration"]["verdict"] == "good"
    assert again["noise"]["steal"] is None
    assert "machine_id" not in text


def findings_of(files, tmp_path, machine="skylake-x-w2135"):
    root = test_machine.unpack(machine, tmp_path)
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content + "\n")
    here = detect(root)
    folder = f"{CPU}/cpu{here.measuring_cpu}/cpufreq"
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name in ("scaling_governor", "scaling_driver"):
        if name in files:
            (root / folder / name).write_text(files[name] + "\n")
    return {s.name: s for s in doctor_noise.settings(here, Tree(root))}


THP = "sys/kernel/mm/transparent_hugepage/enabled"


@pytest.mark.parametrize(
    ("files", "name", "value", "good", "fix"),
    [
        ({THP: "[always] madvise never"}, "huge pages", "always", True, "-"),
        ({THP: "always [madvise] never"}, "huge pages", "madvise", True, "-"),
        ({THP: "always madvise [never]"}, "huge pages", "never", False, "echo madvise | sudo tee"),
        ({"scaling_governor": "performance"}, "governor", "performance", True, "-"),
        ({"scaling_governor": "powersave"}, "governor", "powersave", False, "cpupower frequency-set -g performance"),
        ({"scaling_governor": "schedutil"}, "governor", "schedutil", False, "until the next boot"),
        ({}, "governor", "not shown", None, "-"),
        ({f"{CPU}/intel_pstate/no_turbo": "1"}, "turbo", "off", True, "-"),
        ({f"{CPU}/intel_pstate/no_turbo": "0"}, "turbo", "on", None, f"echo 1 | sudo tee /{CPU}/intel_pstate/no_turbo"),
        ({f"{CPU}/cpufreq/boost": "1"}, "turbo", "on", None, f"echo 0 | sudo tee /{CPU}/cpufreq/boost"),
        ({}, "SMT", "on", None, f"`echo off | sudo tee /{CPU}/smt/control`"),
    ],
)
def test_each_setting_has_a_judgement_and_the_smallest_change(files, name, value, good, fix, tmp_path):
    found = findings_of(files, tmp_path)[name]
    assert (found.value, found.good) == (value, good)
    assert fix in found.fix
    assert (found.fix == "-") == (fix == "-")


def test_a_governor_of_powersave_means_another_thing_with_drivers_that_choose_clocks(tmp_path):
    plain = findings_of({"scaling_governor": "powersave", "scaling_driver": "acpi-cpufreq"}, tmp_path / "a")
    own = findings_of({"scaling_governor": "powersave", "scaling_driver": "intel_pstate"}, tmp_path / "b")
    assert "lowest clock" in plain["governor"].means
    assert "follows the load" in own["governor"].means


def test_a_machine_without_smt_and_huge_pages_is_told_so(tmp_path):
    found = findings_of({}, tmp_path, "vm-zen4")
    assert (found["SMT"].value, found["SMT"].good) == ("off", True)
    (tmp_path / THP).unlink()
    assert next(doctor_noise.settings(detect(tmp_path), Tree(tmp_path))).value == "none"


def test_what_disturbs_and_what_to_change_is_in_the_summary(tmp_path):
    noise = replace(QUIET, findings=("process ld (7) uses 90% of a cpu: stop it",), settings=(
        Setting("governor", "powersave", False, "it holds the lowest clock", "`cpupower frequency-set -g performance`"),
    ))  # fmt: skip
    words, line = said(surveyed("skylake-x", tmp_path), noise=noise)
    assert "machine now 1 thing would disturb a measurement; change: governor" in line
    assert "- process ld (7) uses 90% of a cpu: stop it." in line
    assert re.search(r"^  change  governor  powersave  it holds", words, re.MULTILINE)
    assert re.search(r"^ +fix  `cpupower frequency-set -g performance`\.$", words, re.MULTILINE)


def test_who_measures_is_seen_by_the_lock_and_nobody_is_held_up(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    assert doctor_noise.measuring(path) is None
    assert not path.exists()
    path.write_text("process 7 (times)\n")
    assert doctor_noise.measuring(path) is None
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert doctor_noise.measuring(path) == "process 7 (times)"
        monkeypatch.setattr(doctor_noise.lock, "PATH", path)
        found = doctor_noise.examine(detect())
        assert (found.watched, found.findings) == (False, ())
    with path.open() as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the shared lock was given back
    _, line = said(surveyed("zen4", tmp_path / "m"), noise=found)
    assert "machine now a measurement runs on it" in line
    assert "not watched: process 7 (times) is measuring on this machine, and watching would disturb it." in line


def test_what_cannot_be_read_is_said_to_be_unknown(tmp_path):
    hidden = replace(
        HARDWARE, model_name=None, l1d_bytes=None, l2_bytes=None, llc_bytes=None, llc_level=None, memory_bytes=None,
        hypervisor=None, kernel=None,
    )  # fmt: skip
    rights = Rights(None, 1000, (), None, None, 1024)
    noise = replace(QUIET, steal=math.nan, load=math.nan)
    words, line = said(surveyed("zen4", tmp_path), rights, machine=hidden, noise=noise)
    assert "processor without a name" in line
    assert "L1d not shown, L2 not shown, last level not shown" in line
    assert "hypervisor not known; Linux not known" in line
    assert "kernel.perf_event_paranoid missing; no container seen, seccomp not shown" in line
    assert "load - over the last minute; steal not shown" in line
    assert "nan" not in words.lower()
    assert "None" not in words


def test_a_file_that_cannot_be_a_lock_holds_nothing_up(tmp_path):
    assert doctor_noise.measuring(tmp_path) is None
    assert doctor_noise.measuring(Path("/proc/self/mem/nothing")) is None
