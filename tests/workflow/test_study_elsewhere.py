"""A study that lies elsewhere takes the whole road, as kernels/YOUR_KERNEL.md says; what is wrong with one is told."""

import hashlib
import re
from pathlib import Path

import pytest
from checkouts import ROOT, copy_to, run, shell

from passline.tables import read_table

GUIDE = ROOT / "kernels" / "YOUR_KERNEL.md"
SMOKE = ("--profile", "profiles/smoke")


def commands() -> list[str]:
    """The lines of the guide's blocks without a language: what it says to type."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return [line for language, block in blocks for line in block.splitlines() if not language]


def compared(ratios) -> set[tuple[str, str]]:
    """(algorithm, base), without tuned against preset."""
    return {(one, base) for one, base in zip(ratios["algorithm"], ratios["base"], strict=True) if one != base}


def contents(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A clone in an otherwise empty folder."""
    return copy_to(tmp_path_factory.mktemp("empty") / "clone")


@pytest.fixture(scope="module")
def study(clone: Path) -> Path:
    assert shell(clone, "passline new-study ../mine").returncode == 0
    return clone.parent / "mine"


def test_the_guide_is_linked():
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        assert "kernels/YOUR_KERNEL.md" in path.read_text()


def test_a_dry_run_finds_the_study_and_what_is_wrong_with_its_path(clone: Path, study: Path):
    before = contents(study)
    assert "Nothing" not in run(clone, "-n", "--config", "study=../mine", *SMOKE).stdout
    assert [path.name for path in clone.glob("results/*/*")] == ["mine-smoke"]
    assert contents(study) == before
    (study / "reference.py").rename(study / "kept")
    for named, says in {
        "../mine": "passes.sumsq: no float64 reference says what is right. Add it to REFERENCES in",
        "../mien": "config: study: the folder",
        "..": "has no study.yaml",
    }.items():
        done = run(clone, "-n", "--config", f"study={named}", *SMOKE)
        assert done.returncode != 0
        assert says in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
    (study / "kept").rename(study / "reference.py")


@pytest.mark.slow
def test_the_guide_followed_from_its_text(clone: Path):
    written: dict[Path, str] = {}
    typed = commands()
    assert [line.split()[0] for line in typed] == ["passline", "snakemake", "snakemake"]
    folder = clone.parent / "rmsnorm"
    for line in typed:
        done = shell(clone, line)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        written = written or contents(folder)
    assert contents(folder) == written
    (tables,) = clone.glob("results/*/rmsnorm-smoke/tables")
    accuracy = read_table("accuracy", tables / "accuracy.csv")
    assert accuracy["passed"].all()
    assert set(accuracy["pass"]) == {"sumsq", "vscale", "-"}
    ratios = read_table("ratios", tables / "ratios.csv")
    assert compared(ratios) == {("double", "single")}
    assert (ratios["time_median_s"] > 0).all()
    passes = read_table("passes", tables / "passes.csv")
    assert {"sumsq", "vscale"} <= set(passes["pass"])
    assert set(read_table("error_over_n", tables / "error_over_n.csv")["algorithm"]) == {"single", "double"}
    rounds = read_table("rounds", tables / "rounds.csv")
    assert not rounds["reason"].str.contains("sum to").any()
    # An edit of the study is met where it counts.
    for name, rules in {"reference.py": {"check"}, "vscale.c": {"compile", "link", "check"}}.items():
        path = folder / name
        before = path.read_text()
        path.write_text(before + ("\n# edited\n" if path.suffix == ".py" else "\n// edited\n"))
        said = run(clone, "-n", "--config", "study=../rmsnorm", *SMOKE, "--until", "check").stdout
        path.write_text(before)
        found = set(re.findall(r"^(\w+)\s+\d+\s*$", said, re.MULTILINE)) - {"total", "job"}
        assert found == rules


@pytest.mark.slow
def test_algorithms_that_leave_a_number(clone: Path):
    done = run(clone, "--config", "study=logsumexp", *SMOKE, "--until", "ratios", "passes", "error_over_n")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (tables,) = clone.glob("results/*/logsumexp-smoke/tables")
    ratios = read_table("ratios", tables / "ratios.csv")
    pairs = {("extended", "two_pass"), ("online", "two_pass"), ("extended", "online")}
    assert compared(ratios) == pairs
    errors = read_table("error_over_n", tables / "error_over_n.csv")
    assert (errors["max_error_ulp"] < 10).all()


@pytest.mark.slow
def test_a_pass_that_does_not_compile_and_a_reference_that_is_wrong(clone: Path, study: Path):
    path = study / "vscale.c"
    before = path.read_text()
    path.write_text(before.replace("vec_set1(state->scale);", "vec_set1(state->scal);"))
    done = run(clone, "--config", "study=../mine", *SMOKE, "--until", "check")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(r"mine/vscale\.c:\d+:\d+: error: .*has no member named .*scal", said)
    path.write_text(before)
    path = study / "reference.py"
    path.write_text(path.read_text().replace("astype(np.float64) * scale", "astype(np.float64) * scale * 1.001"))
    done = run(clone, "--config", "study=../mine", *SMOKE, "--until", "ratios")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "accuracy.csv: no variant of vscale is right, and no algorithm does without (f32-vscale-" in said
    assert "ULP off, the bound is 0.5" in said
    assert "Traceback" not in said
