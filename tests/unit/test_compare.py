"""Two sessions meet only if they may, and a changed ratio is told from noise: made-up sessions of known truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import synthetic
import yaml
from test_machine import unpack

from passline import cli
from passline.compare import COMPARED_ELSEWHERE, ComparisonError, check, read_session
from passline.compare_keys import RULES, Differences, rule_of
from passline.compare_points import (
    IMPROVED,
    ONLY_A,
    ONLY_B,
    REGRESSED,
    SAME,
    UNDECIDED,
    absolute_changes,
    agreement,
    judge,
)
from passline.errors import TableError
from passline.machine import detect, write_machine
from passline.tables import VERSION, conform, write_table

WORKFLOW = Path(__file__).parents[2] / "workflow"
CONFIG = yaml.safe_load((WORKFLOW / "config" / "default.yaml").read_text(encoding="utf-8"))
SMALL = synthetic.Shape(isas=("avx2", "avx512f"), protocols=("paper",), sizes=(4096, 65536, 33554432))


@pytest.fixture(scope="module")
def ratios() -> dict[int, pd.DataFrame]:
    """Table `ratios` of two sessions of the same truth, by seed."""
    return {seed: synthetic.tables(replace(SMALL, seed=seed))["ratios"] for seed in (1, 2)}


@pytest.fixture
def session(tmp_path: Path, ratios: dict[int, pd.DataFrame]) -> Callable[..., Path]:
    """Write a session's folder; `change` edits its documents and tables before they are written."""
    tree = unpack("vm-zen4", tmp_path / "tree")

    def write(name: str, seed: int = 1, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
        folder = tmp_path / "results" / name
        build = {
            "build_id": synthetic.BUILD,
            "compiler": "gcc",
            "version": "gcc 12.2.0",
            "cflags": ["-O2", "-std=c11"],
            "isas": {"avx2": ["-mavx2"], "avx512f": ["-mavx512f"]},
            "architecture": "x86_64",
            "sources": {"softmax/rmax.c": "ab" * 32},
            "objects": {"softmax.rmax.avx2": "cd" * 32},
            "library_sha256": "ef" * 32,
        }
        state = {"governor": "performance", "microcode": "0x1", "numpy_version": "2.0.0", "gcc_version": "12"}
        parts: dict[str, Any] = {
            "machine": detect(tree),
            "plan": synthetic.plan(SMALL) | {"session": name},
            "config": json.loads(json.dumps(CONFIG)),
            "builds": {"gcc": build},
            "state": state,
            "ratios": ratios[seed].copy(),
            "tuning": synthetic.tuning(SMALL),
        }
        if change:
            change(parts)
        write_machine(parts["machine"], folder / "machine.json")
        for document in ("plan", "config"):
            (folder / f"{document}.json").write_text(json.dumps(parts[document]), encoding="utf-8")
        for compiler, described in parts["builds"].items():
            (folder / "build" / compiler).mkdir(parents=True)
            (folder / "build" / compiler / "build.json").write_text(json.dumps(described), encoding="utf-8")
        rows = [{"machine": "m", "key": k, "value": v, "unit": "-", "origin": "o"} for k, v in parts["state"].items()]
        for table in ("ratios", "tuning"):
            write_table(table, parts[table], folder / f"tables/{table}.csv")
        write_table("machines", pd.DataFrame(rows), folder / "tables/machines.csv")
        return folder

    return write


def slower(parts: dict[str, Any], algorithm: str, factor: float) -> None:
    """Make an algorithm `factor` times as slow as it was, in every ratio it stands in."""
    table = parts["ratios"]
    for column, against, power in (("algorithm", "base", -1), ("base", "algorithm", 1)):
        rows = (table[column] == algorithm) & (table[against] != algorithm)
        table.loc[rows, ["ratio", "ratio_low", "ratio_high"]] *= factor**power
    table.loc[table["algorithm"] == algorithm, "time_median_s"] *= factor
    table.loc[table["base"] == algorithm, "base_time_median_s"] *= factor


def compared(a: Path, b: Path) -> tuple[Differences, pd.DataFrame]:
    first, second = read_session(a), read_session(b)
    return check(first, second), judge(first.ratios, second.ratios)


# ---- who may meet


def test_a_session_agrees_with_itself(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = session("one")
    found, points = compared(folder, folder)
    assert found == Differences((), (), ())
    assert set(points["verdict"]) == {SAME}
    assert cli.main(["compare", str(folder), str(folder)]) == 0
    assert "The sessions agree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "values", "change"),
    [
        ("model", ("17", "33"), lambda p: p.update(machine=replace(p["machine"], model=33))),
        (
            "microarchitecture",
            ("zen4", "zen5"),
            lambda p: p.update(machine=replace(p["machine"], microarchitecture="zen5")),
        ),
        (
            "llc",
            ("33554432 B, level 3, of 2 cpus", "16777216 B"),
            lambda p: p.update(machine=replace(p["machine"], llc=replace(p["machine"].llc, bytes=16 << 20))),
        ),
        ("cores", ("2", "4"), lambda p: p.update(machine=replace(p["machine"], cores=4))),
        ("hypervisor", ("unnamed", "none"), lambda p: p.update(machine=replace(p["machine"], hypervisor="none"))),
        ("machine_id_hash", ("", "0000"), lambda p: p.update(machine=replace(p["machine"], machine_id_hash="0000"))),
        ("measuring_cpu", ("1", "0"), lambda p: p.update(machine=replace(p["machine"], measuring_cpu=0))),
        ("study", ("softmax", "other"), lambda p: p["plan"].update(study="other")),
        ("cpu", ("auto", "1"), lambda p: p["config"].update(cpu=1)),
        ("gcc version", ("gcc 12.2.0", "gcc 13.1.0"), lambda p: p["builds"]["gcc"].update(version="gcc 13.1.0")),
        ("gcc cflags", ("-O2", "-O3"), lambda p: p["builds"]["gcc"].update(cflags=["-O3", "-std=c11"])),
        ("gcc isas", ("avx2: -mavx2", "-mfma"), lambda p: p["builds"]["gcc"]["isas"].update(avx2=["-mavx2", "-mfma"])),
        ("governor", ("performance", "powersave"), lambda p: p["state"].update(governor="powersave")),
        ("microcode", ("0x1", "0x2"), lambda p: p["state"].update(microcode="0x2")),
    ],
)
def test_what_matters_is_refused_with_key_and_both_values(
    key: str, values: tuple[str, str], change: Any, session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = session("one"), session("two", change=change)
    assert cli.main(["compare", str(a), str(b)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    line = next(line for line in said.err.splitlines() if line.strip().startswith(f"{key}: "))
    first, second = line.removeprefix(f"    {key}: ").split(" | ")
    assert first.startswith(values[0])
    assert values[1] in second
    assert cli.main(["compare", str(b), str(a)]) == 2


def test_what_does_not_matter_is_listed(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def change(parts: dict[str, Any]) -> None:
        parts["machine"] = replace(parts["machine"], kernel="7.0.0", memory_bytes=1 << 34)
        parts["config"].update(seed=7)
        parts["plan"].update(effort=4)
        parts["builds"]["gcc"].update(sources={"softmax/rmax.c": "00" * 32}, build_id="ba9876543210")
        parts["ratios"]["build_id"] = parts["tuning"]["build_id"] = "ba9876543210"
        parts["state"].update(numpy_version="2.1.0")
        chosen = parts["tuning"].loc[parts["tuning"]["chosen"], "variant"].iloc[0]
        parts["tuning"]["variant"] = parts["tuning"]["variant"].replace(chosen, "f32-other")

    a, b = session("one"), session("two", seed=2, change=change)
    found, points = compared(a, b)
    listed = {row.key: (row.a, row.b) for row in found.listed}
    assert listed["kernel"] == ("6.18.44", "7.0.0")
    assert listed["seed"] == ("20200113", "7")
    assert listed["gcc sources"] == ("softmax/rmax.c: abababab", "softmax/rmax.c: 00000000")
    assert listed["session"] == ("one", "two")
    assert listed["numpy_version"] == ("2.0.0", "2.1.0")
    assert {"memory_bytes", "effort", "gcc build_id"} <= set(listed)
    assert any(key.startswith("tuned ") and values[1] == "f32-other" for key, values in listed.items())
    assert all(row.why for row in found.listed)
    assert not set(points["verdict"]) & {ONLY_A, ONLY_B}  # another build id is no other point
    assert cli.main(["compare", str(a), str(b)]) == 0
    assert "kernel: 6.18.44 | 7.0.0  (timed code makes no system calls)" in capsys.readouterr().out


def test_a_value_that_one_session_lacks_is_no_difference_but_said(session: Any) -> None:
    def change(parts: dict[str, Any]) -> None:
        parts["state"] = {"governor": "unavailable"}
        parts["machine"] = replace(parts["machine"], machine_id_hash=None)

    found, _ = compared(session("one"), session("two", change=change))
    assert {row.key: row.b for row in found.unknown} == {
        "governor": "unknown",
        "microcode": "unknown",
        "machine_id_hash": "unknown",
    }


def test_a_session_without_measurement_is_refused(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    smoke = session("smoke", change=lambda p: p["plan"].update(measurement=False))
    assert cli.main(["compare", str(session("one")), str(smoke)]) == 2
    assert "measurement is false" in capsys.readouterr().err


def test_no_compiler_in_common(session: Any) -> None:
    def change(parts: dict[str, Any]) -> None:
        parts["builds"] = {"clang": parts["builds"]["gcc"] | {"compiler": "clang"}}

    with pytest.raises(ComparisonError, match=r"compiler: gcc \| clang"):
        compared(session("one"), session("two", change=change))


def test_isas_of_one_session_alone_do_not_forbid(session: Any) -> None:
    def change(parts: dict[str, Any]) -> None:
        del parts["builds"]["gcc"]["isas"]["avx512f"]
        parts["ratios"] = parts["ratios"][(parts["ratios"][["isa", "base_isa"]] == "avx2").all(axis=1)]

    _, points = compared(session("one"), session("two", change=change))
    assert set(points.loc[points["verdict"] == ONLY_A, "isa"]) == {"avx512f"}


@pytest.mark.parametrize(
    ("document", "keys"),
    [
        (
            "machine",
            yaml.safe_load((WORKFLOW / "schemas/machine.schema.yaml").read_text(encoding="utf-8"))["properties"],
        ),
        ("config", yaml.safe_load((WORKFLOW / "schemas/config.schema.yaml").read_text(encoding="utf-8"))["properties"]),
    ],
)
def test_every_key_of_a_schema_has_a_rule(document: str, keys: dict[str, Any]) -> None:
    named = {rule.key for rule in RULES if rule.document == document}
    if document == "config":
        named |= COMPARED_ELSEWHERE
    assert set(keys) == named


def test_a_key_without_a_rule_must_not_differ() -> None:
    assert rule_of("config", "colour").matters
    assert not rule_of("state", "clock_cost_s").matters
    assert all(rule.why for rule in RULES)


# ---- what is wrong with a folder


@pytest.mark.parametrize("name", ["plan.json", "config.json", "machine.json", "tables/ratios.csv"])
def test_a_missing_file_is_named(name: str, session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = session("one")
    (folder / name).unlink()
    assert cli.main(["compare", str(folder), str(folder)]) == 2
    assert f"{folder / name}: the " in capsys.readouterr().err


def test_tables_older_than_the_build(session: Any) -> None:
    folder = session("one", change=lambda p: p["builds"]["gcc"].update(build_id="ffff"))
    with pytest.raises(ComparisonError, match=f"is of build {synthetic.BUILD}, and the builds here are ffff"):
        read_session(folder)


def test_a_table_of_another_version_is_read_if_it_has_the_columns(session: Any) -> None:
    a, b = session("one"), session("two")
    path = b / "tables/ratios.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(f"version {VERSION}", "version 9", 1), encoding="utf-8")
    found, _ = compared(a, b)
    assert ("version of ratios", "9") in {(row.key, row.b) for row in found.listed}
    path.write_text(text.replace("ratio_low", "lowest", 1), encoding="utf-8")
    with pytest.raises(TableError, match="has no column ratio_low"):
        read_session(b)
    path.write_text(text.replace("table ratios", "table passes", 1), encoding="utf-8")
    with pytest.raises(TableError, match="first line is"):
        read_session(b)


def test_a_point_that_stands_twice_is_an_error(session: Any) -> None:
    table = read_session(session("one")).ratios
    with pytest.raises(TableError, match="holds a point twice: gcc"):
        judge(table, pd.concat([table, table.iloc[:1]]))


# ---- what became of the ratios


def test_two_sessions_of_the_same_truth_agree(session: Any) -> None:
    _, points = compared(session("one", seed=1), session("two", seed=2))
    assert len(points) > 40
    agreed = agreement(points)
    assert agreed.within >= agreed.least_by_chance
    assert agreed.factor < 1.5
    assert not set(points["verdict"]) & {REGRESSED, IMPROVED}


def test_a_planted_slowdown_is_found_and_blamed_on_nothing_else(
    session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = session("one"), session("two", seed=2, change=lambda p: slower(p, "two_pass", 1.05))
    _, points = compared(a, b)
    between = points["algorithm"] != points["base"]
    hit = between & (points["algorithm"] == "two_pass")
    assert hit.sum() >= 16
    assert (points.loc[hit, "verdict"] == REGRESSED).mean() > 0.9
    assert points.loc[hit, "change"].median() == pytest.approx(1 / 1.05 - 1, abs=0.01)
    assert not set(points.loc[~hit, "verdict"]) & {REGRESSED, IMPROVED}
    assert cli.main(["compare", str(a), str(b), "--csv", str(a / "points.csv")]) == 1
    said = capsys.readouterr().out
    assert said.index("regressed:\n") < said.index("Points of both: ")
    assert "The sessions do not agree" in said
    assert len(pd.read_csv(a / "points.csv")) == len(points)
    # The other way round it is an improvement, and no reason to stop.
    assert cli.main(["compare", str(b), str(a)]) == 0
    assert "improved:\n" in capsys.readouterr().out


def test_the_same_drift_of_all_times_is_no_regression(session: Any) -> None:
    def drift(parts: dict[str, Any]) -> None:
        parts["ratios"][["time_median_s", "base_time_median_s"]] *= 1.3

    _, points = compared(session("one"), session("two", change=drift))
    assert set(points["verdict"]) == {SAME}
    changes = absolute_changes(points).set_index("algorithm")
    assert set(changes.index) == set(synthetic.ALGORITHMS)
    assert changes["median"].to_numpy() == pytest.approx(0.3, abs=1e-6)
    # Two ISAs, two variants, three sizes; a contender that stands in several pairs counts once.
    assert set(changes["points"]) == {2 * 2 * 3}


def test_points_of_one_session_are_counted_named_and_not_judged(
    session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def fewer(parts: dict[str, Any]) -> None:
        parts["ratios"] = parts["ratios"][parts["ratios"]["n_elements"] != 65536]

    a, b = session("one"), session("two", change=fewer)
    _, points = compared(a, b)
    lone = points[points["n_elements"] == 65536]
    assert set(lone["verdict"]) == {ONLY_A}
    assert lone["p_adjusted"].isna().all()
    assert agreement(points).points == len(points) - len(lone)
    assert cli.main(["compare", str(b), str(a)]) == 0
    said = capsys.readouterr().out
    assert f"{len(lone)} points are only in B:" in said
    assert "  two_pass avx2 preset, three_pass_reload avx2 preset, paper: n 65536\n" in said


def test_a_change_whose_rounds_depend_on_each_other_is_undecided(
    session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(parts: dict[str, Any]) -> None:
        slower(parts, "two_pass", 1.2)
        parts["ratios"]["p_dependence"] = np.where(parts["ratios"]["isa"] == "avx2", 0.009, 0.01)

    a, b = session("one"), session("two", change=change)
    _, points = compared(a, b)
    between = (points["algorithm"] == "two_pass") & (points["base"] != "two_pass")
    assert set(points.loc[between & (points["isa"] == "avx2"), "verdict"]) == {UNDECIDED}
    assert set(points.loc[between & (points["isa"] == "avx512f"), "verdict"]) == {REGRESSED}
    assert cli.main(["compare", str(a), str(b)]) == 1
    held = int((between & (points["isa"] == "avx2")).sum())
    said = " ".join(capsys.readouterr().out.split())
    assert f"Of the undecided, {held} have rounds that depend on each other" in said


def test_too_few_rounds_for_an_interval(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def few(parts: dict[str, Any]) -> None:
        parts["ratios"][["ratio_low", "ratio_high"]] = np.nan

    a, b = session("one"), session("two", change=few)
    _, points = compared(a, b)
    assert set(points["verdict"]) == {UNDECIDED}
    assert cli.main(["compare", str(a), str(b)]) == 0
    assert "Whether the sessions agree is unknown" in capsys.readouterr().out


def test_a_file_that_cannot_be_written(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = session("one")
    assert cli.main(["compare", str(folder), str(folder), "--csv", str(folder / "none" / "points.csv")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_two_compilers_are_points_of_their_own(session: Any) -> None:
    def two(parts: dict[str, Any]) -> None:
        gcc = parts["builds"]["gcc"]
        parts["builds"]["clang"] = gcc | {"compiler": "clang", "build_id": "c1a9", "version": "clang 14"}
        other = parts["ratios"].assign(build_id="c1a9")
        parts["ratios"] = conform("ratios", pd.concat([parts["ratios"], other]))

    a, b = session("one", change=two), session("two", change=two)
    _, points = compared(a, b)
    assert points["compiler"].value_counts().nunique() == 1
    assert set(points["verdict"]) == {SAME}
    shutil.rmtree(b / "build/clang")
    with pytest.raises(ComparisonError, match="c1a9"):
        read_session(b)
