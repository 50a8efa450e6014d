"""A checkout of the working tree in a temporary folder, and snakemake run in it as a user would."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FOLDERS = ("kernels", "workflow", "profiles", "reports")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the workflow reads, so that a test can break it."""
    for name in _FOLDERS:
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "amd-*", "intel-*")
        )
    shutil.copy(ROOT / "Snakefile", tmp_path)
    return tmp_path


@pytest.fixture
def snakemake(checkout: Path) -> Run:
    """Run snakemake in the checkout; its package is the checkout's own."""

    def run(*arguments: str, path: str | None = None, timeout: int = 240) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(checkout / "workflow")}
        environment["PATH"] = path if path is not None else f"{Path(sys.executable).parent}:{environment['PATH']}"
        command = [str(Path(sys.executable).parent / "snakemake"), *arguments]
        return subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run
