"""How every figure looks: width and sizes for an A4 page, colours, markers, titles, axes.

A colour is that of an algorithm, everywhere, and of nothing else: what is no algorithm is grey, and told apart by
marker, hatch and line. Colours are the colour-blind safe set of Okabe and Ito; markers and line styles carry the same
information for print in grey.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, LogLocator, NullFormatter, NullLocator

from passline import titles

TEXT_WIDTH_IN = 6.69
"""17 cm: A4 with margins of 2 cm. Figures are placed at their own size, so 8 pt here is 8 pt on paper."""

RC: dict[str, Any] = {
    **sns.axes_style("ticks"),
    "font.family": ["DejaVu Sans"],
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "0.3",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "hatch.linewidth": 0.5,
    "svg.hashsalt": "passline",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "figure.dpi": 100.0,
    "savefig.dpi": 150.0,
}
styled = mpl.rc_context(RC)
"""Decorator of every `draw`: the settings hold while it runs and no longer."""

GREY = "0.45"
INK = "0.15"

_ORANGE, _SKY, _GREEN, _BLUE, _VERMILION, _PURPLE = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
# Of the muted set of Paul Tol, which is colour-blind safe too.
_INDIGO, _TEAL, _WINE, _OLIVE, _ROSE, _BROWN = "#332288", "#44AA99", "#882255", "#999933", "#CC6677", "#7F4A1D"
_ALGORITHMS = {
    "two_pass": (_VERMILION, "o", "-"),
    "three_pass_recompute": (_BLUE, "s", "--"),
    "three_pass_reload": (_GREEN, "^", "-."),
    "online": (_PURPLE, "D", ":"),
    "best": (_INDIGO, "*", "-"),
}
# For what has no colour of its own.
_OTHERS = (
    (_SKY, "v", "-"), (_ORANGE, "P", "--"), (_TEAL, "X", "-."), (_WINE, "<", ":"), (_OLIVE, ">", "-"),
    (_BROWN, "p", "--"), (_ROSE, "h", "-."), (_SKY, "d", ":"), (_ORANGE, "8", "-"), (_TEAL, "H", "--"),
)  # fmt: skip
FASTEST_LOOK: dict[str, Any] = {"color": "0.35", "marker": "s", "markerfacecolor": "white", "linestyle": "--"}
"""Whichever of several algorithms is fastest at a point: the colour of none."""
FLOOR_LOOK: dict[str, Any] = {"color": GREY, "marker": "", "linestyle": (0, (4, 2)), "linewidth": 0.9}
"""Streams and stores without arithmetic."""
PORTS_LOOK: dict[str, Any] = {"color": GREY, "marker": "", "linestyle": ":", "linewidth": 0.9}
"""The least that the core's ports allow."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
FILLS = (("white", "////"), ("0.8", ""), ("0.3", ""))
"""Fills, with their hatches, of three kinds of bars that stay apart in grey."""
TINTS = (0.25, 0.5, 0.35, 0.6)
"""Shares of an algorithm's colour in the segments of its bar, light enough for black text on them."""


def algorithm_style(name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Colour, marker and line style of an algorithm: its own, or by its place in the study; others are grey."""
    others = [other for other in plan["algorithms"] if other not in _ALGORITHMS]
    free = [look for owner, look in _ALGORITHMS.items() if owner not in plan["algorithms"]]
    looks = {**_ALGORITHMS, **dict(zip(others, (*free, *_OTHERS), strict=False))}
    colour, marker, line = looks.get(name, (GREY, "x", ":"))
    return {"color": colour, "marker": marker, "linestyle": line}


def beyond_style(name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The style of an algorithm; of one beyond the paper without a style of its own, by its place in the plan."""
    others = [other for other in plan.get("beyond", {}).get("algorithms", {}) if other not in _ALGORITHMS]
    if name not in others:
        return contender_style(name, plan)
    colour, marker, line = _OTHERS[others.index(name) % len(_OTHERS)]
    return {"color": colour, "marker": marker, "linestyle": line}


def contender_style(name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The style of an algorithm, or of an outside baseline: grey, with a marker by its place in the plan."""
    peers = list(plan.get("baselines", {}))
    if name not in peers:
        return algorithm_style(name, plan)
    return {"color": GREY, "marker": MARKERS[-1 - peers.index(name) % len(MARKERS)], "linestyle": "-"}


def ordinal_style(place: int) -> dict[str, Any]:
    """Grey and marker of the first, second, ... line of a figure whose lines are no algorithms."""
    return {"color": ("0.15", "0.5", "0.7")[place % 3], "marker": MARKERS[place % len(MARKERS)]}


def segment(name: str, place: int, plan: Mapping[str, Any]) -> Any:
    """The fill of a part of an algorithm's bar: tints of its colour, by turns."""
    share, colour = TINTS[place % len(TINTS)], mpl.colors.to_rgb(algorithm_style(name, plan)["color"])
    return tuple(1.0 - share * (1.0 - part) for part in colour)


class AroundOne(Locator):
    """Ticks of an axis of ratios: 1, and steps of one width on either side of it."""

    def __init__(self, most: int = 6) -> None:
        """No more than `most` steps."""
        self.most = most

    def __call__(self) -> Any:
        """Ticks of the axis as it stands."""
        low, high = self.axis.get_view_interval()  # type: ignore[union-attr]  # asked for only where there is an axis
        return self.tick_values(low, high)

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Ticks between two values."""
        low, high = sorted((vmin, vmax))
        widths = (unit * 10.0**power for power in range(-4, 6) for unit in (1.0, 2.0, 5.0))
        step = next((width for width in widths if (high - low) / width <= self.most + 0.5), high - low)
        places = range(math.ceil(round((low - 1.0) / step, 6)), math.floor(round((high - 1.0) / step, 6)) + 1)
        return [round(1.0 + place * step, 6) for place in places]


def new(
    rows: int = 1, columns: int = 1, *, height: float, width: float = TEXT_WIDTH_IN, **layout: Any
) -> tuple[Figure, Any]:
    """A figure of that size (inches) and a 2-D array of its axes, laid out so that nothing overlaps."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **layout)


def message(text: str, *, width: float = TEXT_WIDTH_IN) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = Figure(figsize=(width, 0.6))
    figure.text(0.5, 0.5, text, ha="center", va="center", color=INK, style="italic", wrap=True)
    return figure


LONG = 30
"""Characters of a legend's entry of which three do not fit beside each other."""


def legend_columns(entries: Sequence[str]) -> int:
    """As many columns of a legend as its longest entry leaves room for."""
    return 2 if max(map(len, entries), default=0) > LONG else max(1, min(4, len(entries)))


def label_axes(axes: Sequence[Axes], *, x: str | None = None, y: str | None = None) -> None:
    """Set axis labels where given, and light horizontal grid lines."""
    for ax in axes:
        if x is not None:
            ax.set_xlabel(x)
        if y is not None:
            ax.set_ylabel(y)


def grid(ax: Axes, axis: str = "y") -> None:
    """Light grid lines behind the data."""
    ax.set_axisbelow(True)
    ax.grid(visible=True, axis=axis, color="0.9", linewidth=0.5)  # type: ignore[arg-type]  # a plain str is what callers have


def binary(value: float, _position: int | None = None) -> str:
    """A number of elements with a binary prefix: 4 Ki, 32 Mi."""
    for factor, prefix in ((2**30, " Gi"), (2**20, " Mi"), (2**10, " Ki")):
        if value >= factor:
            return f"{value / factor:g}{prefix}"
    return f"{value:g}"


def size_axis(ax: Axes, *, label: bool = True) -> None:
    """A logarithmic axis of elements with ticks at every fourth power of two."""
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(LogLocator(base=16.0, numticks=20))
    ax.xaxis.set_major_formatter(FuncFormatter(binary))
    ax.xaxis.set_minor_locator(NullLocator())
    if label:
        ax.set_xlabel("elements of x")


def plain_log(ax: Axes, axis: str = "y") -> None:
    """A logarithmic axis with plain numbers: at 1, 2 and 5, closer within a decade or so, wider over many."""
    ax.set(**{f"{axis}scale": "log"})
    which = getattr(ax, f"{axis}axis")
    low, high = which.get_view_interval()
    steps: tuple[float, ...] = (1.0, 2.0, 5.0)
    if high > 3000.0 * low:
        steps = (1.0,)
    if high < 13.0 * low:
        steps = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
    if high < 3.0 * low:
        steps = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)
    which.set_major_locator(FixedLocator([step * 10.0**k for k in range(-12, 16) for step in steps]))
    which.set_minor_locator(NullLocator())
    which.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("e+0", "e")))
    which.set_minor_formatter(NullFormatter())


def cache_elements(machines: pd.DataFrame) -> dict[str, float]:
    """Elements at which x alone fills each cache, by name; caches of unknown size are left out."""
    facts = dict(zip(machines["key"], machines["value"], strict=True))
    sizes = {"L1": facts.get("l1d_bytes"), "L2": facts.get("l2_bytes"), "LLC": facts.get("llc_bytes")}
    return {
        name: float(value) / 4.0
        for name, value in sizes.items()
        if value is not None and value.replace(".", "").isdigit()
    }


def mark_caches(ax: Axes, machines: pd.DataFrame, *, names: bool) -> None:
    """Dotted lines where x alone fills a cache; the names above the axes when asked for."""
    low, high = ax.get_xlim()
    for name, elements in cache_elements(machines).items():
        if not low < elements < high:
            continue
        ax.axvline(elements, color="0.6", linewidth=0.7, linestyle=(0, (1, 2)), zorder=0)
        if names:
            ax.annotate(
                name, (elements, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 1), textcoords="offset points",
                ha="center", va="bottom", fontsize=6.5, color="0.4",
            )  # fmt: skip


def interval_line(ax: Axes, rows: pd.DataFrame, look: Mapping[str, Any], x: str = "n_elements") -> None:
    """A line through `value` with the interval `low` to `high` at each point."""
    errors = [(rows["value"] - rows["low"]).to_numpy(), (rows["high"] - rows["value"]).to_numpy()]
    ax.errorbar(rows[x], rows["value"], yerr=errors, capsize=1.5, elinewidth=0.7, **look)


def interval_point(ax: Axes, row: pd.Series[Any], y: float, look: Mapping[str, Any]) -> None:
    """A point at `value`, with the interval `low` to `high` lying through it, at a height."""
    ends = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
    ax.errorbar(row["value"], y, xerr=ends, capsize=1.5, elinewidth=0.7, **look)


def legend(figure: Figure, looks: Mapping[str, Mapping[str, Any]], columns: int | None = None) -> None:
    """A legend above the figure: what is shown, and how it looks."""
    handles = [figure.axes[0].plot([], [], label=label, **look)[0] for label, look in looks.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=columns or legend_columns(list(looks)))


def direct(ax: Axes, place: tuple[float, float], words: str, va: str) -> None:
    """A label within the axes, at a place in fractions of them: it says what a direction or a region means."""
    ax.text(*place, words, transform=ax.transAxes, ha="left", va=va, fontsize=6.5, style="italic", color="0.35")


def unity(ax: Axes, axis: str = "y", *, most: int = 6) -> None:
    """The line at ratio 1, where nobody is faster, and ticks around it."""
    draw_line, which = (ax.axhline, ax.yaxis) if axis == "y" else (ax.axvline, ax.xaxis)
    draw_line(1.0, color="0.3", linewidth=0.7, zorder=1)
    which.set_major_locator(AroundOne(most))


def stamp_smoke(figure: Figure) -> None:
    """Write across the figure that it is no measurement."""
    stamp(figure, titles.SMOKE_STAMP)


def stamp(figure: Figure, words: str) -> None:
    """Write something across the figure."""
    width, height = figure.get_size_inches()
    figure.text(
        0.5, 0.5, words, ha="center", va="center",
        rotation=15 if height > 0.4 * width else 0, fontsize=min(20.0, 3.0 * width),
        color="#C00000", alpha=0.4, weight="bold", zorder=100,
    )  # fmt: skip


def _settle(figure: Figure) -> None:
    """Lay out once and for all, to 1e-6 of the figure.

    The solver of constrained layout walks containers sorted by address, so its answers differ in the last bits from one
    process to the next, and the SVG names its clip paths by a hash of all bits.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        left, bottom, width, height = (round(float(edge), 6) for edge in ax.get_position().bounds)
        ax.set_position((left, bottom, width, height))


def save(figure: Figure, svg: Path, pdf: Path, *, title: str, about: Sequence[str]) -> None:
    """Write both formats without dates, so that equal data give equal files.

    Args:
        figure: what was drawn.
        svg: file to write.
        pdf: file to write.
        title: the caption, which the files carry as their title.
        about: lines on how it was made and how good its data are, which they carry too.
    """
    told = "\n".join(about)
    undated = {"CreationDate": None, "Producer": None, "Creator": None}
    with mpl.rc_context(RC):
        _settle(figure)
        figure.savefig(svg, format="svg", metadata={"Date": None, "Title": title, "Description": told})
        figure.savefig(pdf, format="pdf", metadata={**undated, "Title": title, "Subject": told})
