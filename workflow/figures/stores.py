"""What write-allocate costs: the same work with ordinary and with non-temporal stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import titles
from passline.beyond_report import PROTOCOL
from passline.derive import selection
from passline.derive.stores import LOOP
from passline.questions.stores import in_words, shown

TABLES = ("ceilings", "registry", "ratios", "beyond")
BEYOND = True
MODELLED = True
CAPTION = (
    "Time with ordinary stores, which fetch a line before they write it, over time with non-temporal ones, "
    "which do not: right of 1, fetching costs. Loops: plain loops in DRAM; algorithms: whole calls by the "
    "length of the row, paired by round, protocol hot. With 95 % intervals (of the loops, the widest that both "
    "allow). Colours are those of algorithms. Diamonds: what modelled bytes make of it if bandwidth were all and "
    "every line were fetched."
)
LIMITS = (
    "Whether hardware fetches a line that is written whole is not known without counters: where a loop stays far below "
    "its diamond it may not."
)
RATIOS = ("ratio", "low", "high")
SECTION = "answers"


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: one row per ISA and loop, or algorithm and size."""
    return shown(tables, plan).drop(columns="inputs")


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    rows = rows[(rows["kind"] == LOOP) | (rows["cache_protocol"] == PROTOCOL)]
    if rows.empty:
        return style.message("No work ran with both kinds of stores.")
    rows = rows.assign(label=[_label(row, plan) for _, row in rows.iterrows()])
    isas = selection.vector_isas(rows, tables["registry"])
    rows = rows[rows["isa"].isin(isas)].sort_values(["kind", "what", "n_elements"], ascending=[False, True, True])
    labels = list(dict.fromkeys(rows["label"]))
    figure, axes = style.new(1, len(isas), height=0.8 + 0.17 * len(labels), sharex=True, sharey=True)
    for ax, isa in zip(axes[0], isas, strict=True):
        _panel(ax, rows[rows["isa"] == isa].set_index("label").reindex(labels), plan)
        ax.set_title(titles.isa_title(isa, plan))
    axes[0, 0].set_yticks(range(len(labels)), labels)
    axes[0, 0].set_ylim(len(labels) - 0.5, -0.5)
    figure.supxlabel("time with ordinary stores / time with non-temporal stores", fontsize=8.0)
    style.legend(figure, {"measured": MEASURED, "bytes alone": MODEL})
    return figure


def _label(row: pd.Series[Any], plan: Mapping[str, Any]) -> str:
    what = in_words(row["what"], row["kind"], plan)
    return f"loop {what}" if row["kind"] == LOOP else f"{what}, {style.binary(row['n_elements'])}"


MEASURED: dict[str, Any] = {"color": style.INK, "marker": "o", "linestyle": "none"}
MODEL: dict[str, Any] = {"color": style.GREY, "marker": "D", "markerfacecolor": "none", "linestyle": "none"}


def _panel(ax: Axes, rows: pd.DataFrame, plan: Mapping[str, Any]) -> None:
    places = list(range(len(rows)))
    for place, (_, row) in zip(places, rows.iterrows(), strict=True):
        look = MEASURED if row["kind"] == LOOP else MEASURED | {"color": style.beyond_style(row["what"], plan)["color"]}
        errors = [[row["ratio"] - row["low"]], [row["high"] - row["ratio"]]]
        ax.errorbar(row["ratio"], place, xerr=errors, capsize=1.5, elinewidth=0.8, **look)
    ax.plot(rows["model"], places, **MODEL)
    style.unity(ax, "x")
    ax.tick_params(axis="y", length=0)
    style.grid(ax, "x")
    loops = [label.startswith(LOOP) for label in rows.index]
    for place in (i for i in places[1:] if loops[i] != loops[i - 1]):
        ax.axhline(place - 0.5, color="0.8", linewidth=0.6)
