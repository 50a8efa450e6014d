"""CITATION.cff is well-formed, and says what the project and its claims say elsewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WANTED = {"cff-version", "message", "title", "authors"}  # by version 1.2.0 of the format
KNOWN = {"type", "license", "version", "date-released", "references", "abstract", "keywords", "url", "doi"} | WANTED
OF_REFERENCE = {"type", "title", "authors", "year", "collection-title", "start", "end", "doi", "identifiers", "url"}


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    return found


def test_its_keys_are_those_of_the_format(citation: dict[str, Any]) -> None:
    assert citation["cff-version"] == "1.2.0"
    assert WANTED <= citation.keys() <= KNOWN
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= reference.keys() <= OF_REFERENCE
        assert all(identifier.keys() >= {"type", "value"} for identifier in reference["identifiers"])
        assert re.fullmatch(r"10\.\d{4,}/\S+", reference["doi"])


def test_version_date_and_licence_are_the_projects(citation: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    released = re.findall(r"^## (\d\S*) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert (str(citation["version"]), str(citation["date-released"])) == released[0]
    assert str(citation["version"]) == project["version"]
    assert citation["license"] == project["license"]


def test_the_paper_is_that_of_the_claims(citation: dict[str, Any]) -> None:
    paper = yaml.safe_load((ROOT / "reports" / "claims.yaml").read_text(encoding="utf-8"))["paper"]
    (reference,) = citation["references"]
    assert [identifier["value"] for identifier in reference["identifiers"]] == [paper["identifier"]]
    assert reference["url"].endswith(paper["identifier"].removeprefix("arXiv:"))
    assert reference["year"] == paper["year"]
    assert reference["title"] in paper["title"]
    authors = [f"{author['given-names']} {author['family-names']}" for author in reference["authors"]]
    assert " and ".join(authors) == paper["authors"]


def test_it_says_that_a_report_is_cited_with_the_hash_of_its_data(citation: dict[str, Any]) -> None:
    assert "data_sha256" in citation["message"]
