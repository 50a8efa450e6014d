"""A study that lies elsewhere takes the whole road, as kernels/YOUR_KERNEL.md says; what is wrong with one is told."""

import hashlib
import re
from pathlib import Path

import pypdf
import pytest
import yaml
from checkouts import ROOT, copy_to, run, shell

from passline.registry import KERNELS, load_isas, load_study
from passline.tables import read_table

GUIDE = ROOT / "kernels" / "YOUR_KERNEL.md"
SMOKE = ("--profile", "profiles/smoke")


def commands() -> list[str]:
    """The lines of the guide's blocks without a language: what it says to type."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return [line for language, block in blocks for line in block.splitlines() if not language]


def edits() -> list[tuple[str, str]]:
    """(language, text) of what the guide says to write into files, in order."""
    blocks = re.findall(r"^```(diff|c|yaml|python)\n(.*?)^```$", section("What to change"), re.MULTILINE | re.DOTALL)
    return [(str(language), str(block)) for language, block in blocks]


def section(title: str) -> str:
    return GUIDE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def do(language: str, block: str, folder: Path) -> None:
    """Write a block where its first line says."""
    place, _, text = block.partition("\n")
    path = folder / re.sub(r"^(//|#) ", "", place).partition(",")[0]
    before = path.read_text() if path.is_file() else ""
    if language == "c":
        assert not before
        path.write_text(block)
    elif language == "diff":
        old, new = (re.sub(r"^.", "", line) for line in text.splitlines())
        assert before.count(old) == 1
        path.write_text(before.replace(old, new))
    elif " at its end" in place:
        path.write_text(before + "\n" + text)
    else:
        (key,) = re.findall(r"under (\w+:)$", place)
        assert before.count(f"\n{key}\n") == 1
        path.write_text(before.replace(f"\n{key}\n", f"\n{key}\n{text}"))


def pages(path: Path) -> str:
    """All text of a report, on one line."""
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pypdf.PdfReader(path).pages))


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


def sources(clone: Path) -> dict[Path, str]:
    """What a run must leave as it is: all of the clone but what is made in it."""
    made = ("results", "reports", "tmp", ".snakemake", "__pycache__")
    found = {
        path: hashed for path, hashed in contents(clone).items() if not set(made) & set(path.relative_to(clone).parts)
    }
    return found | contents(clone / "reports/templates") | contents(clone / "reports/published")


def jobs(clone: Path) -> set[str]:
    """Rules that a run up to the check would have to do."""
    said = run(clone, "-n", "--config", "study=../rmsnorm", *SMOKE, "--until", "check").stdout
    return set(re.findall(r"^(\w+)\s+\d+\s*$", said, re.MULTILINE)) - {"total", "job"}


def follow(folder: Path, clone: Path) -> None:
    """Do what the guide says to change, and see that each change is met where it counts, and nowhere else."""
    for language, block in edits():
        do(language, block, folder)
        if language == "diff":
            assert jobs(clone) == {"compile", "link", "check"}


@pytest.mark.slow
def test_the_guide_followed_from_its_text(clone: Path):
    written: dict[Path, str] = {}
    typed = commands()
    assert [line.split()[0] for line in typed] == ["passline", "snakemake", "snakemake", "snakemake"]
    folder = clone.parent / "rmsnorm"
    given = sources(clone)
    for line in typed:
        if line == typed[2]:  # what stands between the commands
            follow(folder, clone)
            written = contents(folder)
        done = shell(clone, line)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        written = written or contents(folder)
    assert contents(folder) == written
    assert sources(clone) == given
    (tables,) = clone.glob("results/*/rmsnorm-smoke/tables")
    accuracy = read_table("accuracy", tables / "accuracy.csv")
    assert accuracy["passed"].all()
    assert set(accuracy["pass"]) == {"sumsq", "sumblocks", "vscale", "-"}
    ratios = read_table("ratios", tables / "ratios.csv")
    assert compared(ratios) == {("double", "single"), ("blocks", "single")}
    assert (ratios["time_median_s"] > 0).all()
    passes = read_table("passes", tables / "passes.csv")
    assert {"sumsq", "sumblocks", "vscale"} <= set(passes["pass"])
    errors = read_table("error_over_n", tables / "error_over_n.csv")
    assert set(errors["algorithm"]) == {"single", "double", "blocks"}
    tuning = read_table("tuning", tables / "tuning.csv")
    assert set(tuning.loc[tuning["chosen"], "pass"]) == {"sumsq", "sumblocks", "vscale"}
    counters = read_table("counters", tables / "counters.csv")
    counted = counters[counters["status"] == "counted"]
    assert {"sumsq", "sumblocks", "vscale"} <= set(counters["pass"])
    assert (counters.loc[counters["status"] != "counted", "reason"] != "-").all()
    assert passes["bytes_read_counted"].notna().any() <= (len(counted) > 0)
    (report,) = clone.glob("reports/*/rmsnorm-smoke/report.pdf")
    title = yaml.safe_load((folder / "study.yaml").read_text())["title"]
    assert pypdf.PdfReader(report).metadata.title == f"{title}: no measurement"  # type: ignore[union-attr]
    said = pages(report)
    assert title in said
    assert "Sums of blocks" in said
    assert "sumblocks" in said
    assert not re.search("Reproduction|softmax paper|Three-Pass|exponential", said)
    rounds = read_table("rounds", tables / "rounds.csv")
    assert not rounds["reason"].str.contains("sum to").any()
    # An edit of the study is met where it counts.
    for name, rules in {"reference.py": {"check"}, "vscale.c": {"compile", "link", "check"}}.items():
        path = folder / name
        before = path.read_text()
        path.write_text(before + ("\n# edited\n" if path.suffix == ".py" else "\n// edited\n"))
        found = jobs(clone)
        path.write_text(before)
        assert found == rules


@pytest.mark.slow
def test_algorithms_that_leave_a_number(clone: Path):
    done = run(clone, "--config", "study=logsumexp", *SMOKE)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (tables,) = clone.glob("results/*/logsumexp-smoke/tables")
    ratios = read_table("ratios", tables / "ratios.csv")
    pairs = {("extended", "two_pass"), ("online", "two_pass"), ("extended", "online")}
    assert compared(ratios) == pairs
    errors = read_table("error_over_n", tables / "error_over_n.csv")
    assert (errors["max_error_ulp"] < 10).all()
    (report,) = clone.glob("reports/*/logsumexp-smoke/report.pdf")
    title = load_study(KERNELS / "logsumexp", load_isas()).title
    assert pypdf.PdfReader(report).metadata.title == f"{title}: no measurement"  # type: ignore[union-attr]
    said = pages(report)
    assert title in said
    assert "To measure, run: snakemake --config study=logsumexp" in said
    # Nothing of the softmax paper, of what only a study that writes has, and of sums of outputs.
    about = said.replace("it computes softmax", "").replace("blocks beyond the paper", "")
    assert not re.findall(
        "Reproduction|softmax|Three-Pass|the paper|claim|write-allocate cost|sum - 1|Best picks", about
    )


@pytest.mark.slow
def test_a_pass_that_does_not_compile_and_a_reference_that_is_wrong(clone: Path, study: Path):
    path = study / "vscale.c"
    before = path.read_text()
    path.write_text(before.replace("vec_set1(state->scale)", "vec_set1(state->scal)"))
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
