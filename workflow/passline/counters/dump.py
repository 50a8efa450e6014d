"""What a developer needs to repeat the discovery of counters elsewhere, as one archive that a user can read and send.

By an allow-list: nothing is in it that stands not in PATTERNS and CPUINFO. So no names of hosts or users, no serial
numbers, no machine id, no environment.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from passline.counters.rights import PARANOID
from passline.counters.sysfs import DEVICES
from passline.errors import MachineError
from passline.machine_sources import CPU, Tree

FOLDER = "passline-sysfs"
PATTERNS = (
    f"{DEVICES}/*/type",
    f"{DEVICES}/*/cpumask",
    f"{DEVICES}/*/cpus",
    f"{DEVICES}/*/identifier",  # Arm: which revision of the unit
    f"{DEVICES}/*/format/*",
    f"{DEVICES}/*/events/*",
    f"{DEVICES}/*/caps/*",
    "sys/devices/cpu_core/cpus",
    "sys/devices/cpu_atom/cpus",
    f"{CPU}/online",
    f"{CPU}/possible",
    f"{CPU}/present",
    f"{CPU}/isolated",
    f"{CPU}/cpu*/cpu_capacity",
    f"{CPU}/cpu*/topology/physical_package_id",
    f"{CPU}/cpu*/topology/die_id",
    f"{CPU}/cpu*/topology/core_id",
    f"{CPU}/cpu*/topology/thread_siblings_list",
    f"{CPU}/cpu*/topology/core_cpus_list",
    *(
        f"{CPU}/cpu*/cache/index*/{name}"
        for name in ("level", "type", "size", "coherency_line_size", "shared_cpu_list")
    ),
    "sys/devices/system/node/node*/cpulist",
    "proc/sys/kernel/arch",
    "proc/sys/kernel/osrelease",
    PARANOID,
)
CPUINFO = (
    "processor", "vendor_id", "cpu family", "model", "model name", "stepping", "microcode", "cache size",
    "physical id", "siblings", "core id", "cpu cores", "flags", "bugs", "clflush size", "cache_alignment",
    "address sizes", "Features", "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision",
    "isa", "mmu", "uarch", "mvendorid", "marchid", "cpu", "revision",
)  # fmt: skip


def write(tree: Tree, out: Path) -> list[str]:
    """Write the archive aside and rename it to `out`; return the paths in it. MachineError where that cannot be."""
    found = dict(files(tree))
    data = archive(found)
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        try:
            aside.write_bytes(data)
            _rename_to_new(aside, out)
        finally:
            aside.unlink(missing_ok=True)
    except FileExistsError as cause:
        raise MachineError(out, "the file exists, and nothing is overwritten", "Name another file") from cause
    except OSError as cause:
        what = f"the archive cannot be written ({cause.strerror})"
        raise MachineError(out, what, "Name a file in a folder that you may write to") from cause
    return sorted(found)


def _rename_to_new(aside: Path, out: Path) -> None:
    """As a rename, but FileExistsError where `out` is there already."""
    try:
        os.link(aside, out)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(out):
            raise FileExistsError(out) from None
        aside.replace(out)


def files(tree: Tree) -> Iterator[tuple[str, str]]:
    """(path below the root, text) of every file that the lists allow and that can be read."""
    for pattern in PATTERNS:
        for path in sorted(tree.root.glob(pattern)):
            relative = str(path.relative_to(tree.root))
            text = tree.text(relative)
            if text is not None:
                yield relative, text + "\n"
    text = cpuinfo(tree.text("proc/cpuinfo") or "")
    if text:
        yield "proc/cpuinfo", text


def cpuinfo(text: str) -> str:
    """The lines of /proc/cpuinfo that are in the list: serial numbers and names of boards are not."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", text):
        kept = [line for line in paragraph.splitlines() if line.partition(":")[0].strip() in CPUINFO]
        if kept:
            paragraphs.append("\n".join(kept))
    return "\n\n".join(paragraphs) + "\n" if paragraphs else ""


def archive(found: dict[str, str]) -> bytes:
    """A tar.gz of the files in one folder. Owners, times and the archive's own name are left out."""
    raw = io.BytesIO()
    # Not tarfile's own gzip mode: that writes the time and the file's name into the header.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path, text in sorted(found.items()):
            data = text.encode()
            entry = tarfile.TarInfo(f"{FOLDER}/{path}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return raw.getvalue()
