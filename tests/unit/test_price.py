"""The price of right answers for -inf: twins are found, and the price is theirs."""

import pandas as pd
import pytest

from passline.price import prices


def test_price_is_the_twins_cycles_over_the_finite_ones():
    rows = [("f32-a-avx2-p5-u16-acc1", False, 6.6), ("f32-a-avx2-p5-u16-acc1-finite", True, 6.0)]
    tuning = pd.DataFrame(
        [
            {"build_id": "b", "variant": v, "n_elements": 64, "finite_only": f, "cycles_per_vector": c}
            for v, f, c in rows
        ]
    )
    (price,) = prices(tuning)["price"]
    assert price == pytest.approx(0.1)


def test_a_variant_without_a_twin_has_no_price():
    tuning = pd.DataFrame(
        [{"build_id": "b", "variant": "f32-a-finite", "n_elements": 64, "finite_only": True, "cycles_per_vector": 6.0}]
    )
    assert prices(tuning).empty
