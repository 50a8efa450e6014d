"""What Best takes from which length of a row on, and how far behind the next algorithm was there."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from passline import beyond_report, formats, titles
from passline import figure_style as style
from passline.choosing import ANY
from passline.derive import selection

TABLES = ("crossovers", "registry", "machines")
BEYOND = True
CAPTION = (
    "What Best takes, by the length of a row. Above: the algorithm on each instruction set, with as many threads as "
    "may share a row, or a batch of so many elements and more; a number in a strip says how many do, if more than one. "
    "Below: how many times as long the next one took at each length of single rows that was compared. At 1 "
    "two are equally fast; below it the faster one was passed over, as it loses where y is read next, or gains too "
    "little."
)
LIMITS = "Found before the timing in a step of its own, at the lengths marked; between them the edge is interpolated."
SECTION = "details"
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---", "ooo", "+++", "|||", "**")


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:  # noqa: ARG001  # as all figures
    """What is drawn: table `crossovers` of each instruction set, with `n_to`, where the next choice begins.

    Rows as long as a batch must be go by the choices for rows.
    """
    rows = tables["crossovers"]
    strip = ["isa", "threads", "batch_from"]
    rows = rows[rows["isa"] != ANY].sort_values([*strip, "n_elements"])
    edges = rows.groupby(strip)["n_from"].transform(lambda starts: starts.map(dict(_next(starts))))
    columns = [*strip, "n_elements", "n_from", "n_to", "algorithm", "threads_used", "next_algorithm"]
    ends = edges.astype(float).clip(upper=rows["batch_from"].where(rows["batch_from"] > 0, float("inf")))
    return rows.assign(n_to=ends)[[*columns, "next_over_chosen"]].reset_index(drop=True)


def _next(starts: pd.Series[int]) -> list[tuple[int, float]]:
    known = sorted(set(starts))
    return list(zip(known, [*map(float, known[1:]), float("inf")], strict=True))


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message(beyond_report.NO_CROSSOVERS)
    isas = list(reversed(selection.vector_isas(rows, tables["registry"])))
    strips = [key for isa in isas for key, _ in rows[rows["isa"] == isa].groupby(["isa", "threads", "batch_from"])]
    names = beyond_report.ordered(set(rows["algorithm"]) | set(rows["next_algorithm"]), plan)
    looks = {name: style.beyond_style(name, plan) for name in names}
    figure, axes = style.new(
        2, 1, height=2.5 + 0.25 * len(strips), sharex=True, height_ratios=[0.12 + 0.25 * len(strips), 1.3]
    )
    top, bottom = axes[:, 0]
    low, high = rows["n_elements"].min() / 1.2, rows["n_elements"].max() * 1.2
    style.unity(bottom)
    styles = dict(zip([key for key in strips if not key[2]], cycle(LINES), strict=False))
    several = len({count for _, count, _ in strips}) > 1
    for place, (isa, count, batch) in enumerate(strips):
        mine = rows[(rows["isa"] == isa) & (rows["threads"] == count) & (rows["batch_from"] == batch)]
        _strip(top, mine, place, looks, (low, high))
        if batch:
            continue
        bottom.plot(
            mine["n_elements"],
            mine["next_over_chosen"],
            color="0.6",
            linewidth=0.8,
            linestyle=styles[isa, count, batch],
            zorder=1,
        )
        for _, row in mine.iterrows():
            mark = {**looks[row["algorithm"]], "linestyle": "none"}
            bottom.plot(row["n_elements"], row["next_over_chosen"], **mark)
    shares = {count: f", {count} thread{'s' if count > 1 else ''}" if several else "" for _, count, _ in strips}
    batches = {batch: f", batches from {formats.binary_count(batch)}" if batch else "" for _, _, batch in strips}
    words = [f"{titles.isa_title(isa, plan)}{shares[count]}{batches[batch]}" for isa, count, batch in strips]
    top.set_yticks(range(len(strips)), words)
    top.set_ylim(len(strips) - 0.5, -0.5)
    top.tick_params(axis="y", length=0)
    bottom.set_ylabel("time of the next /\ntime of what is taken")
    for ax, named in ((top, True), (bottom, False)):
        style.size_axis(ax, label=not named)
        ax.set_xlim(low, high)
        style.mark_caches(ax, tables["machines"], names=named)
    style.grid(bottom)
    taken = [name for name in names if name in set(rows["algorithm"])]
    handles: list[Any] = [_patch(name, looks, titles.algorithm_title(name, plan)) for name in taken]
    lines = [
        bottom.plot([], [], color="0.6", linewidth=0.8, linestyle=styles[key], label=word)[0]
        for key, word in zip(strips, words, strict=True)
        if key in styles
    ]
    figure.legend(handles=[*handles, *lines], loc="outside upper center", ncols=2)
    return figure


LINES = ("-", "--", ":", "-.")


def _patch(name: str, looks: Mapping[str, Mapping[str, Any]], label: str) -> Patch:
    return Patch(**_fill(name, looks), label=label)


def _fill(name: str, looks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "facecolor": looks[name]["color"], "edgecolor": "white", "linewidth": 0.0,
        "hatch": HATCHES[list(looks).index(name) % len(HATCHES)],
    }  # fmt: skip


def _strip(
    ax: Axes, rows: pd.DataFrame, place: int, looks: Mapping[str, Mapping[str, Any]], ends: tuple[float, float]
) -> None:
    for _, row in rows.drop_duplicates("n_from").iterrows():
        start, end = max(float(row["n_from"]), ends[0]), min(float(row["n_to"]), ends[1])
        ax.barh(place, end - start, left=start, height=0.62, **_fill(row["algorithm"], looks))
        if row["threads_used"] > 1:
            ax.text(
                (start * end) ** 0.5, place, str(row["threads_used"]), ha="center", va="center", fontsize=7.0,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
