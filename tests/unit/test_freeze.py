"""Published reports: rebuilt from their tables alone, to the byte, and refused where nothing was measured."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pypdf
import pytest
import synthetic
from doubtful import selftest

from passline import claims, cli
from passline.errors import ReportError
from passline.tables import conform, read_table, write_table
from passline.trust_points import PAIR, judged
from scripts import freeze

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def session(full: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up session of the unit tests, as a run leaves it."""
    folder = tmp_path_factory.mktemp("session")
    judged = claims.claims_table(claims.load_claims(ROOT / "reports" / "claims.yaml"), full, synthetic.plan())
    tables = {**full, "claims": conform("claims", judged), "selftest": selftest()}
    for name in freeze.needed():
        if name in tables:
            write_table(name, tables[name], folder / "tables" / f"{name}.csv")
    (folder / "plan.json").write_text(json.dumps(synthetic.plan()))
    return folder


def changed(session: Path, folder: Path, /, **plan: Any) -> Path:
    """A copy of the session with another plan."""
    shutil.copytree(session, folder)
    (folder / "plan.json").write_text(json.dumps(json.loads((folder / "plan.json").read_text()) | plan))
    return folder


@pytest.fixture(scope="module")
def frozen(session: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The session, published."""
    return freeze.freeze(session, tmp_path_factory.mktemp("published"))


def test_a_published_report_is_rebuilt_from_its_tables_to_the_byte(frozen: Path) -> None:
    target = frozen
    first = (target / "report.pdf").read_bytes()
    assert {path.stem for path in (target / "tables").iterdir()} >= {"ratios", "passes", "round_ratios"}
    assert not (target / "tables" / "timings.csv").exists()
    assert (target / f"{freeze.SHOWN}.svg").is_file()
    (target / "report.pdf").unlink()
    freeze.build(target)
    assert (target / "report.pdf").read_bytes() == first


def test_all_figures_of_a_published_session_are_drawn_from_its_tables(
    frozen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that stands beside the figures of the published report."""
    monkeypatch.setattr(freeze, "PUBLISHED", frozen.parent)
    monkeypatch.setattr(freeze, "published", partial(freeze.published, frozen.parent))
    target = frozen
    (command,) = re.findall(r"draw again: (.*?)(?:<|$)", (target / f"{freeze.SHOWN}.svg").read_text(), re.MULTILINE)
    assert command == f"passline republish --figures DIR {target.name}"
    into = tmp_path / "figures"
    before = (target / "report.pdf").stat().st_mtime_ns
    assert cli.main(command.replace("DIR", str(into)).split()[1:]) == 0
    assert "as SVG, PDF and CSV, of data" in capsys.readouterr().out
    names = {path.stem for path in freeze.FIGURES.glob("[a-z]*.py")}
    expected = {f"{name}.{suffix}" for name in names for suffix in ("svg", "pdf", "csv")}
    assert {path.name for path in (into / target.name).iterdir()} == expected
    assert (into / target.name / f"{freeze.SHOWN}.svg").read_bytes() == (target / f"{freeze.SHOWN}.svg").read_bytes()
    assert (target / "report.pdf").stat().st_mtime_ns == before
    assert [path.name for path in into.iterdir()] == [target.name]
    assert cli.main(["republish", "--figures", str(into), "nowhere"]) == cli.FAILED
    assert f"is no published session. There are: {target.name}" in capsys.readouterr().err


def test_a_published_report_says_how_it_is_cited_and_rebuilt() -> None:
    for folder in freeze.published():
        manifest = json.loads((folder / "manifest.json").read_text())
        pdf = pypdf.PdfReader(folder / "report.pdf")
        assert pdf.metadata is not None
        assert manifest["machine"] in str(pdf.metadata.title)
        assert manifest["data_sha256"] in str(pdf.metadata["/Keywords"])
        last = " ".join(pdf.pages[-1].extract_text().split())
        assert manifest["data_sha256"] in last
        assert "How to cite." in last
        # Lines may break at the hyphens of a name.
        assert f"passline republish --figures DIR {folder.name}".replace(" ", "") in last.replace(" ", "")
        assert "raw rounds lie beside" not in last
        assert f"data {manifest['data_sha256'][:12]}" in pdf.pages[0].extract_text()


def test_data_that_are_not_what_was_published_are_refused_by_name(tmp_path: Path) -> None:
    target = shutil.copytree(next(freeze.published()), tmp_path / "published")
    manifest = json.loads((target / "manifest.json").read_text())
    assert freeze.verify(target) == manifest["data_sha256"]
    assert {"plan.json", "tables/ratios.csv"} <= manifest["files"].keys()
    for name in ("plan.json", "tables/ratios.csv"):
        before = (target / name).read_bytes()
        (target / name).write_bytes(before + b" ")
        with pytest.raises(ReportError, match=f"{name}: is not what was published"):
            freeze.verify(target)
        (target / name).write_bytes(before)
    (target / "tables" / "more.csv").write_text("")
    with pytest.raises(ReportError, match=r"more\.csv: is not what was published"):
        freeze.verify(target)


def test_what_is_no_measurement_is_refused(session: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="is a smoke run, not a measurement"):
        freeze.freeze(changed(session, tmp_path / "smoke", measurement=False), tmp_path / "out")
    made_up = changed(session, tmp_path / "made-up")
    (made_up / "manifest.json").write_text(json.dumps({"made_up": True}))
    with pytest.raises(ReportError, match="was made up by a test"):
        freeze.freeze(made_up, tmp_path / "out")
    few = changed(session, tmp_path / "few")
    path = few / "tables" / "ratios.csv"
    ratios = pd.read_csv(path, skiprows=1, keep_default_na=False)
    first = path.read_text().splitlines()[0]
    path.write_text(f"{first}\n{ratios.assign(n_rounds=3).to_csv(index=False)}")
    with pytest.raises(ReportError, match="decides nothing: no ratio that is judged has the 6 rounds"):
        freeze.freeze(few, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def with_ratios(session: Path, folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    """A copy of the session with other ratios."""
    shutil.copytree(session, folder)
    path = folder / "tables" / "ratios.csv"
    write_table("ratios", change(read_table("ratios", path)), path)
    return folder


def test_a_session_all_of_whose_judged_ratios_are_undecided_is_refused(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = synthetic.plan()
    asked = judged(read_table("ratios", session / "tables" / "ratios.csv"), plan)
    key = [*PAIR]

    def undecided(ratios: pd.DataFrame, points: pd.DataFrame = asked) -> pd.DataFrame:
        mine = ratios.merge(points[key].assign(mine=True), on=key, how="left")["mine"].notna()
        return ratios.assign(verdict=ratios["verdict"].mask(mine, "undecided"))

    nothing = with_ratios(session, tmp_path / "nothing", undecided)
    told = rf"decides nothing: all {len(asked)} ratios that are judged are undecided, \d+ as their rounds depend"
    with pytest.raises(ReportError, match=told):
        freeze.freeze(nothing, tmp_path / "out")
    decided = asked[asked["verdict"] != "undecided"].index
    one = with_ratios(session, tmp_path / "one", lambda ratios: undecided(ratios, asked.drop(decided[0])))
    monkeypatch.setattr(freeze, "build", lambda _: None)
    assert freeze.freeze(one, tmp_path / "out").is_dir()


def test_a_self_test_is_not_left_out_or_dropped_unasked(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(freeze, "build", lambda _: None)
    without = changed(session, tmp_path / "without")
    (without / "tables" / "selftest.csv").unlink()
    typed = ["freeze", str(without), "--into", str(tmp_path / "out")]
    assert cli.main(typed) == cli.FAILED
    assert "has no self-test. Run it" in capsys.readouterr().err
    target = freeze.freeze(session, tmp_path / "out")
    assert cli.main(typed) == cli.FAILED
    assert f"has no self-test, and would replace {target}, which has one" in capsys.readouterr().err
    assert (target / "tables" / "selftest.csv").is_file()
    assert cli.main([*typed, "--without-selftest"]) == 0
    assert "no self-test" in capsys.readouterr().out
    assert not (target / "tables" / "selftest.csv").exists()


def test_sessions_of_one_machine_lie_beside_each_other(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freeze, "build", lambda _: None)
    plans = {
        "here": {"machine": "here", "session": "default", "folder": "default"},
        "here-paper": {"machine": "here", "session": "paper", "folder": "paper"},
        "here-logsumexp-default": {"machine": "here", "session": "default", "folder": "logsumexp-default"},
    }
    for name, plan in plans.items():
        target = freeze.freeze(changed(session, tmp_path / name, **plan), tmp_path / "out")
        assert target == tmp_path / "out" / name
    assert [folder.name for folder in freeze.published(tmp_path / "out")] == sorted(plans)
    again = freeze.freeze(tmp_path / "here-paper", tmp_path / "out")
    assert json.loads((again / "manifest.json").read_text())["session"] == "paper"
    other = changed(session, tmp_path / "other", machine="here-paper", session="default", folder="default")
    with pytest.raises(ReportError, match=r"holds another session \(machine here, session paper, study softmax\)"):
        freeze.freeze(other, tmp_path / "out")


def test_a_session_that_is_not_there_or_not_finished(session: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"plan\.json is missing\. Run snakemake to its end"):
        freeze.freeze(tmp_path, tmp_path / "out")
    part = changed(session, tmp_path / "part")
    (part / "tables" / "claims.csv").unlink()
    with pytest.raises(ReportError, match=r"claims.csv: the table does not exist"):
        freeze.freeze(part, tmp_path / "out")


def test_a_session_that_is_too_large(session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze, "MOST_BYTES", 1000)
    monkeypatch.setattr(freeze, "build", lambda _: None)  # its tables alone are too large
    with pytest.raises(ReportError, match=r"MB, a published report may take 0\.001"):
        freeze.freeze(session, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_published_reports_are_what_their_tables_give(capsys: pytest.CaptureFixture[str]) -> None:
    """Where this fails, the text, a figure or a version has changed: look at it, then `make report`."""
    assert list(freeze.published())
    status = cli.main(["republish", "--check"])
    said = capsys.readouterr()
    assert status == 0, said.out + said.err
    for folder in freeze.published():
        assert f"{folder.name}: data {freeze.verify(folder)}, as published; the report as it was\n" in said.out
