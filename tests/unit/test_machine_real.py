"""Detection on stored trees of real machines; where they are from is told in tests/fixtures/machines/real/SOURCE.md."""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from passline.counters import dump
from passline.machine import Machine, detect
from passline.machine_sources import Cache, format_cpus

FIXTURES = Path(__file__).parents[1] / "fixtures" / "machines" / "real"
NUMBERED = "cpu 0 takes most interrupts"


@dataclass(frozen=True)
class Expected:
    """What a machine is, as its maker tells it, and hwloc."""

    id: str
    architecture: str
    microarchitecture: str
    cores: int
    threads_per_core: int
    sockets: int
    nodes: dict[str, str]
    caches: tuple[tuple[int, str] | None, ...]  # L1d, L2 and LLC: KiB and the cpus that share it
    line: tuple[int | None, str]  # of L1, and a word of its origin
    cpu: int
    reason: str


MACHINES = {
    "kunpeng-920-2-sockets": Expected(
        "hisilicon-tsv110-128c", "aarch64", "tsv110", 128, 1, 2,
        {"0": "0-31", "1": "32-63", "2": "64-95", "3": "96-127"},
        ((64, "31"), (512, "31"), (32768, "0-31")), (64, "128 in level 3"),
        31, f"the last core of the NUMA node 0; {NUMBERED}",
    ),
    "xeon-silver-4108-2-sockets": Expected(
        "intel-skylake-x-xeon-silver-4108-16c", "x86_64", "skylake-x", 16, 2, 2,
        {"0": "0-7,16-23", "1": "8-15,24-31"},
        ((32, "7,23"), (1024, "7,23"), (11264, "0-7,16-23")), (64, "cache"),
        7, f"the last core of the NUMA node 0; {NUMBERED}",
    ),
    "xeon-e7-4870-4-sockets": Expected(
        "intel-westmere-xeon-e7-4870-40c", "x86_64", "westmere", 40, 1, 4,
        {str(node): ",".join(str(cpu) for cpu in range(node, 40, 4)) for node in range(4)},
        ((32, "36"), (256, "36"), (30720, "0,4,8,12,16,20,24,28,32,36")), (64, "cache"),
        36, f"the last core of the NUMA node 0; {NUMBERED}",
    ),
    "opteron-6134-4-sockets": Expected(
        "amd-k10-opteron-6134-32c", "x86_64", "k10", 32, 1, 4,
        {str(node): f"{4 * node}-{4 * node + 3}" for node in range(8)},
        ((64, "3"), (512, "3"), (5118, "0-3")), (64, "cache"),
        3, f"the last core of the NUMA node 0; {NUMBERED}",
    ),
    "nehalem-4-cores": Expected(
        "intel-nehalem-4c", "x86_64", "nehalem", 4, 2, 1, {"0": "0-7"},
        ((32, "3,7"), (256, "3,7"), (8192, "0-7")), (64, "cache"),
        3, f"the last core; {NUMBERED}",
    ),
    "cortex-a9-2-cores": Expected(
        "arm-cortex-a9-2c", "arm", "cortex-a9", 2, 1, 1, {"0": "0-1"},
        (None, None, None), (None, "neither"),
        1, f"the last core; {NUMBERED}",
    ),
    "epyc-zen4-vm": Expected(
        "amd-zen4-epyc-2c", "x86_64", "zen4", 2, 1, 1, {"0": "0-1"},
        ((32, "1"), (1024, "1"), (32768, "0-1")), (64, "cache"),
        1, f"the last core; {NUMBERED}",
    ),
}  # fmt: skip


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Machine, Expected]:
    with tarfile.open(FIXTURES / f"{request.param}.tar.gz") as tar:
        # Python before 3.11.4 knows no filters.
        tar.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return detect(tmp_path / dump.FOLDER), MACHINES[request.param]


def test_a_real_machine_is_what_it_is(machine: tuple[Machine, Expected]) -> None:
    m, want = machine
    assert (m.id, m.architecture, m.microarchitecture) == (want.id, want.architecture, want.microarchitecture)
    assert (m.cores, m.threads_per_core, m.sockets) == (want.cores, want.threads_per_core, want.sockets)
    assert {node: format_cpus(cpus) for node, cpus in m.numa_nodes.items()} == want.nodes
    assert not m.hybrid


def test_a_real_machines_caches_are_those_of_the_measuring_cpu(machine: tuple[Machine, Expected]) -> None:
    m, want = machine

    def told(cache: Cache | None) -> tuple[int, str] | None:
        return cache and (cache.bytes // 1024, format_cpus(cache.cpus))

    assert (told(m.l1d), told(m.l2), told(m.llc)) == want.caches
    assert m.cache_line_bytes == want.line[0]
    assert want.line[1] in m.origins["cache_line_bytes"]


def test_on_a_real_machine_the_last_core_of_the_first_node_is_measured(machine: tuple[Machine, Expected]) -> None:
    m, want = machine
    assert (m.measuring_cpu, m.measuring_cpu_reason) == (want.cpu, want.reason)
    assert m.measuring_cpu in m.one_cpu_per_core
    assert len(m.one_cpu_per_core) == m.cores
    assert m.llc is None or m.measuring_cpu in m.llc.cpus


def test_where_every_machine_is_from_is_told() -> None:
    told = re.findall(r"^\| `([\w-]+)` \| `", (FIXTURES / "SOURCE.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(told) == sorted(MACHINES) == sorted(path.name.split(".")[0] for path in FIXTURES.glob("*.tar.gz"))
