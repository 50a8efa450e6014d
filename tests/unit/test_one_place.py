"""What CONTRIBUTING.md says is added in one place: added there, to a copy, it is built, checked, tuned and timed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from test_plan import CACHES, CEILINGS, CONFIG, ISAS

from passline.conformance_algorithms import presets
from passline.contenders import untuned
from passline.errors import StudyError
from passline.measure.spec import Block
from passline.own_reference import check_references
from passline.plan import Host, Planner
from passline.registry import KERNELS, Isa, Study, load_isas, load_study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the softmax study."""
    return Path(shutil.copytree(KERNELS / "softmax", tmp_path / "softmax"))


def add(path: Path, text: str, below: str | None = None) -> None:
    """Write text below a line, or at the end."""
    before = path.read_text()
    assert below is None or before.count(f"\n{below}\n") == 1
    path.write_text(before + text if below is None else before.replace(f"\n{below}\n", f"\n{below}\n{text}"))


def planned(study: Study, isas: dict[str, Isa], ceilings: Study = CEILINGS) -> tuple[list[Block], list[Block]]:
    """Blocks of the tuning step, and of the timing step."""
    planner = Planner(CONFIG, study, ceilings, isas, Host(CACHES, 24 << 30, (1, 0)))
    builds = [untuned(study, isas, "gcc")]
    return planner.tuning(builds), planner.plan(builds, 20e-9, 0.15e-9).blocks


def in_contenders(blocks: list[Block], wanted: Callable[[dict], bool]) -> bool:
    return any(wanted(contender["key"]) for block in blocks for contender in block["contenders"])


def test_a_pass(folder: Path) -> None:
    shutil.copy(folder / "vmulc.c", folder / "vmore.c")
    entry = "  vmore: {summary: y = y * scale, reads: [y], writes: [y], flops_per_element: 1, max_ulp: {any: 0.5}, "
    add(folder / "study.yaml", entry + "variants: [{unroll: [1, 2]}]}\n", below="passes:")
    with pytest.raises(StudyError, match=r"passes.vmore: no float64 reference"):
        check_references(load_study(folder, ISAS))
    folder = folder.rename(folder.parent / "again")  # a reference.py is run once
    add(folder / "reference.py", '\nREFERENCES["vmore"] = _vmulc\n')
    study = load_study(folder, ISAS)
    check_references(study)
    mine = {variant.name for variant in study.variants if variant.pass_name == "vmore"}
    assert len(mine) == 2 * len(ISAS)
    tuning, timing = planned(study, ISAS)
    assert mine <= {name for block in tuning for contender in block["contenders"] for name in contender["variants"]}
    assert in_contenders(timing, lambda key: key["pass"] == "vmore")


def test_an_algorithm(folder: Path) -> None:
    entry = "  other: {title: Other, passes: [rmax, raddexpminusmax, vscaleexpminusmax]}\n"
    add(folder / "study.yaml", entry, below="algorithms:")
    add(folder / "study.yaml", "  - [other, two_pass]\n", below="comparisons:")
    study = load_study(folder, ISAS)
    assert {contender.isa for contender in presets(study) if contender.algorithm == "other"} == set(ISAS)
    _, timing = planned(study, ISAS)
    assert in_contenders(timing, lambda key: key["algorithm"] == "other")
    pairs = {
        tuple(block["contenders"][i]["key"]["algorithm"] for i in pair)
        for block in timing
        for pair in block["stop"]["pairs"]
    }
    assert ("other", "two_pass") in pairs


def test_an_isa(tmp_path: Path) -> None:
    path = tmp_path / "isa.yaml"
    row = "  new: {title: New, header: avx2.h, lanes: 8, architectures: [x86_64], cflags: [], cpu_flags: [], "
    row += "like: avx2}\n"
    path.write_text((KERNELS / "simd" / "isa.yaml").read_text() + row)
    isas = {name: isa for name, isa in load_isas(path).items() if name in (*ISAS, "new")}
    study, ceilings = (load_study(KERNELS / name, isas) for name in ("softmax", "ceilings"))

    def variants(isa: str) -> list[str]:
        """Of all passes, presets marked."""
        return [f"{v.name.replace(isa, '')} {v.preset}" for v in study.variants if v.isa == isa]

    assert variants("new") == variants("avx2")
    assert {contender.algorithm for contender in presets(study) if contender.isa == "new"} == set(study.algorithms)
    tuning, timing = planned(study, isas, ceilings)
    for blocks in (tuning, timing):
        assert in_contenders(blocks, lambda key: key["isa"] == "new")
    assert in_contenders(timing, lambda key: key["isa"] == "new" and key["study"] == "ceilings")
    path.write_text(path.read_text().replace("like: avx2", "like: avx3"))
    with pytest.raises(StudyError, match=r"isas.new.like: there is no 'avx3' above it. Above it: scalar, neon"):
        load_isas(path)
