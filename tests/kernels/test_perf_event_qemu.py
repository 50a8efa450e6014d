"""A real hardware PMU, for once: an arm64 virtual machine whose emulated processor counts. Run by `pytest -m qemu`.

The machine boots a Debian kernel and runs guest/counting.c, which is the project's own C linked statically. What it
reads is judged here by the project's own rules. Emulated cycles follow the emulated instructions (-icount), so that
counts can be compared; the rest is the real kernel: its arm_pmuv3 driver, its multiplexing, its rights, its hotplug.
"""

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from passline.counters import core, explain, sysfs, validity
from passline.counters.explain import Facts
from passline.counters.probing import Host
from passline.counters.records import CYCLES, INSTRUCTIONS, Event, Group, Reading
from passline.counters.rights import Rights
from passline.machine_sources import Tree
from passline.registry import KERNELS

pytestmark = pytest.mark.qemu

GUEST = Path(__file__).parent / "guest"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "passline-qemu"
TOOLS = {
    "qemu-system-aarch64": "qemu-system-arm",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "cpio": "cpio",
    "apt-get": "a Debian or Ubuntu system",
    "dpkg": "a Debian or Ubuntu system",
}
BOOT_S = 300
UNIT = r"armv8_\w+"


@dataclass
class Told:
    """What the guest printed: readings in pairs, refusals, files of its sysfs, rights by level."""

    readings: dict[str, list[Reading]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    rights: dict[int, tuple[int, ...]] = field(default_factory=dict)
    other: list[str] = field(default_factory=list)

    def pair(self, name):
        """The two readings of a region."""
        assert name in self.readings, (sorted(self.readings), self.refused, self.other)
        before, after = self.readings[name]
        return before, after

    def regions(self, name):
        """The pairs of all groups of a region."""
        return [self.pair(key) for key in self.readings if re.fullmatch(rf"{name}-\d+", key)]


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def fetched():
    """The kernel and busybox of arm64, from this system's own package sources; kept for the next time."""
    kernel, busybox = CACHE / "vmlinuz", CACHE / "busybox"
    if not (kernel.is_file() and busybox.is_file()):
        try:
            _fetch(kernel, busybox)
        except (AssertionError, OSError, StopIteration, subprocess.TimeoutExpired) as cause:
            pytest.skip(f"the arm64 packages could not be had: {str(cause)[-400:]}")
    return kernel, busybox


def _fetch(kernel, busybox):
    work = CACHE / "work"
    shutil.rmtree(work, ignore_errors=True)
    (work / "lists" / "partial").mkdir(parents=True)
    native = run("dpkg", "--print-architecture").strip()
    options = [
        f"-oAPT::Architecture={native}", f"-oAPT::Architectures::={native}", "-oAPT::Architectures::=arm64",
        f"-oDir::State::Lists={work}/lists", f"-oDir::Cache={work}/cache", "-oAPT::Sandbox::User=",
    ]  # fmt: skip
    run("apt-get", *options, "update", timeout=120)
    depends = run("apt-cache", *options, "depends", "linux-image-arm64:arm64")
    image = next(m.group(1) for m in re.finditer(r"Depends: (linux-image-[\w.+-]+)", depends))
    wanted = [f"{image}:arm64", "busybox-static:arm64"]
    run("apt-get", *options, "download", *wanted, cwd=work, timeout=300)
    for package in work.glob("*.deb"):
        run("dpkg", "-x", package, work / "root")
    found = next((work / "root" / "boot").glob("vmlinuz-*"))
    program = next(path for path in (work / "root").rglob("busybox") if path.is_file() and os.access(path, os.X_OK))
    found.replace(kernel)
    program.replace(busybox)
    shutil.rmtree(work)


# What the guest runs first. /dev and the rest are not needed; its sysfs is told file by file.
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
echo "@ kernel $(/bin/busybox uname -r)"
cd /sys
for f in bus/event_source/devices/*/type bus/event_source/devices/*/cpu* bus/event_source/devices/*/format/* \
         bus/event_source/devices/*/events/* devices/system/cpu/online devices/system/cpu/possible; do
  [ -f "$f" ] && echo "@ file sys/$f $(/bin/busybox cat $f)"
done
unit=$(echo bus/event_source/devices/armv8_*)
/counting cycles $(/bin/busybox cat $unit/type) 0x11
/counting work
/counting multiplexed
/counting pinned
/counting hotplug
/counting rights
echo "@ end"
/bin/busybox poweroff -f
"""


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    """Boots the machine once."""
    missing = {package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    if missing:
        pytest.skip(f"needs {', '.join(sorted(missing))}")
    kernel, busybox = fetched()
    folder = tmp_path_factory.mktemp("guest")
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(busybox, root / "bin" / "busybox")
    (root / "init").write_text(INIT)
    sources = [GUEST / "counting.c", *sorted((KERNELS / "runtime").glob("*.c"))]
    flags = ("-static", "-O2", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{KERNELS}", "-pthread")
    run("aarch64-linux-gnu-gcc", *flags, *sources, "-lm", "-o", root / "counting")
    for path in (root / "init", root / "bin" / "busybox"):
        path.chmod(0o755)
    run("sh", "-c", "find . | cpio --quiet -o -H newc | gzip > ../initrd.gz", cwd=root)
    machine = (
        "-M", "virt", "-nic", "none", "-cpu", "max", "-m", "512", "-smp", "2", "-icount", "shift=4", "-nographic",
        "-no-reboot", "-kernel", kernel, "-initrd", folder / "initrd.gz", "-append", "console=ttyAMA0 quiet panic=-1",
    )  # fmt: skip
    said = run("qemu-system-aarch64", *machine, timeout=BOOT_S, stdin=subprocess.DEVNULL)
    told = parsed(said)
    print("\n".join(told.other))
    assert "end" in told.other, said[-3000:]
    return told


def parsed(text):
    told = Told()
    for line in re.findall(r"@ (.*?)\r?$", text, re.MULTILINE):
        kind, *rest = line.split(" ")
        if kind == "reading":
            before, after, size, *words = map(int, rest[1:])
            told.readings.setdefault(rest[0], []).append(Reading(before, after, size, tuple(words)))
        elif kind == "refused":
            told.refused[rest[0]] = int(rest[1])
        elif kind == "file":
            told.files[rest[0]] = " ".join(rest[1:])
        elif kind == "rights":
            told.rights[int(rest[0])] = tuple(map(int, rest[1:]))
        else:
            told.other.append(line)
    return told


def group(n=1, pid=0, cpu=-1):
    """The group that a reading of the guest is of: cycles, and with two events instructions."""
    kinds = ((CYCLES, 0), (INSTRUCTIONS, 1))
    return Group(tuple(Event("cpu", 0, k, k, c, 0, 0, k, 1.0, k, "1", "-") for k, c in kinds[:n]), pid, cpu)


def judged(pair, of=None):
    return validity.deltas(of or group(), *pair)


@pytest.fixture
def host(guest, tmp_path):
    for path, text in guest.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text + "\n")
    return Host(Tree(tmp_path), "aarch64", None, "unknown", None, (0,))


def test_perf_event_qemu_the_units_of_a_real_arm_kernel_are_read(guest, host):
    unit = core.unit_of(host)
    assert unit is not None, sorted(guest.files)
    assert re.fullmatch(UNIT, unit.name)
    assert unit.cpus == (0, 1)
    assert sysfs.encode(unit, unit.events["cpu_cycles"].terms).config == 0x11
    assert sysfs.encode(unit, "event=0x37").config == 0x37  # as the table of cores asks for lines from memory


def test_perf_event_qemu_cycles_are_counted_the_same_by_either_name(guest):
    pairs = guest.regions("cycles")
    assert len(pairs) == 2
    (generic,), (named,) = (judged(pair) for pair in pairs)
    assert (generic.refusal, named.refusal) == (None, None)
    assert generic.count > 0
    assert named.count == pytest.approx(generic.count, rel=0.05)
    for delta in (generic, named):
        assert delta.enabled_ns == delta.running_ns


def test_perf_event_qemu_counts_follow_the_calls(guest):
    n = len(guest.pair("work-200")[0].values)
    few, many, none = (judged(guest.pair(f"work-{calls}"), group(n)) for calls in (200, 600, 0))
    assert [d.refusal for d in (*few, *many)] == [None] * (2 * n)
    for small, large, empty in zip(few, many, none, strict=True):
        assert empty.refusal is None
        assert empty.count < 0.05 * small.count
        assert large.count / small.count == pytest.approx(3.0, rel=0.05), small.event.name
    if n == 2:
        # 4096 elements each: at least a load, a multiplication and a store, some of them four at once.
        per_element = few[1].count / (200 * 4096)
        assert 0.5 < per_element < 20


def test_perf_event_qemu_counters_that_take_turns_are_refused(guest):
    pairs = guest.regions("multiplexed")
    assert len(pairs) == 12
    spent = [(last.enabled_ns - first.enabled_ns, last.running_ns - first.running_ns) for first, last in pairs]
    ratios = [running / enabled for enabled, running in spent]
    print("running over enabled:", *(f"{ratio:.3f}" for ratio in ratios))
    assert all(0.3 < ratio < 0.9 for ratio in ratios)  # 12 events on 7 counters
    refusals = [judged(pair)[0].refusal for pair in pairs]
    # Some had not had their turn yet when they were first read.
    assert {refusal.kind for refusal in refusals} <= {"multiplexed", "never ran"}
    assert [refusal.kind for refusal in refusals].count("multiplexed") >= 6
    assert all(delta.count is None for pair in pairs for delta in judged(pair))
    # What scaling would have made of twelve copies of one event.
    scaled = [(b.values[0] - a.values[0]) * e / r for (a, b), (e, r) in zip(pairs, spent, strict=True)]
    print(f"scaled counts of one event differ by {max(scaled) / min(scaled) - 1:.1%}")


def test_perf_event_qemu_pinned_counters_count_all_the_time_or_say_that_they_do_not(guest):
    pairs = guest.regions("pinned")
    kinds = [judged(pair)[0].refusal.kind if judged(pair)[0].refusal else "counted" for pair in pairs]
    print(kinds)
    assert len(kinds) == 12
    assert set(kinds) == {"counted", "unscheduled"}
    # Those without a counter give no bytes at all: end of file, and no zero that could be taken for a count.
    assert [pair[1].bytes for pair, kind in zip(pairs, kinds, strict=True) if kind == "unscheduled"].count(0) >= 1
    assert kinds == sorted(kinds)  # the first come are served
    for pair, kind in zip(pairs, kinds, strict=True):
        if kind == "counted":
            (delta,) = judged(pair)
            assert delta.enabled_ns == delta.running_ns


def test_perf_event_qemu_the_event_of_a_cpu_that_went_offline_freezes_and_only_the_clock_shows_it(guest):
    of = group(1, -1, 1)
    (online,), (offline,), (back,) = (judged(guest.regions(name)[0], of) for name in ("online", "offline", "back"))
    assert online.refusal is None
    assert offline.refusal.kind == "frozen"
    assert "did its cpu go offline?" in offline.refusal.reason
    before, after = guest.regions("offline")[0]
    assert before.enabled_ns - before.running_ns == after.enabled_ns - after.running_ns  # the times alone show nothing
    assert back.refusal.kind == "frozen"  # it never comes back to life
    (anew,) = judged(guest.regions("anew")[0], of)
    assert anew.refusal is None


def test_perf_event_qemu_an_offline_cpu_is_refused_and_explained(guest):
    name = errno.errorcode[guest.refused["offline"]]
    assert name == "ENODEV"
    told = explain.explain(name, facts(2))
    assert "offline" in told.what
    assert "Bring the cpu online" in told.fix


def facts(level):
    return Facts(Rights(level, 1000, (), "none", None, 1024), "none", ())


# level -> what a user may count: the own thread, its kernel side too, a whole cpu
ALLOWED: Mapping[int, tuple[bool, bool, bool]] = {
    -1: (True, True, True),
    0: (True, True, True),
    1: (True, True, False),
    2: (True, False, False),
    3: (False, False, False),  # Debian's addition
    4: (False, False, False),
}


@pytest.mark.parametrize("level", sorted(ALLOWED))
def test_perf_event_qemu_the_levels_of_paranoia_allow_what_is_said_of_them(level, guest):
    assert guest.rights.keys() == ALLOWED.keys()
    answers = guest.rights[level]
    assert [answer == 0 for answer in answers] == list(ALLOWED[level])
    refused = {errno.errorcode[answer] for answer in answers if answer}
    assert refused <= {"EACCES"}
    told = explain.explain("EACCES", facts(level))
    if level > 2:
        assert f"paranoid is {level}: a user may not even count the own thread" in told.what
    elif level > 0:
        assert f"needs kernel.perf_event_paranoid <= 0 (it is {level})" in told.what
