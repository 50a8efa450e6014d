"""The error of whole algorithms over n."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from built_kernels import Built

from passline.conformance_algorithms import presets
from passline.error_over_n import distance, error_over_n
from passline.tables import conform


def test_the_error_grows_with_the_row_and_the_sum_goes_wrong(built: Built) -> None:
    contenders = presets(built.study)
    rows = error_over_n(built.load(), built.study, contenders, seed=1, sizes=[1 << 12, 1 << 20])
    table = conform("error_over_n", pd.DataFrame(rows))
    assert len(table) == 2 * len(contenders) * len(built.study.inputs)
    assert (table["reason"] == "-").all()
    # Whatever the scores: one reference for a row is no worse on any of them.
    ours = table["algorithm"].str.startswith("two_pass_ref")
    assert table.loc[ours, "max_error_ulp"].max() <= 8
    table = table[table["inputs"] == "normal"]
    errors = table.pivot(index=["algorithm", "isa"], columns="n_elements", values="max_error_ulp")
    assert (errors[1 << 12] < 100).all()
    # Float partial sums grow worse with the row; blocks that are added in double precision do not.
    folded = errors.index.get_level_values("algorithm").str.startswith("two_pass_ref")
    assert (errors[1 << 20] > errors[1 << 12])[~folded].all()
    assert (errors[1 << 20] < 8)[folded].all()
    assert table["sum_error"].abs().max() < 1e-3


def test_a_size_that_does_not_fit_is_a_row_with_the_reason(built: Built) -> None:
    rows = error_over_n(
        built.load(), built.study, presets(built.study)[:1], seed=1, sizes=[64, 1 << 26], memory_bytes=1 << 30
    )
    table = pd.DataFrame(rows)
    small, large = (table[table["n_elements"] == n] for n in (64, 1 << 26))
    assert (small["reason"] == "-").all()
    assert len(large) >= 1
    assert large["max_error_ulp"].isna().all()
    assert large["reason"].str.contains("more than half of the 1 GiB here").all()


def test_distance() -> None:
    want = np.full(100_000, 1e-5)
    got = want.astype(np.float32)
    error, excess = distance(got, want, 1.0)
    assert error <= 0.5
    assert excess == pytest.approx(float(got.sum(dtype=np.float64)) - 1, abs=1e-12)
    got[70_000] = np.nextafter(got[70_000], np.float32(1))
    assert 0.5 <= distance(got, want)[0] <= 1.5
    got[99_999] = np.nan
    assert distance(got, want)[0] == np.inf
    assert distance(np.zeros(1, np.float32), np.array([1e-39]))[0] == 0  # below FLT_MIN nothing is counted
