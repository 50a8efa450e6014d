"""The paper's tables and figures: what of them is at hand, from reports/paper.yaml and reports/published/paper."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from passline.errors import ReportError
from passline.registry import Study
from passline.schema import load_listed
from passline.tables import NOT_APPLICABLE

Names = Mapping[str, list[str]]

SLOTS = "slots"
TEXT, TABLE = "text", "table"
COLUMNS = ("figure", "page", "read_by", "algorithm", "pass", "n_elements", "threads", "value", "unit")
CELLS = ("figure", "page", "read_by", "row", "column", "value")
"""Columns of the file of a table of the paper: its cells, as they stand there."""
UNITS = {"over_size": "1/s", "passes": "B/s", "split": "s", "threads": "1/s", "baseline": "ratio"}
"""Unit of the values of each kind that is drawn; `ratio` is time of the baseline over time of the algorithm."""


def load_slots(path: Path) -> dict[str, Any]:
    """reports/paper.yaml; ReportError where it is wrong."""
    return load_listed(path, SLOTS, ReportError)


def slots_table(
    document: Mapping[str, Any], values: pd.DataFrame, cells: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Table `paper_slots`: each entry, and how many numbers of it somebody read off (`cells`: of tables)."""
    known = {**values.groupby("slot").size().to_dict(), **(cells or {})}
    rows = [
        {
            "slot": slot["id"],
            **{key: slot[key] for key in ("item", "holds", "kind", "ours")},
            **{key: slot.get(key, NOT_APPLICABLE) for key in ("confirmed", "isa", "baseline", "microarchitecture")},
            "algorithms": " ".join(slot.get("algorithms", [])) or NOT_APPLICABLE,
            "numbers": int(known.get(slot["id"], 0)),
        }
        for slot in document[SLOTS]
    ]
    return pd.DataFrame(rows)


def values_table(document: Mapping[str, Any], folder: Path, study: Study) -> pd.DataFrame:
    """Table `paper_values`: the numbers that somebody read off the paper, from the files of the slots that are drawn.

    A file that is missing is no error, nor is one of a header alone. ReportError names the file, the line and what is
    wrong with it.

    Args:
        document: reports/paper.yaml.
        folder: where the files are.
        study: the study of the paper, whose names of algorithms and passes the files use.
    """
    names = {"algorithm": list(study.algorithms), "pass": [NOT_APPLICABLE, *study.passes]}
    rows = [row for slot in document[SLOTS] if slot["kind"] in UNITS for row in _values(slot, folder, names)]
    return pd.DataFrame(rows, columns=["slot", *COLUMNS])


def cells_read(document: Mapping[str, Any], folder: Path) -> dict[str, int]:
    """How many cells of each of the paper's tables somebody read off: text, which nothing is computed from."""
    found = {}
    for slot in document[SLOTS]:
        if slot["kind"] == TABLE:
            rows = list(_lines(slot, folder, CELLS))
            for where, row in rows:
                _attributed(row, where)
                for column in ("row", "column", "value"):
                    if not (row[column] or "").strip():
                        raise ReportError(f"{where}: {column}", "is empty", "Give the cell as the paper has it")
                _number(row["page"], f"{where}: page")
            found[str(slot["id"])] = len(rows)
    return found


def _values(slot: Mapping[str, Any], folder: Path, names: Names) -> Iterator[dict[str, Any]]:
    for where, row in _lines(slot, folder, COLUMNS):
        yield {"slot": slot["id"], **_checked(row, slot, names, where)}


def _lines(slot: Mapping[str, Any], folder: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Lines of a slot's file, each with where it stands; none where there is no file."""
    path = folder / f"{slot['id']}.csv"
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != columns:
            raise ReportError(
                f"{path}: line 1",
                f"the columns are {', '.join(reader.fieldnames or ('none',))}",
                f"They must be {','.join(columns)}",
            )
        for line, row in enumerate(reader, start=2):
            yield f"{path}: line {line}", row


def _attributed(row: Mapping[str, str], where: str) -> None:
    for column in ("figure", "read_by"):
        if not (row[column] or "").strip():
            raise ReportError(f"{where}: {column}", "is empty", "Say which figure it is, and who read the number off")


def _checked(row: Mapping[str, str], slot: Mapping[str, Any], names: Names, where: str) -> dict[str, Any]:
    _attributed(row, where)
    for column, known in names.items():
        if row[column] not in known:
            raise ReportError(f"{where}: {column}", f"is {row[column]!r}", f"Known: {', '.join(known)}")
    numbers = {
        column: _number(row[column], f"{where}: {column}") for column in ("page", "n_elements", "threads", "value")
    }
    if row["unit"] != UNITS[slot["kind"]]:
        raise ReportError(
            f"{where}: unit", f"is {row['unit']!r}", f"Values of {slot['kind']} are in {UNITS[slot['kind']]}"
        )
    whole = {column: int(numbers[column]) for column in ("page", "n_elements", "threads")}
    for column, value in whole.items():
        if value != numbers[column]:
            raise ReportError(f"{where}: {column}", f"is {row[column]!r}", "Give a whole number")
    return {**row, **whole, "value": numbers["value"]}


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = -1.0
    if not 0.0 < value < float("inf"):
        raise ReportError(where, f"is {text!r}", "Give a positive number")
    return value
