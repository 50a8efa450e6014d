"""Drawings that more than one figure needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import titles
from passline.derive import selection

Pair = tuple[str, str]
"""(algorithm, base)."""


def panels_over_size(
    rows: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    plan: Mapping[str, Any],
    panel: Callable[[Axes, pd.DataFrame], None],
    *,
    height: float,
    y: str,
) -> Figure:
    """A panel per vector ISA beside each other, over size, with caches marked and a line at 1.

    Args:
        rows: what is drawn; columns `isa` and what `panel` needs.
        tables: `registry` and `machines`.
        plan: the session's plan.
        panel: draws the rows of an ISA.
        height: of the figure, inches.
        y: label of the first panel's axis.
    """
    isas = selection.vector_isas(rows, tables["registry"])
    figure, axes = style.new(1, len(isas), height=height, sharey=True)
    for ax, isa in zip(axes[0], isas, strict=True):
        style.unity(ax)
        panel(ax, rows[rows["isa"] == isa])
        style.size_axis(ax)
        style.mark_caches(ax, tables["machines"], names=True)
        style.grid(ax)
        ax.set_title(titles.isa_title(isa, plan), pad=10)
    style.label_axes([axes[0, 0]], y=y)
    return figure


def say_who(ax: Axes, name: str) -> None:
    """Room above and below a line at 1, and what is on either side of it."""
    ax.margins(y=0.15)
    style.direct(ax, (0.02, 0.97), f"{name} is faster", va="top")
    style.direct(ax, (0.02, 0.03), f"{name} is slower", va="bottom")


def over_size_data(
    tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any], algorithms: Sequence[str], pairs: Sequence[Pair]
) -> pd.DataFrame:
    """Times per element and ratios over size, one choice of variants, primary protocol.

    Returns:
        Columns `panel` (time or ratio), `isa`, `variant`, `algorithm`, `base`, `n_elements`, `value`, `low`, `high`;
        times in seconds per element.
    """
    times = selection.primary(selection.whole(tables["passes"]), plan)
    times = times[times["algorithm"].isin(algorithms)]
    variant = titles.shown_variant(times)
    times = times[times["variant"] == variant]
    ratios = selection.primary(tables["ratios"], plan)
    ratios = ratios[ratios["variant"] == variant]
    parts = [_time_part(times), *(_ratio_part(selection.against(ratios, *pair)) for pair in pairs)]
    return (
        pd.concat(parts)
        .sort_values(["panel", "isa", "algorithm", "base", "n_elements"], kind="stable")
        .reset_index(drop=True)
    )


def _time_part(times: pd.DataFrame) -> pd.DataFrame:
    n = times["n_elements"]
    return times[["isa", "variant", "algorithm", "n_elements"]].assign(
        panel="time",
        base="-",
        value=times["time_median_s"] / n,
        low=times["time_low_s"] / n,
        high=times["time_high_s"] / n,
    )


def _ratio_part(ratios: pd.DataFrame) -> pd.DataFrame:
    return ratios[["isa", "variant", "algorithm", "base", "n_elements"]].assign(
        panel="ratio", value=ratios["ratio"], low=ratios["ratio_low"], high=ratios["ratio_high"]
    )


def draw_over_size(
    data: pd.DataFrame, tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any], ratio_label: str
) -> Figure:
    """Two rows of panels, one column per ISA: time per element above, ratio with its interval below."""
    if data.empty:
        return style.message("No whole algorithm was timed under the primary protocol.")
    variants = data.drop_duplicates("isa").set_index("isa")["variant"]
    figure = times_over_ratios(
        data,
        tables,
        {isa: f"{titles.isa_title(isa, plan)}, {variants[isa]}" for isa in selection.isas(data, tables["registry"])},
        look=lambda name: style.algorithm_style(name, plan),
        ratios_of="base",
        y=ratio_label,
        height=3.7,
    )
    shown = [name for name in plan["algorithms"] if name in set(data["algorithm"]) | set(data["base"])]
    looks = {titles.algorithm_title(name, plan): style.algorithm_style(name, plan) for name in shown}
    style.legend(figure, looks, columns=len(looks))
    return figure


def times_over_ratios(
    rows: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    isas: Mapping[str, str],
    *,
    look: Callable[[str], Mapping[str, Any]],
    ratios_of: str,
    y: str,
    height: float,
) -> Figure:
    """Two rows of panels, one column per ISA: time per element above, ratio with its interval below, caches marked.

    Args:
        rows: columns `panel` (time or ratio), `isa`, `algorithm`, `n_elements`, `value`, `low`, `high`; seconds.
        tables: `machines`.
        isas: ISAs, and the titles of their columns.
        look: the style of an algorithm.
        ratios_of: the column that names whose lines the ratios are: `algorithm` or `base`.
        y: label of the axis of ratios.
        height: of the figure, inches.
    """
    figure, axes = style.new(2, len(isas), height=height, sharex=True, sharey="row", height_ratios=[1.5, 1.0])
    for (isa, title), top, bottom in zip(isas.items(), *axes, strict=True):
        mine = rows[rows["isa"] == isa]
        _times(top, mine[mine["panel"] == "time"], look)
        style.unity(bottom)
        for name, line in mine[mine["panel"] == "ratio"].groupby(ratios_of, sort=True):
            style.interval_line(bottom, line, look(str(name)))
        style.grid(bottom)
        style.size_axis(top, label=False)
        style.size_axis(bottom)
        style.mark_caches(top, tables["machines"], names=True)
        style.mark_caches(bottom, tables["machines"], names=False)
        top.set_title(title, pad=10)
    style.label_axes([axes[0, 0]], y="time per element (ns)")
    style.label_axes([axes[1, 0]], y=y)
    return figure


def _times(ax: Axes, rows: pd.DataFrame, look: Callable[[str], Mapping[str, Any]]) -> None:
    """Lines in bands of their intervals, nanoseconds."""
    for name, line in rows.groupby("algorithm", sort=True):
        drawn = look(str(name))
        ax.plot(line["n_elements"], line["value"] * 1e9, **drawn)
        ax.fill_between(
            line["n_elements"].to_numpy(), line["low"].to_numpy() * 1e9, line["high"].to_numpy() * 1e9,
            color=drawn["color"], alpha=0.2, linewidth=0,
        )  # fmt: skip
    style.plain_log(ax)
    style.grid(ax)


def stacked_call(
    ax: Axes, rows: pd.DataFrame, place: int, plan: Mapping[str, Any], *, scale: float, widest: float
) -> None:
    """One call as a bar: a segment per pass with its name and time, its interval at its end, and the sum.

    A name that its segment is too narrow for takes two lines, then none.

    Args:
        ax: what is drawn on.
        rows: passes of one algorithm inside its calls, times in seconds.
        place: of the bar.
        plan: the session's plan.
        scale: from seconds to the axis' unit.
        widest: the longest call of the panels, in the axis' unit: the room for names follows from it.
    """
    left = 0.0
    for index, (_, row) in enumerate(rows.sort_values("pass_index").iterrows()):
        width, name = float(row["time_median_s"]) * scale, str(row["pass"])
        fill = style.segment(str(row["algorithm"]), index, plan)
        ax.barh(place, width, left=left, height=0.72, color=fill, edgecolor="0.3", linewidth=0.5)
        low, high = (left + float(row[column]) * scale for column in ("time_low_s", "time_high_s"))
        end = left + width
        ax.errorbar(
            end, place + 0.27, xerr=[[max(0.0, end - low)], [max(0.0, high - end)]], fmt="none", ecolor="0.0",
            elinewidth=0.7, capsize=1.5,
        )  # fmt: skip
        fits = width > widest * 0.0115 * len(name)
        shown = name if fits else name.replace("minusmax", "-\nminusmax")
        ax.text(
            left + width / 2, place, f"{shown}\n{width:.3g}", ha="center", va="center", fontsize=6.5, linespacing=0.95,
            clip_on=True,
        )  # fmt: skip
        left = end
    ax.annotate(f"{left:.3g}", (left, place), xytext=(7, 0), textcoords="offset points", va="center", fontsize=7.0)
