"""Why counting was refused, and the smallest change that would allow it. Data for `doctor`; it changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from passline.counters.records import UNSCHEDULED, Attempt
from passline.counters.rights import Rights


@dataclass(frozen=True)
class Facts:
    """What an explanation depends on besides the errno."""

    rights: Rights
    hypervisor: str | None  # as in machine.json: a name, none, or unnamed
    modules: tuple[str, ...]  # kernel modules, not loaded, that would name the machine's memory controllers


@dataclass(frozen=True)
class Explanation:
    """What a refusal means, and what to do."""

    what: str
    fix: str


@dataclass(frozen=True)
class Rule:
    """An errno, the case it stands for, and what to say; `when` decides between rules of the same errno."""

    errno: str
    when: Callable[[Facts], bool] | None  # None: always
    what: str
    fix: str


def _virtual(facts: Facts) -> bool:
    return facts.hypervisor not in (None, "none")


def _contained(facts: Facts) -> bool:
    return facts.rights.container is not None or facts.rights.seccomp == "filter"


def _no_perf(facts: Facts) -> bool:
    return facts.rights.paranoid is None


def _loaded(facts: Facts) -> bool:
    return not facts.modules


def _nothing_at_all(facts: Facts) -> bool:
    return (facts.rights.paranoid or 0) > 2


_MODEL = "Measure on the machine itself; until then the traffic model stands alone, its numbers marked modelled"
# Before Linux 5.8 there is no such capability, and only the sysctl is left.
_CAPABILITY = (
    "`sudo setcap cap_perfmon+ep $(readlink -f .venv/bin/python)`, which gives it to every script of that Python"
)
RULES: tuple[Rule, ...] = (
    Rule("ENOENT", _virtual, "this virtual machine shows no hardware counters of this kind", _MODEL),
    Rule(
        "ENOENT",
        _loaded,
        "the kernel shows no counters of this kind for this processor, or Passline knows no codes for them",
        "Use a newer kernel; where it shows them, report the tree that `passline doctor --dump-sysfs` writes",
    ),
    Rule(
        "ENOENT",
        None,
        "the kernel shows no counters of this kind: its driver is not loaded, or it knows none for this processor",
        "Load it with `sudo modprobe -a {modules}`, or use a newer kernel; until then the traffic model stands alone",
    ),
    Rule(
        "EACCES",
        _nothing_at_all,
        "kernel.perf_event_paranoid is {paranoid}: a user may not even count the own thread",
        "Run `sudo sysctl kernel.perf_event_paranoid=0` (2 for the cores alone), which lasts until the next boot, or "
        + _CAPABILITY,
    ),
    Rule(
        "EACCES",
        None,
        "counting a whole socket needs kernel.perf_event_paranoid <= 0 (it is {paranoid}) or the capability perfmon",
        "Run `sudo sysctl kernel.perf_event_paranoid=0`, which lasts until the next boot, or " + _CAPABILITY,
    ),
    Rule(
        "EPERM",
        _contained,
        "a seccomp filter, as containers have, forbids perf_event_open even for software events",
        "Start it with `docker run --cap-add PERFMON` (older engines: `--security-opt seccomp=PROFILE` with a profile "
        "that allows perf_event_open); "
        "the host's kernel.perf_event_paranoid (it is {paranoid}) still applies",
    ),
    Rule(
        "EPERM",
        None,
        "perf_event_open is forbidden by a security policy (a seccomp filter, or a kernel in lockdown)",
        "Run it outside of that policy",
    ),
    Rule("ENOSYS", _no_perf, "the kernel was built without perf events", "Use a kernel with CONFIG_PERF_EVENTS"),
    Rule("ENOSYS", None, "the sandbox around this process has no perf_event_open", "Run it outside of the sandbox"),
    Rule(
        "EINVAL",
        None,
        "the kernel refuses the event's configuration: a mistake in Passline's table or its reading of sysfs",
        "Report the tree that `passline doctor --dump-sysfs` writes",
    ),
    Rule("ENODEV", None, "the cpu of the event, or its unit, is offline", "Bring the cpu online again"),
    Rule(
        "EMFILE",
        None,
        "the process may open {open_files} files, and every counter is one",
        "Run `ulimit -n 1024` in the same shell before",
    ),
    Rule("ENFILE", None, "the whole system has no file descriptor left", "Close files elsewhere"),
    Rule("EBUSY", None, "another process holds the counters exclusively", "End that profiler"),
    Rule(
        UNSCHEDULED,
        None,
        "the events opened, but got no hardware counters",
        "End other profilers; the NMI watchdog holds one (`sudo sysctl kernel.nmi_watchdog=0`, until the next boot)",
    ),
    Rule("E2BIG", None, "the kernel is older than the call's form", "Use a newer kernel"),
    Rule("ESRCH", None, "the thread that was to be counted is gone", "Run it again"),
    Rule(
        "EOPNOTSUPP",
        None,
        "the unit cannot count in this way",
        "Report the tree that `passline doctor --dump-sysfs` writes",
    ),
)


def explain(errno: str, facts: Facts) -> Explanation:
    """The explanation of an errno's name under these facts."""
    rule = next((rule for rule in RULES if rule.errno == errno and (rule.when is None or rule.when(facts))), None)
    if rule is None:
        return Explanation(
            f"the kernel refused with {errno}", "Report the tree that `passline doctor --dump-sysfs` writes"
        )
    known = facts.rights.paranoid
    values = {
        "paranoid": "missing" if known is None else known,
        "open_files": facts.rights.open_files,
        "modules": " ".join(facts.modules),
    }
    return Explanation(rule.what.format(**values), rule.fix.format(**values))


# What stands in the way of every source is named before what one of them lacks.
_FIRST = ("ENOSYS", "EPERM", "EACCES", "EMFILE", UNSCHEDULED, "EBUSY", "ENODEV", "EINVAL")


def decisive(attempts: Sequence[Attempt]) -> str:
    """The errno to explain when nothing could be counted: the one that most sources would profit from mending."""
    seen = {attempt.errno for attempt in attempts if not attempt.ok}
    return next((name for name in _FIRST if name in seen), next(iter(sorted(seen)), "ENOENT"))
