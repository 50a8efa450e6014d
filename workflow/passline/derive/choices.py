"""What `best` takes for a row or a batch, by the choices of a plan: as kernels/runtime/best.c looks it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Choice = Mapping[str, Any]
"""A row of table `crossovers`, or what a plan keeps of it."""


def of_rows(choices: Sequence[Choice], isa: str, threads: int) -> list[Choice]:
    """The choices for a row by itself that may be shared by so many threads, by ascending length."""
    return [c for c in choices if (c["isa"], c["threads"], c["batch_from"]) == (isa, threads, 0)]


def taken(choices: Sequence[Choice], isa: str, threads: int, n: int) -> Choice | None:
    """The choice for a row of n elements; None where there is none."""
    known = [c for c in of_rows(choices, isa, threads) if c["n_from"] <= n]
    return known[-1] if known else None


def taken_in_batch(choices: Sequence[Choice], isa: str, threads: int, n: int, n_rows: int) -> Choice | None:
    """The choice for rows of n elements in a batch of so many; None where there is none."""
    mine = [c for c in choices if (c["isa"], c["threads"]) == (isa, threads) and c["n_from"] <= n]
    known = [c for c in mine if n < c["batch_from"] <= n * n_rows]
    return known[-1] if known else taken(choices, isa, 1, n)
