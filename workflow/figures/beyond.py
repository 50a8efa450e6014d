"""The paper's algorithms and those beyond it over size, with the floor that their streams set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import beyond_report, core_floor, titles
from passline import figure_style as style
from passline.derive import selection
from passline.figure_parts import times_over_ratios
from passline.tables import BEST, FLOOR

TABLES = ("beyond", "ratios", "registry", "machines", "port_model", "rounds")
BEYOND = True
CAPTION = (
    "Beyond the paper, all in the same rounds. Above: median time per element of whole calls, with 95 % intervals; "
    "grey: the fastest floor, the same streams and stores without arithmetic; dotted, where it was asked for: the "
    "least that the core's ports allow what Best picks for short rows. Below: time of the fastest of the paper's "
    "algorithms over time of each of ours, with 95 % intervals; above 1, ours is faster."
)
LIMITS = "Protocol hot: x and y are the same in every call. A floor has no arithmetic, so none is reached in cache."
RATIOS = ("value", "low", "high")
SECTION = "details"
MOST = 6
"""Of more algorithms beyond the paper the first, Best, and whichever is fastest at some size are drawn."""


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: columns `panel` (time or ratio), `isa`, `algorithm`, `n_elements`, `value`, `low`, `high`.

    Times in seconds per element; algorithm `floor` is the fastest floor at each size, `ports` that of the core.
    """
    rows = beyond_report.usual(tables, "beyond")
    rows = rows[rows["isa"].isin(set(tables["registry"]["isa"]))]
    floors = rows[rows["variant"] == FLOOR].sort_values("time_median_s").groupby(["isa", "n_elements"]).head(1)
    shown = shown_algorithms(rows, plan)
    times = pd.concat([rows[rows["algorithm"].isin(shown)], floors.assign(algorithm=FLOOR)])
    n = times["n_elements"]
    times = times[["isa", "algorithm", "n_elements"]].assign(
        panel="time", value=times["time_median_s"] / n, low=times["time_low_s"] / n, high=times["time_high_s"] / n
    )
    ports = core_floor.of_best(tables, plan).merge(rows[["isa", "n_elements"]].drop_duplicates())
    ports = ports[ports["n_elements"] < ports["upto"]].assign(panel="time", algorithm=core_floor.PORTS)
    ports = ports.assign(value=ports["seconds"], low=ports["seconds"], high=ports["seconds"])[list(times.columns)]
    gains = beyond_report.faster_base(beyond_report.usual(tables, "ratios"), plan)
    gains = gains[gains["algorithm"].isin(shown)]
    ratios = gains[["isa", "algorithm", "n_elements"]].assign(
        panel="ratio", value=gains["ratio"], low=gains["ratio_low"], high=gains["ratio_high"]
    )
    return (
        pd.concat([frame for frame in (times, ports, ratios) if len(frame)] or [times])
        .sort_values(["panel", "isa", "algorithm", "n_elements"], kind="stable")
        .reset_index(drop=True)
    )


def shown_algorithms(rows: pd.DataFrame, plan: Mapping[str, Any]) -> list[str]:
    """The paper's algorithms and ours, of many only the leading ones."""
    timed = set(rows["algorithm"])
    beyond = [name for name in plan.get("beyond", {}).get("algorithms", {}) if name in timed]
    if len(beyond) > MOST:
        ours = rows[rows["algorithm"].isin(beyond)].sort_values("time_median_s")
        fastest = set(ours.groupby(["isa", "n_elements"]).head(1)["algorithm"])
        beyond = [name for name in beyond if name in {selection.rival(plan), BEST, *fastest}]
    return [*(name for name in plan["algorithms"] if name in timed), *beyond]


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No algorithm beyond the paper's was timed.")
    figure = times_over_ratios(
        rows,
        tables,
        {isa: titles.isa_title(isa, plan) for isa in selection.vector_isas(rows, tables["registry"])},
        look=lambda name: look(name, plan),
        ratios_of="algorithm",
        y="time of the paper's\nfastest / time of ours",
        height=4.2,
    )
    drawn = set(rows["algorithm"])
    shown = [*beyond_report.ordered(drawn, plan), *(name for name in (FLOOR, core_floor.PORTS) if name in drawn)]
    style.legend(figure, {titles.algorithm_title(name, plan): look(name, plan) for name in shown})
    return figure


def look(name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Colour and marker of an algorithm or of a floor."""
    floors = {FLOOR: style.FLOOR_LOOK, core_floor.PORTS: style.PORTS_LOOK}
    return floors[name] if name in floors else style.beyond_style(name, plan)
