"""Outside baselines beside `best`: what each is, how much slower, and what of it is the call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.beyond_report import PROTOCOL
from passline.derive import selection
from passline.report_tables import ReportTable, table
from passline.tables import BEST, NOT_APPLICABLE
from passline.titles import algorithm_title, isa_title

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

POINT = ["cache_protocol", "inputs", "pages", "threads", "n_rows", "n_elements"]


def missing(tables: Tables, plan: Plan) -> dict[str, str]:
    """Why there is nothing to draw: no block asks for baselines, or none of them can be had; empty otherwise."""
    absent = [f"{name}: {found['reason']}" for name, found in plan.get("baselines", {}).items() if not found["ok"]]
    reason = "; ".join(absent) or f"no block of this session times one beside {algorithm_title(BEST, plan)}"
    return {"baselines": f"No outside baseline was timed: {reason}." if drawn(tables, plan).empty else ""}


def _beside(tables: Tables, plan: Plan) -> Iterator[tuple[pd.Series[Any], Mapping[str, Any], pd.DataFrame]]:
    """Each baseline at each point: its times, what is known of it, and the ratios of `best` on each ISA to it."""
    rows, told, ratios = tables["beyond"], tables["baselines"], tables["ratios"]
    ratios = ratios[ratios["algorithm"] == BEST]
    for _, row in rows[rows["algorithm"].isin(list(plan.get("baselines", {})))].iterrows():
        about = told[(told["algorithm"] == row["algorithm"]) & (told[POINT] == row[POINT]).all(axis=1)]
        pair = ratios[(ratios["base"] == row["algorithm"]) & (ratios[POINT] == row[POINT]).all(axis=1)]
        yield row, about.iloc[0].to_dict() if len(about) else {}, pair


def drawn(tables: Tables, plan: Plan) -> pd.DataFrame:
    """Time of each baseline over that of `best`: one row on one thread, protocol hot.

    Columns `isa` (of `best`), `algorithm`, `version`, `n_elements`, `value`, `low`, `high`; `without_call`: the same
    without what the call takes on a row of one element, NaN where that is not known or is all of the time.
    """
    found = []
    for row, about, pairs in _beside(tables, plan):
        share = float(about.get("call_overhead_s", float("nan"))) / float(row["time_median_s"])
        for _, pair in selection.single_rows(pairs[pairs["cache_protocol"] == PROTOCOL]).iterrows():
            without = pair["ratio"] * (1.0 - share) if share < 1.0 else float("nan")
            found.append({
                "isa": pair["isa"], "algorithm": row["algorithm"], "version": about.get("version", NOT_APPLICABLE),
                "n_elements": int(row["n_elements"]), "value": pair["ratio"], "low": pair["ratio_low"],
                "high": pair["ratio_high"], "without_call": without,
            })  # fmt: skip
    columns = ["isa", "algorithm", "version", "n_elements", "value", "low", "high", "without_call"]
    return pd.DataFrame(found, columns=columns).sort_values(columns[:4]).reset_index(drop=True)


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """Outside baselines, what is known of each, and their time over that of `best` in the same rounds."""
    shown = []
    for row, about, pairs in _beside(tables, plan):
        name = [
            algorithm_title(row["algorithm"], plan), str(about.get("version", formats.NOTHING)),
            str(about.get("dispatches_to", formats.NOTHING)), str(row["cache_protocol"]),
            formats.binary_count(row["n_elements"]), formats.quantity(float(row["time_median_s"]), "s"),
            formats.quantity(float(about["call_overhead_s"]), "s") if about else formats.NOTHING,
            formats.significant(float(about["minor_faults_per_call"])) if about else formats.NOTHING,
        ]  # fmt: skip
        ratios = [
            [isa_title(r["isa"], plan), formats.ratio_with_interval(r["ratio"], r["ratio_low"], r["ratio_high"])]
            for _, r in pairs.sort_values("isa").iterrows()
        ]
        shown += [[*name, *cells] for cells in ratios or [[formats.NOTHING] * 2]]
    head = ["baseline", "version", "runs", "protocol", "elements", "time", "of it call", "page faults"]
    return {"beyond_baselines": table([*head, "Best on", "ratio [95 %]"], shown)}
