"""The traffic model against the real kernels before a simulated cache, and that cache against independent ones."""

from __future__ import annotations

import platform
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import simulated_traffic as st
from independent_caches import callgrind, pycachesim
from simulated_traffic import LLC, OUT_OF_CACHE, Cache, Lines, Rows, Simulator

from passline.registry import KERNELS, Isa, Pass, Study, Variant, load_isas, load_study

ALL_ISAS = load_isas()
STUDIES = st.chosen(ALL_ISAS)
CHOSEN = [(study, variant) for study in STUDIES for variant in study.variants]
ORDINARY = [(study, variant) for study, variant in CHOSEN if not variant.non_temporal]
STREAMING = [(study, variant) for study, variant in CHOSEN if variant.non_temporal]
VARIANTS = {variant.name: variant for _, variant in CHOSEN}
MODEL = st.model(STUDIES, ALL_ISAS, OUT_OF_CACHE)
# The state, constants and the ragged ends of rows: lines that no model per element counts.
FEW_LINES = 10
RAGGED_BYTES = 512
SAMPLED = {"raddexpref": 128, "raddstoreexpref": 128}  # scores that a pass looks at before it walks over the row


def names(chosen: list[tuple[Study, Variant]]) -> list[str]:
    return [variant.name for _, variant in chosen]


@pytest.fixture(scope="module")
def gcc() -> str:
    compiler, reason = st.gcc()
    if compiler is None:
        pytest.skip(reason)
    return compiler


@pytest.fixture(scope="module")
def simulator(gcc: str, tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    isas = st.host_isas()
    return Simulator(st.build_traced(gcc, st.chosen(isas), isas, tmp_path_factory.mktemp("traced")))


def skip_without_non_temporal_store(variant: Variant) -> None:
    if variant.non_temporal and variant.isa == "scalar" and platform.machine() != "x86_64":
        pytest.skip(f"scalar.h has no non-temporal store on {platform.machine()}: the variant stores as usual")


def runnable(simulator: Simulator, variant: Variant) -> str:
    """The variant's name, where this host can run it."""
    skip_without_non_temporal_store(variant)
    if variant.name not in simulator.kernels.variants:
        pytest.skip(f"this host has no {variant.isa}")
    return variant.name


def sampled(variant: Variant, n: int) -> int:
    """Scores of a sample: the whole of a short row; else some vectors, and the last one."""
    most = SAMPLED.get(variant.pass_name, 0)
    return n if n <= most else most + variant.lanes if most else 0


def assert_bytes(counted: st.Counts, step: Pass, variant: Variant, n: int) -> None:
    """Every element of every stream once, those of x that are sampled twice, and nothing else of any row."""
    twice = {"x": 4 * sampled(variant, n)}
    for row in st.ROWS[1:]:
        expected = 4 * n + twice.get(row, 0) if row in step.reads else 0
        assert counted.bytes_loaded[row] == expected, (row, "loaded", n)
        assert counted.bytes_stored[row] == (4 * n if row in step.writes else 0), (row, "stored", n)
    assert counted.bytes_loaded["elsewhere"] <= RAGGED_BYTES
    assert counted.bytes_stored["elsewhere"] <= RAGGED_BYTES


def assert_lines(counted: Lines, expected: Lines, variant: Variant) -> None:
    few = FEW_LINES + sampled(variant, OUT_OF_CACHE) // min(variant.lanes, 16)  # a line for each vector sampled
    for what in st.LINE_KINDS:
        wanted = getattr(expected, what)
        assert getattr(counted, what) == pytest.approx(wanted, rel=0.01, abs=few), what


def test_simulator_runs_every_variant_that_the_study_says_was_simulated() -> None:
    """Table `passes` trusts the model of these more."""
    simulated = load_study(KERNELS / "softmax", ALL_ISAS).simulated
    assert simulated
    assert simulated <= {variant.name for _, variant in CHOSEN}


# The simulated cache itself, by hand.


def touch(simulator: Simulator, kind: str, address: int, size: int) -> None:
    c = simulator.cache
    c.traffic_access(simulator.ffi.cast("void *", address), size, getattr(c, f"TRAFFIC_{kind.upper()}"))


@pytest.mark.parametrize(
    ("accesses", "expected"),
    [
        ([("load", 0, 4), ("load", 60, 4)], (1, 0, 0)),
        ([("load", 60, 8)], (2, 0, 0)),
        ([("store", 0, 4), ("load", 4, 4)], (0, 1, 1)),
        ([("load", 0, 4), ("store", 0, 4), ("store", 32, 4)], (1, 0, 1)),
        # A third line replaces the one used least recently: 0, unless it was used again.
        ([("store", 0, 4), ("load", 64, 4), ("load", 128, 4), ("load", 0, 4)], (3, 1, 1)),
        ([("load", 0, 4), ("load", 64, 4), ("load", 0, 4), ("load", 128, 4), ("load", 0, 4)], (3, 0, 0)),
        ([("load", 0, 4), ("load", 64, 4), ("store", 0, 4), ("load", 128, 4), ("load", 0, 4)], (3, 0, 1)),
        # Dirtied again after it was written back.
        ([("store", 0, 4), ("load", 64, 4), ("load", 128, 4), ("store", 0, 4)], (2, 2, 2)),
        # Non-temporal: whole lines leave as one, and are not in the cache afterwards.
        ([("stream", 0, 32), ("stream", 32, 32)], (0, 0, 1)),
        ([("stream", 0, 64), ("stream", 64, 64), ("load", 0, 4)], (1, 0, 2)),
        ([("load", 0, 4), ("stream", 0, 64), ("stream", 64, 64), ("load", 0, 4)], (2, 0, 2)),
        # A dirty copy is written before it is given up.
        ([("store", 0, 4), ("stream", 4, 60)], (0, 1, 2)),
    ],
)
def test_simulator_cache_of_two_lines_by_hand(
    simulator: Simulator, accesses: list[tuple[str, int, int]], expected: tuple[int, int, int]
) -> None:
    simulator.start(Cache(sets=1, ways=2))
    for kind, address, size in accesses:
        touch(simulator, kind, 4096 + address, size)
    simulator.cache.traffic_flush()
    assert simulator.counts().lines == Lines(*expected)


def test_simulator_cache_maps_lines_to_sets(simulator: Simulator) -> None:
    simulator.start(Cache(sets=4, ways=1))
    for line in (4, 5, 6, 7, 4, 8, 5, 4):  # 4 and 8 share a set
        touch(simulator, "load", 64 * line, 4)
    assert simulator.counts().lines.read == 6


def test_simulator_tells_partial_lines_of_non_temporal_stores(simulator: Simulator) -> None:
    simulator.start(LLC)
    touch(simulator, "stream", 4096, 64)
    touch(simulator, "stream", 4160, 60)
    simulator.cache.traffic_flush()
    counted = simulator.counts()
    assert (counted.lines.written, counted.partial) == (2, 1)


# The kernels.


@pytest.mark.parametrize(("study", "variant"), CHOSEN, ids=names(CHOSEN))
def test_simulator_sees_every_byte_that_a_pass_must_touch(simulator: Simulator, study: Study, variant: Variant) -> None:
    name, step = runnable(simulator, variant), study.passes[variant.pass_name]
    tails = {1, 2, variant.lanes - 1, variant.lanes + 1, variant.step - 1, variant.step, 3 * variant.step + 5}
    for n in sorted(tails - {0}):
        for offset in (0, 3):
            rows = st.new_rows(n, offset)
            simulator.start(LLC, rows)
            assert_bytes(simulator.run(name, rows), step, variant, n)


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize(("study", "variant"), CHOSEN, ids=names(CHOSEN))
def test_simulator_confirms_the_traffic_model_out_of_cache(
    simulator: Simulator, study: Study, variant: Variant, offset: int
) -> None:
    name, step = runnable(simulator, variant), study.passes[variant.pass_name]
    rows = st.new_rows(OUT_OF_CACHE, offset)
    assert rows.x.size >= 4 * LLC.elements
    simulator.start(LLC, rows)
    counted = simulator.run(name, rows)
    assert_bytes(counted, step, variant, OUT_OF_CACHE)
    assert_lines(counted.lines, MODEL[name], variant)
    assert counted.partial <= (2 if variant.non_temporal else 0)


@pytest.mark.parametrize(("study", "variant"), ORDINARY, ids=names(ORDINARY))
def test_simulator_second_pass_over_rows_in_cache_reads_nothing(
    simulator: Simulator, study: Study, variant: Variant
) -> None:
    name, step = runnable(simulator, variant), study.passes[variant.pass_name]
    rows = st.new_rows(LLC.elements // 4)
    simulator.start(LLC, rows)
    first = simulator.run(name, rows)
    second = simulator.run(name, rows, flush=False)
    streams = len(set(step.reads) | set(step.writes))
    assert first.lines.read + first.lines.allocated == pytest.approx(streams * LLC.lines / 4, abs=FEW_LINES)
    assert [second.fetched[row] for row in st.ROWS[1:]] == [0, 0, 0]
    assert second.fetched["elsewhere"] <= FEW_LINES  # the state lies where Python puts it
    assert second.lines.written == 0
    assert second.dirty == pytest.approx(len(step.writes) * LLC.lines / 4, abs=FEW_LINES)
    assert_bytes(second, step, variant, rows.x.size)


@pytest.mark.parametrize(("study", "variant"), STREAMING, ids=names(STREAMING))
def test_simulator_non_temporal_stores_go_to_memory_in_cache_too(
    simulator: Simulator, study: Study, variant: Variant
) -> None:
    name, step = runnable(simulator, variant), study.passes[variant.pass_name]
    rows = st.new_rows(LLC.elements // 4)
    simulator.start(LLC, rows)
    simulator.run(name, rows)
    second = simulator.run(name, rows)
    assert second.lines.written == pytest.approx(LLC.lines / 4, abs=FEW_LINES)
    # A line that is read and then streamed is not in the cache afterwards.
    assert second.fetched["y"] == pytest.approx(LLC.lines / 4 if step.in_place else 0, abs=FEW_LINES)
    assert second.fetched["x"] == second.fetched["scratch"] == 0


# Dirty lines that a pass leaves behind.

STARTING_WITH_READS = [name for name, a in STUDIES[0].algorithms.items() if not STUDIES[0].passes[a.passes[0]].writes]


def presets(simulator: Simulator, algorithm: str, isa: str) -> list[str]:
    study = STUDIES[0]
    return [runnable(simulator, study.preset(step, isa)) for step in study.algorithms[algorithm].passes]


@pytest.mark.parametrize("isa", ALL_ISAS)
@pytest.mark.parametrize("algorithm", STARTING_WITH_READS)
def test_simulator_dirty_lines_carried_into_the_next_pass_are_bounded_by_the_cache(
    simulator: Simulator, algorithm: str, isa: str
) -> None:
    passes = presets(simulator, algorithm, isa)
    rows = st.new_rows(OUT_OF_CACHE)
    simulator.start(LLC, rows)
    state = st.STATE
    carried, left, fetched, written = 0, 0, 0.0, 0.0
    for name in [*passes, passes[0]]:  # and once more the first, which only reads
        counted = simulator.run(name, rows, state, flush=False)
        state = counted.state
        # All that the pass before left leaves in this one, whose rows are larger than the cache, and nothing else.
        assert counted.carried == pytest.approx(left, abs=FEW_LINES)
        assert counted.lines.written == pytest.approx(MODEL[name].written - counted.dirty + left, abs=FEW_LINES)
        assert counted.dirty <= LLC.lines
        left, carried = counted.dirty, max(carried, counted.carried)
        fetched += counted.lines.read + counted.lines.allocated
        written += counted.lines.written
    assert 0.4 * LLC.lines <= carried <= LLC.lines
    assert fetched == pytest.approx(sum(MODEL[p].read + MODEL[p].allocated for p in [*passes, passes[0]]), rel=0.01)
    assert written == pytest.approx(sum(MODEL[p].written for p in passes), rel=0.01)

    wanted = np.exp(rows.x.astype(float) - rows.x.max())
    np.testing.assert_allclose(rows.y, wanted / wanted.sum(), rtol=1e-3)  # it was softmax that ran


@pytest.mark.parametrize("variant", [variant for _, variant in CHOSEN], ids=names(CHOSEN))
def test_simulator_pass_repeated_without_a_flush_writes_what_the_model_says(
    simulator: Simulator, variant: Variant
) -> None:
    name = runnable(simulator, variant)
    rows = st.new_rows(OUT_OF_CACHE)
    simulator.start(LLC, rows)
    simulator.run(name, rows, flush=False)
    assert_lines(simulator.run(name, rows, flush=False).lines, MODEL[name], variant)


# What would go wrong silently.


@pytest.mark.parametrize(("instrumented", "hooked"), [(False, True), (True, False)])
def test_simulator_misses_bytes_without_instrumentation_or_hooks(
    gcc: str, tmp_path: Path, instrumented: bool, hooked: bool
) -> None:
    """The byte check is what tells an access that was not seen from one that was not made."""
    isa = ALL_ISAS["scalar"]
    study = STUDIES[1]
    variant = next(v for v in study.variants_of("copy", "scalar") if v.non_temporal)
    skip_without_non_temporal_store(variant)
    used: Isa = st.traced(isa) if hooked else isa
    flags = tuple(flag for flag in ("-fsanitize=thread",) if instrumented)
    st.compile_traced(gcc, study, variant, used, tmp_path / "copy.o", flags)
    simulator = Simulator(st.link_traced(gcc, [tmp_path / "copy.o"], tmp_path))
    rows: Rows = st.new_rows(1000)
    simulator.start(LLC, rows)
    counted = simulator.run(variant.name, rows)
    np.testing.assert_array_equal(rows.x, rows.y)
    assert counted.bytes_loaded["x"] == (4000 if instrumented else 0)
    assert counted.bytes_stored["y"] == (4000 if hooked else 0)
    with pytest.raises(AssertionError):
        assert_bytes(counted, study.passes["copy"], variant, 1000)


# Independent caches.


@pytest.mark.parametrize("variant", [variant for _, variant in ORDINARY], ids=names(ORDINARY))
def test_simulator_agrees_with_pycachesim(simulator: Simulator, variant: Variant) -> None:
    cachesim = pytest.importorskip("cachesim", reason="pycachesim is not installed")
    name = runnable(simulator, variant)
    small = Cache(sets=64, ways=8)
    rows = st.new_rows(4 * small.elements + 1003)
    simulator.start(small, rows)
    with simulator.recording(4 * rows.x.size) as recorded:
        ours = simulator.run(name, rows, flush=False)
    assert recorded[0]["bytes"].sum() == sum(ours.bytes_loaded.values()) + sum(ours.bytes_stored.values())
    assert pycachesim(cachesim, small, recorded[0], simulator.cache.TRAFFIC_LOAD) == ours.lines


def test_simulator_agrees_with_callgrind(simulator: Simulator, gcc: str, tmp_path: Path) -> None:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("valgrind is not on the PATH (apt install valgrind)")
    isas = {name: isa for name, isa in st.host_isas().items() if name == "avx2"}
    if not isas:
        pytest.skip("this host has no avx2")
    studies = [
        replace(study, variants=tuple(v for v in study.variants if not v.non_temporal)) for study in st.chosen(isas)
    ]
    theirs = callgrind(gcc, valgrind, studies, isas, OUT_OF_CACHE, LLC, tmp_path)
    assert len(theirs) == len([variant for _, variant in ORDINARY if variant.isa == "avx2"])
    rows = st.new_rows(OUT_OF_CACHE)
    for name, lines in theirs.items():
        simulator.start(LLC, rows)
        simulator.run(name, rows, flush=False)
        ours = simulator.run(name, rows, flush=False).lines
        assert_lines(lines, MODEL[name], VARIANTS[name])
        for what in st.LINE_KINDS:
            # Instructions and the caller share callgrind's cache, and so do the lines that were sampled.
            few = 20 + sampled(VARIANTS[name], OUT_OF_CACHE) // VARIANTS[name].lanes
            assert getattr(lines, what) == pytest.approx(getattr(ours, what), abs=few), (name, what)
