"""What the Snakefile resolves once, while it is parsed: what can be wrong is found here, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passline import known_baselines
from passline.config import check_config, expanded, find_compilers
from passline.errors import ConfigError, MachineError
from passline.machine import Machine, detect
from passline.own_reference import check_references
from passline.plan import Host, Planner
from passline.registry import KERNELS, Isa, Study, load_isas, select_isas
from passline.sizes import Caches
from passline.studies import load_studies

SOFTMAX = KERNELS / "softmax"
# Where a machine does not tell a cache's size, the plan needs one all the same: a common size, and the report says so.
_USUAL_BYTES = {"l1d": 32 << 10, "l2": 1 << 20, "llc": 32 << 20}


@dataclass(frozen=True)
class Setup:
    """Config, machine, studies and paths of a session."""

    config: Mapping[str, Any]
    machine: Machine
    label: str
    isas: Mapping[str, Isa]
    missing_isas: Mapping[str, str]
    study: Study  # the session's own
    studies: Mapping[str, Study]  # by name: it, and the ceilings

    @property
    def baselines(self) -> list[str]:
        """Outside baselines that the config asks for."""
        return known_baselines.wanted(self.config)

    @property
    def session_folder(self) -> str:
        """Name of the session's folder; another study than softmax puts its name in front."""
        session = str(self.config["session"])
        return session if self.study.folder == SOFTMAX else f"{self.study.name}-{session}"

    @property
    def results(self) -> str:
        """Folder of the session's results, relative to the workflow's working directory."""
        return f"results/{self.label}/{self.session_folder}"

    @property
    def reports(self) -> str:
        """Folder of the session's report."""
        return f"reports/{self.label}/{self.session_folder}"

    @property
    def passes(self) -> list[tuple[str, str, str]]:
        """(study, pass, isa) of every object to compile."""
        return [
            (s.name, p, isa)
            for s in self.studies.values()
            for p in s.passes
            for isa in self.isas
            if s.variants_of(p, isa)
        ]

    def planner(self) -> Planner:
        """The planner of this session; ConfigError where a listed size does not fit."""
        return Planner(self.config, self.study, self.studies["ceilings"], self.isas, self.host())

    def host(self) -> Host:
        """What the plan and the rounds must know of the machine."""
        cpu = self.config["cpu"]
        usable = self.machine.usable_cpus
        if cpu != "auto" and cpu not in usable:
            raise ConfigError(
                "config: cpu",
                f"cpu {cpu} is not usable by this process",
                f"Use auto, or one of: {', '.join(map(str, usable))}",
            )
        first = self.machine.measuring_cpu if cpu == "auto" else int(cpu)
        near, same = set(self.machine.same_node(first)), set(self.machine.same_socket(first))
        # The node of the measuring cpu first, then its socket: so many threads of it are the first so many cpus.
        others = sorted(
            (c for c in self.machine.one_cpu_per_core if c != first), key=lambda c: (c not in near, c not in same, c)
        )
        cpus = [first, *others]
        node = [c for c in cpus if c in near]
        return Host(
            caches(self.machine),
            self.machine.memory_bytes or 2 << 30,
            cpus,
            self.machine.caches_of(cpus),
            node,
            self.machine.caches_of(node),
            [c for c in cpus if c in same],
        )


def caches(machine: Machine) -> Caches:
    """Cache sizes for the plan, with a usual size for what the machine does not tell."""
    told = {"l1d": machine.l1d, "l2": machine.l2, "llc": machine.llc or machine.l2}
    return Caches(**{name: cache.bytes if cache else _USUAL_BYTES[name] for name, cache in told.items()})


def load(config: Mapping[str, Any], root: Path = Path("/")) -> Setup:
    """Validate the config and everything it names against the studies and this machine; raise a PasslineError."""
    config = expanded(config)
    check_config(config)
    machine = detect(root)
    find_compilers(config["compilers"], machine.architecture)
    isas, missing = select_isas(load_isas(), config["isas"], machine.architecture, machine.cpu_flags)
    study, studies = load_studies(config["study"], isas, config["grid"])
    check_references(study)
    label = machine.id if config["machine"] == "auto" else str(config["machine"])
    setup = Setup(config, machine, label, isas, missing, study, studies)
    if not isas:
        raise MachineError("config: isas", "no instruction set is left", "Use isas: auto")
    known_baselines.wanted(config)
    known_baselines.check_comparisons(known_baselines.comparisons(config, study.name), study.algorithms)
    planner = setup.planner()
    planner.selftest_sizes()
    for group in config["blocks"]:
        planner.resolve_sizes(group)
        planner.resolve_isas(group["isas"])
        for family in group["inputs"]:
            if family not in study.inputs:
                raise ConfigError(
                    "config: blocks.inputs",
                    f"{family!r} is not an input family of the study",
                    f"Use some of: {', '.join(study.inputs)}",
                )
    return setup
