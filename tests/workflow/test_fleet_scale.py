"""workflow/fleet.smk as a user runs it: on a host without compiler, and with a thousand machines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pypdf
import pytest
from checkouts import BINARIES, SNAKEMAKE, environment

import fleet_maker
from passline import bundle
from passline.fleet_report import MADE_UP_STAMP

ROOT = Path(__file__).parents[2]
PUBLISHED = min((ROOT / "reports" / "published").glob("*/**/plan.json")).parent
COMPILERS = ("gcc", "cc", "ld", "objdump", "clang", "as")
SIZES = (10, 100, 1000)
MOST_S, MOST_BYTES = 300, 4 << 30  # of a thousand bundles
LINEAR = 2.0  # what one bundle more costs between two sizes, over what it costs between the two before, at most


def fleet_of(bundles: Path, name: str, *, cores: int = 1) -> list[str]:
    """The command that makes the report of a folder of bundles."""
    given = [f"bundles={bundles}", f"fleet={name}", f"report=reports/{name}.pdf"]
    return [SNAKEMAKE, "--snakefile", "workflow/fleet.smk", "--cores", str(cores), "--config", *given]


def pages_of(pdf: Path) -> list[str]:
    return [re.sub(r"\s+", " ", page.extract_text()) for page in pypdf.PdfReader(pdf).pages]


def without_compilers(folder: Path) -> str:
    """A PATH with all that is on ours, but for what compiles, links and disassembles."""
    folder.mkdir()
    for place in (str(BINARIES), *os.environ["PATH"].split(":")):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            compiles = any(re.fullmatch(rf"(.*-)?{name}(-\d+)?", program.name) for name in COMPILERS)
            if not compiles and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    return str(folder)


def test_a_fleet_is_reported_where_nothing_compiles(checkout: Path, tmp_path: Path) -> None:
    """Three bundles, one of them refused: from archives to a stamped report, without gcc, ld and objdump."""
    real = fleet_maker.session(PUBLISHED)
    fleet_maker.make(real, tmp_path / "in", 3)
    last = tmp_path / "in" / f"made-up-0002{bundle.SUFFIX}"
    last.write_bytes(last.read_bytes()[:-100])
    path = without_compilers(tmp_path / "bin")
    for name in COMPILERS:
        assert shutil.which(name, path=path) is None
    done = subprocess.run(
        fleet_of(tmp_path / "in", "few"),
        cwd=checkout, env=environment(checkout, path), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    pages = pages_of(checkout / "reports" / "few.pdf")
    assert all(MADE_UP_STAMP in page for page in pages)
    text = " ".join(pages)
    for told in ("made-up-0000", "made-up-0001", last.name, "cannot be read as an archive"):
        assert told in text
    assert len(list((checkout / "few" / "machines").glob("made-up-*"))) == 2
    assert not list((checkout / "few" / "machines").glob("*/raw"))


def measured(command: list[str], checkout: Path, log: Path) -> tuple[float, int]:
    """Wall time of a command, and the most memory that it and all it started held at once; pages shared count twice."""
    most, start = 0, time.monotonic()
    with log.open("w") as file:
        running = psutil.Popen(command, cwd=checkout, env=environment(checkout), stdout=file, stderr=subprocess.STDOUT)
        while running.poll() is None:
            most = max(most, sum(map(resident, [running, *children_of(running)])))
            time.sleep(0.2)
    assert running.returncode == 0, log.read_text()[-4000:]
    return time.monotonic() - start, most


def children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


@pytest.mark.slow
def test_a_fleet_of_a_thousand_costs_ten_times_one_of_a_hundred(checkout: Path, tmp_path: Path) -> None:
    """Bundles as large as a session's; the table of times is printed, and kept where PASSLINE_FLEET_EVIDENCE names.

    Time asserted here is what a user was promised for a thousand, not what a machine does.
    """
    real = fleet_maker.session(PUBLISHED)
    everything = tmp_path / "all"
    fleet_maker.make(real, everything, max(SIZES))
    sizes = sum(map(len, real.files.values()))
    lines = [
        f"{len(real.files)} files and {sizes / 1e6:.0f} MB a bundle, {os.cpu_count()} cpus, made-up machines",
        "bundles  wall time, s  a bundle more, s  peak memory, MiB",
    ]
    found: list[tuple[int, float, int]] = []
    more: list[float] = []
    for count in SIZES:
        folder = tmp_path / f"in-{count}"
        folder.mkdir()
        for path in sorted(everything.iterdir())[:count]:
            os.link(path, folder / path.name)
        command = fleet_of(folder, f"fleet-{count}", cores=os.cpu_count() or 1)
        wall, memory = measured(command, checkout, tmp_path / f"{count}.log")
        if found:
            more.append((wall - found[-1][1]) / (count - found[-1][0]))
        found.append((count, wall, memory))
        added = f"{more[-1]:.3f}" if more else "-"
        lines.append(f"{count:7d}  {wall:12.1f}  {added:>16s}  {memory / 2**20:16.0f}")
        print(lines[-1], flush=True)
        assert all(MADE_UP_STAMP in page for page in pages_of(checkout / "reports" / f"fleet-{count}.pdf"))
    keep = os.environ.get("PASSLINE_FLEET_EVIDENCE")
    if keep:
        Path(keep).mkdir(parents=True, exist_ok=True)
        (Path(keep) / "times.txt").write_text("\n".join(lines) + "\n")
        for count in SIZES:
            shutil.copy(checkout / "reports" / f"fleet-{count}.pdf", keep)
            shutil.copy(tmp_path / f"{count}.log", keep)
    _, wall, memory = found[-1]
    assert wall < MOST_S
    assert memory < MOST_BYTES
    assert more[1] < LINEAR * more[0], "a bundle costs more where there are many"
