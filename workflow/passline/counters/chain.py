"""Which source counts: config key `counters` is auto, off, require or the name of a source.

Sources are tried from the best to the least, and every attempt is kept with its errno: falling back to the model is
never silent. `require`, and the name of a source, are demands: where they cannot be met the run stops.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from passline.counters import amd, core, uncore
from passline.counters.explain import Explanation, Facts, decisive, explain
from passline.counters.perf import Counting
from passline.counters.probing import Host, opened
from passline.counters.records import MODEL, NONE, Attempt, Availability, Event, Group, Plan
from passline.counters.rights import Rights
from passline.errors import ConfigError, MachineError

AUTO, OFF, REQUIRE = "auto", "off", "require"
PERF_EVENT = "perf_event"
_X86 = ("x86_64", "i686")
_AMD = ("AuthenticAMD", "HygonGenuine")
Probe = Callable[[Host, Counting], Availability]


@dataclass(frozen=True)
class Source:
    """A source as the chain tries it; `module` is the kernel driver that names its units."""

    name: str
    architectures: tuple[str, ...]  # none: any, as of vendors
    vendors: tuple[str, ...]
    module: str | None
    probe: Probe

    def fits(self, host: Host) -> bool:
        """Whether a processor of this kind can have it; one that hides its vendor may have any."""
        architecture = not self.architectures or host.architecture in self.architectures
        return architecture and (not self.vendors or host.vendor is None or host.vendor in self.vendors)


@dataclass(frozen=True)
class Chosen:
    """What counts, or the model with what was tried and why it was not to be had."""

    mode: str
    source: str
    plan: Plan | None
    attempts: tuple[Attempt, ...]
    explanation: Explanation | None

    def without(self, source: str, errno: str, what: str) -> Chosen:
        """The model, after a source that was chosen failed all the same."""
        attempts = (*self.attempts, Attempt(source, False, errno, what))
        return Chosen(self.mode, MODEL, None, attempts, Explanation(what, "Run it again"))

    @property
    def reason(self) -> str:
        """One line for a table's `reason`: - where something counts."""
        if self.plan is not None:
            return NONE
        tried = ", ".join(f"{a.source} {a.errno}" for a in self.attempts if not a.ok)
        why = self.explanation.what if self.explanation else "counters: off"
        return f"{why} (tried: {tried})" if tried else why


def sources() -> tuple[Source, ...]:
    """Every source, in the order it is tried."""
    named = tuple(Source(s.name, s.architectures, s.vendors, s.module, s.probe) for s in uncore.sources())
    return (
        *named,
        Source("umc", _X86, _AMD, amd.MODULE, amd.probe_umc),
        Source("df", _X86, _AMD, amd.MODULE, amd.probe_df),
        Source("core", (), (), None, core.probe),
    )


def mode_of(value: object) -> str:
    """The mode a config value stands for; YAML reads a bare `off` as false and `on` as true."""
    if isinstance(value, bool):
        return AUTO if value else OFF
    known = [AUTO, OFF, REQUIRE, *(source.name for source in sources())]
    if value in known:
        return str(value)
    close = difflib.get_close_matches(str(value), known, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    raise ConfigError("config: counters", f"{value!r} is not accepted", f"{hint}Accepted: {', '.join(known)}")


def choose(mode: str, host: Host, counting: Counting, rights: Rights, hypervisor: str | None) -> Chosen:
    """Try the sources that `mode` asks for. ConfigError for an unknown mode, MachineError for an unmet demand."""
    chosen = seek(mode, host, counting, rights, hypervisor)
    if chosen.explanation is not None and chosen.mode != AUTO:
        raise unmet(chosen.mode, chosen.attempts, chosen.explanation)
    return chosen


def seek(mode: str, host: Host, counting: Counting, rights: Rights, hypervisor: str | None) -> Chosen:
    """The same, but the model for an unmet demand too."""
    mode = mode_of(mode)
    if mode == OFF:
        return Chosen(mode, MODEL, None, (), None)
    wanted = [s for s in sources() if s.name == mode or (mode in (AUTO, REQUIRE) and s.fits(host))]
    attempts = [_attempt(PERF_EVENT, _software(counting))]
    for source in wanted:
        found = source.probe(host, counting)
        attempts.append(_attempt(source.name, found))
        if found.ok:
            return Chosen(mode, source.name, found.plan, tuple(attempts), None)
    modules = tuple(dict.fromkeys(s.module for s in wanted if s.module))
    explanation = explain(decisive(attempts), Facts(rights, hypervisor, modules))
    return Chosen(mode, MODEL, None, tuple(attempts), explanation)


def unmet(mode: str, attempts: Sequence[Attempt], explanation: Explanation) -> MachineError:
    """The error of a demand that cannot be met."""
    tried = "; ".join(f"{a.source}: {a.errno}, {a.reason}" for a in attempts if not a.ok)
    what = f"memory traffic cannot be counted here: {explanation.what} (tried {tried})"
    return MachineError(f"counters: {mode}", what, f"{explanation.fix}. Or set counters: auto")


def _attempt(name: str, found: Availability) -> Attempt:
    return Attempt(name, found.ok, found.errno, found.reason)


def _software(counting: Counting) -> Availability:
    """Whether the call works at all: a software event of the own thread needs no hardware and hardly any right."""
    task_clock = Event("software", 1, "task-clock", "config=1", 1, 0, 0, "time", 1.0, "ns", "1", NONE)
    return opened(Plan(PERF_EVENT, "process", ((Group((task_clock,), 0, -1),),)), counting)
