"""Detection on stored /proc and /sys trees: no fact depends on the machine that runs the tests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml

from passline import machine as machines
from passline import machine_sources as sources
from passline.errors import MachineError
from passline.machine import Machine, choose_cpu, detect, facts, read_machine, write_machine
from passline.tables import conform

FIXTURES = Path(__file__).parents[1] / "fixtures" / "machines"
ALL = sorted(path.stem for path in FIXTURES.glob("*.yaml"))


def expand(pattern: str, content: str) -> list[tuple[str, str, int]]:
    """The files that a key and its content stand for; see the fixtures' README."""
    match = re.search(r"\{(\d+)-(\d+)\}", pattern)
    if match is None:
        return [(pattern, content, 0)]

    def fill(number: int) -> str:
        def value(expression: re.Match[str]) -> str:
            return str(eval(expression.group(1), {"__builtins__": {}}, {"i": number}))

        return re.sub(r"\{(i[^}]*)\}", value, content)

    numbers = range(int(match.group(1)), int(match.group(2)) + 1)
    return [(pattern.replace(match.group(0), str(i)), fill(i), i) for i in numbers]


def unpack(name: str, root: Path) -> Path:
    """Write the tree of a fixture below `root`."""
    document = yaml.safe_load((FIXTURES / f"{name}.yaml").read_text(encoding="utf-8"))
    blocks = [e for pattern, lines in document["cpuinfo"].items() for e in expand(pattern, lines)]
    files = {"proc/cpuinfo": "\n".join(f"processor\t: {i}\n{lines}" for _, lines, i in blocks)}
    for pattern, content in document["files"].items():
        files |= {path: text for path, text, _ in expand(pattern, content)}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n", encoding="utf-8")
    return root


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Detect a stored machine by its name."""
    return lambda name: detect(unpack(name, tmp_path))


def test_the_cpus_of_the_measuring_cpus_node_come_first(load: Any) -> None:
    m: Machine = load("zen2-2-sockets")
    node = m.same_node(m.measuring_cpu)
    assert m.measuring_cpu in node
    assert node == next(iter(m.numa_nodes.values()))
    assert set(node) < set(m.usable_cpus)
    near = [cpu for cpu in m.one_cpu_per_core if cpu in node]
    assert m.caches_of(m.one_cpu_per_core) == 2 * m.caches_of(near) > 2
    assert m.same_node(4095) == m.usable_cpus


def test_sockets_are_known_by_their_cpus(load: Any) -> None:
    m: Machine = load("zen2-2-sockets")
    assert m.socket_cpus == {"0": (*range(8), *range(16, 24)), "1": (*range(8, 16), *range(24, 32))}
    assert m.same_socket(9) == m.socket_cpus["1"]
    assert m.same_socket(4095) == m.usable_cpus


def test_this_kind_of_vm(load: Any) -> None:
    m: Machine = load("vm-zen4")
    assert m.id == "amd-zen4-epyc-2c"
    assert (m.architecture, m.microarchitecture, m.family, m.model, m.stepping) == ("x86_64", "zen4", 25, 17, 1)
    assert m.llc is not None
    assert (m.llc.level, m.llc.bytes, m.llc.cpus) == (3, 32 << 20, (0, 1))
    assert m.l1d is not None
    assert m.l1d.bytes == 32 << 10  # not the instruction cache beside it
    assert m.measuring_cpu == 1
    assert m.memory_bytes == 24684096 * 1024  # the group's limit is none
    assert (m.huge_pages, m.hypervisor, m.kernel) == ("madvise", "unnamed", "6.18.44")
    assert not m.hybrid
    assert "avx512f" in m.cpu_flags


def test_skylake_x_workstation(load: Any) -> None:
    m: Machine = load("skylake-x-w2135")
    assert m.id == "intel-skylake-x-xeon-w-2135-6c"
    assert (m.cores, m.threads_per_core, m.sockets) == (6, 2, 1)
    assert m.llc is not None
    assert m.llc.bytes == 8650752
    assert m.l2 is not None
    assert m.l2.cpus == (5, 11)
    assert m.measuring_cpu == 5  # the first thread of the last core, not its sibling 11
    assert m.one_cpu_per_core == (0, 1, 2, 3, 4, 5)
    assert m.hypervisor == "none"
    assert m.cache_line_bytes == 64
    assert m.machine_id_hash is None
    assert "missing" in m.origins["machine_id_hash"]


def test_two_sockets_with_several_l3(load: Any) -> None:
    m: Machine = load("zen2-2-sockets")
    assert (m.id, m.sockets, m.cores) == ("amd-zen2-epyc-7252-16c", 2, 16)
    assert m.numa_nodes == {"0": (*range(8), *range(16, 24)), "1": (*range(8, 16), *range(24, 32))}
    assert m.measuring_cpu == 7  # the first node's last core
    assert m.measuring_cpu_reason.startswith("the last core of the NUMA node 0")
    assert m.llc is not None
    assert (m.llc.bytes, m.llc.cpus) == (16 << 20, (6, 7, 22, 23))  # one instance, not the socket's 64 MiB


def test_without_a_topology_sockets_are_those_of_cpuinfo(tmp_path: Path) -> None:
    root = unpack("zen2-2-sockets", tmp_path)
    for file in root.glob("sys/devices/system/cpu/cpu*/topology/physical_package_id"):
        file.unlink()
    m = detect(root)
    assert m.socket_cpus == {"0": (*range(8), *range(16, 24)), "1": (*range(8, 16), *range(24, 32))}
    assert (m.sockets, m.origins["socket_cpus"]) == (2, "proc/cpuinfo: no topology in /sys")


def test_hybrid_client(load: Any) -> None:
    m: Machine = load("hybrid-alder-lake")
    assert m.hybrid
    assert m.core_types == {"performance": tuple(range(12)), "efficiency": (12, 13, 14, 15)}
    assert m.measuring_cpu == 10  # a performance core, though cpu 15 is the last
    assert "performance" in m.measuring_cpu_reason
    assert m.l1d is not None
    assert m.l1d.bytes == 48 << 10
    assert (m.cores, m.threads_per_core) == (10, 2)
    assert m.one_cpu_per_core == (0, 2, 4, 6, 8, 10)
    assert m.id == "intel-alder-lake-core-i5-12600k-10c"


def test_cores_that_save_power_are_none_to_measure_on(load: Any) -> None:
    m: Machine = load("hybrid-arrow-lake-h")
    assert m.core_types == {"performance": (0, 1), "efficiency": (2, 3, 4, 5, 6, 7)}  # 6 and 7 are of a third kind
    assert (m.measuring_cpu, m.one_cpu_per_core) == (1, (0, 1))
    assert m.llc is not None
    assert m.llc.cpus == (0, 1, 2, 3, 4, 5)  # which the third kind does not reach


def test_aarch64_without_l3(load: Any) -> None:
    m: Machine = load("aarch64-neoverse-n1")
    assert (m.architecture, m.microarchitecture, m.id) == ("aarch64", "neoverse-n1", "arm-neoverse-n1-4c")
    assert m.llc is not None
    assert (m.llc.level, m.llc.bytes) == (2, 1 << 20)
    assert "level 2" in m.origins["llc"]
    assert (m.family, m.model_name) == (None, None)
    assert "cpu family" in m.origins["family"]
    assert m.hypervisor == "Amazon EC2 c6g.xlarge"
    assert "asimd" in m.cpu_flags


def test_container_with_limits(load: Any) -> None:
    m: Machine = load("container")
    assert m.memory_bytes == 2 << 30
    assert m.origins["memory_bytes"] == "memory.max of a control group"
    assert m.usable_cpus == (2, 3)
    assert len(m.online_cpus) == 8
    assert m.measuring_cpu == 3
    assert m.one_cpu_per_core == (2, 3)
    # AMD's "cache size" line is the L2 of a core and must not pass for the last level.
    assert (m.l1d, m.l2, m.llc) == (None, None, None)
    assert "neither" in m.origins["llc"]
    assert m.huge_pages is None


def test_a_cache_above_300_megabytes(load: Any) -> None:
    m: Machine = load("granite-rapids")
    assert m.llc is not None
    assert m.llc.bytes == 504 << 20
    assert m.microarchitecture == "granite-rapids"
    assert m.memory_bytes is None
    assert m.numa_nodes == {"0": (0, 1)}


def test_an_unknown_processor_is_named_by_its_numbers(load: Any) -> None:
    m: Machine = load("unknown-x86")
    assert m.microarchitecture == "unknown (family 6 model 250)"
    assert m.id == "intel-unknown-family-6-model-250-something-new-1c"
    assert m.measuring_cpu == 0
    assert m.measuring_cpu_reason == "the only core"


@pytest.mark.parametrize(
    ("stepping", "name"), [(4, "skylake-x"), (7, "cascade-lake"), (11, "cooper-lake"), (None, "skylake-x")]
)
def test_one_model_number_three_generations(stepping: int | None, name: str) -> None:
    table = yaml.safe_load(machines.MICROARCHITECTURES.read_text(encoding="utf-8"))
    values = {"vendor": "GenuineIntel", "family": 6, "model": 85, "stepping": stepping}
    found = {key: sources.Found(value, "") for key, value in values.items()}
    assert machines._x86_name(table, found) == name


@pytest.mark.parametrize(
    ("family", "model", "name"),
    [(23, 1, "zen1"), (23, 49, "zen2"), (23, 113, "zen2"), (25, 33, "zen3"), (25, 97, "zen4"), (26, 2, "zen5")],
)
def test_generations_of_zen(family: int, model: int, name: str) -> None:
    table = yaml.safe_load(machines.MICROARCHITECTURES.read_text(encoding="utf-8"))
    values = {"vendor": "AuthenticAMD", "family": family, "model": model, "stepping": 0}
    assert machines._x86_name(table, {key: sources.Found(value, "") for key, value in values.items()}) == name


def test_isolated_cpus_come_first() -> None:
    cores = tuple((cpu,) for cpu in range(8))
    cpu, reason = choose_cpu(tuple(range(8)), cores, {"0": tuple(range(8))}, {}, isolated=(2, 3))
    assert cpu == 3
    assert "isolated" in reason


def test_big_little_by_capacity(tmp_path: Path) -> None:
    for cpu, capacity in enumerate((400, 400, 1024, 980)):
        path = tmp_path / f"{sources.CPU}/cpu{cpu}/cpu_capacity"
        path.parent.mkdir(parents=True)
        path.write_text(f"{capacity}\n", encoding="utf-8")
    found = sources.core_types(sources.Tree(tmp_path), (0, 1, 2, 3))
    assert found.value == {"performance": (2, 3), "efficiency": (0, 1)}  # 980 and 1024 are one kind


def test_lists_of_cpus() -> None:
    assert sources.parse_cpus("0-2,8, 10-11") == (0, 1, 2, 8, 10, 11)
    assert sources.format_cpus((0, 1, 2, 8, 10, 11)) == "0-2,8,10-11"
    assert sources.parse_cpus("") == ()


@pytest.mark.parametrize(
    ("text", "size"), [("32K", 32768), ("8448 KB", 8650752), ("1G", 1 << 30), ("512", 512), ("", None), ("?", None)]
)
def test_sizes(text: str, size: int | None) -> None:
    assert sources.parse_size(text) == size


def test_getconf_stands_in_for_missing_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"LEVEL1_DCACHE_SIZE": "49152", "LEVEL2_CACHE_SIZE": "0", "LEVEL3_CACHE_SIZE": "33554432"}
    run = lambda command, **_: SimpleNamespace(stdout=answers.get(command[1], "64") + "\n")  # noqa: E731 - a stand-in
    monkeypatch.setattr(sources.subprocess, "run", run)
    found = sources.caches(sources.Tree(tmp_path), 1, (0, 1), {}, live=True)
    assert found["l1d"] == sources.Found(sources.Cache(1, 49152, (1,)), "getconf")
    assert found["l2"].value is None
    assert found["llc"].value == sources.Cache(3, 33554432, (0, 1))


@pytest.mark.parametrize("name", ALL)
def test_every_machine_survives_the_round_trip_and_fills_the_table(name: str, load: Any, tmp_path: Path) -> None:
    m: Machine = load(name)
    path = tmp_path / "results" / "machine.json"
    assert write_machine(m, path)
    assert read_machine(path) == m
    assert re.fullmatch(r"[a-z0-9-]+", m.id)
    assert m.measuring_cpu in m.one_cpu_per_core
    table = conform("machines", pd.DataFrame(facts(m)))
    assert table["key"].is_unique
    missing = table.loc[table["value"] == "unavailable", "origin"]
    assert (missing.str.len() > 10).all()  # each says why


def test_machine_json_is_rewritten_only_if_changed(load: Any, tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    assert write_machine(load("vm-zen4"), path)
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert not write_machine(load("vm-zen4"), path)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert write_machine(load("skylake-x-w2135"), path)
    assert [p.name for p in tmp_path.glob(".machine.json*")] == []


def test_the_machine_id_itself_is_never_written(load: Any, tmp_path: Path) -> None:
    m: Machine = load("vm-zen4")
    assert m.machine_id_hash is not None
    write_machine(m, tmp_path / "machine.json")
    assert "0123456789abcdef" not in (tmp_path / "machine.json").read_text(encoding="utf-8")


def test_a_machine_json_with_an_unknown_key(load: Any, tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    document = machines.to_document(load("vm-zen4")) | {"colour": "grey"}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(MachineError, match="colour"):
        read_machine(path)


def test_no_linux_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MachineError, match="not a Linux machine"):
        detect(tmp_path)
    monkeypatch.setattr(machines.sys, "platform", "darwin")
    with pytest.raises(MachineError, match="darwin"):
        detect()


def test_the_live_host() -> None:
    m = detect()
    assert m.measuring_cpu in m.usable_cpus
    assert m.memory_bytes is None or m.memory_bytes > 0


ARM_BLOCK = {"CPU implementer": "0x41", "Features": "fp asimd"}
X86_BLOCK = {"vendor_id": "GenuineIntel", "flags": "fpu lm avx2"}


ARCH, MODALIAS = "proc/sys/kernel/arch", f"{sources.CPU}/modalias"
OF_X86 = {ARCH: "x86_64", MODALIAS: "cpu:type:x86,ven0002fam0019mod0011:feature:,0000,0001"}
OF_ARM = {ARCH: "aarch64", MODALIAS: "cpu:type:aarch64:feature:,0000,0001"}


def tree_of(root: Path, files: dict[str, str]) -> sources.Tree:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n", encoding="utf-8")
    return sources.Tree(root)


@pytest.mark.parametrize(
    ("process", "block", "files"),
    [
        ("x86_64", X86_BLOCK, OF_X86),
        ("i686", X86_BLOCK, OF_X86),
        ("aarch64", ARM_BLOCK, OF_ARM),
        ("armv7l", ARM_BLOCK, OF_ARM),
        ("ppc", {}, {ARCH: "ppc64"}),
        ("riscv64", {}, {}),
    ],
)
def test_a_process_of_the_processor_is_not_emulated(
    process: str, block: dict[str, str], files: dict[str, str], tmp_path: Path
) -> None:
    machines.refuse_emulation(process, tree_of(tmp_path, files), block)


@pytest.mark.parametrize(
    ("process", "block", "files", "path"),
    [
        ("aarch64", X86_BLOCK, {}, "cpuinfo"),
        ("riscv64", X86_BLOCK, {}, "cpuinfo"),
        ("x86_64", ARM_BLOCK, {}, "cpuinfo"),
        # The emulator answers for /proc/cpuinfo with a processor of its own.
        ("aarch64", ARM_BLOCK, OF_X86, "arch"),
        ("aarch64", ARM_BLOCK, {MODALIAS: OF_X86[MODALIAS]}, "modalias"),
        ("x86_64", X86_BLOCK, {MODALIAS: OF_ARM[MODALIAS]}, "modalias"),
        ("x86_64", X86_BLOCK, {ARCH: "riscv64"}, "arch"),
    ],
)
def test_an_emulated_process_is_refused(
    process: str, block: dict[str, str], files: dict[str, str], path: str, tmp_path: Path
) -> None:
    said = rf"this process is of {process}, and the processor in /\S+/{path} is of .*it is emulated.*times say nothing"
    with pytest.raises(MachineError, match=said):
        machines.refuse_emulation(process, tree_of(tmp_path, files), block)
