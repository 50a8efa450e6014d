"""The archive of `doctor --dump-sysfs`: what is in it, what never is, and that discovery and perf take it as a root."""

import gzip
import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pmu_trees
import pytest
import test_counters_oracle as oracle
import test_machine

from passline import cli
from passline.counters import chain, dump, sysfs
from passline.counters.probing import Host, host_of
from passline.errors import MachineError
from passline.machine import detect
from passline.machine_sources import CPU, Tree

LIVE = Tree(Path("/"))


def unpacked(archive, folder):
    """The root inside an archive."""
    with tarfile.open(archive) as tar:
        # Python before 3.11.4 knows no filters.
        tar.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    assert [path.name for path in folder.iterdir()] == [dump.FOLDER]
    return Tree(folder / dump.FOLDER)


def dumped(tree, tmp_path):
    dump.write(tree, tmp_path / "dump.tar.gz")
    return unpacked(tmp_path / "dump.tar.gz", tmp_path / "unpacked")


def plans(host):
    return {s.name: s.probe(host, pmu_trees.FakeKernel()) for s in chain.sources() if s.fits(host)}


@pytest.mark.parametrize("name", list(pmu_trees.FAMILIES))
def test_every_familys_counters_are_found_again_in_its_dump(name, tmp_path):
    host = pmu_trees.build(name, tmp_path / "machine")
    again = dumped(host.tree, tmp_path)
    assert sysfs.pmus(again) == sysfs.pmus(host.tree) != {}
    there = Host(again, host.architecture, host.vendor, host.microarchitecture, host.model, host.cpus)
    assert plans(there) == plans(host)
    assert any(found.ok for found in plans(there).values())


@pytest.mark.parametrize("name", test_machine.ALL)
def test_a_machine_is_detected_again_from_its_dump(name, tmp_path):
    root = test_machine.unpack(name, tmp_path / "machine")
    here, there = detect(root), detect(dumped(Tree(root), tmp_path).root)
    same = ("architecture", "vendor", "family", "model", "stepping", "model_name", "microarchitecture", "cpu_flags",
            "online_cpus", "core_cpus", "cores", "sockets", "numa_nodes", "core_types", "l1d", "l2", "llc",
            "cache_line_bytes", "kernel")  # fmt: skip
    assert {key: getattr(there, key) for key in same} == {key: getattr(here, key) for key in same}
    # What belongs to one machine alone, or to the process, is not in it.
    assert (there.machine_id_hash, there.memory_bytes) == (None, None)


def test_this_machine_is_found_again_in_its_dump(tmp_path):
    here, again = detect(), dumped(LIVE, tmp_path)
    there = detect(again.root)
    assert sysfs.pmus(again) == sysfs.pmus(LIVE)
    assert there.id == here.id
    assert host_of(there, again).microarchitecture == host_of(here, LIVE).microarchitecture
    assert (there.core_cpus, there.numa_nodes, there.kernel) == (here.core_cpus, here.numa_nodes, here.kernel)


@oracle.needs_perf
@pytest.mark.parametrize("name", ["skylake-x", "zen4", "grace"])
def test_oracle_perf_reads_a_dump_as_it_reads_the_machine(name, tmp_path):
    host = pmu_trees.build(name, tmp_path / "machine")
    again = dumped(host.tree, tmp_path)
    plan = next(found.plan for found in plans(host).values() if found.ok)
    events = [e for g in plan.groups for e in g.events]
    wanted = [a for e in events[:4] for a in ("-e", oracle.asked(e))]
    roots = (host.tree.root, again.root)
    seen = [oracle.attributes(oracle.perf(root, "stat", "-vv", "-a", *wanted, "true")) for root in roots]
    assert seen[0] == seen[1] != {}
    assert {words[1] for found in seen[1].values() for words, _ in found} >= {events[0].config}


@oracle.needs_perf
def test_oracle_perf_takes_the_dump_of_this_machine_as_its_sysfs(tmp_path):
    units = sysfs.pmus(LIVE)
    if "msr" not in units or "tsc" not in units["msr"].events:
        pytest.skip("this machine has no msr/tsc")
    again = dumped(LIVE, tmp_path)
    said = oracle.perf(again.root, "stat", "-vv", "-e", "msr/tsc/", "-a", "true")
    assert units["msr"].type in oracle.attributes(said)


SECRETS = ("hunter2", "rack7-node3", "00112233445566778899aabbccddeeff", "SN-4711", "0a:1b:2c:3d:4e:5f", "alice")


def with_secrets(root):
    """A machine that holds, beside its counters, what nobody wants to send."""
    host = pmu_trees.build("skylake-x", root)
    files = {
        "etc/hostname": SECRETS[1],
        "etc/machine-id": SECRETS[2],
        "etc/passwd": f"{SECRETS[5]}:x:1000:1000::/home/{SECRETS[5]}:/bin/sh",
        "proc/sys/kernel/hostname": SECRETS[1],
        "proc/cmdline": f"root=UUID={SECRETS[2]} password={SECRETS[0]}",
        "proc/self/environ": f"USER={SECRETS[5]}\0TOKEN={SECRETS[0]}",
        "proc/self/status": f"Name:\t{SECRETS[5]}",
        "sys/class/dmi/id/product_serial": SECRETS[3],
        "sys/class/net/eth0/address": SECRETS[4],
        "sys/devices/system/cpu/vulnerabilities/spectre_v2": SECRETS[0],
        f"{pmu_trees.DEVICES}/uncore_imc_0/uevent": SECRETS[3],
        f"{pmu_trees.DEVICES}/uncore_imc_0/power/control": SECRETS[3],
        "proc/cpuinfo": "\n\n".join(
            [
                f"processor\t: 0\nvendor_id\t: GenuineIntel\nserial number\t: {SECRETS[3]}\nflags\t: lm sse2",
                "processor\t: 1\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\nflags\t: lm sse2",
                f"Hardware\t: Board\nRevision\t: a03111\nSerial\t\t: {SECRETS[2]}\nModel\t\t: {SECRETS[1]}",
            ]
        ),
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n", encoding="utf-8")
    return host.tree


def test_a_dump_holds_no_names_no_serial_numbers_and_nothing_that_is_not_listed(tmp_path):
    tree = with_secrets(tmp_path / "machine")
    names = dump.write(tree, tmp_path / "alice.tar.gz")
    packed = (tmp_path / "alice.tar.gz").read_bytes()
    data = gzip.decompress(packed)
    for secret in SECRETS:
        assert secret.encode() not in data
        assert secret.encode() not in packed  # the header of a gzip file can hold a name
    allowed = re.compile(
        r"sys/bus/event_source/devices/[^/]+/(type|cpumask|cpus|identifier|(format|events|caps)/[^/]+)"
        r"|sys/devices/(cpu_core|cpu_atom)/cpus|sys/devices/system/node/node\d+/cpulist"
        r"|sys/devices/system/cpu/(online|possible|present|isolated)"
        r"|sys/devices/system/cpu/cpu\d+/(cpu_capacity|topology/\w+|cache/index\d+/\w+)"
        r"|proc/(cpuinfo|sys/kernel/(arch|osrelease|perf_event_paranoid))"
    )
    assert [name for name in names if not allowed.fullmatch(name)] == []
    said = unpacked(tmp_path / "alice.tar.gz", tmp_path / "unpacked").text("proc/cpuinfo")
    assert said.count("processor") == 2
    assert "serial" not in said.lower()


def test_nothing_of_this_machine_that_names_it_is_in_its_dump(tmp_path):
    dump.write(LIVE, tmp_path / "dump.tar.gz")
    data = gzip.decompress((tmp_path / "dump.tar.gz").read_bytes())
    own = {os.uname().nodename, LIVE.text("etc/machine-id"), LIVE.text("sys/class/dmi/id/product_uuid")}
    own |= {path.read_text().strip() for path in Path("/sys/class/net").glob("*/address")}
    checked = {text for text in own if text and len(text) > 5 and set(text) - set("0:-")}
    assert [text for text in checked if text.encode() in data] == []


def test_owners_and_times_are_left_out_and_the_bytes_are_the_same_again(tmp_path):
    tree = pmu_trees.build("zen4", tmp_path / "machine").tree
    dump.write(tree, tmp_path / "a.tar.gz")
    dump.write(tree, tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        entries = tar.getmembers()
    assert {(e.uid, e.gid, e.uname, e.gname, e.mtime, e.isfile()) for e in entries} == {(0, 0, "", "", 0, True)}
    assert len({e.name for e in entries}) == len(entries) > 20


def test_a_dump_overwrites_nothing_and_leaves_nothing_behind(tmp_path, capsys):
    out = tmp_path / "mine.txt"
    out.write_text("precious")
    assert cli.main(["doctor", "--dump-sysfs", str(out)]) == 2
    assert "nothing is overwritten. Name another file" in capsys.readouterr().err
    assert out.read_text() == "precious"
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    assert cli.main(["doctor", "--dump-sysfs", str(link)]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "mine.txt"]


def test_a_dump_where_nothing_can_be_written_is_an_error(tmp_path, capsys):
    assert cli.main(["doctor", "--dump-sysfs", str(tmp_path / "missing" / "dump.tar.gz")]) == 2
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_half_of_a_dump(tmp_path, monkeypatch):
    def full(path, data):
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(MachineError, match="No space left"):
        dump.write(pmu_trees.build("zen4", tmp_path / "machine").tree, tmp_path / "dump.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["machine"]


@pytest.mark.parametrize("there", [False, True])
def test_a_file_system_without_hard_links_is_written_to_all_the_same(tmp_path, monkeypatch, there):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    tree, out = pmu_trees.build("zen4", tmp_path / "machine").tree, tmp_path / "dump.tar.gz"
    if there:
        out.write_text("precious")
        with pytest.raises(MachineError, match="nothing is overwritten"):
            dump.write(tree, out)
        assert out.read_text() == "precious"
    else:
        dump.write(tree, out)
        assert tarfile.is_tarfile(out)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_command_says_what_it_wrote_and_how_to_look_into_it(tmp_path, capsys):
    out = tmp_path / "dump.tar.gz"
    assert cli.main(["doctor", "--dump-sysfs", str(out)]) == 0
    said = capsys.readouterr().out
    with tarfile.open(out) as tar:
        assert f"wrote {out}: {len(tar.getnames())} files" in said
    (command,) = re.findall(r"tar -xOzf (\S+)", said)
    assert command == str(out)
    if shutil.which("tar"):
        listed = subprocess.run(["tar", "-xOzf", str(out)], capture_output=True, text=True, check=True).stdout
        assert (LIVE.text(f"{CPU}/online") or "") in listed.splitlines()


def test_the_archive_of_nothing_is_an_archive():
    with tarfile.open(fileobj=io.BytesIO(dump.archive({}))) as tar:
        assert tar.getnames() == []
    assert dump.cpuinfo("") == ""
    assert dump.cpuinfo("Serial\t: 1\n") == ""
