"""Reading and writing the tidy tables; their models are in table_models.

A table is a CSV file whose first line is a comment with its name and version (read it elsewhere with
``pandas.read_csv(path, comment="#")``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa

from passline.errors import TableError
from passline.table_models import DTYPES, KEY, TABLES

__all__ = [
    "BEST",
    "FLOOR",
    "KEY",
    "NOT_APPLICABLE",
    "TABLES",
    "conform",
    "header",
    "read_columns",
    "read_table",
    "write_table",
]

VERSION = 4
NOT_APPLICABLE = "-"

BEST = "best"
"""In column `algorithm`: the one that picks another by the length of the row; it is compared with all it can pick."""

FLOOR = "floor"
"""In column `variant`, in place of preset or tuned: the streams and stores of an algorithm without its arithmetic."""


def header(name: str) -> str:
    """First line of a table's file."""
    return f"# passline table {name} version {VERSION}"


def conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with the table's columns, types and row order; raise TableError where it does not fit."""
    table = TABLES[name]
    if frame.empty:
        frame = pd.DataFrame({column: pd.Series(dtype=DTYPES[spec.kind]) for column, spec in table.columns.items()})
    try:
        checked: pd.DataFrame = table.schema.validate(frame[list(table.columns)])
    except (KeyError, pa.errors.SchemaError) as error:
        raise TableError(
            f"table {name}",
            f"does not fit its model ({error})",
            "Compare the columns with workflow/passline/table_models.py",
        ) from error
    return checked.sort_values(list(table.sort_by), kind="stable").reset_index(drop=True)


def write_table(name: str, frame: pd.DataFrame, path: Path) -> None:
    """Validate and write a table aside, then rename it into place: a reader never sees half a file."""
    checked = conform(name, frame)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside.open("w", encoding="utf-8") as file:
        file.write(header(name) + "\n")
        checked.to_csv(file, index=False, float_format="%.9g", lineterminator="\n")
    aside.replace(path)


def read_table(name: str, path: Path) -> pd.DataFrame:
    """Read and validate a table; raise TableError for a missing file or another version."""
    kinds = TABLES[name].columns
    text = {column: str for column, spec in kinds.items() if spec.kind == "text"}
    return conform(name, _parse(name, path, dtype=text, na_values=_empty(name, kinds)))


def read_columns(name: str, path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table, of their types, in the order of the file; TableError as of `read_table`.

    For a thousand tables of which little is needed: the model is not asked, which takes most of the time of reading.
    """
    types = {column: DTYPES[TABLES[name].columns[column].kind] for column in columns}
    try:
        return _parse(name, path, usecols=list(columns), dtype=types, na_values=_empty(name, columns))[list(columns)]
    except ValueError as error:
        what = f"does not fit its model ({error})"
        raise TableError(
            path, what, "It is damaged, or of another version: delete it and run snakemake again"
        ) from error


def _empty(name: str, columns: Iterable[str]) -> dict[str, list[str]]:
    """Columns in which an empty cell is no value."""
    return {column: [""] for column in columns if TABLES[name].columns[column].kind == "number"}


def _parse(name: str, path: Path, **how: Any) -> pd.DataFrame:
    if not path.is_file():
        raise TableError(path, "the table does not exist", "Run the step that writes it: snakemake " + str(path))
    with path.open(encoding="utf-8") as file:
        first = file.readline().rstrip("\n")
    if first != header(name):
        raise TableError(
            path,
            f"first line is {first!r}, expected {header(name)!r}",
            "It was written by another version: delete it and run snakemake again",
        )
    return pd.read_csv(path, skiprows=1, keep_default_na=False, **how)
