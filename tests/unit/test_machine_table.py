"""The table of microarchitectures, and the limits of control groups."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from passline import machine as machines
from passline import machine_sources as sources

TABLE: dict[str, Any] = yaml.safe_load(machines.MICROARCHITECTURES.read_text(encoding="utf-8"))
NAMES = {row["name"] for row in TABLE["x86"] + TABLE["arm"]}
MODELS, STEPPINGS = range(256), range(16)


def x86_name(vendor: str, family: int, model: int, stepping: int | None = 0) -> str:
    values = {"vendor": vendor, "family": family, "model": model, "stepping": stepping}
    return machines._x86_name(TABLE, {key: sources.Found(value, "") for key, value in values.items()})


def covered(row: dict[str, Any]) -> set[tuple[str, int, int, int]]:
    first, last = row.get("model_range", (0, MODELS[-1]))
    low, high = row.get("steppings", (0, STEPPINGS[-1]))
    models = row.get("models", range(first, last + 1))
    return {(row["vendor"], row["family"], m, s) for m, s in itertools.product(models, range(low, high + 1))}


def test_no_processor_fits_two_rows() -> None:
    for one, other in itertools.combinations(TABLE["x86"], 2):
        assert not covered(one) & covered(other), (one, other)
    assert max(Counter((row["implementer"], row["part"]) for row in TABLE["arm"]).values()) == 1


def test_every_row_can_be_reached_and_is_well_formed() -> None:
    for row in TABLE["x86"]:
        assert {x86_name(*where) for where in covered(row)} == {row["name"]}
        assert not {"models", "model_range"} <= row.keys()
    for row in TABLE["arm"]:
        # As the kernel prints them: another spelling would never fit.
        assert re.fullmatch("0x[0-9a-f]{2}", row["implementer"])
        assert re.fullmatch("0x[0-9a-f]{3}", row["part"])
        block = {"CPU implementer": row["implementer"], "CPU part": row["part"]}
        assert machines._arm_name(TABLE, block) == row["name"]
    vendors = {row["vendor"] for row in TABLE["x86"]} | {row["implementer"] for row in TABLE["arm"]}
    assert vendors == set(TABLE["vendors"])
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name) for name in NAMES)
    assert set(TABLE["port_models"]) <= NAMES


@pytest.mark.parametrize(
    ("model", "name"),
    [(47, "westmere"), (190, "alder-lake-n"), (151, "alder-lake"), (175, "sierra-forest"), (221, "clearwater-forest")],
)
def test_processors_of_intel(model: int, name: str) -> None:
    assert x86_name("GenuineIntel", 6, model) == name


@pytest.mark.parametrize(
    ("implementer", "part", "name"),
    [
        ("0x41", "0xd07", "cortex-a57"),
        ("0x41", "0xd82", "cortex-x4"),
        ("0x41", "0xd4f", "neoverse-v2"),
        ("0x61", "0x033", "m2-avalanche"),
        ("0x6d", "0xd49", "neoverse-n2"),
        ("0x41", "0xfff", "unknown (implementer 0x41 part 0xfff)"),
    ],
)
def test_processors_of_arm(implementer: str, part: str, name: str) -> None:
    assert machines._arm_name(TABLE, {"CPU implementer": implementer, "CPU part": part}) == name


V1, V2 = "sys/fs/cgroup/memory", "sys/fs/cgroup"
NO_LIMIT_V1 = str(2**63 - 4096)


@pytest.mark.parametrize(
    ("group", "limits", "gibibytes", "origin"),
    [
        ("0::/", {}, 64, "proc/meminfo: MemTotal"),
        ("0::/job/step", {f"{V2}/job/step/memory.max": "max"}, 64, "proc/meminfo: MemTotal"),
        ("0::/job/step", {f"{V2}/job/step/memory.max": str(4 << 30)}, 4, "memory.max of a control group"),
        # The smaller one of an ancestor holds.
        ("0::/job/step", {f"{V2}/job/step/memory.max": str(4 << 30), f"{V2}/job/memory.max": str(2 << 30)}, 2,
         "memory.max of a control group"),
        ("0::/job/step", {f"{V2}/job/memory.high": str(3 << 30), f"{V2}/job/memory.max": str(4 << 30)}, 3,
         "memory.high of a control group"),
        # A limit above what is there limits nothing.
        ("0::/job", {f"{V2}/job/memory.max": str(1 << 40)}, 64, "proc/meminfo: MemTotal"),
        # Version 1, and version 2 without a memory controller beside it.
        ("7:cpu,memory:/job\n0::/other", {f"{V1}/job/memory.limit_in_bytes": str(5 << 30)}, 5,
         "memory.limit_in_bytes of a control group"),
        ("4:memory:/job", {f"{V1}/job/memory.limit_in_bytes": NO_LIMIT_V1,
                           f"{V1}/memory.limit_in_bytes": str(6 << 30)}, 6, "memory.limit_in_bytes of a control group"),
        ("4:cpuset:/job", {f"{V1}/job/memory.limit_in_bytes": str(5 << 30)}, 64, "proc/meminfo: MemTotal"),
    ],
    ids=["none", "max", "own", "ancestor", "high", "above", "v1", "v1-root", "v1-other-controller"],
)  # fmt: skip
def test_memory_is_what_the_control_groups_leave(
    group: str, limits: dict[str, str], gibibytes: int, origin: str, tmp_path: Path
) -> None:
    files = {"proc/meminfo": f"MemTotal: {64 << 20} kB", "proc/self/cgroup": group, **limits}
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text + "\n", encoding="utf-8")
    assert sources.memory(sources.Tree(tmp_path)) == sources.Found(gibibytes << 30, origin)
