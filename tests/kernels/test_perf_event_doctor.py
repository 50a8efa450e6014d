"""doctor for real: run in children of this process that may not count, on a built library, and watched for writing."""

import contextlib
import errno
import io
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import counting_library
import numpy as np
import pytest
from counting_library import become_nobody, become_nobody_with_perfmon, forbid_by_seccomp, in_child

from passline import build, cli, doctor, doctor_calibration, doctor_noise, doctor_text
from passline.counters import calibrate, likwid, sysfs
from passline.counters.perf import Perf
from passline.counters.records import Event, Group, Plan
from passline.counters.rights import rights
from passline.counters.syscall import SystemCall
from passline.doctor_calibration import Loops, find_loops
from passline.errors import MachineError
from passline.machine import detect
from passline.machine_sources import Tree

HERE = Tree(Path("/"))
TITLES = ("In short", "Machine", "Rights", "Memory counters", "Core counters", "Self-calibration", "Noise", "Settings")


@pytest.fixture(scope="module")
def built(compiler, host_isas, tmp_path_factory):
    return counting_library.ceilings(compiler, host_isas, tmp_path_factory.mktemp("doctor"))


@pytest.fixture
def root():
    if os.geteuid() != 0:
        pytest.skip("giving up rights needs to have them: run as root")


@pytest.fixture
def no_hardware():
    """Skips where the machine has counters: what is said without rights depends on them then."""
    tried = doctor.survey(doctor.host_of(detect(), HERE), SystemCall(), rights(), detect().hypervisor)
    if any(t.errno != "ENOENT" for t in (*tried.memory, *tried.cores)):
        pytest.skip("this machine has hardware counters, or may not be asked")


def say(*options):
    """What the command prints in this process, and its status."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = cli.main(["doctor", *options])
    return [status, out.getvalue()]


def told_in(restrict):
    """Status and text, as one line, of doctor in a child under a restriction."""
    say()  # all that it imports is imported before rights are given up
    status, text = in_child(restrict, say)
    assert max(map(len, text.splitlines())) <= 100
    return status, " ".join(text.split())


@pytest.mark.usefixtures("own_lock")
def test_perf_event_doctor_tells_everything_here_and_succeeds():
    status, text = say()
    assert status == 0
    assert all(f"\n{title}\n" in f"\n{text}" for title in TITLES)
    assert detect().microarchitecture in text


@pytest.mark.usefixtures("root", "no_hardware", "own_lock")
def test_perf_event_doctor_as_nobody_asks_for_the_level_or_the_capability():
    if (rights().paranoid or 0) != 2:
        pytest.skip("kernel.perf_event_paranoid is not 2 here")
    status, line = told_in(become_nobody)
    assert status == 0
    assert "user 65534, no CAP_PERFMON; kernel.perf_event_paranoid 2" in line
    assert "ok own thread" in line
    assert "EACCES whole cpu perf_event_open of software/task-clock/ on cpu" in line
    assert "why EACCES: counting a whole socket needs kernel.perf_event_paranoid <= 0 (it is 2)" in line
    assert "`sudo sysctl kernel.perf_event_paranoid=0`" in line
    assert "; besides, rights are missing" in line


@pytest.mark.usefixtures("root", "no_hardware", "own_lock")
def test_perf_event_doctor_with_one_capability_has_the_rights_it_needs():
    status, line = told_in(become_nobody_with_perfmon)
    assert status == 0
    assert "user 65534, CAP_PERFMON;" in line
    assert "ok whole cpu" in line
    assert "EACCES" not in line
    assert "rights are missing" not in line


@pytest.mark.usefixtures("no_hardware", "own_lock")
@pytest.mark.parametrize(
    ("number", "what", "fix"),
    [
        (errno.EPERM, "a seccomp filter, as containers have, forbids perf_event_open", "docker run --cap-add PERFMON"),
        (errno.ENOSYS, "the sandbox around this process has no perf_event_open", "Run it outside of the sandbox."),
    ],
)
def test_perf_event_doctor_under_a_seccomp_filter_says_so(number, what, fix):
    if not counting_library.PERF_EVENT_OPEN:
        pytest.skip("the number of perf_event_open is not known for this architecture")
    name = errno.errorcode[number]
    status, line = told_in(forbid_by_seccomp(number))
    assert status == 0
    assert "under a seccomp filter" in line
    assert f"modelled, confidence E: {what}" in line
    assert f"{name} own thread" in line
    assert f"{name} whole cpu" in line
    assert f"why {name}: {what}" in line
    assert fix in line
    assert f"{name}: as above." in line


def starve():
    few = sum(1 for _ in Path("/proc/self/fd").iterdir()) + 4
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))


@pytest.mark.usefixtures("no_hardware", "own_lock")
def test_perf_event_doctor_with_few_descriptors_names_the_limit():
    status, line = told_in(starve)
    assert status == 0
    assert (
        "EMFILE own thread perf_event_open of software/task-clock/ on the calling thread: Too many open files" in line
    )
    assert "why EMFILE: the process may open" in line
    assert "fix Run `ulimit -n 1024` in the same shell before." in line
    assert "ok whole cpu" in line


# Every file that is opened for writing, and whatever else changes a file system: told by the interpreter's own hooks.
WATCHED = """
import os, sys
seen = []
CHANGES = ("os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.symlink", "os.chmod", "os.chown",
           "os.truncate", "os.utime", "os.setxattr", "socket.connect")
def hook(event, arguments):
    if event == "open" and isinstance(arguments[2], int):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC): seen.append(f"open {arguments[0]}")
    elif event in CHANGES: seen.append(f"{event} {arguments}")
    elif event == "subprocess.Popen": seen.append(f"run {arguments[0]}")
sys.addaudithook(hook)
from passline import cli
status = cli.main(["doctor", *sys.argv[1:]])
print(*seen, sep="\\n", file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture
def empty(tmp_path):
    """A working directory, a home and a folder for temporary files, all empty and read-only."""
    folders = [tmp_path / name for name in ("work", "home", "tmp")]
    for folder in folders:
        folder.mkdir()
        folder.chmod(0o555)
    yield folders
    for folder in folders:
        folder.chmod(0o755)


def run_watched(folders, *options):
    environment = {**os.environ, "HOME": str(folders[1]), "TMPDIR": str(folders[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", WATCHED, *options],
        cwd=folders[0], env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_perf_event_doctor_changes_nothing(options, empty):
    done = run_watched(empty, *options)
    assert done.returncode == 0, done.stderr
    seen = [line for line in done.stderr.splitlines() if line]
    # glibc's own sizes of caches, where sysfs shows none.
    assert [line for line in seen if line != "run getconf" and not line.startswith("open /dev/null")] == []
    assert [list(folder.iterdir()) for folder in empty] == [[], [], []]
    if options:
        assert json.loads(done.stdout)["expected"]["letter"] in "ABCE"


def test_perf_event_doctor_writes_the_dump_and_nothing_else(empty, tmp_path):
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "dump.tar.gz"
    done = run_watched(empty, "--dump-sysfs", str(out))
    assert done.returncode == 0, done.stderr
    places = {line.split()[-1].strip("(),'") for line in done.stderr.splitlines() if line.startswith("open")}
    assert places  # the hook sees what is written
    assert all(place.startswith(str(out.parent)) for place in places)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


@pytest.mark.parametrize("options", [["--nonsense"], ["--dump-sysfs"], ["--json", "--dump-sysfs", "x"], ["more"]])
def test_perf_event_doctor_refuses_a_wrong_command_line(options, empty):
    assert run_watched(empty, *options).returncode == 2


def software(number):
    return Event("software", 1, f"software {number}", f"config={number}", number, 0, 0, "read", 1.0, "B", "1", "-")


GROUPS = (
    Group((software(1),), 0, -1),
    Group((software(1), software(2)), 0, -1),
    Group((software(1),), -1, 0),
    Group((software(1),), -1, -1),
    Group((software(1),), -1, 1 << 20),
    Group((software(1),), 1 << 28, -1),
    Group((software(1), software(99)), 0, -1),
    Group((Event("unit", 1500, "event", "-", 3, 4, 0, "read", 1.0, "B", "1", "-"),), -1, 0),
    Group((Event("cpu", 0, "cycles", "-", 0, 0, 0, "cycles", 1.0, "cycles", "1", "-"),), 0, -1),
)


def answers(counting, group):
    """The errno and the event refused, or how many bytes and counts the first reading holds."""
    try:
        handle = counting.open(group)
    except OSError as refusal:
        return errno.errorcode[refusal.errno], refusal.filename
    (reading,) = counting.read([handle])
    counting.close(handle)
    assert reading.before_ns <= reading.after_ns
    return reading.bytes, len(reading.values)


@pytest.mark.parametrize("group", GROUPS)
def test_perf_event_without_a_library_the_kernel_gives_the_same_answers(group, built):
    files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    assert answers(SystemCall(), group) == answers(Perf(built.load()), group)
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == files


def test_perf_event_without_a_library_time_is_counted_and_no_workload_run():
    group, counting = Group((software(1), software(2)), 0, -1), SystemCall()
    handle = counting.open(group)
    (before,), (after,) = counting.idle(0.01, [handle])
    assert after.enabled_ns >= before.enabled_ns
    assert len(set(after.ids)) == 2
    assert counting.run([], [0], 3, [handle])[0][0].bytes == before.bytes
    with pytest.raises(MachineError, match="a workload needs libpassline"):
        counting.run([object()], [0], 1, [handle])
    counting.close(handle)
    (closed,) = counting.read([handle])
    assert closed.bytes == -errno.EBADF


def test_perf_event_an_architecture_without_a_known_number_is_an_error(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "vax")
    with pytest.raises(MachineError, match="not known for a process of 64 bits on vax"):
        SystemCall()
    tried, reason = None, ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor_noise, "measuring", lambda: "nobody")
        found = doctor.examine(detect())
        tried, reason = found.survey, found.survey_reason
    assert tried is None
    assert "vax" in reason
    assert "not tried: perf_event_open" in doctor_text.text(found)


def session(built, folder, machine, *, sources=None):
    """A folder as the workflow leaves it: results/<machine>/<session>/build/<compiler>."""
    out = folder / "results" / machine / "default" / "build" / "gcc"
    out.mkdir(parents=True)
    shutil.copy(built.path, out / "libpassline.so")
    described = build.describe(shutil.which("gcc") or "cc", [], {}, [], [], built.path)
    (out / "build.json").write_text(json.dumps(described | {"sources": {**described["sources"], **(sources or {})}}))
    return out / "libpassline.so"


def test_perf_event_doctor_finds_the_library_of_a_session(built, tmp_path):
    machine = detect()
    assert find_loops(machine, (tmp_path,)) == "no session has built libpassline.so yet"
    path = session(built, tmp_path, machine.id)
    found = find_loops(machine, (tmp_path,))
    assert (found.path, found.isa) == (path, next(iter(built.isas)))
    assert found.variants.keys() == {"read", "nt_store", "store"}
    session(built, tmp_path, "another-machine")
    assert find_loops(machine, (tmp_path,)).path == path


def test_perf_event_doctor_uses_no_library_of_other_sources(built, tmp_path):
    path = session(built, tmp_path, "m", sources={"passline.h": "0" * 64})
    assert (
        find_loops(detect(), (tmp_path,))
        == "results/m/default/build/gcc/libpassline.so was built from other sources than these"
    )
    path.with_name("build.json").unlink()
    assert "other sources" in find_loops(detect(), (tmp_path,))
    (tmp_path / "other").mkdir()
    broken = session(built, tmp_path / "other", "m")
    broken.write_bytes(b"no library")
    assert "results/m/default/build/gcc/libpassline.so cannot be used" in find_loops(detect(), (tmp_path / "other",))


def test_perf_event_doctor_calibrates_the_look_alike_of_an_uncore_unit(built):
    """Every step but the hardware: the time-stamp counter stands for bytes, and nobody takes it for traffic."""
    unit = sysfs.read_pmu(HERE, "msr")
    if unit is None or "tsc" not in unit.events:
        pytest.skip("this machine has no msr/tsc")
    if os.geteuid() != 0 and (rights().paranoid or 0) > 0:
        pytest.skip("counting a whole cpu is not permitted to this user")
    events = [Event("msr", unit.type, "tsc", "event=0", 0, 0, 0, d, 1.0, "B", "1", "-") for d in ("read", "write")]
    plan = Plan("look-alike", "socket", ((Group(tuple(events), -1, 0, 0),),))
    machine, library = detect(), built.load()
    loops = Loops(built.path, "any", calibrate.loop_variants(built.study.variants, next(iter(built.isas))))
    cpus = os.sched_getaffinity(0)
    with doctor_calibration.pinned(machine.measuring_cpu):
        found = doctor_calibration.calibrated(plan, loops, library, Perf(library), machine.measuring_cpu, 1 << 18)
    assert os.sched_getaffinity(0) == cpus
    assert found.reason == "-"
    assert found.null_region.cost_s > 0
    assert found.background.most("read") > 1e8  # a clock: it counts the same when idle
    assert found.background_share > 0.9
    assert found.confidence.letter == "C"
    assert "an idle machine makes" in " ".join(found.confidence.warnings)
    noise = doctor_noise.Noise(False, "a test", 0.0, 0.0, (), tuple(doctor_noise.settings(machine, HERE)))
    expected, none = doctor.Expected("look-alike", "C", "a test"), likwid.Opinion(None, (), "-")
    shown = doctor_text.text(
        doctor.Diagnosis(doctor.hardware(machine), rights(), None, "-", expected, found, "-", noise, none)
    )
    assert "An empty region costs" in shown
    assert "nt_store" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_perf_event_doctor_says_why_calibrating_failed(built, monkeypatch):
    loops = Loops(built.path, "any", {"read": next(v.name for v in built.study.variants if v.pass_name == "read")})
    bad = Plan(
        "bad", "socket", ((Group((Event("unit", 1500, "event", "-", 0, 0, 0, "read", 1.0, "B", "1", "-"),), -1, 0),),)
    )
    assert "could not be opened again" in doctor_calibration.run(bad, loops, detect()).reason
    monkeypatch.setattr(doctor_calibration.calibrate, "LLC_MULTIPLE", 1 << 24)
    good = Plan("good", "process", ((Group((software(1),), 0, -1),),))
    assert "does not fit into memory" in doctor_calibration.run(good, loops, detect()).reason


def test_a_process_of_known_traffic_runs_its_calls(built):
    name = next(v.name for v in built.study.variants if v.pass_name == "fill" and not v.non_temporal)
    command = [sys.executable, "-m", "passline.counters.known_traffic", str(built.path), name, str(4 << 20)]
    for calls in ("0", "3"):
        assert subprocess.run([*command, calls], capture_output=True, check=False, timeout=60).returncode == 0
    row = np.ones(1 << 10, np.float32)
    workload = built.load().workload([name], [row], [row])
    workload.set_state({"scale": 3.0})
    workload.run(1)
    assert (row == 3).all()
