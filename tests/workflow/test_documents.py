"""Every command that a document says to type is run: here, as a dry run, or by the test that is named.

A command is a line of a block without a language, or a span of code, that begins with a word of WORDS. WAYS says of
each how it is run; one that is in no document, or in no entry, fails.
"""

import ast
import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkouts import BINARIES, ROOT, shell

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "kernels/README.md",
    "kernels/YOUR_KERNEL.md",
    "reports/ARTIFACT.md",
    "workflow/CLUSTER.md",
)
WORDS = "make|snakemake|passline|python3?|pip|pytest|cc"
COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(?:{WORDS})(?: \S.*)?")
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"(?:kernels|profiles|reports|tests|workflow)/[\w./-]+")
MADE = {"reports/fleet.pdf"}  # by what is run
NOT_TYPED = {"passline …", "passline"}  # stand for any of them


@dataclass(frozen=True)
class Run:
    """Run in a copy of the checkout: `typed` has names that exist there, and `says` is found in what it prints."""

    typed: str
    says: str


@dataclass(frozen=True)
class Make:
    """A target of the Makefile, as a dry run in the checkout itself; `says` is of its recipe."""

    target: str
    says: str


@dataclass(frozen=True)
class By:
    """The test that runs it."""

    test: str


ROAD = By("tests/workflow/test_smoke.py::road")
EXTRA = By("tests/workflow/test_documents.py::test_extras_that_are_named_exist")
PROFILES = By("tests/workflow/test_bad_input.py::test_effective_effort_of_each_profile")
GUIDE = By("tests/workflow/test_study_elsewhere.py::test_the_guide_followed_from_its_text")
OFFLINE = By("tests/workflow/test_documents.py::test_an_environment_is_made_without_a_network")
FREEZE = By("tests/unit/test_freeze.py::test_a_published_report_is_rebuilt_from_its_tables_to_the_byte")
REPUBLISH = By("tests/unit/test_freeze.py::test_the_published_reports_are_what_their_tables_give")
BUNDLE = By("tests/unit/test_bundle.py::test_the_commands")
NEW_STUDY = Run("passline new-study ../mine", "is a study that runs as it is")
CLAIMS = Run("snakemake -n --until claims", "check claims passes ratios")
FLEET = Run("snakemake -n --snakefile workflow/fleet.smk --config bundles=.", "fleet_report")
DOCTOR = Run("passline doctor", "memory traffic")
PLAN = Run("passline plan", "Session default, study softmax, effort 1")

WAYS: dict[str, Run | Make | By] = {
    "make": Make("", "snakemake"),
    "make setup": Make("setup", "install"),
    "make test": Make("test", "pytest -n 2"),
    "make report": Make("report", "passline republish"),
    "make slow": Make("slow", "pytest -m slow"),
    "make format": Make("format", "ruff format"),
    "PIP_NO_INDEX=1 PIP_FIND_LINKS=wheels make setup": OFFLINE,
    ".venv/bin/pip download --no-deps --require-hashes -r constraints.txt -d wheels": OFFLINE,
    ".venv/bin/pip install -e '.[slurm]'": EXTRA,
    "pip install -e '.[osaca]'": EXTRA,
    "pip install -e '.[torch]'": EXTRA,
    "pip install -e '.[onnxruntime]'": EXTRA,
    "pip install -e '.[onednn]'": EXTRA,
    "snakemake": PROFILES,
    "snakemake --profile profiles/beyond": PROFILES,
    "snakemake --profile profiles/paper": PROFILES,
    "snakemake --profile profiles/smoke": ROAD,
    ".venv/bin/snakemake --profile profiles/smoke": ROAD,
    "snakemake selftest": Run("snakemake -n selftest", "plan_selftest"),
    ".venv/bin/snakemake selftest": Run("snakemake -n selftest", "plan_selftest"),
    "snakemake --report report.html": By(
        "tests/workflow/test_html_report.py::test_the_first_page_says_what_the_run_is_and_where_its_report_is"
    ),
    "snakemake --until claims": CLAIMS,
    "snakemake --until ratios": CLAIMS,
    "snakemake --until passes": CLAIMS,
    "snakemake --until check": CLAIMS,
    "snakemake --config study=PATH": By(
        "tests/workflow/test_study_elsewhere.py::test_a_dry_run_finds_the_study_and_what_is_wrong_with_its_path"
    ),
    "snakemake --config study=../rmsnorm --profile profiles/smoke": GUIDE,
    "snakemake --config study=../rmsnorm --profile profiles/smoke --until check": GUIDE,
    "snakemake --configfile mine.yaml": Run("snakemake -n --configfile mine.yaml", "measure"),
    "snakemake --snakefile workflow/fleet.smk --config bundles=FOLDER": FLEET,
    "snakemake --snakefile workflow/cluster.smk --workflow-profile profiles/slurm --configfile cluster.yaml": Run(
        "snakemake -n --snakefile workflow/cluster.smk --workflow-profile profiles/slurm --configfile cluster.yaml",
        "session on genoa",
    ),
    "passline plan": PLAN,
    ".venv/bin/passline plan": PLAN,
    "passline doctor": DOCTOR,
    ".venv/bin/passline doctor": DOCTOR,
    "passline new-study PATH": NEW_STUDY,
    "passline new-study": NEW_STUDY,
    "passline new-study ../rmsnorm": GUIDE,
    "passline compare A B": By("tests/unit/test_compare.py::test_a_session_agrees_with_itself"),
    "passline freeze results/<machine>/<session>": FREEZE,
    "passline freeze": FREEZE,
    "passline republish --check": REPUBLISH,
    "passline republish --figures figures": By(
        "tests/unit/test_freeze.py::test_all_figures_of_a_published_session_are_drawn_from_its_tables"
    ),
    "passline export results/<machine>/<session>": BUNDLE,
    "passline export": BUNDLE,
    "passline import": BUNDLE,
    "python -m passline.readme_blocks": By("tests/unit/test_readme_blocks.py::test_the_blocks_are_up_to_date"),
    "pytest -s -m slow -k thousand": By(
        "tests/workflow/test_fleet_scale.py::test_a_fleet_of_a_thousand_costs_ten_times_one_of_a_hundred"
    ),
    "pytest -m qemu": By("tests/kernels/test_perf_event_qemu.py::test_perf_event_qemu_counts_follow_the_calls"),
    "cc -I kernels example.c path/to/libpassline.so -o example": By(
        "tests/kernels/test_best.py::test_the_program_of_the_readme"
    ),
}


def blocks(document: str, language: str) -> list[str]:
    """Its blocks of code in a language; a block within a list is moved to the margin."""
    found = BLOCK.findall((ROOT / document).read_text())
    return [re.sub(r"^ {3}", "", text, flags=re.MULTILINE) for name, text in found if name == language]


def commands(document: str) -> set[str]:
    lines = {line.partition(" #")[0].strip() for block in blocks(document, "") for line in block.splitlines()}
    return {found for found in lines | spans(document) if COMMAND.fullmatch(found)} - NOT_TYPED


def spans(document: str) -> set[str]:
    """Spans of code outside blocks."""
    return {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", BLOCK.sub("", (ROOT / document).read_text()))}


def ways(kind):
    """Each way of a kind once; several commands may share one."""
    return list(dict.fromkeys(way for way in WAYS.values() if isinstance(way, kind)))


@pytest.fixture(scope="module")
def clone(shared_checkout: Path) -> Path:
    """With the files that documents give as examples."""
    (mine,) = blocks("README.md", "yaml")
    (cluster,) = blocks("workflow/CLUSTER.md", "yaml")
    (shared_checkout / "mine.yaml").write_text(mine)
    (shared_checkout / "cluster.yaml").write_text(cluster)
    return shared_checkout


def test_every_command_of_the_documents_has_a_way_and_every_way_a_command():
    found = {command for document in DOCUMENTS for command in commands(document)}
    assert found == WAYS.keys()


def test_a_command_is_known_by_its_first_word():
    for typed in (
        "make",
        "A=1 B=$PWD/x make setup",
        ".venv/bin/pip install -e .",
        "python -m a.b",
        "snakemake selftest",
    ):
        assert COMMAND.fullmatch(typed)
    for other in (
        "passline.h",
        "workflow/passline/cli.py",
        "makefile",
        "make_up",
        "passline_softmax",
        "PASSLINE_UNROLL",
    ):
        assert not COMMAND.fullmatch(other)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_places_and_links_that_are_named_exist(document: str):
    named = {span for span in spans(document) if PLACE.fullmatch(span)} - MADE
    linked = re.findall(r"\]\(([^):]+)\)", (ROOT / document).read_text())
    there = [*(ROOT / place for place in named), *((ROOT / document).parent / link for link in linked)]
    assert [str(path) for path in there if not path.exists()] == []


@pytest.mark.parametrize("way", ways(By), ids=lambda way: way.test)
def test_the_test_that_runs_it_exists(way: By):
    path, _, name = way.test.partition("::")
    defined = [node for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)]
    assert name in [function.name for function in defined]


@pytest.mark.parametrize("way", ways(Run), ids=lambda way: way.typed)
def test_it_runs(clone: Path, way: Run):
    done = shell(clone, way.typed)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    if way is CLAIMS:
        said = " ".join(sorted(set(re.findall(r"^(check|claims|passes|ratios) ", said, re.MULTILINE))))
    assert way.says in said


@pytest.mark.parametrize("way", ways(Make), ids=lambda way: way.target)
def test_it_is_a_target(way: Make):
    done = shell(ROOT, f"make -n {way.target}")
    assert done.returncode == 0, done.stderr
    assert way.says in done.stdout


def test_extras_that_are_named_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {name for command in WAYS for name in re.findall(r"'\.\[(\w+)\]'", command)}
    assert named <= extras.keys()


def test_the_environment_takes_no_more_room_than_is_said():
    assert "`.venv` takes less than 1 GB" in (ROOT / "reports" / "ARTIFACT.md").read_text()
    folder = BINARIES.parent
    own = [Path(at, name) for at, _, names in os.walk(folder) for name in names]
    assert sum(path.lstat().st_size for path in own) < 1e9


@pytest.mark.slow
def test_an_environment_is_made_without_a_network(tmp_path: Path):
    """As reports/ARTIFACT.md says: the wheels are fetched by one clone, and another one has nothing else."""
    for name in ("Makefile", "constraints.txt", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    fetch, make = blocks("reports/ARTIFACT.md", "")
    fetched = shell(tmp_path, fetch.replace(".venv/bin/pip", f"{BINARIES}/python -m pip"))
    if fetched.returncode:
        pytest.skip(f"no network here: {fetched.stderr[-300:]}")
    alone = "unshare -rn " if shell(tmp_path, "unshare -rn true").returncode == 0 else ""
    offline = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    typed = f"{alone}bash -c '{make.strip()}'"
    made = subprocess.run(typed, shell=True, cwd=tmp_path, env=offline, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-3000:]
    assert shell(tmp_path, ".venv/bin/passline --help").returncode == 0
    assert sum(path.stat().st_size for path in (tmp_path / "wheels").iterdir()) < 0.25e9


FIGURE = '''
"""A figure as CONTRIBUTING.md describes one."""

import matplotlib.pyplot as plt

TABLES = ("ratios",)
CAPTION = "Tried."
LIMITS = "Nothing."
SECTION = "details"


def draw(tables, plan):
    drawing, axes = plt.subplots()
    axes.plot(tables["ratios"]["n_elements"], tables["ratios"]["ratio"])
    return drawing


def data(tables, plan):
    return tables["ratios"][["n_elements", "ratio"]]
'''
DRAWING = """
import sys
from pathlib import Path
from scripts import figure, quality

session = Path(sys.argv[1])
tables = {name: session / "tables" / f"{name}.csv" for name in quality.TABLES}
quality.main(tables, session / "plan.json", Path("quality.json"))
out = {suffix: Path("drawn", f"tried.{suffix}") for suffix in ("svg", "pdf", "csv", "json")}
figure.main("tried", session / "tables", session / "plan.json", Path("quality.json"), out)
"""


def test_a_figure_that_is_added_is_planned_and_drawn_without_another_edit(clone: Path):
    """As CONTRIBUTING.md says; drawn by the script of the one rule, from the tables of a published session."""
    path = clone / "workflow" / "figures" / "tried.py"
    path.write_text(FIGURE)
    known = list(path.parent.glob("[a-z]*.py"))
    said = shell(clone, "snakemake -n --until figure").stdout
    (clone / "draw.py").write_text(DRAWING)
    plans = sorted((clone / "reports" / "published").glob("*/plan.json"))
    drawn = shell(clone, f"python draw.py {plans[0].parent}")
    path.unlink()
    assert set(re.findall(r"^figure +(\d+)", said, re.MULTILINE)) == {str(len(known))}
    assert drawn.returncode == 0, drawn.stderr
    head, *rows = (clone / "drawn" / "tried.csv").read_text().splitlines()
    assert head == "# passline figure tried"
    values = [row for row in rows if not row.startswith("#")]
    assert values[0] == "n_elements,ratio"
    assert len(values) > 1
    assert "<path" in (clone / "drawn" / "tried.svg").read_text()
    assert (clone / "drawn" / "tried.pdf").read_bytes().startswith(b"%PDF")
