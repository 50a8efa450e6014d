"""Both compilers as contenders in one run, and the paper's full grid checked with each."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from passline.tables import read_table

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("gcc") and shutil.which("clang")), reason="needs both gcc and clang on the PATH"
    ),
]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compilers")
    for name in ("kernels", "workflow", "profiles", "reports"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    shutil.copy(ROOT / "Snakefile", folder)
    smoke = yaml.safe_load((ROOT / "workflow/config/smoke.yaml").read_text())
    (folder / "both.yaml").write_text(
        yaml.safe_dump({**smoke, "session": "both", "compilers": ["gcc", "clang"], "grid": "full"})
    )
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PYTHONPATH": str(folder / "workflow"), "TMPDIR": str(folder)}
    environment["PATH"] = f"{binaries}:{environment['PATH']}"
    command = [str(binaries / "snakemake"), "--configfile", "both.yaml"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    (found,) = folder.glob("results/*/both")
    return found


def test_both_builds_are_timed_in_the_same_rounds(session):
    timings = read_table("timings", session / "tables/timings.csv")
    whole = timings[(timings["study"] == "softmax") & (timings["pass"] == "-")]
    builds = whole.groupby(["block", "round"])["build_id"].nunique()
    assert (builds == 2).all()


def test_ratios_compare_within_a_build(session):
    ratios = read_table("ratios", session / "tables/ratios.csv")
    assert ratios["build_id"].nunique() == 2


def test_the_full_grid_passes_the_check_with_both(session):
    accuracy = read_table("accuracy", session / "tables/accuracy.csv")
    assert accuracy["build_id"].nunique() == 2
    failed = accuracy[~accuracy["passed"]]
    assert failed.empty, failed[["variant", "reason"]].to_string()
