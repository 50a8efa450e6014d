"""Which variant tuning takes: the fastest, and between equals the one without spills."""

import pandas as pd
import pytest

from passline.tuning import NEAR, winners


def rows(**variants: tuple[float, int]) -> pd.DataFrame:
    """Rows of table `tuning` of one pass, from time and stack references of each variant."""
    return pd.DataFrame(
        {
            "build_id": "b",
            "pass": "rmax",
            "isa": "avx2",
            "n_elements": 1024,
            "variant": list(variants),
            "time_median_s": [time for time, _ in variants.values()],
            "stack_references": [references for _, references in variants.values()],
            "calls": 0,
            "finite_only": False,
        }
    )


@pytest.mark.parametrize(("faster", "chosen"), [(1.001, "kept"), (NEAR * 0.999, "kept"), (NEAR * 1.001, "spilled")])
def test_spills_decide_only_between_equals(faster: float, chosen: str) -> None:
    table = rows(kept=(faster, 0), spilled=(1.0, 2), slow=(2.0, 0))
    assert winners(table) == {("b", "rmax", "avx2"): chosen}


def test_a_variant_for_finite_scores_is_never_chosen() -> None:
    table = rows(all_scores=(2.0, 0), some=(1.0, 0))
    table["finite_only"] = table["variant"] == "some"
    assert winners(table)["b", "rmax", "avx2"] == "all_scores"
