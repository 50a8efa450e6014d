"""What tables are made of: columns with a type and a meaning, models, and the columns that many tables share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandera.pandas as pa


@dataclass(frozen=True)
class Column:
    """A column: its type (``text``, ``integer``, ``number``, ``flag``) and what it holds."""

    kind: str
    description: str


@dataclass(frozen=True)
class Table:
    """A table: one row per `row`, its columns in order, and the columns that order its rows."""

    name: str
    row: str
    columns: Mapping[str, Column]
    sort_by: tuple[str, ...]

    @property
    def schema(self) -> pa.DataFrameSchema:
        """The pandera model: the named columns, in order, and no others."""
        return pa.DataFrameSchema(
            {
                name: pa.Column(DTYPES[column.kind], nullable=column.kind == "number")
                for name, column in self.columns.items()
            },
            strict=True,
            ordered=True,
            coerce=True,
            name=self.name,
        )


DTYPES = {"text": "str", "integer": "int64", "number": "float64", "flag": "bool"}


def text(description: str) -> Column:
    """A column of text; - stands for what does not apply."""
    return Column("text", description)


def integer(description: str) -> Column:
    """A column of whole numbers."""
    return Column("integer", description)


def number(description: str) -> Column:
    """A column of numbers; an empty cell was not measured."""
    return Column("number", description)


def flag(description: str) -> Column:
    """A column of true and false."""
    return Column("flag", description)


SESSION = {
    "machine": text("label of the machine"),
    "session": text("label of the session"),
}
BUILD = {"build_id": text("hash of compiler, flags and sources")}
PASS = {
    "study": text("study that declares the pass or algorithm"),
    "algorithm": text("algorithm, or - for a pass or ceiling alone"),
    "pass_index": integer("position of the pass in its algorithm, from 1; 0 is the whole algorithm"),
    "pass": text("pass, or - for a whole algorithm"),
}
ISA = {"isa": text("instruction set, as gcc spells it")}
VARIANT = {"variant": text("variant's name; for a whole algorithm: preset or tuned")}
POINT = {
    "n_elements": integer("length of a row"),
    "n_rows": integer("rows of x that calls walk over; where threads have rows of their own, those of all"),
    "threads": integer("threads"),
    "cache_protocol": text("paper, hot, consumed or cold"),
    "inputs": text("input family"),
    "pages": text("huge, small or malloc: how buffers were asked for"),
}
KEY_COLUMNS = SESSION | BUILD | PASS | ISA | VARIANT | POINT
TIME = {
    "time_median_s": number("median over rounds, per call"),
    "time_low_s": number("lower bound of its 95 % interval"),
    "time_high_s": number("upper bound of its 95 % interval"),
    "n_values": integer("rounds"),
}
INTERVAL = {"low": number("lower bound of the 95 % interval"), "high": number("upper bound of the 95 % interval")}


def table(name: str, row: str, columns: Mapping[str, Column], sort_by: tuple[str, ...] | None = None) -> Table:
    """A table, ordered by its key columns where nothing else is said."""
    default = tuple(column for column in columns if column in KEY_COLUMNS)
    return Table(name, row, columns, default if sort_by is None else sort_by)
