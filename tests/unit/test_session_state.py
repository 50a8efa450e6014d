"""The state of the host, from made-up documents of machinestate, fake programs in its place, and stored trees."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_machine import unpack

from passline import session_state
from passline.machine import Machine, detect
from passline.machine import facts as machine_facts
from passline.machine_sources import CPU, Tree
from passline.session_state import (
    LIBRARIES,
    State,
    facts,
    kernel_parameters,
    merged,
    power_source,
    read,
    run_machinestate,
    told,
    turbo,
)
from passline.tables import conform

# Written by hand after the layout of real documents: a workstation with likwid and RAPL. Everything with "secret" in
# it is what must never come through.
WORKSTATION: dict[str, Any] = {
    "CpuFrequency": {
        "Driver": "intel_pstate",
        "Cpu0": {"Governor": "performance", "MaxFreq": 4500000000, "MinFreq": 1200000000},
        "Cpu5": {
            "EnergyPerfPreference": "balance_performance",
            "Governor": "powersave",
            "MaxFreq": 4500000000,
            "MinFreq": 1200000000,
            "_meta": "CpuFrequencyClass(ident=5)",
        },
    },
    "CpuInfo": {"SMT": True},
    "HostInfo": {"Hostname": "secret-host"},
    "Hugepages": {
        "Hugepages-1048576kB": {"Count": 0, "Free": 0},
        "Hugepages-2048kB": {"Count": 512, "Free": 500},
        "_meta": "Hugepages()",
    },
    "KernelInfo": {"ASLR": 0, "CmdLine": "root=UUID=secret", "NMIWatchdog": True},
    "MachineState": {"Version": "0.6.0"},
    "NumaBalancing": {"Enabled": True},
    "OperatingSystemInfo": {"Name": "Debian GNU/Linux 12 (bookworm)"},
    "PowercapInfo": {
        "Package-0": {
            "Core": {"Enabled": False},
            "Package": {
                "Enabled": True,
                "LongTerm": {"PowerLimitUw": 140000000, "TimeWindowUs": 999424},
                "ShortTerm": {"PowerLimitUw": 168000000, "TimeWindowUs": 1952},
            },
        }
    },
    "PrefetcherInfo": {
        "Cpu5": {"CL_PREFETCHER": False, "DCU_PREFETCHER": True, "HW_PREFETCHER": True, "IP_PREFETCHER": True}
    },
    "ShellEnvironment": {"LD_PRELOAD": "secret"},
    "TransparentHugepages": {"Defrag": "madvise", "State": "always", "UseZeroPage": True},
    "TurboInfo": {"BaseClock": 3700000000, "PerfEnergyBias": 6, "TurboFrequencies": [4500000000, 4300000000]},
    "UsersInfo": {"LoggedIn": "secret"},
    "VulnerabilitiesInfo": {
        "L1Tf": "Mitigation: PTE Inversion; VMX: vulnerable",
        "Mds": "Not affected",
        "SpecStoreBypass": "Vulnerable",
        "SpectreV2": "Mitigation: Retpolines",
        "Tsa": "Not affected",
        "_meta": "VulnerabilitiesInfo()",
    },
}
# A virtual machine: sections are there, and empty.
VIRTUAL: dict[str, Any] = {
    "CpuFrequency": {"_meta": "CpuFrequency()"},
    "KernelInfo": {"ASLR": 2, "NMIWatchdog": ""},
    "PowercapInfo": {"_meta": "PowercapInfo()"},
    "PrefetcherInfo": {"_meta": "PrefetcherInfo()"},
    "TurboInfo": {"_meta": "TurboInfo()"},
}


def values(state: State, cpu: int = 5) -> dict[str, Any]:
    return {fact.key: fact.found.value for fact in told(state, cpu)}


def put(root: Path, files: dict[str, str]) -> Tree:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n", encoding="utf-8")
    return Tree(root)


@pytest.fixture
def program(tmp_path: Path) -> Any:
    """Write a fake machinestate, a shell script, and return its path."""

    def write(script: str) -> Path:
        path = tmp_path / "machinestate"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return write


# ---- what machinestate tells


def test_a_workstation() -> None:
    found = values(State(WORKSTATION))
    assert found["governor"] == "powersave"  # of the measuring cpu, not of cpu 0
    assert found["frequency_driver"] == "intel_pstate"
    assert found["energy_performance_preference"] == "balance_performance"
    assert found["scaling_maximum_hz"] == "4500000000"
    assert found["turbo_clocks_hz"] == "4500000000 4300000000"
    assert (found["base_clock_hz"], found["performance_energy_bias"]) == ("3700000000", "6")
    assert found["prefetcher_hardware"] == "on"
    assert found["prefetcher_adjacent_line"] == "off"
    assert found["transparent_huge_pages"] == "always"
    assert (found["numa_balancing"], found["smt_active"], found["nmi_watchdog"]) == ("on", "on", "on")
    assert found["aslr"] == "0"  # off, and not missing
    assert found["reserved_hugepages_2048kb"] == "512"
    assert found["power_cap_package_0_package_long_term_w"] == "140"
    assert found["power_cap_package_0_package_short_term_w"] == "168"
    assert found["mitigation_l1_tf"].startswith("Mitigation: PTE")
    assert found["mitigation_spec_store_bypass"] == "Vulnerable"
    assert found["mitigation_spectre_v2"] == "Mitigation: Retpolines"
    assert found["vulnerabilities_not_affected"] == "mds tsa"
    assert {fact.key: fact.unit for fact in told(State(WORKSTATION), 5)}[
        "power_cap_package_0_package_long_term_w"
    ] == "W"


def test_only_the_named_values_come_through() -> None:
    assert "secret" not in str(list(told(State(WORKSTATION), 5)))


def test_what_a_virtual_machine_hides_is_unavailable_with_the_reason() -> None:
    found = {fact.key: fact.found for fact in told(State(VIRTUAL), 1)}
    for key in ("governor", "prefetcher_hardware", "base_clock_hz", "power_caps", "reserved_hugepages"):
        assert found[key].value is None
        assert found[key].origin.startswith("machinestate tells no ")
    assert "cpufreq" in found["governor"].origin
    assert "likwid" in found["prefetcher_hardware"].origin
    assert found["nmi_watchdog"].value is None  # an empty text is what it could not read
    assert found["aslr"].value == "2"


@pytest.mark.parametrize("document", [{}, {"CpuFrequency": "text", "Hugepages": [1], "PowercapInfo": {"a": {"b": 1}}}])
def test_a_document_of_another_shape_tells_nothing(document: dict[str, Any]) -> None:
    assert not any(values(State(document)).values())


def test_the_program_is_run_with_an_empty_environment(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    path = program(
        """echo "Error parsing data: x"; echo "{\\"arguments\\": \\"$*\\", \\"key\\": \\"$API_KEY$HOME\\"}" """
    )
    assert run_machinestate(path) == State({"arguments": "-a -s", "key": ""})


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "ended with status 3"),
        ("echo nonsense", "not JSON"),
        ("echo '{\"half\": '", "not JSON"),
        (":", "not JSON"),
        ("exec sleep 30", "did not end within 0.5 s"),
    ],
)
def test_a_failing_program_is_a_reason(script: str, reason: str, program: Any) -> None:
    state = run_machinestate(program(script), timeout_s=0.5)
    assert state.document is None
    assert reason in state.reason
    assert {fact.found.origin for fact in told(state, 0)} == {state.reason}
    assert not any(values(state).values())


def test_a_missing_program_is_a_reason(tmp_path: Path) -> None:
    assert run_machinestate(tmp_path / "machinestate").reason == "machinestate is not installed beside Python"
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert run_machinestate(tmp_path / "file").reason == "machinestate could not be started"


# ---- what is read here


def test_kernel_parameters_by_an_allow_list(tmp_path: Path) -> None:
    line = (
        'BOOT_IMAGE=/vmlinuz root=UUID=1234 ro isolcpus=2-5 nohz-full=2-5 rcu_nocbs=2-5 dyndbg="file x.c +p" '
        "intel_idle.max_cstate=1 processor.max_cstate=1 mitigations=auto,nosmt hugepagesz=2M hugepages=64 "
        "default_hugepagesz=1G ip=192.168.1.7 nosmt idle=/etc/secret -- --token isolcpus=9"
    )
    shown, others = kernel_parameters(put(tmp_path, {"proc/cmdline": line}))
    assert shown.value == (
        "isolcpus=2-5 nohz-full=2-5 rcu_nocbs=2-5 intel_idle.max_cstate=1 processor.max_cstate=1 "
        "mitigations=auto,nosmt hugepagesz=2M hugepages=64 default_hugepagesz=1G nosmt idle=(not shown)"
    )
    assert others.value == "5"  # BOOT_IMAGE root ro dyndbg ip


@pytest.mark.parametrize(("line", "shown", "others"), [("ro quiet", "none", "2"), ("", "none", "0")])
def test_no_such_parameters(line: str, shown: str, others: str, tmp_path: Path) -> None:
    assert [found.value for found in kernel_parameters(put(tmp_path, {"proc/cmdline": line}))] == [shown, others]


def test_no_command_line(tmp_path: Path) -> None:
    shown, others = kernel_parameters(Tree(tmp_path))
    assert (shown.value, others.value) == (None, None)
    assert "cannot be read" in shown.origin


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ({f"{CPU}/intel_pstate/no_turbo": "0"}, "on"),
        ({f"{CPU}/intel_pstate/no_turbo": "1"}, "off"),
        ({f"{CPU}/cpufreq/boost": "1"}, "on"),
        ({f"{CPU}/cpufreq/boost": "0"}, "off"),
        ({}, None),
    ],
)
def test_turbo(files: dict[str, str], value: str | None, tmp_path: Path) -> None:
    assert turbo(put(tmp_path, files)).value == value


@pytest.mark.parametrize(
    ("supplies", "value"),
    [
        ({"AC": {"type": "Mains", "online": "1"}, "BAT0": {"type": "Battery", "status": "Charging"}}, "mains"),
        ({"AC": {"type": "Mains", "online": "0"}, "BAT0": {"type": "Battery", "status": "Discharging"}}, "battery"),
        ({"ucsi": {"type": "USB", "online": "1"}, "BAT0": {"type": "Battery", "status": "Discharging"}}, "mains"),
        ({"BAT0": {"type": "Battery", "status": "Full"}}, "mains"),
        ({"hid-aa:bb": {"type": "Battery", "status": "Discharging", "scope": "Device"}}, None),
        ({}, None),
    ],
)
def test_power_source(supplies: dict[str, dict[str, str]], value: str | None, tmp_path: Path) -> None:
    files = {
        f"sys/class/power_supply/{name}/{key}": text for name, entry in supplies.items() for key, text in entry.items()
    }
    found = power_source(put(tmp_path, files))
    assert found.value == value
    assert "hid-" not in found.origin


def test_the_sibling_of_the_measuring_cpu(tmp_path: Path) -> None:
    machine = detect(unpack("skylake-x-w2135", tmp_path))
    assert machine.measuring_cpu == 5
    for cpu, siblings in ((5, "11"), (11, "5")):
        found = {fact.key: fact.found.value for fact in read(Tree(tmp_path), machine, cpu)}
        assert found["smt_siblings"] == siblings


def test_microcode_and_clock_source(tmp_path: Path) -> None:
    machine = detect(unpack("vm-zen4", tmp_path))
    tree = Tree(tmp_path)
    before = {fact.key: fact.found for fact in read(tree, machine, 1)}
    assert before["microcode"].value is None
    assert "no line 'microcode'" in before["microcode"].origin
    assert before["clock_source"].value is None
    assert before["smt_siblings"].value == "none"
    path = tmp_path / "proc/cpuinfo"
    text = path.read_text(encoding="utf-8").replace("stepping", "microcode\t: 0xa101148\nstepping")
    put(tmp_path, {"proc/cpuinfo": text, "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc"})
    after = {fact.key: fact.found.value for fact in read(tree, machine, 1)}
    assert (after["microcode"], after["clock_source"]) == ("0xa101148", "tsc")


# ---- the table


def check_table(machine: Machine, rows: list[dict[str, str]]) -> pd.DataFrame:
    """The rows fit table `machines` beside the machine's own, and each that is missing says why."""
    table = conform("machines", pd.DataFrame([*machine_facts(machine), *rows]))
    assert table["key"].is_unique
    missing = table.loc[table["value"] == "unavailable", "origin"]
    assert (missing.str.len() > 10).all()
    return table.set_index("key")


@pytest.mark.parametrize("name", ["vm-zen4", "skylake-x-w2135", "aarch64-neoverse-n1", "container", "zen2-2-sockets"])
def test_a_stored_tree_fills_the_table_and_runs_no_program(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(session_state.subprocess, "run")
    machine = detect(unpack(name, tmp_path))
    rows = facts(machine, tmp_path)
    table = check_table(machine, rows)
    assert table.loc["governor", "value"] == "unavailable"
    assert "stored tree" in table.loc["governor", "origin"]
    assert {f"{library}_version" for library in (*LIBRARIES, "python")} <= set(table.index)


def test_values_that_changed_between_states_stand_in_order() -> None:
    def state(governor: str) -> list[dict[str, str]]:
        rows = {"governor": governor, "aslr": "2"}
        return [{"machine": "m", "key": k, "value": v, "unit": "-", "origin": "o"} for k, v in rows.items()]

    states = [state(governor) for governor in ("performance", "powersave", "performance")]
    assert {row["key"]: row["value"] for row in merged(states)} == {
        "governor": "performance; later powersave",
        "aslr": "2",
    }
    assert states[0] == state("performance")  # what is merged is left as it was
    assert merged([]) == []


def test_the_live_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSLINE_TEST_SECRET", "do-not-tell")
    machine = detect()
    rows = facts(machine)
    table = check_table(machine, rows)
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", table.loc["python_version", "value"])
    installed = session_state.PROGRAM.exists()
    assert (table.loc["aslr", "value"] != "unavailable") == installed
    assert installed or table.loc["aslr", "origin"] == "machinestate is not installed beside Python"
    text = json.dumps(rows)
    for private in ("do-not-tell", str(Path.home()), str(Path.cwd()), socket.gethostname()):
        assert not re.search(rf"\b{re.escape(private)}\b", text)
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|([0-9a-f]{2}:){5}", text)  # addresses
