"""Batches of rows, and as many rows as threads: what tables `beyond` and `ratios` say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.beyond_report import PROTOCOL, faster_base, ordered, title_of
from passline.derive import selection
from passline.plan_points import BYTES_PER_ELEMENT, IN_CACHE_LLC_SHARE, STREAMED_LLC_MULTIPLE
from passline.report_tables import ReportTable, table
from passline.tables import BEST, FLOOR, NOT_APPLICABLE
from passline.titles import isa_title

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

IN_CACHE, BETWEEN, STREAMED = "in cache", "between", "streamed"
MISSING = "No batch was timed: no block of this session asks for rows one behind the other on one thread."
MISSING_WEAK = "No weak scaling was timed: no block of this session has as many rows as threads, on several threads."


def missing(tables: Tables, plan: Plan) -> dict[str, str]:
    """Per figure, why there is nothing to draw; empty where there is something."""
    return {
        "batches": MISSING if over_length(tables, plan).empty else "",
        "weak_scaling": MISSING_WEAK if weak_scaling(tables, plan).empty else "",
    }


def of_batches(tables: Tables, plan: Plan, name: str) -> pd.DataFrame:
    """Rows of table `beyond` or `ratios` that have several rows of x to a call, with `where` they lie."""
    rows = tables[name]
    rows = rows[rows["n_rows"] > 1]
    llc, both = int(plan.get("llc_bytes") or 0), 2 * BYTES_PER_ELEMENT * rows["n_elements"] * rows["n_rows"]
    where = pd.Series(BETWEEN, index=rows.index)
    where[both <= IN_CACHE_LLC_SHARE * llc] = IN_CACHE
    where[both >= STREAMED_LLC_MULTIPLE * llc] = STREAMED
    return rows.assign(where=where)


def over_length(tables: Tables, plan: Plan) -> pd.DataFrame:
    """Batches on one thread, protocol hot, over the length of a row.

    Columns `panel` (time: seconds per element; ratio: time of the fastest of the paper's / time of ours), `where`,
    `isa`, `algorithm` (`floor`: the fastest floor), `n_elements`, `value`, `low`, `high`.
    """
    rows = _alone(of_batches(tables, plan, "beyond"))
    isas = list(reversed(selection.vector_isas(rows, tables["registry"])))
    of_isas = rows[rows["isa"].isin(isas)]
    point = ["where", "isa", "n_elements"]
    floors = of_isas[of_isas["variant"] == FLOOR].sort_values("time_median_s").groupby(point).head(1)
    shown = [*plan["algorithms"], selection.rival(plan), BEST]
    # Outside baselines choose their instructions themselves, and are the same beside each of ours.
    peers = [rows[rows["isa"] == NOT_APPLICABLE].assign(isa=isa) for isa in isas]
    times = pd.concat([of_isas[of_isas["algorithm"].isin(shown)], floors.assign(algorithm=FLOOR), *peers])
    n = times["n_elements"]
    times = times[[*point, "algorithm"]].assign(
        panel="time", value=times["time_median_s"] / n, low=times["time_low_s"] / n, high=times["time_high_s"] / n
    )
    gains = faster_base(_alone(of_batches(tables, plan, "ratios")), plan)
    gains = gains[gains["isa"].isin(isas) & gains["algorithm"].isin(shown)]
    gains = gains[[*point, "algorithm"]].assign(
        panel="ratio", value=gains["ratio"], low=gains["ratio_low"], high=gains["ratio_high"]
    )
    found = pd.concat([times, gains]) if len(gains) else times
    return found.sort_values(["panel", "where", "isa", "algorithm", "n_elements"]).reset_index(drop=True)


def _alone(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["threads"] == 1) & (rows["cache_protocol"] == PROTOCOL) & (rows["pages"] == "huge")]


def vocabularies(lengths: pd.Series[int]) -> list[int]:
    """Lengths that are no powers of two: those are vocabularies."""
    return sorted(n for n in set(map(int, lengths)) if n & (n - 1))


def weak_scaling(tables: Tables, plan: Plan) -> pd.DataFrame:
    """Throughput where each thread has a row of its own, over that of one row on one thread.

    Columns `isa`, `algorithm`, `n_elements`, `threads`, `value`, `low`, `high`. Numbers of threads are blocks of their
    own: a quotient of medians; its interval, from the ends of theirs, holds the truth in at least 90 % of cases.
    """
    rows = tables["beyond"]
    rows = rows[(rows["cache_protocol"] == PROTOCOL) & (rows["pages"] == "huge") & (rows["variant"] != FLOOR)]
    rows = rows[rows["algorithm"].isin([*plan["algorithms"], selection.rival(plan), BEST])]
    point = ["isa", "algorithm", "inputs", "n_elements"]
    one = rows[(rows["threads"] == 1) & (rows["n_rows"] == 1)]
    many = rows[(rows["threads"] > 1) & (rows["n_rows"] == rows["threads"])]
    found = many.merge(one, on=point, suffixes=("", "_one"))
    times = found["threads"]
    found = found.assign(
        value=times * found["time_median_s_one"] / found["time_median_s"],
        low=times * found["time_low_s_one"] / found["time_high_s"],
        high=times * found["time_high_s_one"] / found["time_low_s"],
    )
    columns = ["isa", "algorithm", "n_elements", "threads"]
    return found[[*columns, "value", "low", "high"]].sort_values(columns).reset_index(drop=True)


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """Time per element of batches and of several threads: the fastest of the paper's, and `best` against it."""
    rows, gains = of_batches(tables, plan, "beyond"), faster_base(of_batches(tables, plan, "ratios"), plan)
    rows = rows[rows["isa"].isin(set(tables["registry"]["isa"]))]
    point = ["isa", "cache_protocol", "inputs", "pages", "threads", "n_elements", "n_rows", "where"]
    gains = gains[gains["algorithm"] == BEST].set_index(point)
    shown = []
    for key, mine in rows.groupby(point, sort=True):
        isa, protocol, _, _, count, n, n_rows, where = key
        papers = mine[mine["algorithm"].isin(ordered(set(mine["algorithm"]) & set(plan["algorithms"]), plan))]
        cells = [
            cell
            for each in (papers.sort_values("time_median_s").head(1), mine[mine["algorithm"] == BEST])
            for cell in (title_of(each, plan), formats.significant(_ns(each)) if len(each) else formats.NOTHING)
        ]
        told = [gains.loc[key]] if key in gains.index else []
        ratio = [formats.ratio_with_interval(r["ratio"], r["ratio_low"], r["ratio_high"]) for r in told]
        shown.append([
            isa_title(isa, plan), str(protocol), str(where), str(count), formats.binary_count(n), formats.count(n_rows),
            cells[0], cells[1], cells[3], *(ratio or [formats.NOTHING]),
        ])  # fmt: skip
    head = ["ISA", "protocol", "batch", "threads", "elements", "rows", "fastest of the paper's", "ns"]
    return {"beyond_batches": table([*head, "Best, ns", "ratio [95 %]"], shown)}


def _ns(rows: pd.DataFrame) -> float:
    """Nanoseconds per element; calls of several threads handle a row of each."""
    row = rows.iloc[0]
    return float(row["time_median_s"]) / (int(row["n_elements"]) * int(row["threads"])) * 1e9
