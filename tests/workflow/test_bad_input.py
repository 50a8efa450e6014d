"""Bad input is found while the workflow is parsed: one message, a status, no traceback of ours, nothing written."""

import json
from pathlib import Path

import pytest
import yaml


def write_config(checkout: Path, **changes) -> str:
    path = checkout / "mine.yaml"
    path.write_text(yaml.safe_dump(changes))
    return str(path)


def refused(result, *parts: str) -> None:
    said = result.stdout + result.stderr
    assert result.returncode != 0, said
    for part in parts:
        assert part in said
    assert "Traceback" not in said


BAD_CONFIGS = {
    "unknown key": ({"sessoin": "x"}, ["config: top level", "unknown key 'sessoin'", "Did you mean 'session'?"]),
    "unknown nested key": (
        {"sizes": {"sweeps": [1024]}},
        ["config: sizes", "unknown key 'sweeps'", "Did you mean 'sweep'?"],
    ),
    "wrong type": (
        {"effort": "much"},
        ["config: effort", "'much' is not accepted", "This is: How much is measured, 1 by default"],
    ),
    "several numbers for the one": ({"effort": {"rounds": 3}}, ["config: effort", "{'rounds': 3} is not accepted"]),
    "out of range": ({"effort": 0}, ["config: effort", "0 is not accepted", "How much is measured"]),
    "unknown size in the self-test": (
        {"selftest_sizes": ["L4"]},
        ["config: selftest_sizes", "no size is called 'L4'", "Known: L1, L2"],
    ),
    "unknown isa": (
        {"isas": ["avx3"]},
        ["config: isas", "'avx3' is not an instruction set", "scalar, neon, avx2, avx512f"],
    ),
    "unknown isa in a block": (
        {
            "blocks": [
                {"kind": "algorithms", "protocols": ["hot"], "sizes": "key", "inputs": ["uniform"], "isas": ["avx3"]}
            ]
        },
        ["config: blocks.isas", "'avx3' is not an instruction set", "Use simd, widest, or some of"],
    ),
    "unknown compiler": (
        {"compilers": ["nocc"]},
        ["config: compilers", "the C compiler 'nocc' was not found on the PATH"],
    ),
    "unknown source of counts": (
        {"counters": "requires"},
        ["config: counters", "'requires' is not accepted", "Did you mean 'require'? Accepted: auto, off, require, imc"],
    ),
    "several sources of counts": ({"counters": ["imc"]}, ["config: counters", "This is: Counting of memory traffic"]),
    "unknown study": (
        {"study": "sofmax"},
        ["config: study", "'sofmax' has no", "Known studies: ceilings, logsumexp, skeleton, softmax"],
    ),
    "unusable cpu": ({"cpu": 4095}, ["config: cpu", "cpu 4095 is not usable by this process", "Use auto, or one of:"]),
    "too large a listed size": (
        {"sizes": {"sweep": [1024, 10**13]}},
        ["config: sizes.sweep", "10000000000000 elements need", "List sizes up to about"],
    ),
    "too large a size in a block": (
        {
            "blocks": [
                {"kind": "algorithms", "protocols": ["hot"], "sizes": [10**13], "inputs": ["uniform"], "isas": "simd"}
            ]
        },
        ["config: blocks.sizes", "10000000000000 elements need"],
    ),
}


@pytest.mark.parametrize("name", BAD_CONFIGS)
def test_bad_configuration(name, checkout, snakemake):
    changes, parts = BAD_CONFIGS[name]
    refused(snakemake("-n", "--configfile", write_config(checkout, **changes)), *parts)
    assert not (checkout / "results").exists()


def test_isa_that_the_machine_lacks(checkout, snakemake):
    isas = checkout / "kernels/simd/isa.yaml"
    isas.write_text(isas.read_text().replace("cpu_flags: [avx512f]", "cpu_flags: [no_such_flag]"))
    result = snakemake("-n", "--configfile", write_config(checkout, isas=["avx512f"]))
    refused(result, "config: isas: 'avx512f' cannot run here", "no_such_flag")


BROKEN_STUDIES = {
    "accumulators that do not divide": (
        "- {unroll: [4], accumulators: [1, 2, 4]}",
        "- {unroll: [4], accumulators: [3]}",
        ["study.yaml: passes.rmax", "unroll 4 with 3 accumulators: 3 does not divide 4. Use 1, 2, 4"],
    ),
    "unknown pass": (
        "passes: [raddextexp, vscaleextexp]",
        "passes: [raddextexp, vscalextexp]",
        ["algorithms.two_pass: unknown pass 'vscalextexp'", "Known passes: rmax"],
    ),
    "unknown key": ("title: The Two-Pass", "titel: The Two-Pass", ["study.yaml", "'titel'"]),
    "not YAML": ("algorithms:", "algorithms: [", ["is not valid YAML"]),
}


@pytest.mark.parametrize("name", BROKEN_STUDIES)
def test_broken_study(name, checkout, snakemake):
    old, new, parts = BROKEN_STUDIES[name]
    study = checkout / "kernels/softmax/study.yaml"
    text = study.read_text()
    assert old in text
    study.write_text(text.replace(old, new, 1))
    refused(snakemake("-n"), *parts)


def test_missing_pass_file(checkout, snakemake):
    (checkout / "kernels/softmax/vmulc.c").unlink()
    refused(snakemake("-n"), "passes.vmulc: its file", "vmulc.c does not exist", "Add the file")


def test_effective_effort_of_each_profile(checkout, snakemake):
    """profiles/default is applied beside an explicit profile and wins on equal keys, silently: it must hold none."""
    for arguments, session in (
        ([], "default"),
        (["--profile", "profiles/smoke"], "smoke"),
        (["--profile", "profiles/beyond"], "beyond"),
        (["--profile", "profiles/paper"], "paper"),
    ):
        result = snakemake("-n", *arguments)
        assert result.returncode == 0, result.stderr
        (effective,) = checkout.glob(f"results/*/{session}/config.json")
        declared = yaml.safe_load((checkout / f"workflow/config/{session}.yaml").read_text())
        assert json.loads(effective.read_text())["effort"] == declared.get("effort", 1)
    keys = set(yaml.safe_load((checkout / "profiles/default/profile.yaml").read_text()))
    for session in ("smoke", "beyond", "paper"):
        assert not keys & set(yaml.safe_load((checkout / f"profiles/{session}/profile.yaml").read_text()))
