"""Everything this process may or may not count, tried: rights by software events, then each source, then the cores.

Unlike `chain.choose` it does not stop at the first source that counts, and it asks for rights on their own: where a
machine has no memory controllers to show, their absence would otherwise hide that the right to them is missing too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from passline.counters import chain, core
from passline.counters.explain import Explanation, Facts, explain
from passline.counters.perf import Counting
from passline.counters.probing import MOST_EVENTS, Host, opened
from passline.counters.records import NONE, READ_LOWER_BOUND, Attempt, Availability, Event, Group, Plan
from passline.counters.rights import Rights

OWN_THREAD, WHOLE_CPU, WORK = "own thread", "whole cpu", "cycles, instructions"
_TASK_CLOCK = Event("software", 1, "task-clock", "config=1", 1, 0, 0, "time", 1.0, "ns", "1", NONE)


@dataclass(frozen=True)
class Tried:
    """One attempt: whether it counted, and if not, why and what would change that."""

    name: str
    counts: str  # what it is or would be a count of
    ok: bool
    errno: str
    reason: str
    explanation: Explanation | None  # None where it counts


@dataclass(frozen=True)
class Survey:
    """All attempts; `plan` is the best source's, None where nothing counts memory."""

    rights: tuple[Tried, ...]
    memory: tuple[Tried, ...]
    cores: tuple[Tried, ...]
    plan: Plan | None

    @property
    def in_the_way(self) -> tuple[Tried, ...]:
        """Refused sources that would be better than what counts."""
        best = next((i for i, tried in enumerate(self.memory) if tried.ok), len(self.memory))
        counted = self.plan is not None and READ_LOWER_BOUND not in self.plan.directions
        return () if counted else self.memory[:best]


def survey(host: Host, counting: Counting, rights: Rights, hypervisor: str | None) -> Survey:
    """Try everything that fits the host."""
    sources = [source for source in chain.sources() if source.fits(host)]
    facts = Facts(rights, hypervisor, missing_modules(host, [s.module for s in sources if s.module]))
    cpu = host.cpus[0]
    # As many events as the largest group has: a limit of descriptors shows here.
    own = Plan(OWN_THREAD, "process", ((Group((_TASK_CLOCK,) * MOST_EVENTS, 0, -1),),))
    whole = Plan(WHOLE_CPU, "socket", ((Group((_TASK_CLOCK,), -1, cpu),),))
    asked = (
        _tried(OWN_THREAD, "what a core's own counters need", opened(own, counting), facts),
        _tried(WHOLE_CPU, "what counters of memory controllers need", opened(whole, counting), facts),
    )
    found = [(source.name, source.probe(host, counting)) for source in sources]
    plan = next((availability.plan for _, availability in found if availability.ok), None)
    memory = tuple(_tried(name, counted_by(name, a.plan), a, facts) for name, a in found)
    work = _tried(WORK, "the clock, and instructions per element", core.probe_work(host, counting), facts)
    return Survey(asked, memory, (work,), plan)


_COUNTED = {
    "core": "what a core fetches: a lower bound of reads",
    "df": "the data fabric's stations of memory",
    "scf": "the coherency fabric's traffic to memory",
    "cmn": "the mesh's requests to memory, reads and writes in one",
}


def counted_by(source: str, plan: Plan | None = None) -> str:
    """What a source's events are, and how many units its plan counts at."""
    what = _COUNTED.get(source, "the memory controllers")
    if plan is None or source == "core":
        return what
    units = {(group.events[0].pmu, group.cpu) for group in plan.groups}
    sockets = {group.socket for group in plan.groups}
    return f"{what}: {len(units)} unit{'s' * (len(units) > 1)} on {len(sockets)} socket{'s' * (len(sockets) > 1)}"


def missing_modules(host: Host, modules: Sequence[str]) -> tuple[str, ...]:
    """Those of the drivers that are not loaded, each once."""
    return tuple(m for m in dict.fromkeys(modules) if not (host.tree.root / "sys/module" / m).exists())


def attempts(tried: Sequence[Tried]) -> tuple[Attempt, ...]:
    """As `chain` keeps them."""
    return tuple(Attempt(t.name, t.ok, t.errno, t.reason) for t in tried)


def _tried(name: str, counts: str, found: Availability, facts: Facts) -> Tried:
    # A refusal of the cores' own events has nothing to do with drivers of memory controllers.
    known = replace(facts, modules=()) if name in (WORK, "core") else facts
    return Tried(name, counts, found.ok, found.errno, found.reason, None if found.ok else explain(found.errno, known))
