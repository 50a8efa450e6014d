"""What fetching a line before it is written costs: the same work with ordinary and with non-temporal stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from passline.derive import selection
from passline.derive.ceilings import work
from passline.derive.rounds import CEILINGS, non_temporal
from passline.tables import NOT_APPLICABLE

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

PAST = "-nt"
"""End of a floor's part that stores past the caches."""

LOOP, ALGORITHM = "loop", "algorithm"
COLUMNS = ("what", "kind", "isa", "cache_protocol", "inputs", "n_elements", "ratio", "low", "high", "model")
"""`ratio`: time with ordinary over time with non-temporal stores; `model`: the same of the bytes moved."""


def stores_table(tables: Tables, plan: Plan) -> pd.DataFrame:
    """Plain loops in DRAM, and algorithms that differ in their stores alone, at every length of a single row.

    Args:
        tables: `ceilings`, `registry`, `ratios`.
        plan: the session's plan.
    """
    rows = [*_loops(tables), *_algorithms(tables, plan)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _loops(tables: Tables) -> Iterator[dict[str, Any]]:
    """Quotients of two medians of the same rounds; the interval is the widest that both of theirs allow."""
    rows = tables["ceilings"]
    rows = rows[(rows["level"] == "DRAM") & (rows["threads"] == 1)]
    for (ceiling, isa), mine in rows.groupby(["ceiling", "isa"], sort=True):
        by_store = mine.set_index("store")
        if not {"ordinary", "nt"} <= set(by_store.index):
            continue
        ordinary, past = by_store.loc["ordinary"], by_store.loc["nt"]
        model = _bytes(tables, str(ceiling)) / _bytes(tables, f"{ceiling}{PAST}")
        yield {
            "what": ceiling, "kind": LOOP, "isa": isa, "cache_protocol": NOT_APPLICABLE, "inputs": NOT_APPLICABLE,
            "n_elements": int(ordinary["n_elements"]),
            "ratio": model * past["value"] / ordinary["value"],
            "low": model * past["low"] / ordinary["high"],
            "high": model * past["high"] / ordinary["low"],
            "model": model,
        }  # fmt: skip


def _algorithms(tables: Tables, plan: Plan) -> Iterator[dict[str, Any]]:
    """Ratios within rounds."""
    scheme, alone = plan.get("beyond", {}), selection.single_rows(tables["ratios"])
    for past, ordinary in scheme.get("twins", []):
        for _, row in selection.against(alone, past, ordinary).iterrows():
            floors = [scheme["floors"][name][row["isa"]] for name in (ordinary, past)]
            yield {
                "what": ordinary, "kind": ALGORITHM,
                **{key: row[key] for key in ("isa", "cache_protocol", "inputs", "n_elements", "ratio")},
                "low": row["ratio_low"], "high": row["ratio_high"],
                "model": _bytes(tables, floors[0]) / _bytes(tables, floors[1]),
            }  # fmt: skip


def _bytes(tables: Tables, floor: str) -> float:
    """Bytes per element that plain loops move, write-allocate included: `read+copy-nt`."""
    loops = tables["registry"]
    loops = loops[loops["study"] == CEILINGS]
    total = 0.0
    for part in floor.split("+"):
        past = part.endswith(PAST)
        row = loops[(loops["pass"] == part.removesuffix(PAST)) & (loops["variant"].map(non_temporal) == past)].iloc[0]
        total += work(row)[0]
    return total
