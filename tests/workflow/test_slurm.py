"""Two machines of a real Slurm run the smoke session; one is lost in the middle and goes on; one report shows both."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pypdf
import pytest
import yaml
from checkouts import SNAKEMAKE, copy_to, environment
from slurm_cluster import FEATURE, MEMORY_MB, Cluster, missing

from passline import bundle
from passline.tables import read_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]
MACHINES = {"first": "node1", "second": "node2"}
PATIENCE_S = 900.0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the workflow reads, and a cluster's configuration."""
    folder = copy_to(tmp_path_factory.mktemp("slurm"))
    config = {
        "machines": {label: {"node": node} for label, node in MACHINES.items()},
        "session": "workflow/config/smoke.yaml",
        "cpus": os.cpu_count(),
    }
    (folder / "cluster.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Controller and two nodes; where Slurm is installed and does not come up, that is a failure."""
    made = Cluster(tmp_path_factory.mktemp("cluster") / "slurm")
    yield made
    made.stop()


def submit(checkout: Path, cluster: Cluster) -> subprocess.Popen[str]:
    """What a user of a cluster types, on one without accounting."""
    command = [
        SNAKEMAKE, "--snakefile", "workflow/cluster.smk", "--workflow-profile", "profiles/slurm",
        "--configfile", "cluster.yaml", "--latency-wait", "5", "--slurm-no-account", "--slurm-status-command", "squeue",
        "--slurm-init-seconds-before-status-checks", "2",
    ]  # fmt: skip
    env = environment(checkout)
    env["PATH"] = f"{cluster.binaries}:{env['PATH']}"
    with (checkout / "submitted.log").open("w") as log:
        return subprocess.Popen(command, cwd=checkout, env=env, stdout=log, stderr=subprocess.STDOUT, text=True)


def until(holds: Callable[[], bool], started: subprocess.Popen[str], checkout: Path, what: str) -> None:
    """Wait; fail with what Snakemake said where it ends too early or it takes too long."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        ended = started.poll() is not None
        if ended or time.monotonic() > end:
            started.kill()
            pytest.fail(f"{what}: not before the end. {(checkout / 'submitted.log').read_text()[-4000:]}")
        time.sleep(0.3)


def job_of(cluster: Cluster, label: str) -> dict[str, str]:
    """The one job that was ever submitted for a machine; the plugin names it in its comment."""
    (job,) = (job for job in cluster.jobs().values() if label in job["Comment"])
    return job


def rounds(checkout: Path, label: str) -> dict[Path, tuple[int, bytes]]:
    """Finished rounds of a machine: inode and contents."""
    found = checkout.glob(f"results/{label}/smoke/raw/*/*/round-*.json")
    return {path: (path.stat().st_ino, path.read_bytes()) for path in found}


def test_a_lost_node_goes_on_and_both_are_in_the_report(checkout: Path, cluster: Cluster) -> None:
    started = submit(checkout, cluster)
    until(lambda: any(len(rounds(checkout, label)) > 10 for label in MACHINES), started, checkout, "rounds are taken")
    lost = max(MACHINES, key=lambda label: len(rounds(checkout, label)))
    cluster.kill_node(MACHINES[lost])
    kept = rounds(checkout, lost)
    # The other one waited for the lock that measuring takes on this host, and goes on to its end.
    (other,) = set(MACHINES) - {lost}
    until((checkout / "fleet" / "sent" / f"{other}.json").is_file, started, checkout, f"{other} is done")
    assert not (checkout / "fleet" / "sent" / f"{lost}.json").exists()
    cluster.start_node(MACHINES[lost])
    until(lambda: started.poll() is not None, started, checkout, "all is done")
    said = (checkout / "submitted.log").read_text()
    assert started.returncode == 0, said[-4000:]

    # The cluster's own default is to drop a job whose node is lost, and to give 100 MB to one that does not ask.
    jobs = {label: job_of(cluster, label) for label in MACHINES}
    assert {label: job["Restarts"] for label, job in jobs.items()} == {lost: "1", other: "0"}
    assert {label: job["NodeList"] for label, job in jobs.items()} == MACHINES
    for label, job in jobs.items():
        assert job["JobState"] == "COMPLETED"
        assert f"mem={MEMORY_MB}M" in job["TRES"]
        assert said.count(f"session on {label}") == 1
    waited = re.compile(r"^waiting: process \d+ \(.*\) is measuring on this machine", re.MULTILINE)
    logs = [(checkout / "fleet" / "sent" / f"{label}.log").read_text() for label in MACHINES]
    assert any(waited.search(log) for log in logs), "both are this host: one measures, the other waits"

    assert kept
    now = rounds(checkout, lost)
    assert kept.items() <= now.items(), "rounds taken before the node was lost are kept as they were"
    assert len(now) > len(kept)
    found = {label: bundle.read(checkout / "fleet" / "sent" / f"{label}{bundle.SUFFIX}") for label in MACHINES}
    ids = {label: json.loads(one.files["machine.json"])["machine_id_hash"] for label, one in found.items()}
    assert ids["first"] == ids["second"], "both nodes are this host"
    assert {one.manifest["machine"] for one in found.values()} == set(MACHINES)

    tables = {
        name: read_table(f"fleet_{name}", checkout / "fleet" / "tables" / f"fleet_{name}.csv")
        for name in ("machines", "ratios", "claims")
    }
    bundles = tables["machines"].set_index("machine")["bundle"]
    assert bundles.to_dict() == {label: one.name for label, one in found.items()}
    assert tables["machines"]["compared"].all()
    for name in ("ratios", "claims"):  # the smoke sweep has no pass out of cache
        counts = tables[name].groupby("bundle").size()
        assert counts.index.to_list() == sorted(bundles)
        assert counts.nunique() == 1, f"{name}: both machines ran the same sweep"
    assert (tables["ratios"]["ratio"] > 0).all()
    for label, one in found.items():
        text = one.files["tables/claims.csv"].decode()
        own = pd.read_csv(io.StringIO(text), skiprows=1, keep_default_na=False)
        shown = tables["claims"][tables["claims"]["bundle"] == bundles[label]]
        assert sorted(shown["verdict_here"]) == sorted(own["verdict_here"])

    pages = [re.sub(r"\s+", " ", page.extract_text()) for page in pypdf.PdfReader(checkout / "reports/fleet.pdf").pages]
    assert all("SMOKE RUN: NOT A MEASUREMENT" in page for page in pages)
    # A row of ratios, of claims and of facts each.
    for label in MACHINES:
        assert " ".join(pages).count(label) >= 3


def test_a_session_that_fails_by_itself_is_not_run_again(checkout: Path, cluster: Cluster) -> None:
    """A bad number is an answer: the other machine is reported, and the run says which failed and why.

    So is one on any node with a feature.
    """
    config = yaml.safe_load((checkout / "cluster.yaml").read_text())
    config["machines"]["featured"] = {"feature": FEATURE}
    (checkout / "cluster.yaml").write_text(yaml.safe_dump(config))
    told = checkout / "fleet" / "sent"
    (told / "first.json").unlink()
    for label in ("first", "featured"):
        # An edit of what sessions are made of would run that of every machine again: here two cannot write their files.
        place = checkout / "results" / label / "smoke" / "config.json"
        place.unlink(missing_ok=True)
        place.mkdir(parents=True)
    started = submit(checkout, cluster)
    until(lambda: started.poll() is not None, started, checkout, "all is done")
    said = (checkout / "submitted.log").read_text()
    assert started.returncode != 0
    sent = json.loads((told / "first.json").read_text())
    assert (sent["ok"], sent["bundle"]) == (False, "")
    assert "Is a directory" in sent["reason"]
    assert "first: its session ended with status 1" in said
    assert said.count("session on first") == 1
    assert json.loads((told / "featured.json").read_text())["ok"] is False
    job = job_of(cluster, "featured")
    assert (job["Features"], job["NodeList"], job["Restarts"]) == (FEATURE, "node2", "0")
    assert (checkout / "reports" / "fleet.pdf").is_file()


def test_a_wrong_configuration_is_said_before_anything_is_submitted(checkout: Path) -> None:
    for config, said in (
        ({"session": "workflow/config/smoke.yaml"}, "the key 'machines' is missing"),
        ({"machines": {"a": {"node": "n", "feature": "f"}}, "session": "workflow/config/smoke.yaml"}, "machines.a"),
        ({"machines": {"a": {"node": "n"}}, "session": "none.yaml"}, "'none.yaml' is no file"),
    ):
        (checkout / "wrong.yaml").write_text(yaml.safe_dump(config))
        command = [SNAKEMAKE, "--snakefile", "workflow/cluster.smk", "--configfile", "wrong.yaml", "--cores", "1", "-n"]
        done = subprocess.run(
            command, cwd=checkout, env=environment(checkout), capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert said in done.stdout + done.stderr
