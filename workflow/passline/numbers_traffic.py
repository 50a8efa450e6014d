"""The report's texts and tables on memory traffic: the model, what was counted beside it, and what neither can tell.

Modelled and counted bytes never stand in one column, and every count names its source. In a smoke run counts are
withheld; the model is not, as it does not depend on the run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from passline import formats
from passline.derive import counted, selection
from passline.derive.rounds import CEILINGS, length_of, mix_of, non_temporal
from passline.report_tables import ReportTable, table
from passline.titles import isa_title, pass_order, shown_variant

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

NO_TRAFFIC = "no pass was counted: none was timed alone"


def values(tables: Tables, plan: Plan) -> dict[str, str]:
    """Texts by key."""
    return {
        "counting": counting(tables["counters"]),
        "carried": carried(tables, plan),
        "limits_traffic": limits(tables["counters"], plan),
        "limits_threads": "Several threads appear only in the ceilings"
        + (" and in counted traffic." if len(_of_threads(tables["passes"])) else "."),
    }


def report_tables(tables: Tables, plan: Plan) -> dict[str, ReportTable]:
    """Tables by name; those of counts are without rows in a smoke run, and where nothing was counted."""
    counts = {"traffic_counted": traffic_counted(tables, plan), "traffic_bandwidth": traffic_bandwidth(tables, plan)}
    shown = counts if plan["measurement"] else {name: {**each, "rows": []} for name, each in counts.items()}
    return {"traffic_passes": traffic_passes(tables, plan), **shown}


def counting(counters: pd.DataFrame) -> str:
    """What counted and how far it can be trusted, or why nothing did, in one sentence."""
    good = _good(counters)
    work = counters[(counters["direction"] == "-") & (counters["status"] == counted.COUNTED)]
    if good.empty:
        rest = " Cycles and instructions were." if len(work) else ""
        return (
            f"No bytes were counted in this session, as {reason(counters)}; bandwidths and intensities rest on the "
            f"traffic model, and what bounds a pass on its three bars.{rest}"
        )
    ratios = good.groupby("direction", sort=True)["calibration"].median()
    known = [
        f"{formats.ratio(float(ratio))} of known bytes ({str(direction).replace('_', ' ')})"
        for direction, ratio in ratios.items()
        if not math.isnan(float(ratio))
    ]
    idle = good.groupby("direction")["background"].max().sum()
    letters = good.drop_duplicates(["variant", "build_id", "n_elements", "threads"])["confidence"].value_counts()
    trust = formats.listed([f"{letter} for {number}" for letter, number in sorted(letters.items())])
    refused = int((counters["status"] == "rejected").sum())
    return (
        f"Bytes were counted by {formats.listed(sorted(set(good['source'])))} (scope: "
        f"{formats.listed(sorted(set(good['scope'])))}), in runs that are none of the timing runs; "
        f"on loops of known traffic it counted {formats.listed(known) or 'nothing, so that its scale is not known'}, "
        f"by which nothing is corrected; an idle machine moves {formats.quantity(float(idle), 'B/s')}, which is in the "
        f"counts; confidence is {trust} passes and places; {refused} counts were refused."
    )


def reason(counters: pd.DataFrame) -> str:
    """Why no bytes were counted: the reason most passes have."""
    missing = counters[counters["status"] != counted.COUNTED]
    return NO_TRAFFIC if missing.empty else str(missing["reason"].value_counts().index[0])


def carried(tables: Tables, plan: Plan) -> str:
    """How much of what a pass writes is still in the cache when the next one begins."""
    if plan.get("result"):
        return ""
    far = max(selection.out_of_cache(plan), default=0)
    rows = selection.alone(tables["passes"])
    rows = rows[(rows["n_elements"] == far) & (rows["bytes_written_model"] > 0) & rows["bytes_carried_model"].notna()]
    if rows.empty:
        return "No pass that writes was timed out of cache."
    held = float(rows["bytes_carried_model"].max())
    share = float((rows["bytes_carried_model"] / rows["bytes_written_model"]).max())
    return (
        f"Of what a pass writes, up to {formats.binary_bytes(held)} stay in the last-level cache and reach memory "
        f"while the next pass runs: {formats.percent(share)} of a row of {formats.count(far)} elements. Repeated "
        "alone, as it is counted, a pass writes what its own call before left; in a whole call, what another pass left."
    )


def limits(counters: pd.DataFrame, plan: Plan) -> str:
    """What stays unverified."""
    good = _good(counters)
    if good.empty:
        unverified = (
            "Without memory counters it is not verified here that ordinary stores fetch their line before they write "
            "it (some hardware avoids it), that prefetchers fetch nothing in vain, when dirty lines are written, and "
            "what reaches memory at sizes in cache."
        )
        simulated = (
            " The model of the presets was confirmed by running the same sources before a simulated cache (least "
            "recently used, no prefetcher), which tells nothing of this machine's."
        )
        return unverified + (simulated if plan.get("simulated") else "")
    scopes = set(good["scope"])
    parts = ["Counts are no more than their calibration and an idle machine make them; scales are not corrected."]
    if "socket" in scopes:
        parts.append("Memory controllers count whatever the socket does, other processes included.")
    if counted.LOWER_BOUND in set(good["direction"]):
        parts.append(
            "A core's own counters miss writes and some prefetches: a lower bound, which no intensity rests on."
        )
    parts.append("Memory lies where its thread touched it first; it is not bound to a node.")
    return " ".join(parts)


def _good(counters: pd.DataFrame) -> pd.DataFrame:
    """Rows of traffic that was counted."""
    return counters[(counters["direction"] != "-") & (counters["status"] == counted.COUNTED)]


def _of_threads(passes: pd.DataFrame) -> pd.DataFrame:
    rows = selection.on_threads(passes)
    return rows[rows["source"] != counted.MODEL]


def traffic_passes(tables: Tables, plan: Plan) -> ReportTable:
    """The model of each pass, bytes per element; they depend on no ISA and no variant."""
    registry = tables["registry"][tables["registry"]["study"] != CEILINGS]
    first = registry.drop_duplicates("pass").set_index("pass")
    far = max(selection.out_of_cache(plan), default=0)
    passes = selection.alone(tables["passes"])
    rows = []
    for name in pass_order(plan):
        if name not in first.index:
            continue
        row = first.loc[name]
        read, written, allocated = (
            float(row[f"bytes_{kind}_per_element"]) for kind in ("read", "written", "write_allocate")
        )
        mine = passes[(passes["pass"] == name) & (passes["n_elements"] == far)]
        held = (mine["bytes_carried_model"] / mine["bytes_written_model"]).max() if len(mine) and written else math.nan
        total = f"{read + written:g} to {read + written + allocated:g}" if allocated else f"{read + written:g}"
        simulated = set(plan.get("simulated", ())) & set(registry.loc[registry["pass"] == name, "variant"])
        word = "presets" if simulated else formats.NOTHING
        rows.append([name, f"{read:g}", f"{allocated:g}", f"{written:g}", total, formats.percent(float(held)), word])
    head = ["pass", "read", "fetched before written", "written", "in all", "held back by the LLC", "simulated"]
    if not plan.get("simulated"):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return table(head, rows)


def _shown(tables: Tables, plan: Plan) -> pd.DataFrame:
    """Rows of passes alone that hold counts, of the choice of variants that the report shows, in order."""
    passes = tables["passes"]
    every = passes[
        (passes["algorithm"] == "-") & ((passes["source"] != counted.MODEL) | passes["cycles_per_element"].notna())
    ]
    choice = shown_variant(selection.whole(passes)) or "preset"
    parts = []
    for isa in reversed(selection.isas(every, tables["registry"])):
        for name in pass_order(plan):
            variant = selection.variant_name(tables["registry"], tables["tuning"], name, isa, choice)
            mine = every[(every["isa"] == isa) & (every["variant"] == variant)]
            parts.append(mine.sort_values(["threads", "n_elements"]))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled) if filled else every.head(0)


def _place(row: pd.Series[Any], plan: Plan) -> str:
    """Where a pass was counted: out of cache, or the name of its size."""
    elements = int(row["n_elements"]) * int(row["threads"])
    if elements >= min(selection.out_of_cache(plan), default=elements + 1):
        return "out of cache"
    labels = [label for label in plan["labels"] if length_of(plan, label) == int(row["n_elements"])]
    return labels[0] if labels else formats.count(row["n_elements"])


def traffic_counted(tables: Tables, plan: Plan) -> ReportTable:
    """Model against counted bytes per element, read and written."""
    rows = []
    for _, row in _shown(tables, plan).iterrows():
        if row["source"] == counted.MODEL:
            continue
        elements = int(row["n_elements"]) * int(row["threads"])
        low, high, written = (
            float(row[name]) / elements for name in ("bytes_read_low_model", "bytes_read_model", "bytes_written_model")
        )
        read, wrote, both = (float(row[f"bytes_{name}_counted"]) / elements for name in ("read", "written", "combined"))
        band = "" if low == high else f"{low:g} to "
        whole = "" if low == high else f"{low + written:g} to "
        bound = "≥ " if math.isnan(wrote) and math.isnan(both) else ""
        rows.append([
            isa_title(row["isa"], plan), row["pass"], str(row["threads"]), _place(row, plan),
            f"{band}{high:g}", bound + _bytes(read),
            f"{written:g}", _bytes(wrote),
            f"{whole}{high + written:g}", _bytes(both if math.isnan(read) else read + wrote),
            formats.percent(float(row["local_share"])), str(row["source"]), str(row["confidence"]),
        ])  # fmt: skip
    head = ["ISA", "pass", "threads", "rows", "read: model", "counted", "written: model", "counted", "in all: model",
            "counted", "local", "source", "trust"]  # fmt: skip
    return table(head, rows)


def _bytes(value: float) -> str:
    return formats.NOTHING if math.isnan(value) else f"{value:.2f}"


def traffic_bandwidth(tables: Tables, plan: Plan) -> ReportTable:
    """Counted bandwidth of each pass out of cache against the ceiling of its own mix and as many threads."""
    rows = []
    for _, row in _shown(tables, plan).iterrows():
        if _place(row, plan) != "out of cache":
            continue
        roof = ceiling(tables, row)
        reached = float(row["bandwidth_counted_bytes_per_s"])
        rows.append([
            isa_title(row["isa"], plan), row["pass"], str(row["threads"]), formats.quantity(reached, "B/s"),
            formats.quantity(roof, "B/s"), formats.percent(reached / roof),
            formats.significant(float(row["cycles_per_element"])),
            formats.significant(float(row["instructions_per_element"])), str(row["source"]),
        ])  # fmt: skip
    head = ["ISA", "pass", "threads", "counted", "ceiling of its mix", "of it", "cycles / element",
            "instructions / element", "source"]  # fmt: skip
    return table(head, rows)


def ceiling(tables: Tables, row: pd.Series[Any]) -> float:
    """Fastest loop in DRAM with the streams of a pass, ordinary stores and as many threads (B/s); else not-a-number."""
    registry, roofs = tables["registry"], tables["ceilings"]
    own = registry[registry["variant"] == row["variant"]]
    loops = registry[(registry["study"] == CEILINGS) & ~registry["variant"].map(non_temporal)]
    names = {str(loop["pass"]) for _, loop in loops.iterrows() if len(own) and mix_of(loop) == mix_of(own.iloc[0])}
    mine = roofs[
        (roofs["level"] == "DRAM")
        & (roofs["threads"] == row["threads"])
        & (roofs["store"] != "nt")
        & roofs["ceiling"].isin(names)
    ]
    return float(mine["value"].max()) if len(mine) else math.nan
