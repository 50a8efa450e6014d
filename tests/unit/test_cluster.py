"""What a cluster is told, and where a machine's results are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passline import cluster
from passline.errors import BundleError, ConfigError

SMOKE = Path(__file__).parents[2] / "workflow" / "config" / "smoke.yaml"
RIGHT = {"machines": {"first": {"node": "node1"}, "any": {"feature": "zen4"}}, "session": str(SMOKE)}


def test_a_node_is_for_one_job_alone() -> None:
    cluster.check(RIGHT)
    assert cluster.slurm_extra(RIGHT["machines"]["first"]) == "--exclusive --nodelist=node1"
    assert cluster.slurm_extra(RIGHT["machines"]["any"]) == "--exclusive"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"machines": {}}, "machines"),
        ({"machines": {"Node.1": {"node": "n"}}}, "machines"),
        ({"machines": {"a": {"node": "n", "feature": "f"}}}, "machines.a"),
        ({"session": "nowhere.yaml"}, "'nowhere.yaml' is no file"),
        ({"cores": 4}, "unknown key 'cores'"),
    ],
)
def test_what_is_wrong_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cluster.check(RIGHT | change)


def test_the_results_are_those_of_the_session_whatever_else_lies_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = {"smoke": ("smoke", "softmax"), "default": ("default", "softmax"), "mine-smoke": ("smoke", "mine")}
    for name, (session, study) in found.items():
        (tmp_path / "results" / "first" / name).mkdir(parents=True)
        document = {"session": session, "study": study}
        (tmp_path / "results" / "first" / name / "config.json").write_text(json.dumps(document))
    assert cluster.results_of("first", SMOKE) == Path("results/first/smoke")
    with pytest.raises(BundleError, match="has no session 'smoke' of study 'softmax'"):
        cluster.results_of("second", SMOKE)
