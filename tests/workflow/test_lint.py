"""`snakemake --lint` has nothing to say of any of our workflows but what is wanted, each with its reason."""

import re

import pytest
import yaml
from checkouts import run

EXCEPTIONS = {
    "Specify a conda environment or container for each rule.": (
        "all rules share one environment, of which constraints.txt pins every package by hash; the compiler and the "
        "kernel's counters are the host's, because they are what is measured"
    ),
}
CLUSTER = {"machines": {"first": {"node": "node1"}}, "session": "workflow/config/smoke.yaml"}


def lints(folder, *arguments):
    """Lint titles by what they are for; `--lint json` is printed as text too."""
    told = run(folder, "--lint", *arguments).stderr
    found = {}
    for line in told.splitlines():
        if head := re.fullmatch(r"Lints for (.+):", line):
            of = found.setdefault(head[1], [])
        elif title := re.fullmatch(r"    \* (.+):", line):
            of.append(title[1])
    # A workflow without lints would say so; one that does not parse says neither.
    assert found or "Congratulations" in told, told
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="Snakefile"),
        pytest.param(("--snakefile", "workflow/fleet.smk", "--config", "bundles=sent"), id="fleet"),
        pytest.param(("--snakefile", "workflow/cluster.smk", "--configfile", "cluster.yaml"), id="cluster"),
    ],
)
def test_only_what_is_wanted(shared_checkout, arguments):
    (shared_checkout / "cluster.yaml").write_text(yaml.safe_dump(CLUSTER))
    found = lints(shared_checkout, *arguments)
    assert found, "the exceptions are not needed any more: empty their list"
    told = {of: [title for title in titles if title not in EXCEPTIONS] for of, titles in found.items()}
    assert {of: titles for of, titles in told.items() if titles} == {}
