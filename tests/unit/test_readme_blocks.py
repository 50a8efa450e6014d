"""Generated parts of documents are up to date."""

import json

import pandas as pd
import pytest
import yaml

from passline import config_readme, front_blocks, readme_blocks
from passline.artifact_blocks import ARTIFACT, ROOT, Session, claims_block, goals_block, time_block
from passline.derive.selection import against_fastest, primary
from passline.formats import ratio_with_interval
from passline.schema import SCHEMAS
from passline.tables import read_table


@pytest.fixture(scope="module")
def documents():
    return readme_blocks.documents()


def test_the_blocks_are_up_to_date(documents):
    for path, text in documents.items():
        assert path.read_text(encoding="utf-8") == text, "run python -m passline.readme_blocks"
    assert "| **Two-Pass** | 2 N | 1 N | 12 | 16 |" in documents[readme_blocks.README]


def test_the_caption_of_the_readmes_figure_says_what_its_session_found(documents):
    front = documents[front_blocks.FRONT]
    folder = next(
        path for path in sorted(front_blocks.PUBLISHED.iterdir()) if f"{path.name}/against_bases.svg" in front
    )
    ratios = read_table("ratios", folder / "tables" / "ratios.csv")
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    far = against_fastest(primary(ratios, plan), plan)
    far = far[
        (far["n_elements"] == max(plan["labels"][label] for label in plan["out_of_cache"])) & (far["isa"] != "scalar")
    ]
    assert len(far)
    for _, row in far.iterrows():
        assert ratio_with_interval(row["ratio"], row["ratio_low"], row["ratio_high"]) in front


def test_every_published_report_is_linked_and_a_figure_needs_a_default_session(tmp_path, monkeypatch):
    monkeypatch.setattr(front_blocks, "ROOT", tmp_path)
    for name, study, session in (("b-more", "softmax", "more"), ("a", "logsumexp", "default")):
        (tmp_path / name).mkdir()
        plan = {"machine": name[0], "study": study, "session": session}
        (tmp_path / name / "plan.json").write_text(json.dumps(plan))
    blocks = front_blocks.blocks(tmp_path)
    assert blocks["reports"].splitlines() == [
        "- [`a`](a/report.pdf): machine `a`, study `logsumexp`, session `default`",
        "- [`b-more`](b-more/report.pdf): machine `b`, study `softmax`, session `more`",
    ]
    assert blocks["found"] == "*No default session is published yet.*"


def test_each_claim_and_goal_stands_in_the_appendix_once(documents):
    appendix = documents[ARTIFACT]
    for kind in ("claims", "goals"):
        for entry in yaml.safe_load((ROOT / "reports" / f"{kind}.yaml").read_text())[kind]:
            assert appendix.count(f"| `{entry['id']}` |") == 1


def test_a_published_session_that_says_another_verdict_is_shown_so():
    claims = pd.DataFrame(
        {"claim": ["a", "a", "b", "b"], "variant": ["preset", "tuned"] * 2, "verdict_here": ["x", "x", "x", "y"]}
    )
    other = Session("here-other", {}, {"claims": claims.assign(claim="of another study")})
    asks_none = Session("here-beyond", {}, {"claims": claims.assign(verdict_here="undecided")})
    found = Session("here", {}, {"claims": claims})
    scope = {"microarchitectures": ["any"], "isa": "widest", "sizes": ["L1"]}
    entries = [{"id": name, "kind": "speedup", "statement": "faster", "scope": scope} for name in "abc"]
    lines = claims_block(entries, [found, other, asks_none]).splitlines()
    assert lines[0].endswith("| found on `here` |")
    assert lines[2] == "| `a` | faster | any; widest; L1 | `snakemake --until ratios` | `ratios` | x |"
    assert lines[3].endswith("| preset: x, tuned: y |")
    assert lines[4].endswith("| not judged |")


def test_sessions_of_one_machine_are_told_apart_and_those_without_a_goal_left_out():
    entries = [
        {"id": name, "statement": "faster", "statistic": "minimum", "isa": "avx2", "wanted": 1.2, "session": "default"}
        for name in "ab"
    ]
    reached = pd.DataFrame({"goal": ["a", "b"], "reached": [1.5, float("nan")], "met": ["met", "-"]})
    sessions = [
        Session("here", {}, {"goals": reached}),
        Session("here-more", {}, {"goals": reached.assign(reached=[1.1, 1.3], met=["missed", "met"])}),
        Session("here-nothing", {}, {"goals": reached.assign(reached=float("nan"))}),
    ]
    lines = goals_block(entries, sessions).splitlines()
    assert lines[0].endswith("| found on `here` | found on `here-more` |")
    assert lines[2].endswith("| 1.50, met | 1.10, missed |")
    assert lines[3].endswith("| not measured | 1.30, met |")


def test_times_of_steps_are_those_of_their_rounds():
    minutes = [("ceilings-L1-t1", 0), ("ceilings-L1-t1", 1), ("tune-hot-n1", 2), ("algorithms-hot-n1", 5), ("split", 6)]
    rounds = pd.DataFrame(
        {
            "block": [block for block, _ in minutes],
            "start_utc": [f"2026-01-01T00:{minute:02d}:00+00:00" for _, minute in minutes],
            "duration_s": 30.0,
            "buffer_bytes": [1 << 20, 2 << 20, 3 << 20, 4 << 20, 5 << 20],
        }
    )
    cells = [line.split(" | ")[1:-1] for line in time_block([Session("here", {}, {"rounds": rounds})]).splitlines()]
    assert cells[2:] == [
        ["ceilings", "1", "2", "1:00", "1:30"],
        ["tuning", "1", "1", "0:30", "0:30"],
        ["between tuning and timing, choosing included", "", "", "", "2:30"],
        ["timing", "2", "2", "1:00", "1:30"],
        ["all", "4", "5", "2:30", "6:30"],
    ]


def test_the_configs_readme_is_the_schemas():
    assert config_readme.README.read_text(encoding="utf-8") == config_readme.text(), (
        "run python -m passline.config_readme"
    )
    assert "| `blocks[].together` |" in config_readme.text()
    assert "| `effort` | number | `1` |" in config_readme.text()


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_description_lost_what_follows_a_comma(path):
    """In a flow mapping of YAML an unquoted comma begins another key, without a value."""

    def nothing(document):
        if isinstance(document, dict):
            return [key for key, value in document.items() if value is None or nothing(value)]
        return [each for each in document if nothing(each)] if isinstance(document, list) else []

    assert not nothing(yaml.safe_load(path.read_text(encoding="utf-8")))
