"""The choices of `best` as the C library reads them. Planning needs this, and none of how they were found."""

from __future__ import annotations

import pandas as pd


def text(crossovers: pd.DataFrame, build_id: str) -> str:
    """The choices of a build as passline_best_new reads them: kernels/passline.h."""
    lines = [
        "# instruction set, threads allowed, elements of a batch and of a row from which on, threads used, variants"
    ]
    for (isa, threads), rows in crossovers[crossovers["build_id"] == build_id].groupby(["isa", "threads"], sort=False):
        taken = rows[["batch_from", "threads_used", "variants"]]
        for _, row in rows[(taken != taken.shift()).any(axis=1)].iterrows():
            numbers = f"{threads} {row['batch_from']} {row['n_from']} {row['threads_used']}"
            lines.append(f"{isa} {numbers} {row['variants']}")
    return "\n".join(lines) + "\n"
