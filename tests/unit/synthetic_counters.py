"""What was counted in the made-up session: nothing, or what the model says and 2 % more."""

from __future__ import annotations

from typing import Any

import pandas as pd
from synthetic_model import BANDWIDTH, BUILD, FULL, MACHINE, SESSION, Shape, plan, registry

from passline.tables import conform

NO_COUNTERS = "this virtual machine shows no hardware counters of this kind (tried: core ENOENT)"


def counters(shape: Shape = FULL, source: str | None = None) -> pd.DataFrame:
    """Table `counters`: nothing was counted, or `source` counted what the model says, and 2 % more."""
    declared = registry(shape)
    far = plan(shape)["labels"].get("4 x LLC", max(shape.sizes))
    rows: list[dict[str, Any]] = []
    for _, row in declared[declared["study"] == "softmax"].iterrows():
        for threads in (1, 4) if source else (1,):
            key = {
                "machine": MACHINE,
                "session": SESSION,
                "build_id": BUILD,
                "study": "softmax",
                "algorithm": "-",
                "pass_index": 0,
                "pass": row["pass"],
                "isa": row["isa"],
                "variant": row["variant"],
                "n_elements": far // threads,
                "n_rows": threads,
                "threads": threads,
                "cache_protocol": "hot",
                "inputs": "uniform",
                "pages": "huge",
            }
            rows += _counted(key, row, source, far) if source else [_uncounted(key)]
    return conform("counters", pd.DataFrame(rows))


def _counted(key: dict[str, Any], row: pd.Series[Any], source: str, elements: int) -> list[dict[str, Any]]:
    read, written, allocated = (row[f"bytes_{k}_per_element"] for k in ("read", "written", "write_allocate"))
    moved: dict[str, float] = {"read": read + allocated, "write": written}
    if source == "df":
        moved = {"combined": sum(moved.values())}
    if source == "core":
        moved = {"read_lower_bound": 0.4 * read}
    seconds = sum(moved.values()) * elements / (BANDWIDTH["DRAM"] * (1.0 if key["threads"] == 1 else 1.9))
    traffic = [(direction, source, "B", 1.02 * each * elements, direction) for direction, each in moved.items()]
    work = [(name, "core", name, each * elements, "-") for name, each in (("cycles", 3.0), ("instructions", 5.0))]
    return [
        key
        | {
            "source": by,
            "event": event,
            "repetition": repetition,
            "socket": 0 if by == source and source != "core" else -1,
            "local": by == source and source != "core",
            "direction": direction,
            "scope": "socket",
            "calls": 2,
            "value": 2 * value,
            "unit": unit,
            "calibration": 1.01 if direction != "-" else float("nan"),
            "background": 1e6 if direction != "-" else float("nan"),
            "time_s": 2 * seconds,
            "time_enabled_s": 2 * seconds,
            "time_running_s": 2 * seconds,
            "confidence": {"core": "C", "df": "B"}.get(by, "A"),
            "status": "counted",
            "reason": "-",
        }
        for repetition in range(3)
        for event, by, unit, value, direction in [*traffic, *work]
    ]


def _uncounted(key: dict[str, Any]) -> dict[str, Any]:
    missing = ("value", "calibration", "background", "time_s", "time_enabled_s", "time_running_s")
    return (
        key
        | dict.fromkeys(missing, float("nan"))
        | {"source": "model", "event": "-", "repetition": 0, "socket": -1, "local": False, "direction": "-"}
        | {"scope": "none", "calls": 0, "unit": "-", "confidence": "E", "status": "unavailable", "reason": NO_COUNTERS}
    )
