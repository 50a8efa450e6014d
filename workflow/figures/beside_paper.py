"""The paper's figures, each beside what was measured here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from passline import figure_style as style
from passline import paper_beside, titles
from passline.paper import TEXT

TABLES = ("paper_slots", "paper_values", "passes", "ratios", "beyond", "registry", "tuning", "machines")
BEYOND = True
MODELLED = True
CAPTION = (
    "The figures of the paper and ours, in pairs: left what somebody read off the paper, right what was measured here, "
    "in the same terms. An empty frame waits for numbers, which nobody had at hand; none is recalled or guessed. "
    "Colours are those of algorithms everywhere in this report; bars name the pass."
)
LIMITS = (
    "Letters of figures are ours, as their numbers are not confirmed. Machines differ: compare shapes, not heights."
)
SECTION = "paper"
PAIRS = 2  # beside each other
FULL, EMPTY = 1.15, 0.6  # height of a line of panels, with and without anything drawn, inches
UNITS = {"over_size": (1e-9, "G elements/s"), "passes": (1e-9, "GB/s"), "split": (1e3, "ms"),
         "threads": (1e-9, "G elements/s"), "baseline": (1.0, "times as fast")}  # fmt: skip


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: `slot`, `side` (paper or here), and what `passline.paper_beside.COLUMNS` names."""
    slots = _slots(tables, plan)
    sides = [
        paper_beside.ours(slot, tables, plan).assign(slot=slot["slot"], side="here") for _, slot in slots.iterrows()
    ]
    read = tables["paper_values"]
    read = read[read["slot"].isin(slots["slot"])]
    sides.append(read.assign(side="paper", low=read["value"], high=read["value"]))
    return pd.concat(sides)[["slot", "side", *paper_beside.COLUMNS]].reset_index(drop=True)


def _slots(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn of the paper that the study reproduces; nothing where it reproduces none."""
    slots = tables["paper_slots"]
    return slots[(slots["kind"] != TEXT) & bool(plan.get("paper"))]


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    slots, rows = _slots(tables, plan), data(tables, plan)
    if slots.empty:
        return style.message("No paper: this study reproduces none.")
    known = [slot in set(rows["slot"]) for slot in slots["slot"]]
    heights = [FULL if any(known[place : place + PAIRS]) else EMPTY for place in range(0, len(slots), PAIRS)]
    figure, axes = style.new(len(heights), 2 * PAIRS, height=0.4 + sum(heights), height_ratios=heights)
    for ax in axes.flat[2 * len(slots) :]:
        ax.set_axis_off()
    for place, (_, slot) in enumerate(slots.iterrows()):
        mine = rows[rows["slot"] == slot["slot"]]
        left, right = axes.flat[2 * place], axes.flat[2 * place + 1]
        told = f"{slot['item']}: {slot['holds']}"
        isa = "" if slot["isa"] == "-" else f", {titles.isa_title(slot['isa'], plan)}"
        left.set_title(f"{told}{isa}", fontsize=6.2, loc="left", wrap=True)
        empty = f"no number at hand:\nreports/published/\npaper/{slot['slot']}.csv"
        _panel(left, mine[mine["side"] == "paper"], slot, plan, empty)
        missing = paper_beside.why_not(slot, tables) or "not measured in this session:\nsee profiles/paper"
        _panel(right, mine[mine["side"] == "here"], slot, plan, missing)
    style.legend(figure, {titles.algorithm_title(n, plan): style.algorithm_style(n, plan) for n in plan["algorithms"]})
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, slot: pd.Series[Any], plan: Mapping[str, Any], empty: str) -> None:
    if rows.empty:
        _frame(ax, empty)
        return
    factor, unit = UNITS[str(slot["kind"])]
    scaled = rows.assign(**{column: rows[column] * factor for column in ("value", "low", "high")})
    if slot["kind"] in ("passes", "split", "baseline"):
        _bars(ax, scaled, plan, stacked=slot["kind"] == "split")
        ax.set_xlabel(unit, fontsize=6.2)
    else:
        _lines(ax, scaled, plan, "n_elements" if slot["kind"] == "over_size" else "threads")
        ax.set_ylabel(unit, fontsize=6.2)
    ax.tick_params(labelsize=6.0)


def _frame(ax: Axes, words: str) -> None:
    """A slot without numbers, and why."""
    ax.set_axis_off()
    look: dict[str, Any] = {"fill": False, "edgecolor": "0.6", "linewidth": 0.7, "linestyle": (0, (3, 3))}
    ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, clip_on=False, **look))
    ax.text(
        0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", fontsize=6.0, color="0.35", style="italic"
    )


def _lines(ax: Axes, rows: pd.DataFrame, plan: Mapping[str, Any], over: str) -> None:
    for algorithm, line in rows.sort_values(over).groupby("algorithm", sort=True):
        look = style.algorithm_style(str(algorithm), plan) | {"markersize": 2.5}
        style.interval_line(ax, line, look, over)
    if over == "n_elements":
        style.size_axis(ax, label=False)
        ax.set_xlabel("elements of x", fontsize=6.2)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("threads", fontsize=6.2)
    ax.set_ylim(bottom=0.0)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    style.grid(ax)


def _bars(ax: Axes, rows: pd.DataFrame, plan: Mapping[str, Any], *, stacked: bool) -> None:
    """A bar per algorithm, its passes behind each other, or a bar per pass; each names what it is."""
    keys = [name for name in plan["algorithms"] if name in set(rows["algorithm"])] if stacked else list(rows.index)
    order = titles.pass_order(plan)
    for place, key in enumerate(keys):
        left = 0.0
        mine = rows[rows["algorithm"] == key] if stacked else rows.loc[[key]]
        for _, row in mine.iterrows():
            name = row["pass"] if row["pass"] in order else row["algorithm"]
            fill = style.PASS_FILLS[order.index(name) % len(style.PASS_FILLS)] if name in order else "0.85"
            ax.barh(place, row["value"], left=left, height=0.8, color=fill, edgecolor="0.3", linewidth=0.4)
            if not stacked:
                ax.text(0.02, place, f" {name}", transform=ax.get_yaxis_transform(), va="center", fontsize=5.6)
                error = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
                ax.errorbar(row["value"], place, xerr=error, color="0.2", elinewidth=0.6, capsize=1.2)
            left += float(row["value"])
        if stacked:
            ax.text(0.02, place, f" {titles.algorithm_title(str(key), plan)}", transform=ax.get_yaxis_transform(),
                    va="center", fontsize=5.6)  # fmt: skip
    ax.set_ylim(len(keys) - 0.5, -0.5)
    ax.set_yticks([])
    ax.xaxis.set_major_locator(MaxNLocator(4))
