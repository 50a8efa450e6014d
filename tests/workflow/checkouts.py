"""Copies of the checkout, and snakemake run in them as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
BINARIES = Path(sys.executable).parent
SNAKEMAKE = str(BINARIES / "snakemake")
_FOLDERS = ("kernels", "workflow", "profiles", "reports")
_OF_REPORTS = ("templates", "decisions", "published")  # beside them lie reports made here, which no test may find

Done = subprocess.CompletedProcess[str]


def copy_to(folder: Path) -> Path:
    """Copy what the workflow reads, so that a test can break it."""
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=_ignored)
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "tmp").mkdir()
    return folder


def _ignored(folder: str, names: Iterable[str]) -> list[str]:
    compiled = [name for name in names if name == "__pycache__" or name.endswith(".pyc")]
    if Path(folder) != ROOT / "reports":
        return compiled
    return [name for name in names if name not in _OF_REPORTS and (ROOT / "reports" / name).is_dir()]


def environment(folder: Path, path: str | None = None) -> dict[str, str]:
    """The package is the checkout's own, and so is the measuring lock: no test waits for a measurement."""
    return {
        **os.environ,
        "PYTHONPATH": str(folder / "workflow"),
        "PATH": path if path is not None else f"{BINARIES}:{os.environ['PATH']}",
        "TMPDIR": str(folder / "tmp"),
    }


def shell(folder: Path, command: str, timeout: float = 600) -> Done:
    """Run a line as a user would type it, in the folder, with the environment active."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run(folder: Path, *arguments: str, path: str | None = None, timeout: float = 600) -> Done:
    """Run snakemake in the folder to its end."""
    return subprocess.run(
        [SNAKEMAKE, *arguments],
        cwd=folder,
        env=environment(folder, path),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
