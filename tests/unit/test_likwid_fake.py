"""A fake likwid-perfctr on the PATH: a script that prints what likwid's sources say it prints. Nothing is counted."""

import math
import os
import stat
import sys
from types import SimpleNamespace

import pytest

from passline import doctor_calibration
from passline.counters import likwid
from passline.doctor_calibration import Loops

# Made up, in the layout of `likwid-perfctr -O -g MEM -C 5`, likwid 5: one column of values, for the one cpu asked for.
PRINTED = """\
STRUCT,Info,3,,
CPU name:,Some CPU,
CPU type:,Intel Skylake SP processor,
CPU clock:,3.7 GHz,
TABLE,Group 1 Raw,MEM,7,
Event,Counter,HWThread 5
CAS_COUNT_RD,MBOX0C0,1000
TABLE,Group 1 Metric,MEM,10,
Metric,HWThread 5,
Runtime (RDTSC) [s],1.5,
Memory read bandwidth [MBytes/s],1000,
Memory read data volume [GBytes],{read},
Memory write bandwidth [MBytes/s],10,
Memory write data volume [GBytes],{written},
Memory bandwidth [MBytes/s],1010,
Memory data volume [GBytes],{both},
"""


def printed(read, written):
    return PRINTED.format(read=read, written=written, both=read + written)


def test_volumes_are_read_from_the_table_of_metrics():
    assert likwid.volumes(printed(8.5, 0.25)) == {"read": 8.5e9, "written": 0.25e9, "combined": 8.75e9}


def test_the_older_header_and_words_before_the_tables_are_read_too():
    older = "some words of the program\n" + printed(1.0, 2.0).replace("Group 1 Metric,MEM,10", "Group 1 Metric,10")
    assert likwid.volumes(older)["written"] == 2e9


def test_statistics_over_cpus_are_not_read_as_values():
    with_stat = printed(1.0, 2.0) + "TABLE,Group 1 Metric STAT,MEM,1,\nMemory read data volume [GBytes],99,1,1,1\n"
    assert likwid.volumes(with_stat)["read"] == 1e9


def test_channels_in_two_halves_are_one_sum_and_reads_are_not_told_from_writes():
    text = (
        "TABLE,Group 1 Metric,MEM,2,\nMetric,HWThread 0\n"
        "Memory data volume (channels 0-3) [GBytes],1.5\nMemory data volume (channels 4-7) [GBytes],2.5\n"
    )
    found = likwid.volumes(text)
    assert found["combined"] == 4e9
    assert math.isnan(found["read"])
    counted = likwid.Counted("read", 4e9, 0.0, found["read"], found["written"], found["combined"])
    assert counted.ratio == 1.0


@pytest.mark.parametrize(
    "text", ["", "nonsense", "TABLE,Group 1 Metric,MEM,1,\nMemory read data volume [GBytes],nan\n", "TABLE"]
)
def test_what_holds_no_volume_is_a_reason(text):
    with pytest.raises(ValueError, match="no data volume of memory"):
        likwid.volumes(text)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts a fake likwid-perfctr on the PATH, with this body; the machine it stands for moves what it is told."""

    def make(body):
        program = tmp_path / "bin" / "likwid-perfctr"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f"#!{sys.executable}\nimport sys, pathlib\nfolder = pathlib.Path({str(tmp_path)!r})\n{body}\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        return str(program)

    return make


# It moves 0.5 GB besides, and counts 2 % too much of what the program it was given is known to move.
COUNTS = f"""
own = sys.argv[1:]
with (folder / "asked").open("a") as log: log.write(" ".join(own) + "\\n")
variant, size, calls = own[-3], int(own[-2]), int(own[-1])
moved = 1.02 * size * calls / 1e9
read, written = (moved, 0.0) if "read" in variant else (0.0, moved)
print({PRINTED!r}.format(read=0.5 + read, written=0.25 + written, both=0.75 + moved))
"""
LOOPS = {"read": "f32-read-avx2", "nt_store": "f32-fill-avx2-nt", "store": "f32-fill-avx2"}
ROW = 1 << 30


def test_a_fake_likwid_counts_the_same_loops_less_what_the_program_moves_anyhow(fake, tmp_path):
    program = fake(COUNTS)
    assert likwid.program() == program
    found = likwid.opinion(program, tmp_path / "libpassline.so", LOOPS, ROW, 5)
    assert found.reason == "-"
    assert [c.loop for c in found.loops] == ["read", "nt_store"]  # what stores read is not to be judged by
    assert [c.ratio for c in found.loops] == pytest.approx([1.02, 1.02])
    assert [c.known_read + c.known_written for c in found.loops] == [8 * ROW, 8 * ROW]
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 4
    assert all(line.startswith("-O -g MEM -C 5 ") for line in asked)
    assert [line.rsplit(" ", 1)[1] for line in asked] == ["0", "8", "0", "8"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "print('ERROR: no access to /dev/cpu/0/msr', file=sys.stderr); sys.exit(1)",
            "status 1 and said: ERROR: no access",
        ),
        ("print('Available groups: FLOPS')", "no data volume of memory"),
        ("sys.exit(3)", "status 3 and said: nothing"),
    ],
)
def test_a_fake_likwid_that_fails_is_a_reason(body, reason, fake, tmp_path):
    found = likwid.opinion(fake(body), tmp_path / "libpassline.so", LOOPS, ROW, 5)
    assert found.loops == ()
    assert reason in found.reason


def test_a_fake_likwid_that_hangs_is_given_up(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(likwid, "TIMEOUT_S", 0.3)
    found = likwid.opinion(fake("import time; time.sleep(60)"), tmp_path / "libpassline.so", LOOPS, ROW, 5)
    assert "did not end within 0.3 s" in found.reason


def test_without_likwid_or_library_nothing_is_run(fake, monkeypatch, tmp_path):
    machine = SimpleNamespace(llc=None, measuring_cpu=5)
    program = fake("(folder / 'ran').touch()")
    found = doctor_calibration.second_opinion("no session has built libpassline.so yet", machine)
    assert (found.program, found.reason) == (program, "no session has built libpassline.so yet")
    assert not (tmp_path / "ran").exists()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    loops = Loops(tmp_path / "libpassline.so", "avx2", LOOPS)
    assert doctor_calibration.second_opinion(loops, machine).program is None
