"""NEON, where there is none: all variants and algorithms of all studies, cross-compiled and run by qemu's user mode.

For correctness alone: what they take there says nothing about any processor. References, bounds, input families,
guard pages and canaries are those of the check that gates every session (`passline.conformance`).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from guest_library import GuestDiedError, running
from wrong_kernels import KERNELS as WRONG
from wrong_kernels import source_of

from passline import build
from passline.conformance_algorithms import Contender, check_algorithms, presets
from passline.conformance_bench import make_bench
from passline.conformance_variant import check_variant
from passline.reference import Floats
from passline.registry import KERNELS, Isa, Study, Variant, load_isas, load_study
from passline.tables import conform

pytestmark = pytest.mark.slow

CROSS, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
TOOLS = {CROSS: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross", EMULATOR: "qemu-user"}
# A processor without extensions: an instruction that is not part of the baseline ends the guest.
CPU = "cortex-a57"
CFLAGS = ("-O2",)
ISAS = {name: isa for name, isa in load_isas().items() if isa.missing("aarch64", ["asimd"]) is None}
STUDIES = {path.parent.name: load_study(path.parent, ISAS, "full") for path in sorted(KERNELS.glob("*/study.yaml"))}
SOFTMAX, CEILINGS = STUDIES["softmax"], STUDIES["ceilings"]
JUDGED = [name for name in STUDIES if name != CEILINGS.name]  # those with a reference
GUEST = Path(__file__).parent / "guest" / "passes.c"

Rows = list[dict[str, Any]]


def chosen(study: Study) -> tuple[Variant, ...]:
    """All of NEON, and of scalar what the algorithms' steps take first; of the ceilings everything."""
    first = {study.preset(name, "scalar", step).name for name in study.passes for step in study.steps(name)}
    return tuple(v for v in study.variants if study is CEILINGS or v.isa == "neon" or v.name in first)


@dataclass(frozen=True)
class Cross:
    """Objects of all variants of AArch64, and what becomes of them."""

    folder: Path
    objects: dict[str, Path]

    def compiled(self, variant: Variant, source: Path, out: Path, isa: Isa | None = None, *flags: str) -> Path:
        isa = isa or ISAS[variant.isa]
        build.run(build.compile_command(CROSS, (*flags, *CFLAGS), isa, variant, source, out))
        return out

    def runtime(self) -> Path:
        """The runtime in one object."""
        out = self.folder / "runtime.o"
        sources = map(str, sorted((KERNELS / "runtime").glob("*.c")))
        build.run([CROSS, *CFLAGS, *build.BASE_FLAGS, f"-I{KERNELS}", "-r", *sources, "-o", str(out)])
        return out

    def linked(self, name: str, program: Path = GUEST, **replaced: Path) -> Path:
        """A program with all objects, some replaced by others."""
        out = self.folder / name
        objects = map(str, {**self.objects, **replaced}.values())
        flags = (*CFLAGS, *build.BASE_FLAGS, f"-I{KERNELS}", "-static", "-pthread")
        build.run([CROSS, *flags, str(program), *objects, "-lm", "-o", str(out)])
        return out

    def check(self, program: Path, study: Study, variants: tuple[Variant, ...]) -> Rows:
        """Rows of table `accuracy`; a guest that dies is a failed row, and the next variant gets another."""
        rows: Rows = []
        left = list(variants)
        while left:
            try:
                with running((EMULATOR, "-cpu", CPU, program), self.folder / "rows") as guest:
                    bench = make_bench(guest, study, seed=3)  # type: ignore[arg-type]
                    while left:
                        variant = left.pop(0)
                        rows += check_variant(bench, variant)
            except GuestDiedError as death:
                rows.append({"variant": variant.name, "inputs": "-", "passed": False, "reason": str(death)})
        return rows


def crossed(folder: Path, *studies: Study) -> Cross:
    """Objects of the studies, of which no two may name a variant alike."""
    made = Cross(folder, {})
    work = [
        (variant, study.passes[variant.pass_name].source, folder / f"{variant.name}.o")
        for study in studies
        for variant in chosen(study)
    ]
    with ThreadPoolExecutor(2) as pool:
        objects = pool.map(lambda job: made.compiled(*job), work)
        made.objects.update(runtime=made.runtime())
        made.objects.update({variant.name: path for (variant, _, _), path in zip(work, objects, strict=True)})
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            # Where they were installed, as by .ci/run, a test that does not run has failed.
            missing = pytest.fail if os.environ.get("PASSLINE_NEON_TESTS") == "required" else pytest.skip
            missing(f"{tool} is missing (apt install {package})")
    return tmp_path_factory.mktemp("aarch64")


@pytest.fixture(scope="module")
def cross(folder: Path) -> Cross:
    return crossed(folder, SOFTMAX, CEILINGS)


@pytest.fixture(scope="module")
def program(cross: Cross) -> Path:
    return cross.linked("guest")


@pytest.fixture(scope="module")
def judged(folder: Path, request: pytest.FixtureRequest) -> tuple[Study, Cross, Path]:
    """A study, its objects and the guest that holds them."""
    study = STUDIES[request.param]
    if study is SOFTMAX:
        return study, request.getfixturevalue("cross"), request.getfixturevalue("program")
    (folder / request.param).mkdir(exist_ok=True)  # pytest may come back to a study
    own = crossed(folder / request.param, study)
    return study, own, own.linked("guest")


@pytest.fixture(scope="module")
def mutant(cross: Cross) -> Callable[[str, str, str], Rows]:
    """Check a variant that is compiled with neon.h changed in one place, among all the others as they are."""
    header = (KERNELS / "simd" / "neon.h").read_text(encoding="utf-8")
    known = {variant.name: variant for variant in SOFTMAX.variants}

    def check(name: str, old: str, new: str) -> Rows:
        assert header.count(old) == 1, old
        folder = cross.folder / "mutant"
        (folder / "simd").mkdir(parents=True, exist_ok=True)
        (folder / "simd" / "mutant.h").write_text(header.replace(old, new), encoding="utf-8")
        variant = known[name]
        source = SOFTMAX.passes[variant.pass_name].source
        isa = replace(ISAS["neon"], header="mutant.h")
        wrong = cross.compiled(variant, source, folder / "wrong.o", isa, f"-I{folder}")
        return cross.check(cross.linked("mutant/guest", **{name: wrong}), SOFTMAX, (variant,))

    return check


def failed(rows: Rows) -> str:
    return "\n".join(f"{row['variant']} {row['inputs']}: {row['reason']}" for row in rows if not row["passed"])


@pytest.mark.parametrize(
    ("judged", "name"),
    [(study, name) for study in JUDGED for name in STUDIES[study].passes],
    indirect=["judged"],
    scope="module",
)
def test_neon_qemu_every_variant_of_a_pass_is_right(judged: tuple[Study, Cross, Path], name: str) -> None:
    study, cross, program = judged
    variants = tuple(v for v in chosen(study) if v.pass_name == name)
    assert {v.isa for v in variants} == {"neon", "scalar"}
    rows = cross.check(program, study, variants)
    assert not failed(rows)
    assert set(conform("accuracy", pd.DataFrame(rows))["variant"]) == {v.name for v in variants}


@pytest.mark.parametrize("judged", JUDGED, indirect=True, scope="module")
def test_neon_qemu_every_algorithm_is_right(judged: tuple[Study, Cross, Path]) -> None:
    study, cross, program = judged
    contenders = presets(study)
    tables = [
        Contender(c.algorithm, "neon", "table", tuple(v[-1].name for v in steps))
        for c in contenders
        if c.isa == "neon"
        for steps in [[_with_table(study, s) for s in study.algorithms[c.algorithm].steps]]
        if any(v[-1].dimensions.get("table") for v in steps)
    ]
    assert {c.algorithm for c in contenders if c.isa == "neon"} == set(study.algorithms)
    assert len(tables) == (3 if study is SOFTMAX else 0)
    with running((EMULATOR, "-cpu", CPU, program), cross.folder / "rows") as guest:
        rows = check_algorithms(guest, study, [*contenders, *tables], seed=3)  # type: ignore[arg-type]
    assert not failed(rows)


def _with_table(study: Study, step: Any) -> tuple[Variant, ...]:
    found = study.variants_of(step.pass_name, "neon", step)
    return tuple(v for v in found if v.dimensions.get("table")) or found


def _ceiling(name: str, x: Floats, y: Floats, z: Floats) -> Floats | None:
    """What a ceiling with s = 3 makes of y; None where it writes nothing."""
    s = np.float32(3)
    triad = (x.astype(np.float64) + 3 * z.astype(np.float64)).astype(np.float32)  # exact for these rows: fused or not
    made = {"copy": x, "scale": s * x, "scale_inplace": s * y, "triad": triad, "fill": np.full_like(y, s)}
    return made.get(name)


@pytest.mark.parametrize("variant", CEILINGS.variants, ids=lambda variant: variant.name)
def test_neon_qemu_a_ceiling_is_right(variant: Variant, cross: Cross, program: Path) -> None:
    step = CEILINGS.passes[variant.pass_name]
    with running((EMULATOR, "-cpu", CPU, program), cross.folder / "rows") as guest:
        state, run = guest.ffi.new("passline_state *"), guest.variants[variant.name].run
        rows = {name: guest.row(1024) for name in ("x", "y", "scratch")}
        generator = np.random.default_rng(5)
        for n in range(1, 2 * variant.step + 2):
            for left in (0, 1, variant.lanes - 1):  # floats before the upper guard page, where y is not aligned
                at = {name: row.flush_right(n) - (left if name == "y" else 0) for name, row in rows.items()}
                given = {name: generator.integers(-99, 99, n).astype(np.float32) for name in rows}
                for name in {*step.reads, *step.writes}:
                    rows[name].put(at[name], given[name])
                x, y, state.scratch = (guest.ffi.cast("float *", row.address(at[name])) for name, row in rows.items())
                state.scale, state.sum = 3, np.nan
                run(n, x, y, state)
                want = _ceiling(variant.pass_name, given["x"], given["y"], given["scratch"])
                got = {name: rows[name].take(at[name], n) for name in {*step.reads, *step.writes}}
                for name in got:
                    assert np.array_equal(got[name], want if name in step.writes else given[name]), (n, left, name)
                assert all(row.intact() for row in rows.values()), (n, left)
                if variant.pass_name == "read":
                    assert state.sum == given["x"].sum()
                if variant.pass_name == "fma":
                    assert -1 * 64 * 16 < state.sum < 0


@pytest.mark.parametrize("threads", [1, 2])
def test_neon_qemu_the_program_of_the_readme(threads: int, cross: Cross) -> None:
    readme = (KERNELS / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```c\n(.*?)```", readme, flags=re.DOTALL)
    assert program.count("NULL, 1)") == 1
    source, choices = cross.folder / "example.c", cross.folder / "crossovers.txt"
    source.write_text(program.replace("NULL, 1)", f"NULL, {threads})"), encoding="utf-8")
    steps = SOFTMAX.algorithms["two_pass_ref"].steps
    names = " ".join(SOFTMAX.preset(s.pass_name, "neon", s).name for s in steps)
    lines = [f"any {k} 0 0 {k} {names}\n" for k in range(1, threads + 1)]
    choices.write_text("".join(lines), encoding="utf-8")
    said = build.run([EMULATOR, "-cpu", CPU, str(cross.linked("example", source)), str(choices)])
    assert said.startswith("sum 1.0000")


# Each of these is a slip that is easily made in neon.h.
@pytest.mark.parametrize(
    ("variant", "old", "new", "reason"),
    [
        ("f32-raddexpminusmax-neon-rr2-p5-u4-acc1", "vbslq_f32(vcgtq_f32(a, b), a, b)", "vmaxnmq_f32(a, b)", "are NaN"),
        ("f32-vmulc-neon-u4", "if (count == 3) vst1q_lane_f32(p + 2, v, 2);", "vst1q_f32(p, v);", "SIGSEGV"),
        ("f32-rmax-neon-u4-acc1", "return count == 2 ? two :", "return count == 9 ? two :", "SIGSEGV"),
        ("f32-vscaleexpminusmax-neon-rr2-p5-u4", "vfmsq_f32(c, a, b)", "vsubq_f32(c, vmulq_f32(a, b))", "ULP off"),
        ("f32-raddexpref-neon-p3-t8-u8-acc1", "vdupq_n_u32(0x03020100)", "vdupq_n_u32(0x00010203)", "ULP off"),
        ("f32-raddexpref-neon-rr1-p5-u8-acc2", "vaddq_f64(sums->high, vcvt_high", "vaddq_f64(sums->low, vcvt_high",
         "ULP off"),
    ],
    ids=["nan", "store-tail", "load-tail", "fnma", "table", "sums"],
)  # fmt: skip
def test_neon_qemu_a_slip_is_caught(
    variant: str, old: str, new: str, reason: str, mutant: Callable[[str, str, str], Rows]
) -> None:
    assert reason in failed(mutant(variant, old, new))


@pytest.mark.parametrize("defect", ["writes-within-the-page", "writes-before", "reads-after", "needs-denormals"])
def test_neon_qemu_a_defect_is_rejected_for_its_reason(defect: str, cross: Cross) -> None:
    """The kernels on which the check itself is tested: memory and denormals are the guest's."""
    kernel = next(k for k in WRONG if k.name == defect)
    right = SOFTMAX.preset(kernel.pass_name, "scalar")
    variant = replace(right, name=f"f32-{kernel.pass_name}-scalar-{defect}", macros=("-DPASSLINE_UNROLL=1",))
    source = cross.folder / f"{defect}.c"
    source.write_text(source_of(kernel), encoding="utf-8")
    wrong = cross.compiled(variant, source, cross.folder / f"{defect}.o")
    rows = cross.check(cross.linked(f"guest-{defect}", wrong=wrong), SOFTMAX, (variant,))
    assert kernel.reason is not None
    assert kernel.reason in failed(rows)
