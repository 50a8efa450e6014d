"""A kernel that is wrong is left out with its reason and never timed; the report is written; the run fails."""

import pytest

from passline.tables import read_table

pytestmark = pytest.mark.slow


def test_a_wrong_kernel(checkout, snakemake):
    source = checkout / "kernels/softmax/raddextexp.c"
    text = source.read_text()
    wrong = "state->mantissa = vec_reduce_add(mantissa) * (LANES == 1 ? 1.001f : 1.0f);"
    assert "state->mantissa = vec_reduce_add(mantissa);" in text
    source.write_text(text.replace("state->mantissa = vec_reduce_add(mantissa);", wrong))

    config = checkout / "workflow/config/smoke.yaml"
    config.write_text(config.read_text().replace("isas: simd", "isas: [scalar]"))
    result = snakemake("--profile", "profiles/smoke", timeout=600)

    said = result.stdout + result.stderr
    assert result.returncode != 0
    assert "1 variants failed the check and were not timed (f32-raddextexp-scalar" in said
    (report,) = checkout.glob("reports/*/smoke/report.pdf")
    assert report.stat().st_size > 10_000
    (tables,) = checkout.glob("results/*/smoke/tables")
    accuracy = read_table("accuracy", tables / "accuracy.csv")
    assert set(accuracy[~accuracy["passed"]]["pass"]) == {"raddextexp"}
    timed = read_table("timings", tables / "timings.csv")
    timed = timed[timed["isa"] == "scalar"]
    assert "two_pass" not in set(timed["algorithm"])
    assert {"three_pass_reload", "three_pass_recompute"} <= set(timed["algorithm"])
    skipped = read_table("skipped", tables / "skipped.csv")
    assert skipped["what"].str.contains("f32-raddextexp-scalar").any()
