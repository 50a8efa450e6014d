"""A fleet of made-up machines: what is imported and compared, how rows are grouped, what the report says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
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
from passline import bundle, claims, fleet, fleet_figures, fleet_report, formats
from passline.bundle_import import import_all
from passline.errors import BundleError, ReportError
from passline.fleet_import import import_fleet, last_round
from passline.tables import conform, write_table

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "reports" / "templates" / "fleet.typ"
WITHOUT_AVX512 = {
    f"made-up-{place:04d}" for place, has in enumerate([*fleet_maker.MICROARCHITECTURES.values()][:5]) if not has
}
SOURCES = {"rmax.c": "a" * 64, "raddextexp.c": "b" * 64}

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def real(full: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> bundle.Bundle:
    """A bundle of the made-up session that all unit tests share."""
    folder = tmp_path_factory.mktemp("real") / "results"
    judged = claims.claims_table(claims.load_claims(ROOT / "reports" / "claims.yaml"), full, synthetic.plan())
    tables = {**full, "claims": conform("claims", judged)}
    for name in ("ratios", "passes", "claims", "machines"):
        write_table(name, tables[name], folder / "tables" / f"{name}.csv")
    machines = folder / "tables" / "machines.csv"
    machines.write_text(machines.read_text() + f"{synthetic.plan()['machine']},machine_id_hash,x,-,made up\n")
    plan = {**synthetic.plan(), "builds": [{"build_id": synthetic.BUILD}], "primary_build_id": synthetic.BUILD}
    build = {
        "build_id": synthetic.BUILD, "compiler": "gcc", "version": "gcc 12", "cflags": ["-O2"],
        "isas": {}, "architecture": "x86_64", "sources": SOURCES,
    }  # fmt: skip
    for name, document in (
        ("plan.json", plan),
        ("machine.json", {}),
        ("config.json", {"study": "softmax", "seed": 7, "grid": "default"}),
        ("build/gcc/build.json", build),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document))
    rounds = folder / "tables" / "rounds.csv"
    rounds.write_text("# passline table rounds\nblock,start_utc\na,2026-01-02T00:00:00+00:00\n")
    return bundle.read(bundle.write(folder, folder.with_name("real.passline.tar.xz")))


def archives(real: bundle.Bundle, folder: Path, count: int, *changes: Callable[[Files], None]) -> list[Path]:
    """So many made-up bundles; the last are changed, one by each change."""
    fleet_maker.make(real, folder, count)
    paths = sorted(folder.iterdir())
    for path, change in zip(paths[count - len(changes) :], changes, strict=True):
        found = bundle.read(path)
        files = dict(found.files)
        change(files)
        bundle.pack(fleet_maker.sealed(found.manifest, files), files, path)
    return paths


def told(path: str, **values: Any) -> Callable[[Files], None]:
    """A change of keys of a JSON file."""

    def change(files: Files) -> None:
        files[path] = json.dumps(json.loads(files[path]) | values).encode()

    return change


def replaced(path: str, old: str, new: str) -> Callable[[Files], None]:
    """A change of a file's text."""

    def change(files: Files) -> None:
        assert old.encode() in files[path]
        files[path] = files[path].replace(old.encode(), new.encode(), 1)

    return change


def emptied(*paths: str) -> Callable[[Files], None]:
    """Tables without rows, as those of a session that measured other things."""

    def change(files: Files) -> None:
        for path in paths:
            files[path] = b"\n".join([*files[path].splitlines()[:2], b""])

    return change


def tables_of(paths: list[Path], folder: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    found = fleet.collect(import_fleet(paths, folder)["imported"], folder)
    return found.tables(), found.plan


@pytest.fixture(scope="module")
def few(real: bundle.Bundle, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pd.DataFrame], Any]:
    folder = tmp_path_factory.mktemp("few")
    return tables_of(archives(real, folder / "in", 5), folder / "machines")


@pytest.fixture(scope="module")
def many(real: bundle.Bundle, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pd.DataFrame], Any]:
    folder = tmp_path_factory.mktemp("many")
    return tables_of(archives(real, folder / "in", fleet_maker.TWICE + 1), folder / "machines")


def test_machines_have_rows_of_their_own_until_there_are_many(few: Any, many: Any) -> None:
    assert sorted(fleet_report.groups(few[0]["fleet_machines"])) == [f"made-up-{i:04d}" for i in range(5)]
    assert set(fleet_report.groups(many[0]["fleet_machines"])) == set(fleet_maker.MICROARCHITECTURES)
    rows = fleet_report.grouped_ratios(many[0])
    one = rows[(rows["group"] == "zen2") & (rows["isa"] == "avx2")].iloc[0]
    assert one["machines"] == 5
    assert one["low"] <= one["ratio"] <= one["high"]


def test_a_row_of_one_machine_keeps_its_own_interval(few: Any) -> None:
    own = few[0]["fleet_ratios"]
    for _, row in fleet_report.grouped_ratios(few[0]).iterrows():
        mine = own[
            own["bundle"].str.startswith(row["group"]) & (own["isa"] == row["isa"]) & (own["size"] == row["size"])
        ]
        assert (row["ratio"], row["low"], row["high"]) == tuple(mine[["ratio", "ratio_low", "ratio_high"]].iloc[0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (told("plan.json", measurement=False), "a smoke run, not a measurement"),
        (told("plan.json", study="logsumexp"), "differs from most in study: logsumexp, not softmax"),
        (told("plan.json", primary_protocol="hot"), "differs from most in primary protocol: hot, not paper"),
        (
            told("build/gcc/build.json", sources={**SOURCES, "rmax.c": "c" * 64}),
            "differs from most in sources: rmax.c: cccccccc, not rmax.c: aaaaaaaa (other sources are other programs)",
        ),
        (told("build/gcc/build.json", cflags=["-O3"]), "differs from most in cflags: -O3, not -O2"),
        (told("config.json", nobody_named_it=1), None),
        (replaced("tables/machines.csv", "Made-up CPU 2", "QEMU TCG CPU version 2.5+"), "its processor is emulated"),
        (replaced("tables/ratios.csv", "version", "version 1"), "tables/ratios.csv: first line is"),
        (emptied("tables/ratios.csv", "tables/passes.csv"), "its session asks something else"),
    ],
)
def test_what_may_not_be_compared_says_why(
    real: bundle.Bundle, tmp_path: Path, change: Callable[[Files], None], reason: str | None
) -> None:
    tables, _ = tables_of(archives(real, tmp_path / "in", 3, change), tmp_path / "machines")
    machines = tables["fleet_machines"].set_index("machine")
    assert machines.loc["made-up-0000", "compared"]
    # A fact that the others do not tell shows no difference; that it is not known is listed.
    assert bool(machines.loc["made-up-0002", "compared"]) == (reason is None)
    assert str(machines.loc["made-up-0002", "reason"]).startswith(reason or "-")
    assert tables["fleet_ratios"]["bundle"].str.startswith("made-up-0002").any() == (reason is None)


def test_what_may_differ_is_listed_once_with_its_machines(real: bundle.Bundle, tmp_path: Path) -> None:
    slow = told("plan.json", effort=4.0)
    tables, _ = tables_of(archives(real, tmp_path / "in", 5, slow, slow), tmp_path / "machines")
    assert tables["fleet_machines"]["compared"].all()
    rows = fleet_report.differences(tables)["rows"]
    (effort,) = [row for row in rows if row[0] == "effort"]
    assert effort[1:4] == ["1", "4.0", "made-up-0003, made-up-0004"]
    versions = {row[2]: row[3] for row in rows if row[0] == "version"}
    assert versions == {"gcc (made up) 13.2.0": "made-up-0002", "gcc (made up) 14.1.0": "made-up-0003"}


def test_the_same_reason_stands_once(real: bundle.Bundle, tmp_path: Path) -> None:
    def lose(files: Files) -> None:
        files["tables/claims.csv"] = b"# other\n"

    paths = archives(real, tmp_path / "in", 5, lose, lose)
    bad = [tmp_path / "in" / f"bad-{i}.passline.tar.xz" for i in range(7)]
    for path in bad:
        path.write_bytes(b"rubbish")
    found = import_fleet([*paths, *bad], tmp_path / "machines")
    tables = fleet.collect(found["imported"], tmp_path / "machines").tables()
    ((names, reason),) = fleet_report.left_out(tables["fleet_machines"])["rows"]
    assert "made-up-0003" in names
    assert "made-up-0004" in names
    assert str(tmp_path) not in reason
    ((names, reason),) = fleet_report.by_reason(found["refused"])
    assert names.endswith("bad-4.passline.tar.xz and 2 more")
    assert reason.startswith("cannot be read as an archive")


def test_only_the_bundles_that_are_given_have_rows(real: bundle.Bundle, tmp_path: Path) -> None:
    """What was imported before, and is given no more, leaves nothing; archives given twice count once."""
    paths = archives(real, tmp_path / "in", 3)
    tables_of(paths, tmp_path / "machines")
    tables, _ = tables_of([*paths[1:], paths[1]], tmp_path / "machines")
    assert list(tables["fleet_machines"]["machine"]) == ["made-up-0001", "made-up-0002"]
    assert len(list((tmp_path / "machines").iterdir())) == 2


def test_only_what_the_report_reads_is_laid_down(real: bundle.Bundle, tmp_path: Path) -> None:
    import_fleet(archives(real, tmp_path / "in", 1), tmp_path / "machines")
    (folder,) = (tmp_path / "machines").iterdir()
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == {"plan.json", "config.json", "build/gcc/build.json"} | {
        f"tables/{name}.csv" for name in bundle.REPORTED
    }


@pytest.mark.parametrize("host", ["", ", on another host: give each a label of its own (config key machine)"])
def test_a_machine_that_was_measured_again_has_its_newest_row(real: bundle.Bundle, tmp_path: Path, host: str) -> None:
    def again(files: Files) -> None:
        for path, content in files.items():
            files[path] = content.replace(b"made-up-0002", b"made-up-0001")
        files["tables/rounds.csv"] = files["tables/rounds.csv"].replace(b"2026-01-02", b"2026-03-04")
        if not host:
            machines = files["tables/machines.csv"]
            files["tables/machines.csv"] = machines.replace(b"machine_id_hash,made-up-2", b"machine_id_hash,made-up-1")

    tables, _ = tables_of(archives(real, tmp_path / "in", 3, again), tmp_path / "machines")
    machines = tables["fleet_machines"]
    mine = machines[machines["machine"] == "made-up-0001"].set_index("measured").sort_index()
    assert list(mine["compared"]) == [False, True]
    (reason,) = mine.loc[~mine["compared"], "reason"]
    assert reason == f"made-up-0001 was measured again later (2026-03-04T00:00:00+00:00){host}"
    assert tables["fleet_ratios"]["bundle"].nunique() == 2


def test_a_session_of_other_things_replaces_none(real: bundle.Bundle, tmp_path: Path) -> None:
    """A machine's session of what is beyond the paper, taken after the one that the fleet is of."""

    def beyond(files: Files) -> None:
        for path, content in files.items():
            files[path] = content.replace(b"made-up-0002", b"made-up-0001")
        files["tables/rounds.csv"] = files["tables/rounds.csv"].replace(b"2026-01-02", b"2026-03-04")
        emptied("tables/ratios.csv", "tables/passes.csv")(files)
        told("plan.json", protocols=["hot"])(files)
        told("config.json", seed=8)(files)

    # Nor is it what others are held against, even where there are more like it.
    tables, _ = tables_of(archives(real, tmp_path / "two", 3, beyond, beyond), tmp_path / "machines")
    assert list(tables["fleet_machines"]["compared"]) == [True, False, False]
    assert "seed" not in set(tables["fleet_differences"]["key"])
    tables, _ = tables_of(archives(real, tmp_path / "in", 3, beyond), tmp_path / "machines")
    machines = tables["fleet_machines"]
    assert dict(zip(machines["measured"].str[:7], machines["compared"], strict=True)) == {
        "2026-01": True,
        "2026-03": False,
    }
    assert tables["fleet_ratios"]["bundle"].nunique() == 2


def test_the_last_round_tells_which_is_newer() -> None:
    rows = "block,start_utc\na,2026-01-01T09:00:00+00:00\nb,2026-01-01T10:00:00+00:00\na,2025-01-01T00:00:00+00:00\n"
    assert last_round(f"# a table\n{rows}") == "2026-01-01T10:00:00+00:00"
    assert last_round("") == ""


def test_one_host_under_two_labels_is_said_and_counted_once(real: bundle.Bundle, tmp_path: Path) -> None:
    same = replaced("tables/machines.csv", "machine_id_hash,made-up-2", "machine_id_hash,made-up-1")
    tables, plan = tables_of(archives(real, tmp_path / "in", 3, same), tmp_path / "machines")
    assert list(tables["fleet_machines"]["counted"]) == [True, True, False]
    document = fleet_report.document(tables, plan)
    values = document["values"]
    assert "made-up-0001 and made-up-0002 are one host" in values["hosts"]
    assert (values["compared"], values["counted"]) == ("3", "2")
    assert any("of 2," in line for line in document["headlines"])
    assert not any("of 3," in line for line in document["headlines"])


def test_no_host_is_taken_for_another_where_none_is_known(real: bundle.Bundle, tmp_path: Path) -> None:
    unknown = [
        replaced("tables/machines.csv", f"machine_id_hash,made-up-{i}", "machine_id_hash,unavailable") for i in (0, 1)
    ]
    tables, plan = tables_of(archives(real, tmp_path / "in", 2, *unknown), tmp_path / "machines")
    assert tables["fleet_machines"]["counted"].all()
    assert fleet_report.document(tables, plan)["values"]["hosts"] == ""


def test_claims_stand_by_machine_with_what_was_measured(few: Any) -> None:
    tables, plan = few
    document = fleet_report.document(tables, plan)
    matrix, legend = document["tables"]["claims_by_machine"], document["tables"]["claims"]
    assert [row[0] for row in matrix["rows"]] == [f"made-up-{i:04d}" for i in range(5)]
    assert matrix["head"][1:] == [row[0] for row in legend["rows"]]
    rows = tables["fleet_claims"]
    rows = rows[rows["variant"] == "tuned"].assign(machine=rows["bundle"].str[:12])
    place = 1 + sorted(set(rows["claim"])).index("avx2_gain")
    for line in matrix["rows"]:
        mine = rows[(rows["machine"] == line[0]) & (rows["claim"] == "avx2_gain")].iloc[0]
        shown = {"holds here": "holds", "does not hold here": "does not"}.get(mine["verdict_here"], "undecided")
        assert ("not measured" in line) == (line[0] in WITHOUT_AVX512)
        assert line[place].startswith(shown)
        assert f"{mine['our_value']:.3f} [{mine['low']:.3f}, {mine['high']:.3f}]" in line[place]
    for line in legend["rows"]:
        assert sum(map(int, line[2:6])) == 5
        assert int(line[5]) == (len(WITHOUT_AVX512) if "AVX-512" in line[1] else 0)


def test_claims_of_many_machines_stand_by_microarchitecture(many: Any) -> None:
    tables, plan = many
    matrix = fleet_report.document(tables, plan)["tables"]["claims_by_machine"]
    assert {row[0] for row in matrix["rows"]} == set(fleet_maker.MICROARCHITECTURES)
    of = fleet_report.groups(tables["fleet_machines"]).value_counts()
    for row in matrix["rows"]:
        for cell in row[1:]:
            counts = re.findall(r"(?:holds|does not|undecided|not measured) (\d+)", cell)
            assert sum(map(int, counts)) == of[row[0]] or of[row[0]] == 1


def test_fractions_say_their_isa(few: Any, many: Any) -> None:
    tables, plan = few
    shown = fleet_report.pass_rows(tables, plan, many=False)
    own = tables["fleet_passes"]
    for row in shown["rows"]:
        for name, cell in zip(shown["head"][1:], row[1:], strict=True):
            mine = own[own["bundle"].str.startswith(row[0]) & (own["pass"] == name)]
            best = mine.loc[mine["fraction_of_ceiling"].idxmax()]
            bandwidth = formats.quantity(best["bandwidth_bytes_per_s"], "B/s")
            assert cell == f"{best['fraction_of_ceiling']:.2f} {fleet_report.isa_title(best['isa'], plan)}\n{bandwidth}"
    wide = [cell for row in fleet_report.pass_rows(*many, many=True)["rows"] for cell in row[1:]]
    assert any(re.fullmatch(r"0\.\d\d \[0\.\d\d, \d\.\d\d\]\n\S+, \d of 5", cell) for cell in wide)


def test_doubtful_rounds_are_told(few: Any) -> None:
    tables = {**few[0]}
    rows = tables["fleet_ratios"].assign(n_marked=0)
    assert "No round" in fleet_report.doubtful(tables | {"fleet_ratios": rows})
    rows["n_marked"] = rows["n_rounds"]
    rows["verdict_unmarked"] = rows["verdict"]
    rows.loc[0, "verdict_unmarked"] = "another"
    told = fleet_report.doubtful(tables | {"fleet_ratios": rows})
    assert told.startswith("100.0")
    assert f"1 of {len(rows)} verdicts would be others, on 1 machines" in told


def test_smoke_runs_alone_are_shown_and_stamped(real: bundle.Bundle, tmp_path: Path) -> None:
    """They show that the road is open; beside a measurement they are left out."""
    smoke = told("plan.json", measurement=False)
    tables, plan = tables_of(archives(real, tmp_path / "in", 1, smoke), tmp_path / "machines")
    tables["fleet_machines"]["made_up"] = False
    document = fleet_report.document(tables, plan)
    assert (document["measurement"], document["stamp"]) == (False, "SMOKE RUN: NOT A MEASUREMENT")
    assert document["tables"]["ratios"]["rows"]


def test_from_archives_to_the_report(real: bundle.Bundle, tmp_path: Path) -> None:
    """What was made up is stamped on every page, and what was refused is named."""
    fleet_maker.make(real, tmp_path / "in", 3)
    (tmp_path / "in" / "bad.passline.tar.xz").write_bytes(b"rubbish")
    there = tmp_path / "fleet"
    scripts.import_bundles.main([str(tmp_path / "in")], there / "machines", there / "imported.json", 2)
    scripts.fleet_tables.main(there / "machines", there / "imported.json", there / "tables", there / "plan.json")
    tables = sorted((there / "tables").glob("*.csv"))
    scripts.fleet_report.main(
        tables, there / "plan.json", there / "imported.json", TEMPLATE, there / "figures", tmp_path / "fleet.pdf"
    )
    pages = [re.sub(r"\s+", " ", page.extract_text()) for page in pypdf.PdfReader(tmp_path / "fleet.pdf").pages]
    assert all(fleet_report.MADE_UP_STAMP in page for page in pages)
    text = " ".join(pages)
    assert "made-up-0002" in text
    assert "bad.passline.tar.xz" in text
    assert "cannot be read as an archive" in text
    assert "Two-Pass against the faster Three-Pass" in text
    for name in fleet_figures.FIGURES:
        assert (there / "figures" / f"{name}.svg").is_file()


def test_what_was_made_up_stays_so_wherever_it_goes(real: bundle.Bundle, tmp_path: Path) -> None:
    """Imported, exported again, without the manifest it came in: no fleet takes it for measured, freeze refuses it."""
    assert import_all(archives(real, tmp_path / "in", 1), tmp_path / "first")[0] == 1
    (imported_once,) = (tmp_path / "first").iterdir()
    (imported_once / bundle.MANIFEST).unlink()
    again = bundle.write(imported_once, tmp_path / "again.passline.tar.xz")
    assert bundle.read(again).manifest["made_up"] is True
    tables, _ = tables_of([again], tmp_path / "machines")
    assert tables["fleet_machines"]["made_up"].all()
    with pytest.raises(ReportError, match="was made up by a test"):
        scripts.freeze.freeze(imported_once, tmp_path / "published")


def test_a_session_whose_stamp_was_taken_out_of_its_plan_is_not_exported(real: bundle.Bundle, tmp_path: Path) -> None:
    import_all(archives(real, tmp_path / "in", 1), tmp_path / "there")
    (folder,) = (tmp_path / "there").iterdir()
    plan = json.loads((folder / "plan.json").read_text())
    del plan["made_up"]
    (folder / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(BundleError, match=r"was made up by a test, and its plan\.json does not say so"):
        bundle.write(folder, tmp_path / "a.passline.tar.xz")


def test_without_a_sound_bundle_there_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "bad.passline.tar.xz").write_bytes(b"rubbish")
    with pytest.raises(BundleError, match="no bundle is sound"):
        scripts.import_bundles.main([str(tmp_path)], tmp_path / "machines", tmp_path / "imported.json")


def test_nothing_to_compare_is_said(real: bundle.Bundle, tmp_path: Path) -> None:
    (path,) = archives(real, tmp_path / "in", 1, replaced("tables/ratios.csv", "version", "version 1"))
    tables, plan = tables_of([path], tmp_path / "machines")
    document = fleet_report.document(tables, plan)
    assert document["values"]["compared"] == "0"
    assert fleet_figures.ratios(tables, plan).texts[0].get_text() == "No machine has a ratio at a labelled size."
