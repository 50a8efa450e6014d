"""Both compilers as contenders in one run, and the paper's full grid checked with each."""

import shutil

import pytest
import yaml
from checkouts import run

from passline.tables import read_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("gcc") and shutil.which("clang")), reason="needs both gcc and clang on the PATH"
    ),
]


@pytest.fixture(scope="module")
def session(shared_checkout):
    smoke = yaml.safe_load((shared_checkout / "workflow/config/smoke.yaml").read_text())
    (shared_checkout / "both.yaml").write_text(
        yaml.safe_dump({**smoke, "session": "both", "compilers": ["gcc", "clang"], "grid": "full"})
    )
    done = run(shared_checkout, "--configfile", "both.yaml", timeout=900)
    assert done.returncode == 0, done.stderr[-4000:]
    (found,) = shared_checkout.glob("results/*/both")
    return found


def test_both_builds_are_timed_in_the_same_rounds(session):
    timings = read_table("timings", session / "tables/timings.csv")
    ours = (timings["study"] == "softmax") & (timings["isa"] != "-")  # an outside baseline is of no build
    whole = timings[ours & (timings["pass"] == "-")]
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
