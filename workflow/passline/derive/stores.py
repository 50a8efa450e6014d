"""What fetching a line before it is written costs: the same work with ordinary and with non-temporal stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from passline.derive.rounds import CEILINGS, non_temporal
from passline.statistics import median_interval
from passline.tables import NOT_APPLICABLE

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

PAST = "-nt"
"""End of a floor's part that stores past the caches."""

LOOP, ALGORITHM = "loop", "algorithm"
PAGES = "huge"
COLUMNS = ("what", "kind", "isa", "cache_protocol", "inputs", "n_elements", "ratio", "low", "high", "model")
"""`ratio`: time with ordinary over time with non-temporal stores; `model`: the same of the bytes moved."""


def stores_table(tables: Tables, plan: Plan) -> pd.DataFrame:
    """Plain loops in DRAM, and algorithms that differ in their stores alone, at every length.

    Args:
        tables: `ceilings`, `registry`, `round_ratios`.
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
            "what": ceiling, "kind": LOOP, "isa": isa, "cache_protocol": "hot",
            "inputs": NOT_APPLICABLE, "n_elements": int(ordinary["n_elements"]),
            "ratio": model * past["value"] / ordinary["value"],
            "low": model * past["low"] / ordinary["high"],
            "high": model * past["high"] / ordinary["low"],
            "model": model,
        }  # fmt: skip


def _algorithms(tables: Tables, plan: Plan) -> Iterator[dict[str, Any]]:
    """Paired by round, over the base that both were compared with in it."""
    rounds = tables["round_ratios"]
    rounds = rounds[(rounds["n_rows"] == 1) & (rounds["threads"] == 1) & (rounds["pages"] == PAGES)]
    point = ["isa", "cache_protocol", "inputs", "n_elements"]
    for isa in dict.fromkeys(rounds["isa"]):
        for ordinary, past in store_pairs(plan, str(isa)):
            mine = rounds[(rounds["isa"] == isa) & rounds["base"].isin(list(plan["algorithms"]))]
            keys = [*point, "base", "round"]
            one, other = (
                mine[mine["algorithm"] == name].set_index(keys)["ratio"].rename(name) for name in (ordinary, past)
            )
            both = pd.concat([one, other], axis=1, join="inner").reset_index()
            floors = plan["beyond"]["floors"]
            model = _bytes(tables, floors[ordinary][isa]) / _bytes(tables, floors[past][isa])
            for key, found in both.groupby(point, sort=True):
                by_round = (found[past] / found[ordinary]).groupby(found["round"]).median()
                known = median_interval(by_round)
                yield {
                    **dict(zip(point, key, strict=True)), "what": ordinary, "kind": ALGORITHM,
                    "ratio": known.median, "low": known.low, "high": known.high, "model": model,
                }  # fmt: skip


def store_pairs(plan: Plan, isa: str) -> list[tuple[str, str]]:
    """Algorithms that differ in nothing but their stores, (ordinary, non-temporal), on an ISA."""
    scheme = plan.get("beyond", {})
    parts = {name: by_isa[isa] for name, by_isa in scheme.get("parts", {}).items() if isa in by_isa}
    floors = {name: by_isa[isa] for name, by_isa in scheme.get("floors", {}).items() if isa in by_isa}
    known = {**plan["algorithms"], **scheme.get("algorithms", {})}
    return [
        (one, other)
        for one in parts
        for other in parts
        if {one, other} <= set(floors)
        and floors[one] != floors[other]
        and floors[other].replace(PAST, "") == floors[one]
        and known[one]["passes"] == known[other]["passes"]
        and sum(parts[one].get(key) != parts[other].get(key) for key in {**parts[one], **parts[other]}) == 1
    ]


def _bytes(tables: Tables, floor: str) -> float:
    """Bytes per element that plain loops move, write-allocate included: `read+copy-nt`."""
    loops = tables["registry"]
    loops = loops[loops["study"] == CEILINGS]
    total = 0.0
    for part in floor.split("+"):
        past = part.endswith(PAST)
        row = loops[(loops["pass"] == part.removesuffix(PAST)) & (loops["variant"].map(non_temporal) == past)].iloc[0]
        total += float(
            row[["bytes_read_per_element", "bytes_written_per_element", "bytes_write_allocate_per_element"]].sum()
        )
    return total
