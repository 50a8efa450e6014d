"""Claims: every branch of both verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import synthetic
import yaml

from passline import claims
from passline.errors import ReportError
from passline.tables import conform

CLAIMS = Path(__file__).parents[2] / "reports" / "claims.yaml"
FAR = 33554432


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return claims.load_claims(CLAIMS)


def judged(published: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], **plan: Any) -> pd.DataFrame:
    table = conform("claims", claims.claims_table(published, tables, synthetic.plan() | plan))
    return table.set_index(["claim", "variant"])


def with_ratio(
    tables: dict[str, pd.DataFrame], verdict: str, value: float, half: float = 0.01
) -> dict[str, pd.DataFrame]:
    """The tables with another ratio of Two-Pass out of cache."""
    ratios = tables["ratios"].copy()
    ours = (ratios["algorithm"] == "two_pass") & (ratios["n_elements"] == FAR) & (ratios["base"] != "two_pass")
    ratios.loc[ours, ["ratio", "ratio_low", "ratio_high", "verdict"]] = [value, value - half, value + half, verdict]
    return {**tables, "ratios": ratios}


def with_bound(tables: dict[str, pd.DataFrame], bound: str, core: float, memory: float) -> dict[str, pd.DataFrame]:
    """The tables with another bound of every single pass out of cache."""
    passes = tables["passes"].copy()
    far = (passes["algorithm"] == "-") & (passes["n_elements"] == FAR)
    passes.loc[far, ["bound", "time_core_s", "time_memory_s"]] = [bound, core, memory]
    passes.loc[far, "measured_over_memory"] = max(core, memory) / memory
    return {**tables, "passes": passes}


def on(tables: dict[str, pd.DataFrame], microarchitecture: str) -> dict[str, pd.DataFrame]:
    return {**tables, "machines": synthetic.machines(microarchitecture)}


def test_the_committed_claims_are_valid_and_confirmed(published: Mapping[str, Any]) -> None:
    assert {claim["paper_value"] for claim in published["claims"] if claim["kind"] == "speedup"} == {1.28, 1.18, None}
    assert all("abstract" in claim["evidence"] or "introduction" in claim["evidence"] for claim in published["claims"])


def test_other_machines_get_no_verdict_on_the_papers_machine(
    published: Mapping[str, Any], full: dict[str, pd.DataFrame]
) -> None:
    table = judged(published, full)
    assert set(
        table.loc[["avx512_gain", "avx2_gain", "avx2_other_machines", "memory_bound"], "verdict_paper_machine"]
    ) == {"not this machine"}
    assert table.loc[("no_overflow", "preset"), "verdict_paper_machine"] == "reproduced"


@pytest.mark.parametrize(
    ("value", "half", "expected"),
    [
        (1.28, 0.01, "reproduced"),
        (1.24, 0.01, "reproduced"),
        (1.235, 0.01, "undecided"),  # the interval crosses 1.28 - 0.05
        (1.20, 0.01, "not reproduced"),
        (1.325, 0.01, "undecided"),
        (1.40, 0.01, "not reproduced"),
        (1.28, 0.10, "undecided"),
    ],
)
def test_published_number_on_its_machine(
    published: Mapping[str, Any], full: dict[str, pd.DataFrame], value: float, half: float, expected: str
) -> None:
    table = judged(published, on(with_ratio(full, "faster", value, half), "skylake-x"))
    assert table.loc[("avx512_gain", "preset"), "verdict_paper_machine"] == expected


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("faster", "reproduced"), ("slower", "not reproduced"), ("equal", "not reproduced"), ("undecided", "undecided")],
)
def test_claim_without_a_number_on_its_machine(
    published: Mapping[str, Any], full: dict[str, pd.DataFrame], verdict: str, expected: str
) -> None:
    table = judged(published, on(with_ratio(full, verdict, 1.1), "zen2"))
    assert table.loc[("avx2_other_machines", "tuned"), "verdict_paper_machine"] == expected
    assert table.loc[("avx512_gain", "tuned"), "verdict_paper_machine"] == "not this machine"


@pytest.mark.parametrize(
    ("verdict", "bound", "core", "memory", "expected"),
    [
        ("faster", "memory", 1.0, 2.0, "holds here"),
        ("faster", "core", 2.0, 1.0, "does not hold here"),  # faster, but not for the reason given
        ("faster", "both", 2.0, 1.0, "undecided"),
        ("faster", "core", 1.05, 1.0, "undecided"),  # within 10 % of the ceiling too
        ("faster", "both", 1.0, 2.0, "undecided"),
        ("faster", "-", 1.0, 2.0, "undecided"),
        ("slower", "memory", 1.0, 2.0, "does not hold here"),
        ("equal", "memory", 1.0, 2.0, "does not hold here"),
        ("undecided", "memory", 1.0, 2.0, "undecided"),
        ("undecided", "core", 2.0, 1.0, "undecided"),
    ],
)
def test_direction_and_mechanism_here(
    published: Mapping[str, Any],
    full: dict[str, pd.DataFrame],
    verdict: str,
    bound: str,
    core: float,
    memory: float,
    expected: str,
) -> None:
    table = judged(published, with_bound(with_ratio(full, verdict, 1.1), bound, core, memory))
    assert table.loc[("avx512_gain", "tuned"), "verdict_here"] == expected


@pytest.mark.parametrize(
    ("bound", "core", "memory", "expected"),
    [("memory", 1.0, 2.0, "holds here"), ("core", 2.0, 1.0, "does not hold here"), ("both", 1.0, 2.0, "undecided")],
)
def test_memory_bound_claim(
    published: Mapping[str, Any], full: dict[str, pd.DataFrame], bound: str, core: float, memory: float, expected: str
) -> None:
    row = judged(published, with_bound(full, bound, core, memory)).loc[("memory_bound", "tuned")]
    assert row["verdict_here"] == expected
    assert row["isa"] == "avx512f"


def with_bound_of(tables: dict[str, pd.DataFrame], name: str, bound: str) -> dict[str, pd.DataFrame]:
    """The tables with another bound of one pass alone out of cache."""
    passes = tables["passes"].copy()
    mine = (passes["algorithm"] == "-") & (passes["n_elements"] == FAR) & (passes["pass"] == name)
    passes.loc[mine, "bound"] = bound
    passes.loc[mine & (bound == "core"), "measured_over_memory"] = 1.25
    return {**tables, "passes": passes}


def with_faster(tables: dict[str, pd.DataFrame], base: str) -> dict[str, pd.DataFrame]:
    """The tables with one Three-Pass as the faster one everywhere."""
    ratios = tables["ratios"].copy()
    ratios.loc[ratios["base"] == base, "base_time_median_s"] /= 100.0
    return {**tables, "ratios": ratios}


@pytest.mark.parametrize(
    ("faster", "bound", "expected"),
    [
        ("three_pass_reload", "core", "holds here"),
        ("three_pass_recompute", "core", "does not hold here"),
        ("three_pass_recompute", "both", "undecided"),
        ("three_pass_recompute", "memory", "holds here"),
    ],
)
def test_memory_bound_is_judged_by_the_faster_three_pass_and_told_of_both(
    published: Mapping[str, Any], full: dict[str, pd.DataFrame], faster: str, bound: str, expected: str
) -> None:
    """Pass raddexpminusmax is one of the recomputing Three-Pass only."""
    tables = with_bound_of(with_bound(full, "memory", 1.0, 2.0), "raddexpminusmax", bound)
    row = judged(published, with_faster(tables, faster)).loc[("memory_bound", "tuned")]
    assert (row["base"], row["verdict_here"]) == (faster, expected)
    told = dict(part.split(": ") for part in row["reason"].split("; "))
    assert told["reloading"].startswith("holds, at most ")
    which = {"core": "does not hold, raddexpminusmax", "both": "undecided, raddexpminusmax", "memory": "holds, at most"}
    assert told["recomputing"].startswith(which[bound])


def test_the_pass_that_decides_memory_bound_has_its_interval_paired_by_round(
    published: Mapping[str, Any], full: dict[str, pd.DataFrame]
) -> None:
    row = judged(published, full).loc[("memory_bound", "tuned")]
    alone = full["passes"][(full["passes"]["algorithm"] == "-") & (full["passes"]["n_elements"] == FAR)]
    name = next(name for name in synthetic.PASSES if f"{name} takes {row['our_value']:.3f} [" in row["reason"])
    mine = alone[(alone["pass"] == name) & (alone["variant"] == synthetic.variant(name, "avx512f", "tuned"))]
    assert row["our_value"] == pytest.approx(mine["measured_over_memory"].iloc[0])
    assert row["low"] <= row["our_value"] <= row["high"]
    assert row["high"] - row["low"] < 0.1


def test_without_ratios_no_three_pass_is_the_faster_one(
    published: Mapping[str, Any], full: dict[str, pd.DataFrame]
) -> None:
    row = judged(published, {**full, "ratios": full["ratios"].query(f"n_elements != {FAR}")}).loc[
        ("memory_bound", "tuned")
    ]
    assert row["verdict_here"] == "undecided"
    assert "which Three-Pass is the faster one" in row["reason"]


def test_a_claim_that_is_added_is_judged(published: Mapping[str, Any], full: dict[str, pd.DataFrame]) -> None:
    """As CONTRIBUTING.md says, with nothing but its entry."""
    added = {**published["claims"][1], "id": "added", "scope": {**published["claims"][1]["scope"], "sizes": ["L2"]}}
    table = judged({**published, "claims": [*published["claims"], added]}, full)
    assert set(table.loc["added", "verdict_here"]) <= {"holds here", "does not hold here"}
    assert set(table.loc["added", "scope"]) == {"skylake-x; avx2; L2"}


def test_one_inaccurate_pass_refutes_no_overflow(published: Mapping[str, Any], full: dict[str, pd.DataFrame]) -> None:
    accuracy = full["accuracy"].copy()
    accuracy.loc[(accuracy["pass"] == "raddextexp") & (accuracy["inputs"] == "narrow"), "passed"] = False
    table = judged(published, {**full, "accuracy": accuracy})
    assert table.loc[("no_overflow", "preset"), "verdict_here"] == "does not hold here"


def test_unchecked_accuracy_is_undecided(published: Mapping[str, Any], full: dict[str, pd.DataFrame]) -> None:
    table = judged(published, {**full, "accuracy": full["accuracy"].query("inputs != 'narrow'")})
    assert set(table.loc["no_overflow", "verdict_here"]) == {"undecided"}


def test_missing_isa_size_and_variant_are_undecided_with_the_reason(
    published: Mapping[str, Any], full: dict[str, pd.DataFrame]
) -> None:
    no_wide = {**full, "ratios": full["ratios"].query("isa != 'avx512f'")}
    assert "no preset timings with avx512f" in judged(published, no_wide).loc[("avx512_gain", "preset"), "reason"]
    no_far = {**full, "ratios": full["ratios"].query(f"n_elements != {FAR}")}
    assert "none of the sizes 4 x LLC" in judged(published, no_far).loc[("avx512_gain", "preset"), "reason"]
    no_tuned = {**full, "ratios": full["ratios"].query("variant != 'tuned'")}
    assert judged(published, no_tuned).loc[("avx2_gain", "tuned"), "verdict_here"] == "undecided"


def test_the_base_is_named(published: Mapping[str, Any], full: dict[str, pd.DataFrame]) -> None:
    row = judged(published, full).loc[("avx512_gain", "preset")]
    assert row["base"] == "three_pass_recompute"
    assert row["base"] in row["reason"]
    assert row["our_value"] == pytest.approx(synthetic.true_ratio("avx512f", "preset", FAR, row["base"]), rel=0.01)


def test_a_smoke_run_judges_nothing(published: Mapping[str, Any], full: dict[str, pd.DataFrame]) -> None:
    table = judged(published, on(full, "skylake-x"), measurement=False)
    assert set(table["verdict_here"]) == {"undecided"}
    assert set(table["verdict_paper_machine"]) <= {"undecided", "not this machine"}
    assert table["our_value"].isna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"tolerance": None}, "paper_value and tolerance go together"),
        ({"kind": "guess"}, "'guess' is not accepted"),
        ({"id": "avx2_gain"}, "the id is used twice"),
        ({"evidence": ""}, "evidence"),
    ],
)
def test_a_wrong_claims_file_is_one_clear_error(tmp_path: Path, change: Mapping[str, Any], message: str) -> None:
    document = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    document["claims"][0] |= change
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ReportError, match=message):
        claims.load_claims(path)


def test_a_claim_key_that_is_missing_is_named(tmp_path: Path) -> None:
    document = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    del document["claims"][0]["evidence"]
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ReportError, match="the key 'evidence' is missing"):
        claims.load_claims(path)
