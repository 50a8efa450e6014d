"""Real refusals: children of this process that gave up their rights, or whose kernel answers by a seccomp filter."""

import errno
import os
from pathlib import Path

import counting_library
import pytest
from counting_library import become_nobody, become_nobody_with_perfmon, forbid_by_seccomp, in_child

from passline.counters import chain, sysfs
from passline.counters.perf import Perf
from passline.counters.probing import host_of
from passline.counters.records import Event, Group
from passline.counters.rights import rights
from passline.errors import MachineError
from passline.machine import detect
from passline.machine_sources import Tree

HERE = Tree(Path("/"))


@pytest.fixture(scope="module")
def perf(compiler, host_isas, tmp_path_factory):
    built = counting_library.ceilings(compiler, host_isas, tmp_path_factory.mktemp("denied"))
    return Perf(built.load())


@pytest.fixture
def root():
    if os.geteuid() != 0:
        pytest.skip("giving up rights needs to have them: run as root")


def opens(perf, group):
    """What opening a group gives: ok, or the errno's name."""

    def ask():
        try:
            perf.close(perf.open(group))
        except OSError as refusal:
            return errno.errorcode[refusal.errno]
        return "ok"

    return ask


def task_clock(pid, cpu):
    event = Event("software", 1, "task-clock", "config=1", 1, 0, 0, "time", 1.0, "ns", "1", "-")
    return Group((event,), pid, cpu)


def tsc():
    unit = sysfs.read_pmu(HERE, "msr")
    if unit is None:
        pytest.skip("this machine has no msr unit")
    return Group((Event("msr", unit.type, "tsc", "event=0", 0, 0, 0, "read", 1.0, "B", "1", "-"),), -1, 0)


def choice(perf):
    """What the chain says in this process: every attempt, the explanation, and the error of `require`."""

    def ask():
        machine = detect()
        host = host_of(machine, HERE)
        mine = rights()
        chosen = chain.choose("auto", host, perf, mine, machine.hypervisor)
        said = ""
        try:
            chain.choose("require", host, perf, mine, machine.hypervisor)
        except MachineError as error:
            said = str(error)
        return {
            "source": chosen.source,
            "tried": {a.source: a.errno for a in chosen.attempts},
            "what": chosen.explanation.what if chosen.explanation else "",
            "fix": chosen.explanation.fix if chosen.explanation else "",
            "require": said,
            "seccomp": mine.seccomp,
            "capabilities": list(mine.capabilities),
        }

    return ask


@pytest.mark.usefixtures("root")
def test_perf_event_eacces_where_a_whole_cpu_is_not_ones_to_count(perf):
    if (rights().paranoid or 0) <= 0:
        pytest.skip("kernel.perf_event_paranoid lets everybody count here")
    assert opens(perf, tsc())() == "ok"
    assert in_child(become_nobody, opens(perf, tsc())) == "EACCES"
    assert in_child(become_nobody, opens(perf, task_clock(-1, 0))) == "EACCES"


@pytest.mark.usefixtures("root")
def test_perf_event_the_own_thread_is_counted_without_rights(perf):
    paranoid = rights().paranoid or 0
    expected = "ok" if paranoid <= 2 else "EACCES"
    assert in_child(become_nobody, opens(perf, task_clock(0, -1))) == expected


@pytest.mark.usefixtures("root")
def test_perf_event_one_capability_is_enough(perf):
    assert in_child(become_nobody_with_perfmon, opens(perf, tsc())) == "ok"
    assert in_child(become_nobody_with_perfmon, choice(perf))["capabilities"] == ["perfmon"]
    assert in_child(become_nobody, choice(perf))["capabilities"] == []


@pytest.mark.usefixtures("root")
def test_perf_event_a_group_once_open_stays_readable_without_rights(perf):
    handle = perf.open(tsc())
    (before,) = perf.read([handle])

    def ask():
        (after,) = perf.read([handle])
        return [after.bytes, after.values[0] > before.values[0]]

    assert in_child(become_nobody, ask) == [before.bytes, True]
    perf.close(handle)


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS])
def test_perf_event_a_seccomp_filter_is_told_from_other_refusals(perf, number):
    if not counting_library.PERF_EVENT_OPEN:
        pytest.skip("the number of perf_event_open is not known for this architecture")
    name = errno.errorcode[number]
    restrict = forbid_by_seccomp(number)
    assert in_child(restrict, opens(perf, task_clock(0, -1))) == name  # even a software event
    answer = in_child(restrict, choice(perf))
    assert answer["source"] == "model"
    assert answer["tried"]["perf_event"] == name
    assert answer["tried"]["core"] == name
    assert answer["seccomp"] == "filter"
    assert name in answer["require"]
    if number == errno.EPERM:
        assert "seccomp" in answer["what"]
        assert "--cap-add PERFMON" in answer["fix"]
    else:
        assert "sandbox" in answer["what"]
