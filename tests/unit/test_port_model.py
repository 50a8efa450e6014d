"""The floor in cache: loops handed to a program and its answer read, with programs that stand in for the real ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest
import synthetic
import synthetic_beyond as made
import yaml

from figures import beyond as figure
from passline import core_floor, port_model
from passline.disassembly import functions, hot_loop
from passline.floor_in_cache import floor_rows
from passline.machine import MICROARCHITECTURES
from passline.port_model import NoPredictionError
from passline.registry import KERNELS, load_isas, load_study
from passline.tables import conform

FIXTURES = Path(__file__).parents[1] / "fixtures"
REPORT = (FIXTURES / "port_model" / "osaca-zen4-by-hand.txt").read_text()
"""What OSACA 0.7.1 says of a loop written for it, tests/fixtures/port_model/by-hand.s."""


def installed(folder: Path, name: str, says: str, status: int = 0) -> Path:
    """A program of that name that says its version, else the text, and keeps what it was asked."""
    program = folder / name
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "if '--version' in sys.argv: print('made up 9.8.7'); sys.exit()\n"
        f"asked = pathlib.Path({str(folder / 'asked')!r})\n"
        "asked.write_text(' '.join(sys.argv[1:-1]) + '\\n' + open(sys.argv[-1]).read())\n"
        f"print({says!r}); print('it broke', file=sys.stderr) if {status} else None; sys.exit({status})\n"
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return tmp_path


MCA = "Iterations:        100\nTotal Cycles:      603\n\nBlock RThroughput: 4.2\n"


def test_the_busiest_port_or_the_longest_chain_is_the_bound() -> None:
    found = port_model.read_osaca(REPORT)
    assert found == port_model.Prediction(cycles=4.0, unknown=0)  # the chain: one multiply-add of latency 4
    no_chain = REPORT.replace("10    4.0", "10    0.0")
    assert port_model.read_osaca(no_chain).cycles == 1.0  # the store unit is busy in each cycle
    strange = REPORT.replace("|   vmulps", "| X vmulps")
    assert port_model.read_osaca(strange).unknown == 1
    with pytest.raises(NoPredictionError, match="no sums"):
        port_model.read_osaca("nothing")


def test_llvm_mca_tells_what_its_resources_allow() -> None:
    assert port_model.read_mca(MCA).cycles == pytest.approx(4.2)
    with pytest.raises(NoPredictionError, match="no throughput"):
        port_model.read_mca("Iterations: 3")


def test_which_program_is_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoPredictionError, match="llvm-mca is not installed; osaca is not installed"):
        port_model.find("zen4")
    with pytest.raises(NoPredictionError, match="no port model of zen9 is known"):
        port_model.find("zen9")
    with pytest.raises(NoPredictionError, match="llvm-mca is not installed; osaca has no model of alder-lake"):
        port_model.find("alder-lake")
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(path))
    installed(path, "osaca", REPORT)
    assert port_model.find("zen4").name == "osaca"
    installed(path, "llvm-mca-17", MCA)
    tool = port_model.find("zen4")
    assert (tool.name, tool.version) == ("llvm-mca", "9.8.7")
    assert tool.predict(".L0:\n\tjmp .L0\n").cycles == pytest.approx(4.2)
    assert (path / "asked").read_text().splitlines()[0] == "-mcpu=znver4"


def test_instructions_on_the_wrong_ports_have_stand_ins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(path))
    installed(path, "llvm-mca", MCA)
    loop = ".L0:\n\tvscalefps %zmm1,%zmm2,%zmm3\n\tvmaxps (%rdi),%zmm0,%zmm0\n\tvmulps %zmm0,%zmm0,%zmm1\n"
    port_model.find("zen4").predict(loop)
    asked = (path / "asked").read_text().splitlines()[1:]
    add = "\tvaddps %zmm1,%zmm2,%zmm3"
    assert asked == [".L0:", add, add, "\tvaddps (%rdi),%zmm0,%zmm0", "\tvmulps %zmm0,%zmm0,%zmm1"]
    port_model.find("zen3").predict(loop)
    assert "vscalefps" in (path / "asked").read_text(), "only where it was seen"


def test_a_program_that_is_too_old_is_passed_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(path))
    program = installed(path, "llvm-mca", MCA)
    warns = "print(\"'znver4' is not a recognized processor for this target\", file=sys.stderr)\n"
    program.write_text(program.read_text().replace("asked =", warns + "asked =", 1))
    with pytest.raises(NoPredictionError, match=r"llvm-mca \(9.8.7\) has no working model of zen4"):
        port_model.find("zen4")
    installed(path, "llvm-mca-19", MCA)
    assert port_model.find("zen4").command[0].endswith("llvm-mca-19")


def test_a_program_that_fails_is_a_reason(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(path))
    installed(path, "osaca", REPORT)
    tool = port_model.find("zen4")
    installed(path, "osaca", "", status=3)
    with pytest.raises(NoPredictionError, match="osaca failed on the loop: it broke"):
        tool.predict("nop\n")


def test_every_microarchitecture_with_a_model_is_a_known_one() -> None:
    table = yaml.safe_load(MICROARCHITECTURES.read_text())
    names = {row["name"] for row in (*table["x86"], *table["arm"])}
    assert set(table["port_models"]) <= names
    assert set(table["stand_ins"]) <= set(table["port_models"])
    assert {program for found in table["stand_ins"].values() for program in found} <= set(port_model._TOOLS)
    assert {program for models in table["port_models"].values() for program in models} <= set(port_model._TOOLS)


def test_a_loop_becomes_a_source_that_jumps_to_its_own_labels() -> None:
    text = (FIXTURES / "disassembly" / "gcc-rmax-avx512f.txt").read_text()
    (body,) = dict(functions(text)).values()
    loop = hot_loop(body)
    lines = port_model.assembly(body, loop.straight).splitlines()
    assert lines[0] == f".L{loop.first:x}:"
    assert sum(line.startswith("\t") for line in lines) == loop.instructions
    assert lines[-1].split()[1] in {line.rstrip(":") for line in lines if line.startswith(".L")}


def test_each_pass_of_each_algorithm_gets_a_row(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(path))
    listing = (FIXTURES / "disassembly" / "gcc-rmax-avx512f.txt").read_text()
    (symbol,) = dict(functions(listing))
    isas = load_isas()
    study = load_study(KERNELS / "softmax", isas, "full")
    rmax = next(v for v in study.variants if v.symbol == symbol)
    row = {
        "build_id": "b", "pass": "rmax", "isa": rmax.isa, "variant": rmax.name, "n_elements": 4096, "chosen": True,
        "cycles_per_vector": 1.25, "time_median_s": 1.0, "stack_references": 0, "calls": 0, "finite_only": False,
    }  # fmt: skip
    tuning = pd.DataFrame([row])
    absent = floor_rows(tuning, study, {"b": listing}, "zen4")
    assert set(absent["algorithm"]) == {"three_pass_recompute", "three_pass_reload"}
    assert absent["cycles_predicted"].isna().all()
    assert absent["reason"].str.startswith("unavailable: llvm-mca is not installed").all()
    assert (absent["cycles_measured"] == 1.25).all()
    installed(path, "osaca", REPORT)
    found = floor_rows(tuning, study, {"b": listing}, "zen4")
    assert found["cycles_predicted"].tolist() == [4.0 / (rmax.step // rmax.lanes)] * 2
    assert set(found["model"]) == {"osaca 9.8.7"}
    other = floor_rows(tuning, study, {"b": listing.replace("elf64-x86-64", "elf64-littleaarch64")}, "zen4")
    assert other["reason"].str.contains("only elf64-x86-64 is understood").all()


def test_only_what_runs_each_time_is_handed_over() -> None:
    text = (FIXTURES / "disassembly" / "gcc-raddexponline-avx512f-out-of-line.txt").read_text()
    (body,) = dict(functions(text)).values()
    loop = hot_loop(body)
    source = port_model.assembly(body, loop.straight)
    # Four vectors, seven multiply-adds each with the polynomial of degree 5; rescaling would add to them.
    assert source.count("\tvf") == 4 * 7
    assert source.count("\tvscalefps") == 4
    assert source.splitlines()[-1].endswith(f".L{loop.straight[0]:x}")


def predicted(cycles: float) -> pd.DataFrame:
    """Table `port_model` of the made-up session: so many cycles for each pass of two algorithms of two passes."""
    rows = [
        {"build_id": synthetic.BUILD, "study": "softmax", "algorithm": name, "pass_index": place, "pass": f"p{place}",
         "isa": isa, "variant": "v", "cycles_predicted": cycles, "cycles_measured": 1.5 * cycles,
         "unknown_instructions": 0, "model": "osaca 9.8.7", "reason": "-"}
        for name in made.ALGORITHMS for isa in made.ISAS for place in (1, 2)
    ]  # fmt: skip
    return conform("port_model", pd.DataFrame(rows))


def test_the_report_sums_the_passes_and_the_figure_draws_what_best_picks() -> None:
    tables = {**made.tables(), "port_model": predicted(2.0)}
    rows = core_floor.report_tables(tables, made.plan())["beyond_core"]["rows"]
    assert [(row[1], row[2], row[4]) for row in rows] == [("Online", "4.00", "6.00"), ("Best", "4.00", "6.00")] * 2
    assert "osaca 9.8.7" in core_floor.values(tables)["port_model"]
    clock = float(tables["rounds"]["clock_hz"].median())
    drawn = figure.data(tables, made.plan())
    ports = drawn[(drawn["algorithm"] == "ports") & (drawn["isa"] == "avx512f")]
    assert ports["value"].tolist() == pytest.approx([4.0 / 16 / clock] * len(made.SIZES))
    assert figure.draw(tables, made.plan()).axes


def test_a_model_that_allows_less_than_was_measured_is_called_wrong() -> None:
    rows = core_floor.report_tables({**made.tables(), "port_model": predicted(2000.0)}, made.plan())
    assert {row[-1] for row in rows["beyond_core"]["rows"]} == {core_floor.TOO_HIGH}
    rows = core_floor.report_tables({**made.tables(), "port_model": predicted(0.001)}, made.plan())
    assert {row[-1] for row in rows["beyond_core"]["rows"]} == {""}


def test_without_a_prediction_the_report_says_why() -> None:
    missing = predicted(2.0).assign(
        cycles_predicted=float("nan"), reason="unavailable: osaca is not installed", model="-"
    )
    tables = {**made.tables(), "port_model": missing}
    assert core_floor.report_tables(tables, made.plan())["beyond_core"]["rows"] == []
    said = core_floor.values(tables)["port_model"]
    assert said == "The floor in cache is unavailable: osaca is not installed."
    assert "ports" not in set(figure.data(tables, made.plan())["algorithm"])
