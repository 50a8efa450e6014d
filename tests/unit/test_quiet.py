"""What disturbs a measurement: the judging at its thresholds on made-up observations, and the watching on this host."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_machine import unpack

from passline import quiet
from passline.machine import detect
from passline.machine_sources import CPU
from passline.quiet import BUSY_CPU, BUSY_PROCESS, LEAST_SPIN, MOST_STEAL, Observation, Process, judge, observe

QUIET = Observation(
    cpu=1,
    processes=(Process(10, "sshd", 0.0), Process(11, "cron", BUSY_PROCESS - 0.01)),
    busy={1: 0.01, 3: 0.0},
    spin=0.999,
    steal=0.0,
    runnable=0.0,
    online=4,
    governor="performance",
    driver="acpi-cpufreq",
    power="mains",
)


def test_a_quiet_machine_has_no_findings() -> None:
    assert judge(QUIET) == []


def test_what_cannot_be_read_is_no_finding() -> None:
    unknown = replace(
        QUIET,
        busy={1: math.nan},
        spin=math.nan,
        steal=math.nan,
        runnable=math.nan,
        governor=None,
        driver=None,
        power=None,
    )
    assert judge(unknown) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"processes": (Process(77, "chrome", 0.87),)}, ("process chrome (77) uses 87% of a cpu", "stop it, or wait")),
        ({"processes": (Process(77, "ld", BUSY_PROCESS),)}, ("process ld (77) uses 20% of a cpu",)),
        ({"busy": {1: BUSY_CPU, 3: 0.0}}, ("cpu 1, on which is measured, is 10% busy", "name another under cpu")),
        ({"busy": {1: 0.0, 3: 0.5}}, ("cpu 3 shares its core with the measuring cpu 1", "switch SMT off")),
        ({"spin": LEAST_SPIN - 0.001}, ("got 95% of cpu 1", "limit on CPU time")),
        ({"spin": 0.5}, ("got 50% of cpu 1", "something else runs there")),
        ({"steal": MOST_STEAL + 0.001}, ("took 5% of cpu 1 away", "dedicated host")),
        ({"steal": 0.3, "spin": 0.7}, ("took 30% of cpu 1 away",)),  # steal explains the spin: one finding
        ({"runnable": 4.0}, ("4 threads of others want to run on 4 cpus",)),
        (
            {"governor": "powersave"},
            ("governor of cpu 1 is powersave, which holds the lowest clock", "set performance"),
        ),
        ({"governor": "powersave", "driver": "intel_pstate"}, ("lets the clock wander with the load",)),
        ({"power": "battery"}, ("runs on its battery", "connect its power supply")),
    ],
)
def test_each_thing_above_its_threshold_is_one_sentence_with_what_to_do(
    change: dict[str, Any], words: tuple[str, ...]
) -> None:
    found = judge(replace(QUIET, **change))
    assert len(found) == 1
    assert all(word in found[0] for word in words)
    assert ": " in found[0]
    assert "\n" not in found[0]


@pytest.mark.parametrize(
    "change",
    [
        {"busy": {1: BUSY_CPU - 0.001, 3: 0.0}},
        {"spin": LEAST_SPIN},
        {"steal": MOST_STEAL},
        {"steal": 0.01 / quiet.SPIN_S},  # one tick
        {"runnable": 3.0},
        {"governor": "schedutil"},
    ],
)
def test_nothing_is_said_at_the_threshold(change: dict[str, Any]) -> None:
    assert judge(replace(QUIET, **change)) == []


def test_the_busiest_processes_come_first_and_the_rest_is_summed() -> None:
    found = judge(replace(QUIET, processes=tuple(Process(n, f"p{n}", n / 10) for n in range(1, 8))))
    assert [sentence.split()[1] for sentence in found[:3]] == ["p7", "p6", "p5"]
    assert found[3].startswith("3 more processes together use 90% of a cpu")
    assert len(found) == 4
    found = judge(replace(QUIET, processes=tuple(Process(n, f"p{n}", 0.3) for n in range(4))))
    assert found[3].startswith("1 more process uses 30% of a cpu")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "WATCH_S", 0.05)
    monkeypatch.setattr(quiet, "SPIN_S", 0.02)


@pytest.mark.usefixtures("short")
def test_governor_battery_and_runnable_threads_come_from_the_tree(tmp_path: Path) -> None:
    cpu = detect().measuring_cpu
    machine = replace(detect(unpack("skylake-x-w2135", tmp_path)), measuring_cpu=cpu)
    files = {
        f"{CPU}/cpu{cpu}/cpufreq/scaling_governor": "powersave",
        f"{CPU}/cpu{cpu}/cpufreq/scaling_driver": "intel_pstate",
        "sys/class/power_supply/BAT0/type": "Battery",
        "sys/class/power_supply/BAT0/status": "Discharging",
        "proc/loadavg": "0.10 0.20 0.30 18/345 6789",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text + "\n", encoding="utf-8")
    seen = observe(machine, cpu, tmp_path)
    assert (seen.governor, seen.driver, seen.power) == ("powersave", "intel_pstate", "battery")
    assert (seen.runnable, seen.online) == (17, 12)
    assert math.isnan(seen.steal)  # the tree has no proc/stat
    assert set(seen.busy) == {cpu, cpu + 6}  # the measuring cpu and the other thread of its core


@pytest.mark.usefixtures("short")
def test_a_cpu_that_we_may_not_run_on_is_not_spun_on() -> None:
    allowed = os.sched_getaffinity(0)
    seen = observe(detect(), 4095)
    assert math.isnan(seen.spin)
    assert math.isnan(seen.busy[4095])
    assert os.sched_getaffinity(0) == allowed


@pytest.mark.usefixtures("short")
def test_processes_that_end_or_hide_meanwhile_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise quiet.psutil.NoSuchProcess(7)

    times = SimpleNamespace(user=1.0, system=0.5)
    here = SimpleNamespace(pid=8, cpu_times=lambda: times, create_time=lambda: 2.0, name=lambda: "here")
    monkeypatch.setattr(quiet.psutil, "process_iter", lambda: [SimpleNamespace(pid=7, cpu_times=gone), here])
    assert observe(detect(), detect().measuring_cpu).processes == (Process(8, "here", 0.0),)


@pytest.mark.usefixtures("short")
def test_a_process_that_begins_meanwhile_counts_from_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = iter([{}, {(9, 3.0): ("cc1", 0.04), (os.getpid(), 1.0): ("ourselves", 0.04)}])
    monkeypatch.setattr(quiet, "_processes", lambda: next(seen))
    processes = observe(detect(), detect().measuring_cpu).processes
    assert [process.name for process in processes] == ["cc1"]
    assert 0.0 < processes[0].cpu_share <= 0.04 / quiet.WATCH_S


def test_a_busy_process_on_the_measuring_cpu_is_found() -> None:
    cpu = detect().measuring_cpu
    code = f"import os\nos.sched_setaffinity(0, {{{cpu}}})\nprint('busy', flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as busy:
        try:
            assert busy.stdout is not None
            assert busy.stdout.readline() == "busy\n"
            allowed = os.sched_getaffinity(0)
            found = quiet.findings(detect())
        finally:
            busy.kill()
    assert os.sched_getaffinity(0) == allowed
    assert any(f"({busy.pid}) uses" in sentence for sentence in found)
    assert any(f"cpu {cpu}, on which is measured" in sentence for sentence in found)
    assert any(f"of cpu {cpu}: something else" in s or f"of cpu {cpu} away" in s for s in found)
