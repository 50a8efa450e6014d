"""What write-allocate costs: quotients of the right times, on work that differs in its stores alone."""

from __future__ import annotations

import pandas as pd
import pytest
import synthetic

from figures import stores as figure
from passline.derive.stores import ALGORITHM, LOOP, store_pairs, stores_table
from passline.questions import stores as question

ISA = "avx512f"
PASSES = ["one", "two"]


def plan(**parts: dict[str, str]) -> dict[str, object]:
    """A plan of algorithms with these parts, the stores of which their floor tells."""
    floors = {
        name: {ISA: "read+copy-nt" if found.get("store") == "nt" else "read+copy"} for name, found in parts.items()
    }
    return {
        **synthetic.plan(),
        "beyond": {
            "algorithms": {name: {"title": name.title(), "passes": PASSES} for name in parts},
            "parts": {name: {ISA: found} for name, found in parts.items()},
            "floors": floors,
        },
    }


def round_ratios(ordinary: list[float], past: list[float]) -> pd.DataFrame:
    """Rounds in which a base takes so many times as long as each."""
    rows = [
        {"algorithm": name, "round": number, "ratio": ratio}
        for name, ratios in (("plain", ordinary), ("past", past))
        for number, ratio in enumerate(ratios)
    ]
    return pd.DataFrame(rows).assign(
        isa=ISA, n_rows=1, threads=1, n_elements=4096, cache_protocol="hot", inputs="normal", pages="huge",
        base="two_pass",
    )  # fmt: skip


def test_algorithms_are_paired_by_round(full: dict[str, pd.DataFrame]) -> None:
    tables = {**full, "round_ratios": round_ratios([1.0, 2.0, 3.0] * 3, [1.2, 2.4, 3.6] * 3)}
    scheme = plan(plain={"store": "ordinary", "degree": "5"}, past={"store": "nt", "degree": "5"})
    found = stores_table(tables, scheme)
    (row,) = found[found["kind"] == ALGORITHM].to_dict("records")
    assert row["what"] == "plain"
    assert (row["ratio"], row["low"], row["high"]) == pytest.approx((1.2, 1.2, 1.2)), "the rounds' own speed cancels"
    assert row["model"] == pytest.approx(16 / 12), "two reads and a write, with and without the line fetched"


def test_only_what_differs_in_nothing_else_is_a_pair() -> None:
    base = {"store": "ordinary", "degree": "5"}
    assert store_pairs(plan(plain=base, past={**base, "store": "nt"}), ISA) == [("plain", "past")]
    assert store_pairs(plan(plain=base, past={"store": "nt", "degree": "3"}), ISA) == []
    assert store_pairs(plan(plain=base, past={**base, "store": "nt"}), "avx2") == []
    other = plan(plain=base, past={**base, "store": "nt"})
    other["beyond"]["algorithms"]["past"]["passes"] = ["another"]  # type: ignore[index]
    assert store_pairs(other, ISA) == []


def test_loops_are_compared_by_the_time_of_an_element(full: dict[str, pd.DataFrame]) -> None:
    """A copy that moves 12 bytes at 30 GB/s and one that moves 8 at 20 GB/s take equally long."""
    ceilings = full["ceilings"]
    copies = ceilings[(ceilings["ceiling"] == "copy") & (ceilings["level"] == "DRAM") & (ceilings["isa"] == ISA)]
    rates = copies["store"].map({"ordinary": 30e9, "nt": 20e9})
    found = stores_table(
        {**full, "ceilings": copies.assign(value=rates, low=rates * 0.9, high=rates * 1.1)}, synthetic.plan()
    )
    (row,) = found[found["kind"] == LOOP].to_dict("records")
    assert row["ratio"] == pytest.approx(1.0)
    assert (row["low"], row["high"]) == pytest.approx((0.9 / 1.1, 1.1 / 0.9))
    assert row["model"] == pytest.approx(1.5)


def test_the_answer_and_the_figure_hold_the_same(full: dict[str, pd.DataFrame]) -> None:
    tables = {**full, "round_ratios": round_ratios([1.0] * 9, [1.25] * 9)}
    scheme = plan(plain={"store": "ordinary"}, past={"store": "nt"})
    beyond = pd.DataFrame({"inputs": ["normal"], "n_elements": [4096]})
    drawn = figure.data({**tables, "beyond": beyond}, scheme)
    said = " ".join(question.answer({**tables, "beyond": beyond}, scheme))
    assert drawn.loc[drawn["kind"] == ALGORITHM, "ratio"].tolist() == pytest.approx([1.25])
    assert "1.250 [1.250, 1.250] where bytes alone make 1.33" in said
    assert (drawn["model"] > 1.0).all(), "what fetches nothing has no cost to show"
