"""AMD's memory controllers (Zen 4 on) and data fabric (Zen 1 on): the kernel names the units, a table their events."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from passline.counters import sysfs
from passline.counters.perf import Counting
from passline.counters.probing import MOST_EVENTS, Host, event, groups_of, nothing, opened
from passline.counters.records import COMBINED, READ, WRITE, Availability, Event, Group, Plan
from passline.counters.sysfs import Pmu
from passline.counters.uncore import INCLUDES
from passline.errors import MachineError
from passline.schema import load_yaml

TABLE = Path(__file__).with_name("amd.yaml")
MODULE = "amd_uncore"
DATA_FABRIC = "amd_df"


@cache
def table() -> Mapping[str, Any]:
    """The table amd.yaml."""
    rows: Mapping[str, Any] = load_yaml(TABLE, MachineError)
    return rows


def probe_umc(host: Host, counting: Counting) -> Availability:
    """The memory controllers: reads and writes at each, exact."""
    row = table()["umc"]
    if host.microarchitecture not in row["microarchitectures"]:
        return nothing(f"no codes are known for {host.microarchitecture}")
    units = [pmu for pmu in sysfs.pmus(host.tree).values() if re.fullmatch(row["pmu"], pmu.name)]
    if not units:
        return nothing(f"no unit named {row['pmu']} in /{sysfs.DEVICES} (Linux 6.7 or newer names them)")
    try:
        groups = tuple(
            group
            for pmu in units
            for group in groups_of(
                host.tree, pmu, [_event(pmu, d, terms, row["bytes"]) for d in (READ, WRITE) for terms in row[d]]
            )
        )
    except MachineError as error:
        return Availability(False, str(error), "EINVAL")
    return opened(Plan("umc", "socket", (groups,), INCLUDES, "A"), counting)


def probe_df(host: Host, counting: Counting) -> Availability:
    """The data fabric: beats at each coherent station, in runs of as many events as it has counters."""
    row = next((r for r in table()["df"] if host.microarchitecture in r["microarchitectures"]), None)
    if row is None:
        return nothing(f"no codes are known for {host.microarchitecture}")
    pmu = sysfs.read_pmu(host.tree, DATA_FABRIC)
    if pmu is None:
        return nothing(f"no unit named {DATA_FABRIC} in /{sysfs.DEVICES}")
    try:
        runs = fabric_runs(host, pmu, row)
    except MachineError as error:
        return Availability(False, str(error), "EINVAL")
    combined = any(e.direction == COMBINED for run in runs for group in run for e in group.events)
    notes = ("reads and writes together; approximate, one NUMA node per socket",) if combined else ()
    plan = Plan("df", "socket", runs, INCLUDES, "B", (*notes, f"{len(runs)} runs after one another"))
    return opened(plan, counting)


def fabric_runs(host: Host, pmu: Pmu, row: Mapping[str, Any]) -> tuple[tuple[Group, ...], ...]:
    """Runs that never want more counters than there are: nothing is multiplexed."""
    most = min(row["counters"], MOST_EVENTS)
    kinds = [_stations(pmu, kind, row["bytes"]) for kind in row["events"]]
    return tuple(groups_of(host.tree, pmu, kind[i : i + most]) for kind in kinds for i in range(0, len(kind), most))


def _stations(pmu: Pmu, kind: Mapping[str, Any], size: int) -> Sequence[Event]:
    codes = range(kind["first"], kind["first"] + kind["step"] * kind["stations"], kind["step"])
    return [_event(pmu, kind["direction"], f"event={code:#x},umask={kind['umask']:#x}", size) for code in codes]


def _event(pmu: Pmu, direction: str, terms: str, size: int) -> Event:
    return event(pmu, terms, terms, direction, float(size), f"{size} B", f"{TABLE.name} version {table()['version']}")
