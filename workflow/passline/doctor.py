"""`passline doctor`: what this machine can count and with which rights, and what would disturb a measurement.

It changes nothing: it opens counters and closes them, reads /proc and /sys, and watches for a second. With a source
that counts and a built library it also runs loops of known traffic, in its own memory. Only --dump-sysfs writes, and
only the file that it is given.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from passline import doctor_calibration, doctor_noise, doctor_text
from passline.counters import dump, likwid
from passline.counters.probing import host_of
from passline.counters.provenance import model_confidence
from passline.counters.records import COMBINED, READ_LOWER_BOUND, document
from passline.counters.rights import Rights, rights
from passline.counters.survey import Survey, survey
from passline.counters.syscall import SystemCall
from passline.doctor_noise import Noise
from passline.errors import MachineError
from passline.machine import Machine, detect
from passline.machine_sources import Tree


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to print, or what to write."""
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--json", action="store_true", help="the same facts as JSON")
    other.add_argument(
        "--dump-sysfs",
        type=Path,
        metavar="FILE",
        help="write what a developer needs to find the same counters elsewhere, as a tar.gz; no names, no serial "
        "numbers; an existing file is never overwritten",
    )


@dataclass(frozen=True)
class Hardware:
    """The machine in short. Sizes in bytes; None where they are not shown."""

    model_name: str | None
    microarchitecture: str
    architecture: str
    cores: int
    threads_per_core: int
    sockets: int
    numa_nodes: int
    l1d_bytes: int | None
    l2_bytes: int | None
    llc_bytes: int | None
    llc_level: int | None
    memory_bytes: int | None
    hypervisor: str | None
    kernel: str | None
    measuring_cpu: int
    measuring_cpu_reason: str


@dataclass(frozen=True)
class Expected:
    """How far the report's bytes can be trusted at best, and what it will say of them."""

    source: str
    letter: str
    says: str


@dataclass(frozen=True)
class Diagnosis:
    """All that doctor tells."""

    machine: Hardware
    rights: Rights
    survey: Survey | None
    survey_reason: str  # why there is none, or -
    expected: Expected
    calibration: doctor_calibration.Report
    build_command: str
    noise: Noise
    likwid: likwid.Opinion


def run(arguments: argparse.Namespace) -> int:
    """Print the diagnosis, or write the archive."""
    if arguments.dump_sysfs is not None:
        written = dump.write(Tree(Path("/")), arguments.dump_sysfs)
        print(doctor_text.of_dump(arguments.dump_sysfs, len(written)))
        return 0
    found = examine(detect())
    print(json.dumps(document(found), indent=1) if arguments.json else doctor_text.text(found))
    return 0


def examine(machine: Machine) -> Diagnosis:
    """Find out everything, on the live host."""
    mine = rights()
    try:
        tried = survey(host_of(machine, Tree(Path("/"))), SystemCall(), mine, machine.hypervisor)
        reason = "-"
    except MachineError as error:
        tried, reason = None, str(error)
    noise = doctor_noise.examine(machine)
    loops = doctor_calibration.find_loops(machine)
    calibration, opinion = _calibrated(machine, tried, loops, noise.measuring)
    return Diagnosis(
        hardware(machine), mine, tried, reason, expected(tried), calibration,
        doctor_calibration.build_command(machine), noise, opinion,
    )  # fmt: skip


def _calibrated(
    machine: Machine, tried: Survey | None, loops: doctor_calibration.Loops | str, measuring: str | None
) -> tuple[doctor_calibration.Report, likwid.Opinion]:
    """Loops of known traffic, unless they would disturb a measurement or nothing could count them."""
    if measuring is not None:
        why = "a measurement runs on this machine now, and these loops would disturb it"
        return doctor_calibration.Report(why), likwid.Opinion(likwid.program(), (), why)
    opinion = doctor_calibration.second_opinion(loops, machine)
    if tried is None or tried.plan is None:
        return doctor_calibration.Report("nothing counts memory traffic here"), opinion
    if isinstance(loops, str):
        return doctor_calibration.Report(loops), opinion
    return doctor_calibration.run(tried.plan, loops, machine), opinion


def hardware(machine: Machine) -> Hardware:
    """The machine in short."""
    l1d, l2, llc = (cache.bytes if cache else None for cache in (machine.l1d, machine.l2, machine.llc))
    return Hardware(
        machine.model_name, machine.microarchitecture, machine.architecture, machine.cores, machine.threads_per_core,
        machine.sockets, len(machine.numa_nodes), l1d, l2, llc, machine.llc.level if machine.llc else None,
        machine.memory_bytes, machine.hypervisor, machine.kernel, machine.measuring_cpu, machine.measuring_cpu_reason,
    )  # fmt: skip


def expected(tried: Survey | None) -> Expected:
    """What the best source allows, before it is calibrated."""
    plan = tried.plan if tried is not None else None
    if plan is None:
        letter = model_confidence(confirmed=False).letter
        says = (
            "the report's bytes come from the traffic model alone, are called modelled everywhere, and are never drawn "
            "as measured. Times, ratios and the three bars per pass need no counters"
        )
        return Expected("model", letter, says)
    if READ_LOWER_BOUND in plan.directions:
        says = "bytes read are counted by a core, and the report calls them a lower bound; bytes written are modelled"
    elif COMBINED in plan.directions:
        says = "bytes are counted, reads and writes in one number, beside the model's"
    else:
        says = "bytes read and written are counted, beside the model's"
    return Expected(plan.source, plan.most_confidence, says)
