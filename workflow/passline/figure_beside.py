"""What the paper shows beside ours: panels in pairs, left the paper's, right what was measured here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from passline import figure_style as style
from passline import paper_beside, titles
from passline.figure_parts import stacked_call

Tables = Mapping[str, pd.DataFrame]
Plan = Mapping[str, Any]

EMPTY = 0.62
"""Height of a line of panels with nothing drawn, inches."""
FRAME = 0.45
"""Width of a column of the paper's in which nothing is drawn, in widths of ours."""
LETTERS = 6.5
UNITS = {"over_size": (1e-9, "G elements/s"), "passes": (1e-9, "GB/s"), "split": (1e3, "ms"),
         "threads": (1e-9, "G elements/s"), "baseline": (1.0, "times as fast")}  # fmt: skip


def slots_of(tables: Tables, plan: Plan, kinds: Collection[str]) -> pd.DataFrame:
    """Of these kinds, what the paper shows that the study reproduces; nothing where it reproduces none."""
    slots = tables["paper_slots"]
    return slots[slots["kind"].isin(list(kinds)) & bool(plan.get("paper"))]


def data_of(tables: Tables, plan: Plan, kinds: Collection[str]) -> pd.DataFrame:
    """What is drawn: `slot`, `side` (paper or here), and what `passline.paper_beside.COLUMNS` names."""
    slots = slots_of(tables, plan, kinds)
    sides = [
        paper_beside.ours(slot, tables, plan).assign(slot=slot["slot"], side="here") for _, slot in slots.iterrows()
    ]
    read = tables["paper_values"]
    read = read[read["slot"].isin(slots["slot"])]
    sides.append(read.assign(side="paper", low=read["value"], high=read["value"]))
    return pd.concat(sides)[["slot", "side", *paper_beside.COLUMNS]].reset_index(drop=True)


def draw_pairs(tables: Tables, plan: Plan, heights: Mapping[str, float], *, pairs: int) -> Figure:
    """Draw pairs of panels, `pairs` beside each other.

    Args:
        tables: those that the figure names.
        plan: the session's plan.
        heights: kinds of slots, and how high a line of each is where something of it is drawn, inches.
        pairs: in a line.
    """
    slots, rows = slots_of(tables, plan, heights), data_of(tables, plan, heights)
    if slots.empty:
        return style.message("No paper: this study reproduces none.")
    known = set(rows["slot"])
    lines = [slots.iloc[place : place + pairs] for place in range(0, len(slots), pairs)]
    tall = [max(heights[slot["kind"]] if slot["slot"] in known else EMPTY for _, slot in line.iterrows())
            for line in lines]  # fmt: skip
    wide = [1.0 if (rows["side"] == "paper").any() else FRAME, 1.0] * pairs
    figure, axes = style.new(len(lines), 2 * pairs, height=0.4 + sum(tall), height_ratios=tall, width_ratios=wide)
    for ax in axes.flat[2 * len(slots) :]:
        ax.set_axis_off()
    for place, (_, slot) in enumerate(slots.iterrows()):
        mine = rows[rows["slot"] == slot["slot"]]
        left, right = axes.flat[2 * place], axes.flat[2 * place + 1]
        isa = "" if slot["isa"] == "-" else f"\n{titles.isa_title(slot['isa'], plan)}"
        left.set_title(f"{slot['item']}: {slot['holds']}{isa}", fontsize=7.0, loc="left")
        empty = f"not at hand:\n{slot['slot']}.csv".replace("_avx", "\n_avx")
        _panel(left, mine[mine["side"] == "paper"], slot, plan, empty)
        missing = paper_beside.why_not(slot, tables) or "not measured\nin this session"
        _panel(right, mine[mine["side"] == "here"], slot, plan, missing)
        if slot["kind"] == "over_size" and (mine["side"] == "here").any():
            style.mark_caches(right, tables["machines"], names=True)
    lines_drawn = rows[rows["pass"].isna() | (rows["pass"] == "-")]  # bars are named at the axis
    named = [name for name in plan["algorithms"] if name in set(lines_drawn["algorithm"])]
    if named:
        style.legend(figure, {titles.algorithm_title(n, plan): style.algorithm_style(n, plan) for n in named})
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, slot: pd.Series[Any], plan: Plan, empty: str) -> None:
    if rows.empty:
        _frame(ax, empty)
        return
    factor, unit = UNITS[str(slot["kind"])]
    scaled = rows.assign(**{column: rows[column] * factor for column in ("value", "low", "high")})
    if slot["kind"] == "split":
        _stacks(ax, scaled, plan)
    elif slot["kind"] in ("passes", "baseline"):
        _bars(ax, scaled, plan)
    else:
        _lines(ax, scaled, plan, "n_elements" if slot["kind"] == "over_size" else "threads")
    set_label = ax.set_xlabel if slot["kind"] in ("split", "passes", "baseline") else ax.set_ylabel
    set_label(unit, fontsize=7.0)
    ax.tick_params(labelsize=LETTERS)


def _frame(ax: Axes, words: str) -> None:
    """A slot without numbers, and why."""
    ax.set_axis_off()
    look: dict[str, Any] = {"fill": False, "edgecolor": "0.6", "linewidth": 0.7, "linestyle": (0, (3, 3))}
    ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, clip_on=False, **look))
    told = {"ha": "center", "va": "center", "fontsize": LETTERS, "color": "0.35", "style": "italic"}
    ax.text(0.5, 0.5, words, transform=ax.transAxes, **told)  # type: ignore[arg-type]  # words and a number


def _lines(ax: Axes, rows: pd.DataFrame, plan: Plan, over: str) -> None:
    for algorithm, line in rows.sort_values(over).groupby("algorithm", sort=True):
        look = style.algorithm_style(str(algorithm), plan) | {"markersize": 3.0}
        style.interval_line(ax, line, look, over)
    if over == "n_elements":
        style.size_axis(ax, label=False)
        ax.set_xlabel("elements of x", fontsize=7.0)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("threads", fontsize=7.0)
    ax.set_ylim(bottom=0.0)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    style.grid(ax)


def _stacks(ax: Axes, rows: pd.DataFrame, plan: Plan) -> None:
    """A bar per algorithm, its passes behind each other."""
    names = [name for name in plan["algorithms"] if name in set(rows["algorithm"])]
    order = titles.pass_order(plan)
    times = rows.rename(columns={"value": "time_median_s", "low": "time_low_s", "high": "time_high_s"})
    times = times.assign(pass_index=times["pass"].map(lambda name: order.index(name) if name in order else len(order)))
    widest = float(rows.groupby("algorithm")["value"].sum().max())
    for place, name in enumerate(names):
        stacked_call(ax, times[times["algorithm"] == name], place, plan, scale=1.0, widest=widest * 1.2)
    _places(ax, [titles.algorithm_title(name, plan) for name in names])
    ax.margins(x=0.12)


def _bars(ax: Axes, rows: pd.DataFrame, plan: Plan) -> None:
    """A bar per pass or algorithm; each with its interval, and named at the axis."""
    order, named = titles.pass_order(plan), []
    for place, (_, row) in enumerate(rows.iterrows()):
        is_pass = row["pass"] in order
        named.append(row["pass"] if is_pass else titles.algorithm_title(str(row["algorithm"]), plan))
        fill = "0.75" if is_pass else style.segment(str(row["algorithm"]), 1, plan)
        ax.barh(place, row["value"], height=0.75, color=fill, edgecolor="0.3", linewidth=0.4)
        style.interval_point(ax, row, place, {"color": "0.1"})
    _places(ax, named)


def _places(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    style.grid(ax, "x")
