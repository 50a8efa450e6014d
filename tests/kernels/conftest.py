"""Kernels built for the tests: the study's, on this host's instruction sets, and small ones made wrong on purpose."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from built_kernels import Built, link
from small_block import host_of, small_block
from wrong_kernels import KERNELS as WRONG
from wrong_kernels import source_of

from passline.machine import detect
from passline.measure import lock
from passline.measure.session import Host
from passline.measure.spec import Block
from passline.registry import KERNELS, Isa, Variant, load_isas, load_study, select_isas


@pytest.fixture(scope="session")
def compiler() -> str:
    """A C compiler, or a skip."""
    for name in ("gcc", "clang", "cc"):
        if shutil.which(name):
            return name
    pytest.skip("no C compiler on the PATH")


@pytest.fixture(scope="session")
def host_isas() -> dict[str, Isa]:
    """The instruction sets of this host."""
    machine = detect()
    return select_isas(load_isas(), "auto", machine.architecture, machine.cpu_flags)[0]


@pytest.fixture(scope="session")
def built(compiler: str, host_isas: dict[str, Isa], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Of every pass on every instruction set the first and the last variant of the default grid, and the presets."""
    study = load_study(KERNELS / "softmax", host_isas)
    chosen = [
        variant
        for name in study.passes
        for isa in host_isas
        for found in [study.variants_of(name, isa)]
        if found
        for step in study.steps(name)
        for variant in dict.fromkeys(v.name for v in (study.preset(name, isa, step), found[0], found[-1]))
    ]
    few = tuple(variant for variant in study.variants if variant.name in chosen)
    folder = tmp_path_factory.mktemp("built")
    return link(compiler, replace(study, variants=few), host_isas, {}, folder)


@pytest.fixture(scope="session")
def wrong(compiler: str, host_isas: dict[str, Isa], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Scalar variants with one defect each (see wrong_kernels.py) beside the scalar presets."""
    scalar = {"scalar": host_isas["scalar"]}
    study = load_study(KERNELS / "softmax", scalar)
    presets = [study.preset(name, "scalar") for name in study.passes if study.variants_of(name, "scalar")]
    folder = tmp_path_factory.mktemp("wrong")
    sources, variants = {}, []
    for kernel in WRONG:
        variant = Variant(
            study.name, kernel.pass_name, "scalar", 1, {"unroll": 1, "accumulators": 1}, False,
            f"f32-{kernel.pass_name}-scalar-{kernel.name}", False, False, ("-DPASSLINE_UNROLL=1",),
        )  # fmt: skip
        sources[variant.name] = folder / f"{kernel.name}.c"
        sources[variant.name].write_text(source_of(kernel), encoding="utf-8")
        variants.append(variant)
    return link(compiler, replace(study, variants=(*presets, *variants)), scalar, sources, folder)


@pytest.fixture
def block(built: Built) -> Block:
    """A small block of real contenders."""
    return small_block(built)


@pytest.fixture
def own_lock(tmp_path: Path) -> Iterator[None]:
    """A lock of the test's own: it never waits for a measurement, nor holds one up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lock, "PATH", tmp_path / "measuring.lock")
        yield


@pytest.fixture
def host(built: Built, own_lock: None) -> Host:  # noqa: ARG001 - a test that measures holds its own lock
    """The first cpu, and the library of the tests."""
    return host_of(built)
