"""A fleet of made-up machines: what is compared, how rows are grouped, what the report says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pypdf
import pytest
import synthetic

import fleet_maker
import scripts.fleet_report
import scripts.fleet_tables
import scripts.freeze
import scripts.import_bundles
from passline import bundle, claims, fleet, fleet_figures, fleet_report
from passline.bundle_import import import_all
from passline.errors import BundleError, ReportError
from passline.tables import conform, write_table

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "reports" / "templates" / "fleet.typ"


@pytest.fixture(scope="module")
def real(full: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the made-up session that all unit tests share."""
    folder = tmp_path_factory.mktemp("real")
    judged = claims.claims_table(claims.load_claims(ROOT / "reports" / "claims.yaml"), full, synthetic.plan())
    tables = {**full, "claims": conform("claims", judged)}
    for name in ("ratios", "passes", "claims", "machines"):
        write_table(name, tables[name], folder / "results" / "tables" / f"{name}.csv")
    plan = {**synthetic.plan(), "builds": [{"build_id": synthetic.BUILD}]}
    (folder / "results" / "plan.json").write_text(json.dumps(plan))
    (folder / "results" / "machine.json").write_text("{}")
    return bundle.write(folder / "results", folder / "real.passline.tar.xz")


def imported(real: Path, folder: Path, count: int, **changes: Any) -> Path:
    """A folder with so many made-up machines; the last one's plan has the changes."""
    source = bundle.read(real)
    for number in range(count):
        manifest, files = fleet_maker.derived(source, number)
        if changes and number == count - 1:
            files["plan.json"] = json.dumps(json.loads(files["plan.json"]) | changes).encode()
            manifest = bundle.signed({**manifest, **bundle.described(files)})
        bundle.unpack(bundle.Bundle(manifest, files), folder)
    return folder


def tables_of(folder: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    found = fleet.collect(fleet.folders(folder))
    return found.tables(), found.plan


def test_machines_have_rows_of_their_own_until_there_are_many(real: Path, tmp_path: Path) -> None:
    few, _ = tables_of(imported(real, tmp_path / "few", 5))
    assert sorted(fleet_report.groups(few["fleet_machines"])) == [f"made-up-{i:04d}" for i in range(5)]
    many, _ = tables_of(imported(real, tmp_path / "many", fleet_report.MOST_ROWS + 1))
    assert set(fleet_report.groups(many["fleet_machines"])) == set(fleet_maker.MICROARCHITECTURES)
    rows = fleet_report.grouped_ratios(many)
    one = rows[(rows["group"] == "zen2") & (rows["isa"] == "avx2")].iloc[0]
    assert one["machines"] == 4
    assert one["low"] <= one["ratio"] <= one["high"]


def test_a_row_of_one_machine_keeps_its_own_interval(real: Path, tmp_path: Path) -> None:
    tables, _ = tables_of(imported(real, tmp_path, 2))
    own = tables["fleet_ratios"]
    for _, row in fleet_report.grouped_ratios(tables).iterrows():
        mine = own[
            own["bundle"].str.startswith(row["group"]) & (own["isa"] == row["isa"]) & (own["size"] == row["size"])
        ]
        assert (row["ratio"], row["low"], row["high"]) == tuple(mine[["ratio", "ratio_low", "ratio_high"]].iloc[0])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"measurement": False}, "a smoke run, not a measurement"),
        ({"study": "logsumexp"}, "its study is logsumexp, that of most is softmax"),
        ({"primary_protocol": "hot"}, "its primary protocol is hot, that of most is paper"),
    ],
)
def test_what_may_not_be_compared_says_why(real: Path, tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    tables, _ = tables_of(imported(real, tmp_path, 3, **changes))
    machines = tables["fleet_machines"].set_index("machine")
    assert machines.loc["made-up-0002", "reason"] == reason
    assert not machines.loc["made-up-0002", "compared"]
    assert machines.loc["made-up-0000", "compared"]
    assert not tables["fleet_ratios"]["bundle"].str.startswith("made-up-0002").any()


def test_smoke_runs_alone_are_shown_and_stamped(real: Path, tmp_path: Path) -> None:
    """They show that the road is open; beside a measurement they are left out."""
    tables, plan = tables_of(imported(real, tmp_path, 1, measurement=False))
    tables["fleet_machines"]["made_up"] = False
    document = fleet_report.document(tables, plan)
    assert (document["measurement"], document["stamp"]) == (False, "SMOKE RUN: NOT A MEASUREMENT")
    assert document["tables"]["ratios"]["rows"]


def test_tables_of_another_version_are_left_out(real: Path, tmp_path: Path) -> None:
    folder = imported(real, tmp_path, 2)
    path = fleet.folders(folder)[1] / "tables" / "ratios.csv"
    path.write_text(path.read_text().replace("version", "version 1", 1))
    tables, _ = tables_of(folder)
    (reason,) = tables["fleet_machines"].loc[~tables["fleet_machines"]["compared"], "reason"]
    assert "written by another version" in reason


def test_from_archives_to_the_report(real: Path, tmp_path: Path) -> None:
    """What was made up is stamped on every page, and what was refused is named."""
    fleet_maker.make(real, tmp_path / "in", 3)
    (tmp_path / "in" / "bad.passline.tar.xz").write_bytes(b"rubbish")
    there = tmp_path / "fleet"
    scripts.import_bundles.main([str(tmp_path / "in")], there, there / "imported.json")
    scripts.fleet_tables.main(there, there / "imported.json", there / "plan.json")
    tables = sorted((there / "tables").glob("*.csv"))
    scripts.fleet_report.main(
        tables, there / "plan.json", there / "imported.json", TEMPLATE, there / "figures", tmp_path / "fleet.pdf"
    )
    pages = [re.sub(r"\s+", " ", page.extract_text()) for page in pypdf.PdfReader(tmp_path / "fleet.pdf").pages]
    assert all(fleet_report.MADE_UP_STAMP in page for page in pages)
    text = " ".join(pages)
    assert "made-up-0002" in text
    assert "bad.passline.tar.xz: cannot be read as an archive" in text
    assert "Two-Pass against the faster Three-Pass" in text
    for name in fleet_figures.FIGURES:
        assert (there / "figures" / f"{name}.svg").is_file()


def test_what_was_made_up_stays_so_wherever_it_goes(real: Path, tmp_path: Path) -> None:
    """Imported, exported again, without the manifest it came in: no fleet takes it for measured, freeze refuses it."""
    fleet_maker.make(real, tmp_path / "in", 1)
    assert import_all((tmp_path / "in").iterdir(), tmp_path / "first")[0] == 1
    (imported_once,) = fleet.folders(tmp_path / "first")
    (imported_once / bundle.MANIFEST).unlink()
    again = bundle.write(imported_once, tmp_path / "again.passline.tar.xz")
    assert bundle.read(again).manifest["made_up"] is True
    bundle.unpack(bundle.read(again), tmp_path / "second")
    tables, _ = tables_of(tmp_path / "second")
    assert tables["fleet_machines"]["made_up"].all()
    for folder in (imported_once, *fleet.folders(tmp_path / "second")):
        with pytest.raises(ReportError, match="was made up by a test"):
            scripts.freeze.freeze(folder, tmp_path / "published")


def test_a_session_whose_stamp_was_taken_out_of_its_plan_is_not_exported(real: Path, tmp_path: Path) -> None:
    (folder,) = fleet.folders(imported(real, tmp_path, 1))
    plan = json.loads((folder / "plan.json").read_text())
    del plan["made_up"]
    (folder / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(BundleError, match=r"was made up by a test, and its plan\.json does not say so"):
        bundle.write(folder, tmp_path / "a.passline.tar.xz")


def test_without_a_sound_bundle_there_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "bad.passline.tar.xz").write_bytes(b"rubbish")
    with pytest.raises(BundleError, match="no bundle is sound"):
        scripts.import_bundles.main([str(tmp_path)], tmp_path / "fleet", tmp_path / "imported.json")


def test_nothing_to_compare_is_said(real: Path, tmp_path: Path) -> None:
    (folder,) = fleet.folders(imported(real, tmp_path, 1))
    (folder / "tables" / "ratios.csv").unlink()
    tables, plan = tables_of(tmp_path)
    document = fleet_report.document(tables, plan)
    assert document["values"]["compared"] == "0"
    assert fleet_figures.ratios(tables, plan).texts[0].get_text() == "No machine has a ratio at a labelled size."
