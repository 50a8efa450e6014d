"""Published reports: rebuilt from their tables alone, to the byte, and refused where nothing was measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import synthetic

from passline import claims, cli
from passline.errors import ReportError
from passline.tables import conform, write_table
from scripts import freeze

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def session(full: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up session of the unit tests, as a run leaves it."""
    folder = tmp_path_factory.mktemp("session")
    judged = claims.claims_table(claims.load_claims(ROOT / "reports" / "claims.yaml"), full, synthetic.plan())
    tables = {**full, "claims": conform("claims", judged)}
    for name in freeze.needed():
        if name in tables:
            write_table(name, tables[name], folder / "tables" / f"{name}.csv")
    (folder / "plan.json").write_text(json.dumps(synthetic.plan()))
    return folder


def changed(session: Path, folder: Path, **plan: Any) -> Path:
    """A copy of the session with another plan."""
    shutil.copytree(session, folder)
    (folder / "plan.json").write_text(json.dumps(json.loads((folder / "plan.json").read_text()) | plan))
    return folder


def test_a_published_report_is_rebuilt_from_its_tables_to_the_byte(session: Path, tmp_path: Path) -> None:
    target = freeze.freeze(session, tmp_path)
    first = (target / "report.pdf").read_bytes()
    assert {path.stem for path in (target / "tables").iterdir()} >= {"ratios", "passes", "round_ratios"}
    assert not (target / "tables" / "timings.csv").exists()
    assert (target / f"{freeze.SHOWN}.svg").is_file()
    (target / "report.pdf").unlink()
    freeze.build(target)
    assert (target / "report.pdf").read_bytes() == first


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
    with pytest.raises(ReportError, match="decides nothing: no ratio has the 6 rounds"):
        freeze.freeze(few, tmp_path / "out")
    assert not (tmp_path / "out").exists()


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
