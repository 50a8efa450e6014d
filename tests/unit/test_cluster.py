"""What a cluster is told, and where a machine's results are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from passline import cluster
from passline.errors import BundleError, ConfigError, MachineError
from passline.machine import Machine, detect
from scripts import node_session

SMOKE = Path(__file__).parents[2] / "workflow" / "config" / "smoke.yaml"
RIGHT = {"machines": {"first": {"node": "node1"}, "any": {"feature": "zen4"}}, "session": str(SMOKE)}


def test_a_node_is_for_one_job_alone() -> None:
    cluster.check(RIGHT)
    assert cluster.slurm_extra(RIGHT["machines"]["first"]) == "--exclusive --nodelist=node1 --exclude="
    assert cluster.slurm_extra(RIGHT["machines"]["any"]) == "--exclusive"


def on(usable: tuple[int, ...]) -> Machine:
    """This host, with four cpus, as a job that may use some of them sees it."""
    return dataclasses.replace(detect(), online_cpus=(0, 1, 2, 3), usable_cpus=usable)


def test_a_job_that_was_left_fewer_cpus_than_its_node_has_is_refused() -> None:
    cluster.check_whole("first", on((0, 1, 2, 3)), ())
    cluster.check_whole("first", on((0, 1)), (2, 3))
    with pytest.raises(
        MachineError, match=r"first: its job may run on 2 of the node's 4 cpus \(not on 2-3\).*cpus: 4 "
    ):
        cluster.check_whole("first", on((0, 1)), ())


def test_the_refusal_is_what_the_machine_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_session, "detect", lambda: on((0, 1)))
    monkeypatch.setattr(node_session, "isolated_cpus", lambda _: ())
    monkeypatch.setattr(node_session.subprocess, "run", lambda *_, **__: pytest.fail("a session was started"))
    node_session.main("first", str(SMOKE), tmp_path, tmp_path / "first.log", tmp_path / "first.json")
    sent = cluster.sent(tmp_path / "first.json")
    assert (sent["ok"], sent["bundle"]) == (False, "")
    assert "2 of the node's 4 cpus" in sent["reason"]
    assert (tmp_path / "first.log").read_text() == f"{sent['reason']}\n"


def test_only_the_session_of_a_machine_is_tried_again() -> None:
    """A failed analysis is not; and a job whose node was lost is Slurm's to put back, with or without accounting."""
    profile = yaml.safe_load((SMOKE.parents[2] / "profiles" / "slurm" / "profile.yaml").read_text())
    assert profile["slurm-requeue"] is True
    assert "retries" not in profile
    assert "cores" not in profile
    rules = (SMOKE.parents[1] / "cluster.smk").read_text().split("\nrule ")
    assert [rule.partition(":")[0] for rule in rules if "\n    retries: 3\n" in rule] == ["node_session"]


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


def test_a_session_is_made_of_its_configuration_kernels_and_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the node's rule has as input: an edit of these measures anew, one of the fleet's report does not."""
    monkeypatch.chdir(SMOKE.parents[2])
    session = SMOKE.relative_to(Path.cwd())
    found = cluster.sources(session)
    for path in (
        session, "kernels/softmax/rmax.c", "kernels/softmax/study.yaml", "kernels/simd/isa.yaml",
        "Snakefile", "workflow/rules/measure.smk", "workflow/passline/measure/round.py", "workflow/scripts/measure.py",
        "kernels/ceilings/copy.c", "workflow/passline/counters/chain.py",
        "workflow/config/default.yaml", "reports/claims.yaml",
    ):  # fmt: skip
        assert str(path) in found
    assert not [path for path in found if "fleet" in path or "__pycache__" in path]


def test_a_study_elsewhere_is_of_its_session_too(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pass.c").write_text("")
    session = tmp_path / "mine.yaml"
    session.write_text(f"session: mine\nstudy: {tmp_path}/mine\n")
    assert {str(session), f"{tmp_path}/mine/pass.c"} <= set(cluster.sources(session))
