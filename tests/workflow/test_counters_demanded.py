"""`counters: require`: the run ends before anything is timed where nothing can be counted, and says why."""

import json

import pytest
import yaml
from checkouts import run

SESSION = {
    "session": "demanded",
    "machine": "here",
    "measurement": False,
    "isas": ["scalar"],
    "grid": "presets",
    "sizes": {"sweep": [2048], "class_counts": {}},
    "effort": 0.1,
    "blocks": [{"kind": "passes", "protocols": ["hot"], "sizes": "sweep", "inputs": ["uniform"], "isas": ["scalar"]}],
    "selftest_sizes": [2048],
}
RAW = "results/here/demanded/raw"
PROBED = f"{RAW}/counters/probe.json"


@pytest.fixture(scope="module")
def folder(shared_checkout):
    for mode in ("auto", "require", "imc"):
        (shared_checkout / f"{mode}.yaml").write_text(yaml.safe_dump({**SESSION, "counters": mode}))
    done = run(shared_checkout, "--configfile", "auto.yaml", "--", PROBED)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "memory traffic will be counted: " in done.stderr
    chosen = json.loads((shared_checkout / PROBED).read_text())["chosen"]
    if chosen["plan"] is not None:
        pytest.skip(f"this machine counts by {chosen['source']}: the demand is met")
    return shared_checkout, chosen


@pytest.mark.parametrize("mode", ["require", "imc"])
def test_a_demand_that_cannot_be_met_fails_with_every_errno(folder, mode):
    checkout, chosen = folder
    done = run(checkout, "--configfile", f"{mode}.yaml", "--", f"{RAW}/ceilings/manifest.json")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"counters: {mode}: memory traffic cannot be counted here: {chosen['explanation']['what']}" in said
    attempts = chosen["attempts"] if mode == "require" else [{"source": "imc", "errno": "ENOENT", "ok": False}]
    for attempt in attempts:
        if not attempt["ok"]:
            assert f"{attempt['source']}: {attempt['errno']}" in said
    assert "Or set counters: auto" in said
    assert "Traceback" not in said
    assert not list((checkout / RAW).glob("ceilings/*/round-*.json"))  # nothing was timed
