"""The whole road once, as `snakemake --profile profiles/smoke` takes it, and what re-runs after an edit."""

import getpass
import hashlib
import json
import re
import socket
from pathlib import Path

import pypdf
import pytest
from checkouts import run, shell

from passline import bundle
from passline.table_models_fleet import FLEET_TABLES
from passline.tables import TABLES, read_table

SMOKE = ("--profile", "profiles/smoke")
NOT_YET = {"selftest"}  # it runs when asked for
# No baseline is installed; the study may have no algorithm beyond the paper; nobody read numbers off it.
MAY_BE_EMPTY = {"skipped", "baselines", "beyond", "paper_values"}


@pytest.fixture(scope="module")
def road(shared_checkout):
    done = run(shared_checkout, *SMOKE)
    assert done.returncode == 0, done.stderr[-4000:]
    return shared_checkout


def planned(folder):
    """Rule -> jobs that a run would start now."""
    said = run(folder, "-n", *SMOKE).stdout
    table = said.partition("job ")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)\s*$", table, re.MULTILINE)}


def edit(path, text):
    path.write_text(path.read_text() + text)


def session(folder) -> Path:
    (found,) = folder.glob("results/*/smoke")
    return found


def test_every_table_is_there_and_valid(road):
    of_fleets = {table.name for table in FLEET_TABLES}
    for name in TABLES.keys() - NOT_YET - of_fleets:
        frame = read_table(name, session(road) / "tables" / f"{name}.csv")
        if name not in MAY_BE_EMPTY:
            assert len(frame), name


def test_counting_ends_in_counts_or_in_the_model_with_every_attempt(road):
    results = session(road)
    record = json.loads((results / "raw/counters/counts.json").read_text())
    asked = json.loads((results / "raw/counters/probe.json").read_text())["chosen"]
    memory = record["sought"]["1"]["memory"]
    assert memory["source"] == asked["source"]
    table = read_table("counters", results / "tables/counters.csv")
    passes = read_table("passes", results / "tables/passes.csv")
    alone = passes[(passes["algorithm"] == "-") & passes["variant"].isin(table["variant"])]
    assert len(alone)
    if memory["plan"] is not None:
        assert "counted" in set(table["status"])
        return
    assert memory["source"] == "model"
    assert memory["attempts"][0]["source"] == "perf_event"
    assert all(a["errno"].startswith("E") for a in memory["attempts"] if not a["ok"])
    uncounted = table[table["status"] == "unavailable"]
    assert uncounted.groupby(["variant", "n_elements", "threads"]).size().eq(1).all()
    assert set(uncounted["variant"]) == set(table["variant"])
    for attempt in memory["attempts"]:
        if not attempt["ok"]:
            assert uncounted["reason"].str.contains(f"{attempt['source']} {attempt['errno']}", regex=False).all()
    assert passes[["bytes_read_counted", "bytes_written_counted", "bytes_combined_counted"]].isna().all().all()
    assert set(passes["source"]) == {"model"}
    # An outside baseline has no model either.
    assert set(passes.loc[passes["isa"] != "-", "confidence"]) <= {"D", "E"}
    said = json.loads((results / "numbers.json").read_text())["values"]["counting"]
    assert said.startswith(f"No bytes were counted in this session, as {uncounted['reason'].iloc[0]};")


def test_the_report_says_that_it_is_no_measurement_on_every_page(road):
    (path,) = road.glob("reports/*/smoke/report.pdf")
    pages = pypdf.PdfReader(path).pages
    assert len(pages) >= 5
    for page in pages:
        assert "NOT A MEASUREMENT" in page.extract_text()


def test_no_verdict_is_given(road):
    numbers = json.loads((session(road) / "numbers.json").read_text())
    assert numbers["measurement"] is False
    assert not re.search(r"\d\.\d\d", " ".join(numbers["headlines"]))


def test_every_variant_passed_the_check(road):
    assert read_table("accuracy", session(road) / "tables/accuracy.csv")["passed"].all()


def test_its_bundle_is_exported_and_imported_and_names_nobody(road):
    """Each text of it is looked through here once more, without what export looks through it with."""
    results = session(road)
    packed = shell(road, f"passline export {results.relative_to(road)} -o sent/one{bundle.SUFFIX}")
    assert packed.returncode == 0, packed.stderr
    imported = shell(road, "passline import sent --into fleet")
    assert imported.returncode == 0, imported.stderr
    (folder,) = (road / "fleet").iterdir()
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix() for path in files}
    assert {"raw/counters/counts.json", "raw/times/manifest.json", "tables/timings.csv", "plan.json"} <= names
    host, user = re.escape(socket.gethostname().split(".")[0]), re.escape(getpass.getuser())
    told = re.compile(
        rf"{re.escape(str(road))}|{re.escape(str(Path.home()))}/|/tmp/|/home/|@{host}\b|\b{user}@|/{user}/"
    )
    assert {path: told.findall(path.read_text()) for path in files if told.search(path.read_text())} == {}
    for path in files:
        if path.name not in (bundle.MANIFEST, "config.json") or path.parent != folder:
            assert path.read_bytes() == (results / path.relative_to(folder)).read_bytes()


def test_a_second_run_has_nothing_to_do(road):
    assert planned(road) == {}


def test_editing_a_figure_redraws_it_and_nothing_else(road):
    edit(road / "workflow/figures/roofline.py", "\n# edited\n")
    assert planned(road) == {"figure": 1, "report": 1, "gate": 1, "all": 1}
    assert run(road, *SMOKE).returncode == 0


def test_a_baseline_is_timed_compared_and_its_error_stands_beside_ours(road):
    tables = session(road) / "tables"
    ratios = read_table("ratios", tables / "ratios.csv")
    against = ratios[ratios["base"] == "numpy"]
    assert set(against["isa"]) == set(ratios["isa"])
    assert (against["base_time_median_s"] > 0).all()
    assert "numpy" in set(read_table("error_over_n", tables / "error_over_n.csv")["algorithm"])
    facts = read_table("baselines", tables / "baselines.csv")
    assert set(facts["n_elements"]) == set(against["n_elements"])
    assert (facts["call_overhead_s"] > 0).all()


def planned_if_edited(road, name):
    """What a run would start if that file were another; it is left as it was."""
    path = road / name
    before = path.read_text()
    edit(path, "\n# edited\n")
    jobs = planned(road)
    path.write_text(before)
    return jobs.keys()


def test_editing_a_baseline_plans_and_measures_but_builds_and_checks_nothing(road):
    jobs = planned_if_edited(road, "workflow/passline/baselines/numpy.py")
    assert {"baselines", "plan", "measure"} <= jobs
    assert not {"compile", "link", "check", "tuning"} & jobs


def test_editing_an_interval_chooses_again_but_builds_and_checks_nothing(road):
    """What `best` takes rests on intervals, and so does what is timed; the choosing step itself is not taken again."""
    jobs = planned_if_edited(road, "workflow/passline/intervals.py")
    assert {"crossovers", "ceilings", "passes", "ratios", "report"} <= jobs
    assert not {"compile", "link", "check", "tuning", "plan_choosing"} & jobs


def test_editing_a_statistic_recomputes_tables_but_measures_nothing(road):
    edit(road / "workflow/passline/statistics.py", "\n# edited\n")
    jobs = planned(road)
    assert {"ratios", "passes", "quality", "report"} <= jobs.keys()
    assert not {"compile", "link", "check", "measure", "timings"} & jobs.keys()


def contents(*folders):
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_analysis_is_rebuilt_byte_for_byte_from_the_rounds(road):
    results, (report,) = session(road), road.glob("reports/*/smoke")
    made = (results / "tables", report)
    before = contents(*made) | {results / "numbers.json": contents(results)[results / "numbers.json"]}
    assert {path.suffix for path in before} == {".csv", ".json", ".svg", ".pdf"}
    measured = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in results.glob("raw/**/*.json")}
    for path in before:
        if path.name not in ("accuracy.csv", "tuning.csv", "crossovers.csv"):  # what is timed rests on these
            path.unlink()
    (results / "done").unlink()
    assert not {"compile", "link", "check", "measure"} & planned(road).keys()
    done = run(road, *SMOKE)
    assert done.returncode == 0, done.stderr[-4000:]
    after = contents(*made) | {results / "numbers.json": contents(results)[results / "numbers.json"]}
    assert after.keys() == before.keys()
    assert [path for path in before if after[path] != before[path]] == []
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in results.glob("raw/**/*.json")} == measured


def test_editing_what_counts_counts_again_and_times_nothing(road):
    edit(road / "workflow/passline/counters/counting.py", "\n# edited\n")
    jobs = planned(road)
    assert {"count", "counters", "passes"} <= jobs.keys()
    assert not {"compile", "link", "check", "blocks", "measure", "timings"} & jobs.keys()
    assert run(road, *SMOKE).returncode == 0


def test_editing_a_pass_rebuilds_it_and_measures_its_blocks_again(road):
    rounds = {p: p.stat().st_mtime_ns for p in session(road).glob("raw/*/*/round-*.json")}
    edit(road / "kernels/softmax/raddextexp.c", "\nstatic const int passline_edited __attribute__((unused)) = 1;\n")
    jobs = planned(road)
    isas = len({p.name.split(".")[2] for p in session(road).glob("build/*/objects/*.o")})
    assert jobs["compile"] == isas
    assert {"link", "check", "measure"} <= jobs.keys()
    done = run(road, *SMOKE)
    assert done.returncode == 0, done.stderr[-4000:]
    after = {p: p.stat().st_mtime_ns for p in session(road).glob("raw/*/*/round-*.json")}
    # No round of another block was taken again, and none was lost.
    assert {p: t for p, t in after.items() if p in rounds} == rounds
    fresh = {p.parent.name.rpartition("-")[0] for p in after.keys() - rounds.keys()}
    assert not [name for name in fresh if name.startswith("ceilings")]
