"""Table `passes`: how long each pass takes, and what bounds it.

Three kinds of rows: a single pass alone (algorithm `-`), judged against its own core time
and its own ceiling; a pass inside a whole call (algorithm and pass set), and a whole
algorithm (pass `-`), for both of which only times and model bytes are known. A pass on
several threads has a row where it was counted, and no time but that of its counting runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from passline.derive import counted
from passline.derive.rounds import (
    CEILINGS,
    block_kind,
    by_round,
    length_of,
    mix_of,
    non_temporal,
    registered,
    round_medians,
    variant_rows,
)
from passline.intervals import Interval, median_interval
from passline.statistics import Floats
from passline.tables import KEY, NOT_APPLICABLE

TOLERANCE = 1.1
"""A pass is at a bound when it takes at most this many times as long."""

MEMORY, CORE, BOTH = "memory", "core", "both"
MODEL_CONFIRMED, MODEL_ALONE = "D", "E"
PRESET = "preset"


def bound_of(measured: float, core: float, memory: float) -> str:
    """What bounds a pass, from three times of the same unit; `-` where one of them is missing.

    Memory: within 10 % of the ceiling of its own read/write mix, and the arithmetic alone is
    faster. Core: within 10 % of its time in L1, and the ceiling alone is not slower. Else both:
    neither alone explains the time.
    """
    if any(math.isnan(time) for time in (measured, core, memory)):
        return NOT_APPLICABLE
    if measured <= TOLERANCE * memory and core < memory:
        return MEMORY
    if measured <= TOLERANCE * core and memory <= core:
        return CORE
    return BOTH


def passes_table(
    timings: pd.DataFrame, registry: pd.DataFrame, counters: pd.DataFrame, plan: Mapping[str, Any]
) -> pd.DataFrame:
    """Table `passes` from tables `timings`, `registry` and `counters`."""
    timed = [*_single_passes(timings, registry, plan), *_split(timings, registry), *_whole(timings, registry, plan)]
    counts = counted.by_pass(counters)
    known = {tuple(row[column] for column in KEY) for row in timed}
    rows = [*timed, *_counted_alone({k: c for k, c in counts.items() if k not in known}, registry)]
    llc = float(plan.get("llc_bytes") or math.nan)
    return pd.DataFrame(
        [
            row
            | {
                "confidence": _model_confidence(row, plan),
                "bytes_carried_model": min(llc, row["bytes_written_model"]) if not math.isnan(llc) else math.nan,
            }
            | counts.get(tuple(row[column] for column in KEY), counted.NOTHING)
            for row in rows
        ]
    )


def _counted_alone(counts: Mapping[tuple[Any, ...], Mapping[str, Any]], registry: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of what was counted and not timed: passes on several threads."""
    known = variant_rows(registry)
    rows = []
    for key, found in counts.items():
        first = dict(zip(KEY, key, strict=True))
        if found["source"] == counted.MODEL and math.isnan(found["cycles_per_element"]):
            continue
        declared = registered(known, first["build_id"], first["variant"])
        elements = int(first["n_elements"]) * int(first["threads"])
        rows.append(first | _modelled(elements, _bytes(declared), float(declared["flops_per_element"])) | _UNTIMED)
    return rows


def _model_confidence(row: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """Of the model: better where these very kernels were simulated, which was out of cache. Baselines have none."""
    if row["algorithm"] in plan.get("baselines", {}):
        return NOT_APPLICABLE
    far = [n for label in plan["out_of_cache"] if (n := length_of(plan, label)) is not None]
    elements = int(row["n_elements"]) * int(row["threads"])
    confirmed = row["variant"] in plan.get("simulated", ()) or (row["variant"] == PRESET and plan.get("simulated"))
    return MODEL_CONFIRMED if confirmed and far and elements >= min(far) else MODEL_ALONE


def _single_passes(timings: pd.DataFrame, registry: pd.DataFrame, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    known = variant_rows(registry)
    medians = round_medians(timings, "passes")
    alone = medians[medians["study"] != CEILINGS]
    core = _core_times(alone, length_of(plan, "L1"))
    rows = []
    for block, members in alone.groupby("block", sort=True):
        roofs = _roofs(medians[(medians["block"] == block) & (medians["study"] == CEILINGS)], known)
        for (build_id, variant), contender in members.groupby(["build_id", "variant"], sort=True):
            declared = registered(known, str(build_id), str(variant))
            times = contender.set_index("round")["time_s"]
            n = int(contender["n_elements"].iloc[0])
            roof, memory = roofs.get(mix_of(declared), (NOT_APPLICABLE, pd.Series(dtype=float)))
            row = _timed(contender, _bytes(declared), float(declared["flops_per_element"]))
            row |= _judged(times, core.get((str(build_id), str(variant)), math.nan) * n, memory, roof)
            rows.append(row)
    return rows


def _core_times(alone: pd.DataFrame, n_in_l1: int | None) -> dict[tuple[str, str], float]:
    """Median time per element (s) in the block that fits L1, by (build, variant)."""
    in_l1 = alone[alone["n_elements"] == n_in_l1]
    per_element = in_l1["time_s"] / in_l1["n_elements"]
    medians = per_element.groupby([in_l1["build_id"], in_l1["variant"]]).median()
    return {(str(build), str(variant)): float(value) for (build, variant), value in medians.items()}


def _roofs(
    rounds: pd.DataFrame, known: Mapping[tuple[str, str], pd.Series[Any]]
) -> dict[tuple[int, int, bool], tuple[str, pd.Series[float]]]:
    """Fastest ceiling per read/write mix with ordinary stores: its variant and its time per round (s)."""
    if rounds.empty:
        return {}
    matrix = by_round(rounds, ["build_id", "variant"])
    best: dict[tuple[int, int, bool], tuple[str, pd.Series[float]]] = {}
    for build_id, variant in matrix.columns:
        if non_temporal(variant):
            continue
        mix = mix_of(registered(known, build_id, variant))
        times = matrix[(build_id, variant)]
        if mix not in best or times.median() < best[mix][1].median():
            best[mix] = (variant, times)
    return best


def _judged(times: pd.Series[float], core: float, memory: pd.Series[float], roof: str) -> dict[str, Any]:
    """The columns that say what bounds a pass. The ratio to the ceiling is paired by round."""
    paired = memory.reindex(times.index)
    time_memory = float(memory.median()) if len(memory) else math.nan
    over_memory = float((times / paired).median()) if len(memory) else math.nan
    attainable: Floats = np.maximum(np.full(len(times), core), paired.to_numpy(dtype=np.float64, na_value=math.nan))
    fraction = median_interval(attainable / times.to_numpy(dtype=np.float64))
    # The classification uses the paired ratio, in units of the median ceiling: drift common to both cancels.
    measured = over_memory * time_memory if len(memory) else math.nan
    return {
        "time_core_s": core,
        "time_memory_s": time_memory,
        "ceiling": roof,
        "measured_over_memory": over_memory,
        "bound": bound_of(measured, core, time_memory),
        "fraction_of_ceiling": fraction.median,
    }


def over_memory(timings: pd.DataFrame, registry: pd.DataFrame, row: pd.Series[Any]) -> Interval:
    """A pass alone: its time over that of its ceiling, paired by round, with the interval of that median.

    Args:
        timings: table `timings`.
        registry: table `registry`.
        row: a row of table `passes`; the median is its `measured_over_memory`.
    """
    mine = timings[timings["variant"] == row["variant"]]
    mine = mine[(mine[list(KEY)] == row[list(KEY)]).all(axis=1) & (block_kind(mine["block"]) == "passes")]
    medians = round_medians(timings[timings["block"].isin(mine["block"].unique())], "passes")
    known = variant_rows(registry)
    roofs = _roofs(medians[medians["study"] == CEILINGS], known)
    declared = registered(known, str(row["build_id"]), str(row["variant"]))
    _, memory = roofs.get(mix_of(declared), (NOT_APPLICABLE, pd.Series(dtype=float)))
    times = round_medians(mine).set_index("round")["time_s"]
    return median_interval((times / memory.reindex(times.index)).to_numpy(dtype=np.float64))


def _split(timings: pd.DataFrame, registry: pd.DataFrame) -> list[dict[str, Any]]:
    model = _model_by_pass(registry)
    return [
        _timed(contender, *model.get(str(contender["pass"].iloc[0]), ((math.nan, math.nan, math.nan), math.nan)))
        for _, contender in _contenders(round_medians(timings, "split"))
        if contender["pass"].iloc[0] != NOT_APPLICABLE
    ]


def _whole(timings: pd.DataFrame, registry: pd.DataFrame, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    model = _model_by_pass(registry)
    rows = []
    for _, contender in _contenders(round_medians(timings, "algorithms")):
        if contender["algorithm"].iloc[0] in plan.get("baselines", {}):
            rows.append(_timed(contender, (math.nan,) * 3, math.nan))  # what it reads and writes is not known
            continue
        steps = [model[name] for name in plan["algorithms"][contender["algorithm"].iloc[0]]["passes"]]
        total = tuple(float(sum(step[0][i] for step in steps)) for i in range(3))
        rows.append(_timed(contender, (total[0], total[1], total[2]), float(sum(step[1] for step in steps))))
    return rows


def _contenders(medians: pd.DataFrame) -> Any:
    return medians.groupby(["block", "build_id", "algorithm", "pass_index", "pass", "isa", "variant"], sort=True)


Bytes = tuple[float, float, float]


def _bytes(declared: pd.Series[Any]) -> Bytes:
    """Bytes per element: read, written, and read only because stores fetch their line."""
    read, written, allocated = (
        float(declared[f"bytes_{kind}_per_element"]) for kind in ("read", "written", "write_allocate")
    )
    return read, written, allocated


def _model_by_pass(registry: pd.DataFrame) -> dict[str, tuple[Bytes, float]]:
    """Bytes and flops per element of each pass; they do not depend on ISA or variant."""
    first = registry[registry["study"] != CEILINGS].drop_duplicates("pass")
    return {str(row["pass"]): (_bytes(row), float(row["flops_per_element"])) for _, row in first.iterrows()}


def _timed(contender: pd.DataFrame, per_element: Bytes, flops_per_element: float) -> dict[str, Any]:
    """Key, time and model columns of one contender in one block."""
    first = contender.iloc[0]
    interval = median_interval(contender["time_s"])
    model = _modelled(int(first["n_elements"]) * int(first["threads"]), per_element, flops_per_element)
    moved = model["bytes_read_model"] + model["bytes_written_model"]
    return {column: first[column] for column in KEY} | _UNTIMED | model | {
        "time_median_s": interval.median,
        "time_low_s": interval.low,
        "time_high_s": interval.high,
        "n_values": interval.n,
        "bandwidth_bytes_per_s": moved / interval.median,
        "flop_per_s": flops_per_element * int(first["n_elements"]) * int(first["threads"]) / interval.median,
    }  # fmt: skip


def _modelled(elements: int, per_element: Bytes, flops_per_element: float) -> dict[str, Any]:
    """What follows from the streams alone."""
    read, written, allocated = (elements * each for each in per_element)
    model = read + written + allocated
    return {
        "bytes_algorithmic": read + written,
        "bytes_read_model": read + allocated,
        "bytes_read_low_model": read,
        "bytes_written_model": written,
        "intensity_flop_per_byte": flops_per_element * elements / model if model else math.nan,
    }


_UNTIMED: dict[str, Any] = {
    **dict.fromkeys(("time_median_s", "time_low_s", "time_high_s", "time_core_s", "time_memory_s"), math.nan),
    **dict.fromkeys(("measured_over_memory", "bandwidth_bytes_per_s", "flop_per_s", "fraction_of_ceiling"), math.nan),
    "n_values": 0,
    "ceiling": NOT_APPLICABLE,
    "bound": NOT_APPLICABLE,
}
"""Columns that a pass has only where it was timed."""
