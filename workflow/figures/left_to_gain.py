"""What is left to gain: times over those of the same streams and stores without arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passline import core_floor, titles
from passline import figure_style as style
from passline.figure_parts import panels_over_size
from passline.questions.left import PAPERS, of_floors
from passline.tables import BEST

TABLES = ("beyond", "registry", "machines", "port_model", "rounds")
BEYOND = True
CAPTION = (
    "Time of the same streams and stores without arithmetic over time, paired by sweep, with 95 % intervals: of "
    "what Best picks, and of the fastest of the paper's algorithms, each with its own streams. At 1 nothing is "
    "left; above it the plain loops are beaten. Dotted, where a model of the core's ports answered and asks for "
    "more than the streams do: what the ports allow Best for short rows; there nothing is left where the two "
    "meet."
)
LIMITS = (
    "A floor moves the bytes of its algorithm: one that moved fewer would have a lower one. Its loops are our "
    "own, on the same instruction set; faster ones may exist. The model of the ports may be wrong about a "
    "processor; where it forbids what was measured, the table of the floor in cache says so."
)
RATIOS = ("share", "low", "high")
SECTION = "answers"
LOOKS: dict[str, dict[str, Any]] = {
    BEST: style.algorithm_style(BEST, {"algorithms": {}}) | {"markersize": 5},
    PAPERS: style.FASTEST_LOOK,
    core_floor.PORTS: style.PORTS_LOOK | {"marker": "d", "markersize": 3},
}


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: columns `who`, `algorithm`, `isa`, `n_elements`, `share`, `low`, `high`."""
    rows = of_floors(tables, plan)
    ports = rows[rows["who"] == BEST].merge(core_floor.of_best(tables, plan), on="isa")
    ports = ports[ports["n_elements"] < ports["upto"]]
    # The floor's own time is its share of what was measured.
    share = ports["share"] * ports["time_s"] / (ports["seconds"] * ports["n_elements"])
    ports = ports.assign(who=core_floor.PORTS, share=share, low=share, high=share)
    ports = ports[ports["share"] <= 1.0]
    found = pd.concat([rows, ports]) if len(ports) else rows
    return found[["who", "algorithm", "isa", "n_elements", "share", "low", "high"]].reset_index(drop=True)


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan).rename(columns={"share": "value"})
    if rows.empty:
        return style.message("No algorithm was timed beside its floor.")
    figure = panels_over_size(rows, tables, plan, _panel, height=2.9, y="time of its floor / time")
    words = {BEST: titles.algorithm_title(BEST, plan), PAPERS: PAPERS, core_floor.PORTS: "what the ports allow Best"}
    style.legend(figure, {words[who]: LOOKS[who] for who in LOOKS if who in set(rows["who"])})
    figure.axes[0].set_ylim(0.0, figure.axes[0].get_ylim()[1])  # shared: only now do all panels stand
    return figure


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    for who, line in rows.groupby("who", sort=True):
        style.interval_line(ax, line, LOOKS[str(who)])
