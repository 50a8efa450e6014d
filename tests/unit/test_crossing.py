"""Where the lead changes: the truth lies in the interval, and who is whose base does not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from passline.derive.crossing import crossings

SIZES = [2**k for k in range(10, 26, 2)]


def ratios(values: list[float], width: float = 0.05) -> pd.DataFrame:
    found = np.array(values)
    return pd.DataFrame({
        "n_elements": SIZES[: len(values)], "ratio": found, "ratio_low": found / (1 + width),
        "ratio_high": found * (1 + width),
    })  # fmt: skip


def test_a_line_crosses_where_it_does() -> None:
    """A ratio of (n / 2^17)^0.1 is 1 at 2^17, and so are its bounds at 2^17 (1 + width)^(+-10)."""
    (found,) = crossings(ratios([(n / 2**17) ** 0.1 for n in SIZES]))
    assert found.ahead
    assert found.n == pytest.approx(2**17, rel=1e-9)
    assert found.high == pytest.approx(2**17 * 1.05**10, rel=1e-9)
    assert found.low == pytest.approx(2**17 / 1.05**10, rel=1e-9)


def test_who_never_leads_has_no_crossing() -> None:
    assert crossings(ratios([0.5, 0.6, 0.7])) == []
    assert crossings(ratios([1.5, 1.6, 1.7])) == []
    assert crossings(ratios([0.99, 1.01, 0.99])) == [], "what is not decided is no change of the lead"
    assert crossings(ratios([0.5])) == []
    assert crossings(ratios([])) == []


def test_sizes_that_decide_nothing_widen_it() -> None:
    (narrow,) = crossings(ratios([0.5, 2.0]))
    (wide,) = crossings(ratios([0.5, 0.99, 1.01, 0.99, 2.0]))
    assert wide.high / wide.low > 4 * narrow.high / narrow.low
    assert wide.low <= wide.n <= wide.high


def test_a_lead_won_and_lost() -> None:
    won, lost = crossings(ratios([0.5, 1.5, 1.5, 0.5]))
    assert (won.ahead, lost.ahead) == (True, False)
    assert won.high < lost.low


def test_rows_without_an_interval_decide_nothing() -> None:
    rows = ratios([0.5, 1.0, 2.0])
    rows.loc[1, ["ratio_low", "ratio_high"]] = np.nan
    (found,) = crossings(rows)
    assert found.low < found.n < found.high


@given(st.lists(st.floats(0.3, 3.0), min_size=2, max_size=8), st.floats(0.001, 0.3))
def test_it_does_not_matter_who_is_the_base(values: list[float], width: float) -> None:
    rows = ratios(values, width)
    other = rows.assign(ratio=1 / rows["ratio"], ratio_low=1 / rows["ratio_high"], ratio_high=1 / rows["ratio_low"])
    mine, theirs = crossings(rows), crossings(other)
    assert len(mine) == len(theirs)
    for one, two in zip(mine, theirs, strict=True):
        assert one.ahead is not two.ahead
        assert (two.low, two.n, two.high) == pytest.approx((one.low, one.n, one.high))
        assert rows["n_elements"].min() <= one.low <= one.n <= one.high <= rows["n_elements"].max()
