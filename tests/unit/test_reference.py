"""The references themselves, against exact or independent arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Context, Decimal, localcontext

import numpy as np
import pytest

from passline.errors import StudyError
from passline.own_reference import reference
from passline.reference import FLT_MIN, make_inputs, ulp, ulp_error
from passline.registry import KERNELS, load_isas, load_study
from softmax_reference import REFERENCES, softmax

STUDY = load_study(KERNELS / "softmax", load_isas())


@pytest.fixture(autouse=True)
def sixty_digits() -> Iterator[None]:
    """Decimals that neither round nor overflow where these tests look."""
    with localcontext(Context(prec=60, Emax=10**8, Emin=-(10**8))):
        yield


def exact_softmax(x: np.ndarray) -> list[Decimal]:
    """Softmax with 60 digits."""
    powers = [Decimal(float(v)).exp() if math.isfinite(v) else Decimal(0) for v in x]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("name", list(STUDY.inputs))
@pytest.mark.parametrize("n", [1, 2, 17, 1000])
def test_families_are_rows_of_float32_and_repeatable(name: str, n: int) -> None:
    family = STUDY.inputs[name]
    row = make_inputs(family, n, seed=7)
    assert row.dtype == np.float32
    assert row.shape == (n,)
    assert np.array_equal(row, make_inputs(family, n, seed=7))
    assert np.isfinite(row).any()  # never a row of -inf alone
    assert not np.isnan(row).any()
    assert row.max() < np.inf


def test_families_hold_what_their_names_say() -> None:
    rows = {name: make_inputs(family, 10_000, seed=1) for name, family in STUDY.inputs.items()}
    assert abs(rows["normal"].std() - 3) < 0.1
    assert rows["uniform"].min() < -990
    assert rows["uniform"].max() > 990
    assert (rows["narrow"] >= 90).all()
    assert rows["ramp_up"][0] == rows["ramp_down"][-1] == -1000
    assert (rows["constant"] == np.float32(3.3)).all()
    assert sorted(set(rows["one_hot"].tolist())) == [0, 1000]
    assert np.isneginf(rows["masked"]).mean() == 0.5
    assert np.isneginf(rows["masked_head"][:5000]).all()
    assert np.isfinite(rows["masked_head"][5000:]).all()
    assert (rows["masked_finite"] == np.float32(-3e38)).mean() == 0.5


def test_seeds_differ() -> None:
    family = STUDY.inputs["normal"]
    assert not np.array_equal(make_inputs(family, 100, seed=1), make_inputs(family, 100, seed=2))


def test_an_unknown_distribution_and_a_missing_parameter() -> None:
    with pytest.raises(StudyError, match=r"'cauchy'.*normal, uniform"):
        make_inputs({"distribution": "cauchy"}, 4, seed=0)
    with pytest.raises(StudyError, match="no parameter 'deviation'"):
        make_inputs({"distribution": "normal", "mean": 0}, 4, seed=0)


@pytest.mark.parametrize("name", list(STUDY.inputs))
def test_softmax_against_sixty_digits(name: str) -> None:
    x = make_inputs(STUDY.inputs[name], 50, seed=3)
    for got, want in zip(softmax(x), exact_softmax(x), strict=True):
        assert got == pytest.approx(float(want), rel=1e-12, abs=1e-300)


def test_softmax_does_not_depend_on_its_chunks() -> None:
    x = make_inputs(STUDY.inputs["normal"], 200_001, seed=5)
    direct = np.exp(x.astype(np.float64) - float(x.max()))
    assert np.allclose(softmax(x), direct / direct.sum(), rtol=1e-13, atol=0)


@pytest.mark.parametrize("row", [[1, np.nan], [np.inf, 0], [-np.inf, -np.inf], [np.nan, np.inf]])
def test_softmax_of_special_rows_is_nan(row: list[float]) -> None:
    assert np.isnan(softmax(np.array(row, dtype=np.float32))).all()


def test_softmax_of_a_masked_score_is_zero() -> None:
    assert softmax(np.array([-np.inf, 2], dtype=np.float32)).tolist() == [0, 1]


@pytest.mark.parametrize("centre", [0.0, 95.0, -2.5e6, 2.5e6])
def test_the_pair_stands_for_the_sum_far_beyond_float64(centre: float) -> None:
    x = np.float32(centre) + make_inputs(STUDY.inputs["normal"], 64, seed=11)
    expected = reference(STUDY, "raddextexp")(x)
    assert expected.value is not None
    total = sum(Decimal(float(v)).exp() for v in x)
    pair = Decimal(expected.value) * Decimal(2) ** Decimal(expected.exponent)
    assert abs(pair / total - 1) < Decimal("1e-9")  # 0.02 ULP of float32
    assert 0.5 <= expected.value <= 1.5 * 64


@pytest.mark.parametrize("name", list(STUDY.inputs))
def test_passes_compose_to_softmax(name: str) -> None:
    """Each algorithm's last reference gives softmax, but for the rounding of x - max and of the scale."""
    x = make_inputs(STUDY.inputs[name], 333, seed=13)
    want = softmax(x)
    for last in ("vscaleexpminusmax", "vmulc", "vscaleextexp"):
        outputs = reference(STUDY, last)(x).outputs
        assert outputs is not None
        assert np.allclose(outputs, want, rtol=1e-5, atol=FLT_MIN)


def test_every_pass_of_the_study_has_a_reference() -> None:
    assert set(STUDY.passes) == set(REFERENCES)


def test_ulp_is_the_spacing_of_float32() -> None:
    values = np.array([1.0, 1.5, 2.0, 0.75, FLT_MIN, 3e38, -4.0])
    assert np.array_equal(ulp(values), np.spacing(np.abs(values).astype(np.float32)).astype(np.float64))
    assert ulp(np.array([0.0, 1e-300])).tolist() == [2.0**-149] * 2


def test_distances() -> None:
    one = np.float32(1)
    got = np.array([one, np.nextafter(one, np.float32(2)), np.nan, np.nan, np.inf, np.inf, 0], dtype=np.float32)
    want = np.array([1, 1, np.nan, 1, np.inf, 1, 0])
    assert ulp_error(got, want).tolist() == [0, 1, 0, np.inf, 0, np.inf, 0]
    assert ulp_error(np.array([1], dtype=np.float32), np.array([1 + 2.0**-24])) == [0.5]
