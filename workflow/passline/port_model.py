"""What a model of the core's execution ports predicts for a hot loop whose data is in L1: the floor in cache.

The loop is taken from the stored disassembly and handed to a program that is asked for by its command line, llvm-mca
(https://llvm.org/docs/CommandGuide/llvm-mca.html) or else OSACA (https://github.com/RRZE-HPC/OSACA). Neither is
needed: without one, or where none knows the machine, the prediction is unavailable, with the reason.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from passline.disassembly import Instruction
from passline.machine import MICROARCHITECTURES

TIMEOUT_S = 120
_TRIAL = ".L0:\n\taddq $1, %rax\n\tjne .L0\n"
_NOT_KNOWN = "not a recognized processor"  # of llvm-mca, which then goes on with another one
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NOT_PORTS = 2  # the last sums of osaca: the critical path, and the chain from iteration to iteration
_UNKNOWN = re.compile(r"\|[ *P]*X[ *P]*\S")  # osaca's mark before an instruction of which it knows nothing
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")


class NoPredictionError(Exception):
    """Why there is none."""


@dataclass(frozen=True)
class Prediction:
    """Cycles of one iteration, and instructions that the model does not know, which count as nothing."""

    cycles: float
    unknown: int


@dataclass(frozen=True)
class Tool:
    """A program that predicts, and how it calls this microarchitecture."""

    name: str
    command: Sequence[str]
    read: Callable[[str], Prediction]
    version: str
    stand_ins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Instructions that its model puts on the wrong ports, and those that are counted in their place."""

    def predict(self, assembly: str) -> Prediction:
        """Cycles of one iteration of a loop in AT&T syntax; NoPredictionError where the program fails on it."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "loop.s")
            source.write_text(_replaced(assembly, self.stand_ins), encoding="utf-8")
            done = _run([*self.command, str(source)])
        if done.returncode != 0 or _NOT_KNOWN in done.stderr:
            said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise NoPredictionError(
                f"{self.name} failed on the loop: {said[-1] if said else f'exit {done.returncode}'}"
            )
        return self.read(done.stdout)


def find(microarchitecture: str, table: Path = MICROARCHITECTURES) -> Tool:
    """The program to ask; NoPredictionError where there is none that knows the microarchitecture.

    Each is tried on a loop of one instruction: an older one may not know the name.
    """
    document = yaml.safe_load(table.read_text(encoding="utf-8"))
    known: Mapping[str, str] = document["port_models"].get(microarchitecture, {})
    stand_ins: Mapping[str, Mapping[str, list[str]]] = document.get("stand_ins", {}).get(microarchitecture, {})
    if not known:
        raise NoPredictionError(f"no port model of {microarchitecture} is known (microarchitectures.yaml)")
    absent = []
    for name, (options, read) in _TOOLS.items():
        programs = list(_installed(name))
        if name not in known:
            absent.append(f"{name} has no model of {microarchitecture}")
        elif not programs:
            absent.append(f"{name} is not installed")
        for program in programs if name in known else []:
            version = _VERSION.search(_run([program, "--version"]).stdout)
            command = [program, *(option.format(model=known[name]) for option in options)]
            said = version[0] if version else "of unknown version"
            tool = Tool(name, command, read, said, stand_ins.get(name, {}))
            try:
                tool.predict(_TRIAL)
            except NoPredictionError:
                absent.append(f"{program} ({tool.version}) has no working model of {microarchitecture}")
            else:
                return tool
    raise NoPredictionError("; ".join(absent))


def assembly(body: Sequence[Instruction], addresses: Sequence[int]) -> str:
    """The instructions at these addresses, in that order, as a source in AT&T syntax, every one with a label."""
    at = {instruction.address: instruction for instruction in body}
    lines = []
    for instruction in map(at.__getitem__, addresses):
        target = instruction.target
        operands = instruction.operands if target is None else f".L{target:x}"
        lines += [f".L{instruction.address:x}:", f"\t{instruction.mnemonic} {operands}"]
    return "\n".join(lines) + "\n"


def _replaced(assembly: str, stand_ins: Mapping[str, Sequence[str]]) -> str:
    """The source with the instructions that stand in for others, on the same operands: ports are what counts."""
    lines = []
    for line in assembly.splitlines():
        mnemonic, _, operands = line.strip().partition(" ")
        lines += [f"\t{other} {operands}" for other in stand_ins[mnemonic]] if mnemonic in stand_ins else [line]
    return "\n".join(lines) + "\n"


def read_osaca(report: str) -> Prediction:
    """The larger of two bounds: cycles of the busiest port, and of the longest dependency from iteration to iteration.

    Both stand in the line of sums under the table of ports, the dependency as its last number.
    """
    lines = report.splitlines()
    table = [place for place, line in enumerate(lines) if "||" in line]
    after = [line for line in lines[table[-1] + 1 :] if line.strip()] if table else []
    sums = [float(number) for number in _NUMBER.findall(after[0])] if after else []
    if len(sums) <= _NOT_PORTS:
        raise NoPredictionError("osaca printed no sums of ports")
    unknown = sum(_UNKNOWN.search(lines[place].split("||")[1]) is not None for place in table)
    return Prediction(max(*sums[:-_NOT_PORTS], sums[-1]), unknown)


def read_mca(report: str) -> Prediction:
    """The reciprocal throughput of a block: what its busiest resource allows, dependencies left aside."""
    found = re.search(r"^Block RThroughput:\s+(\S+)", report, flags=re.MULTILINE)
    if found is None:
        raise NoPredictionError("llvm-mca printed no throughput")
    return Prediction(float(found[1]), 0)


_TOOLS: Mapping[str, tuple[Sequence[str], Callable[[str], Prediction]]] = {
    "llvm-mca": (("-mcpu={model}",), read_mca),
    "osaca": (("--arch", "{model}", "--ignore-unknown"), read_osaca),
}
"""Programs by preference, their options, and how to read what they print. OSACA knows fewer instructions."""


def _installed(name: str) -> Iterator[str]:
    """Paths of a program: beside this Python, then on the PATH, also with a version behind its name, newest first."""
    beside = Path(sys.executable).with_name(name)
    if beside.is_file():
        yield str(beside)
    spellings = [name, *(f"{name}-{version}" for version in range(40, 9, -1))]
    yield from filter(None, map(shutil.which, spellings))


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(list(command), 1, "", str(error))
