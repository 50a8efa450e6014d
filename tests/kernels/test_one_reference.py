"""Two-Pass over one reference: rows made to break its blocks, its reference, or its exponential."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from built_kernels import Built

from passline.conformance_algorithms import Contender, presets
from passline.measure.library import Library
from passline.reference import FLT_MIN, Floats, make_inputs, ulp_error
from softmax_reference import softmax

LONG = 40_000  # beyond the short rows, whose blocks are smaller, and many blocks on every instruction set
BOUND_ULP = 8
NORMAL_BOUND_ULP = 4


@pytest.fixture(scope="module")
def library(built: Built) -> Library:
    return built.load()


def contenders(built: Built) -> list[Contender]:
    """The presets of every algorithm over one reference, on every instruction set."""
    return [c for c in presets(built.study) if c.algorithm.startswith("two_pass_ref")]


def error(y: Floats, x: Floats) -> float:
    """Largest error in ULP; infinite where a tiny output is more than FLT_MIN off."""
    want = softmax(x)
    off = np.abs(y - want)
    return float(
        np.where(want >= FLT_MIN * (1 + 2.0**-10), ulp_error(y, want), np.where(off <= FLT_MIN, 0, np.inf)).max()
    )


def results(library: Library, contender: Contender, x: Floats) -> Iterator[tuple[str, Floats]]:
    """The outputs for a row, into another row and in place, each misaligned."""
    room = np.zeros(x.size + 3, dtype=np.float32)
    apart, source = room[3:], np.concatenate([np.zeros(1, dtype=np.float32), x])[1:]
    library.call(contender.variants, source, apart)
    yield "apart", apart
    inside = np.concatenate([np.zeros(1, dtype=np.float32), x])[1:]
    library.call(contender.variants, inside, inside)
    yield "in place", inside


def check(library: Library, built: Built, x: Floats, bound: float = BOUND_ULP) -> None:
    for contender in contenders(built):
        for where, y in results(library, contender, x):
            assert error(y, x) <= bound, (contender.algorithm, contender.isa, where)


@pytest.mark.parametrize("n", [3000, LONG])
def test_one_score_far_above_all_that_was_sampled(library: Library, built: Built, n: int) -> None:
    """Every multiple of a power of two may end a block: before, on and after each, and at both ends of the row."""
    edges = {edge + d for edge in (512, 1024, 2048, 2 * 1024, n - 1) for d in (-1, 0, 1)}
    for place in sorted({1, *(edge for edge in edges if edge < n), n - 9}):
        for height in (60, 300, 1000):
            x = make_inputs({"distribution": "normal", "mean": 0, "deviation": 3}, n, place)
            x[place] = height
            check(library, built, x)


def test_what_came_before_a_move_still_counts(library: Library, built: Built) -> None:
    """The blocks before the move keep a share of the outputs: their weights are scaled, not lost."""
    x = make_inputs({"distribution": "normal", "mean": 0, "deviation": 1}, LONG, 1)
    x[LONG // 2 + 7] = 70
    want = softmax(x)
    assert FLT_MIN < want[0] < 1e-20
    check(library, built, x)


def test_scores_that_rise_and_rise(library: Library, built: Built) -> None:
    """Stairs and ramps, and spikes of which each needs a reference of its own: one move is enough."""
    steps = np.repeat(np.arange(LONG // 500, dtype=np.float32) * 50, 500)
    spikes = np.zeros(LONG, dtype=np.float32)
    spikes[[5001, 20_001, 39_001]] = (300, 1000, 2000)
    for x in (spikes, steps, -steps, steps[::-1].copy(), np.linspace(-1e5, 1e5, LONG, dtype=np.float32)):
        check(library, built, x)


@pytest.mark.parametrize("low", [-1e9, -1e20, -1e30, -3.4e38])
def test_finite_stand_ins_for_minus_infinity(library: Library, built: Built, low: float) -> None:
    for x in (
        np.zeros(LONG, dtype=np.float32),
        make_inputs({"distribution": "normal", "mean": 0, "deviation": 3}, LONG, 2),
    ):
        x[LONG // 2 :: 3] = low
        check(library, built, x)
        for contender in contenders(built):
            for where, y in results(library, contender, x):
                assert not y[LONG // 2 :: 3].any(), (contender, where)


def test_a_row_of_which_no_sample_sees_a_score(library: Library, built: Built) -> None:
    for place in (77, LONG // 2 + 3, LONG - 100):
        x = np.full(LONG, -np.inf, dtype=np.float32)
        x[place : place + 2] = (5, 6)
        check(library, built, x)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_has_no_softmax_far_down_the_row(library: Library, built: Built, value: float) -> None:
    for place in (1, 700, LONG // 2 + 1, LONG - 1):
        x = make_inputs({"distribution": "masked", "value": np.inf, "fraction": 0.5}, LONG, 3)
        x[place] = value
        for contender in contenders(built):
            for where, y in results(library, contender, x):
                assert np.isnan(y).all(), (contender, where, place)


@pytest.mark.parametrize("centre", [-2e6, -6e4, -170, -90, -83, 88, 90, 100, 175, 6e4, 1e6])
def test_every_kind_of_reference(library: Library, built: Built, centre: float) -> None:
    """Around the edges between them: a power of two, a shift that hides part of the polynomial, one that does not."""
    for spread in (1, 30):
        x = make_inputs({"distribution": "uniform", "low": centre - spread, "high": centre + spread}, LONG, 5)
        check(library, built, x)


def test_any_finite_row_can_be_reloaded(library: Library, built: Built) -> None:
    """Beyond +-2.77 million the pair has no exponent left, and the outputs are NaN; reloading needs no pair."""
    x = np.array([1e30, 1e30, 1e29, -3e38] * 300, dtype=np.float32)
    for contender in contenders(built):
        for _, y in results(library, contender, x):
            if "reload" in contender.algorithm:
                assert error(y, x) <= BOUND_ULP, contender
            else:
                assert np.isnan(y).all(), contender


def test_lengths_up_to_several_blocks(library: Library, built: Built) -> None:
    for n in (*range(1, 70), *(m + d for m in (255, 256, 1024, 2048, 4096, 8192) for d in (-1, 0, 1, 5))):
        check(library, built, make_inputs({"distribution": "uniform", "low": -50, "high": 50}, n, n))


@pytest.mark.parametrize("n", [4096, 65536, (1 << 20) + 3])
def test_the_error_does_not_grow_with_the_row(library: Library, built: Built, n: int) -> None:
    x = make_inputs({"distribution": "normal", "mean": 0, "deviation": 3}, n, 7)
    for contender in contenders(built):
        if "p5" not in contender.algorithm:
            for where, y in results(library, contender, x):
                assert error(y, x) <= NORMAL_BOUND_ULP, (contender, where)
                assert abs(y.sum(dtype=np.float64) - 1) < 3e-7, (contender, where)
