"""What part of a gain comes from where: pairs of algorithms that differ in one part alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passline import ablation, beyond_parts, titles
from passline import figure_style as style
from passline.derive import selection

TABLES = ("beyond", "ratios", "registry")
BEYOND = True
CAPTION = (
    "What each part gains where nothing else differs: time with the part named second over time with the one named "
    "first, paired by round, with 95 % intervals; right of 1, the first is faster. Small: the parts that both share. "
    "In cache: the length measured next to that which fills L2; out of cache: the longest."
)
LIMITS = (
    "Each algorithm runs its own tuned variants, which may unroll differently. Gains of parts need not multiply to the "
    "gain of all. One thread, protocol hot."
)
SECTION = "details"
LOOKS: dict[str, dict[str, Any]] = {
    beyond_parts.NEAR: {"color": "0.6", "marker": "o", "linestyle": "none"},
    beyond_parts.FAR: {"color": style.INK, "marker": "s", "linestyle": "none"},
}


data = beyond_parts.gains


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message(beyond_parts.MISSING)
    isas = selection.vector_isas(rows, tables["registry"])
    rows = rows.assign(pair=list(zip(rows["part"], rows["has"], rows["instead_of"], rows["alike"], strict=True)))
    order = list(ablation.QUESTIONS)
    pairs = sorted(dict.fromkeys(rows["pair"]), key=lambda pair: order.index(pair[0]))
    heights = _heights([pair[0] for pair in pairs])
    figure, axes = style.new(1, len(isas), height=0.8 + 0.25 * (heights[-1] + 1), sharey=True, sharex=True)
    for ax, isa in zip(axes[0], isas, strict=True):
        style.unity(ax, "x")
        for y, pair in zip(heights, pairs, strict=True):
            mine = rows[(rows["isa"] == isa) & (rows["pair"] == pair)]
            for shift, (place, look) in zip((-0.16, 0.16), LOOKS.items(), strict=True):
                _points(ax, mine[mine["place"] == place], y + shift, look)
        ax.set_title(titles.isa_title(isa, plan))
        ax.set_xlabel("time with the second / with the first")
        ax.tick_params(axis="y", length=0)
        style.grid(ax, "x")
    _labels(axes[0, 0], heights, pairs)
    style.legend(figure, LOOKS)
    return figure


def _heights(parts: list[str]) -> list[float]:
    """A line each, with room before each new part."""
    found, y = [], 0.0
    for place, part in enumerate(parts):
        y += 0.0 if place == 0 else 1.0 if part == parts[place - 1] else 1.6
        found.append(y)
    return found


def _points(ax: Axes, rows: pd.DataFrame, y: float, look: Mapping[str, Any]) -> None:
    """Pairs of the same parts may be several: each is drawn."""
    for _, row in rows.iterrows():
        style.interval_point(ax, row, y, look)


def _labels(ax: Axes, heights: list[float], pairs: list[tuple[str, str, str, str]]) -> None:
    words = [f"{ablation.words(part, has)} / {ablation.words(part, base)}" for part, has, base, _ in pairs]
    ax.set_yticks(heights, words)
    ax.set_ylim(heights[-1] + 0.7, -0.7)
    for y, (*_, alike) in zip(heights, pairs, strict=True):
        ax.annotate(
            alike, (0.0, y), xycoords=("axes fraction", "data"), xytext=(-3, -6.5), textcoords="offset points",
            ha="right", va="center", fontsize=5.5, color="0.45",
        )  # fmt: skip
