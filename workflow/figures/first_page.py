"""The study's contender against its fastest base, out of cache: the answer in one small figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from passline import figure_style as style
from passline import titles
from passline.derive import selection

TABLES = ("ratios", "registry", "claims")
CAPTION = (
    "Out of cache: time of {fastest} (the base) over time of {contender}, median over rounds with 95 % interval. "
    "Right of 1, {contender} is faster{published}."
)
LIMITS = "One size, the largest out of cache that was measured."
RATIOS = ("ratio", "ratio_low", "ratio_high")
SECTION = "answers"
WIDTH_IN = 3.3


def data(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> pd.DataFrame:
    """What is drawn: one row per ISA and variant at the largest out-of-cache size."""
    rows = selection.against_fastest(selection.primary(tables["ratios"], plan), plan)
    sizes = [n for n in selection.out_of_cache(plan) if n in set(rows["n_elements"])]
    rows = rows[rows["n_elements"] == max(sizes)] if sizes else rows.head(0)
    claims = tables["claims"]
    published = claims[claims["paper_value"].notna()].drop_duplicates("isa").set_index("isa")["paper_value"]
    return rows[["isa", "variant", "base", "n_elements", "ratio", "ratio_low", "ratio_high", "n_rounds"]].assign(
        published=rows["isa"].map(published)
    )


@style.styled
def draw(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> Figure:
    """Draw the figure."""
    rows = data(tables, plan)
    if rows.empty:
        return style.message("No out-of-cache size was measured.", width=WIDTH_IN)
    isas = selection.vector_isas(rows, tables["registry"])
    figure, axes = style.new(height=0.75 + 0.4 * len(isas), width=WIDTH_IN)
    ax = axes[0, 0]
    look = style.algorithm_style(selection.question(plan).contender, plan) | {"linestyle": "none"}
    style.unity(ax, "x")
    for position, isa in enumerate(reversed(isas)):
        mine = rows[rows["isa"] == isa].set_index("variant")
        for offset, variant in ((0.17, "preset"), (-0.17, "tuned")):
            if variant in mine.index:
                _point(ax, mine.loc[variant], position + offset, look | hollow(variant, look))
        published = mine["published"].dropna()
        if len(published):
            ax.plot(
                published.iloc[0],
                position,
                marker="D",
                markersize=5,
                markerfacecolor="none",
                color=style.GREY,
                linestyle="none",
            )
    ax.set_yticks(range(len(isas)), [titles.isa_title(isa, plan) for isa in reversed(isas)])
    ax.set_ylim(-0.5, len(isas) - 0.5)
    ax.margins(x=0.08)
    ax.tick_params(axis="y", length=0)
    style.grid(ax, "x")
    said = titles.question_words(plan)
    ax.set_xlabel(f"time of {said['fastest'].removeprefix('the ')} / time of {said['contender']}")
    _legend(figure, ax, rows, look, said["preset"].removeprefix("the "))
    return figure


def hollow(variant: str, look: Mapping[str, Any]) -> dict[str, Any]:
    """Presets are hollow."""
    return {"markerfacecolor": look["color"] if variant == "tuned" else "white"}


def _point(ax: Any, row: pd.Series[Any], y: float, look: Mapping[str, Any]) -> None:
    errors = [[row["ratio"] - row["ratio_low"]], [row["ratio_high"] - row["ratio"]]]
    ax.errorbar(row["ratio"], y, xerr=errors, markersize=4, capsize=2, elinewidth=0.9, **look)


def _legend(figure: Figure, ax: Any, rows: pd.DataFrame, look: Mapping[str, Any], preset: str) -> None:
    handles = [
        ax.plot([], [], markersize=4, label=label, **look, **hollow(variant, look))[0]
        for variant, label in (("preset", preset), ("tuned", "tuned here"))
        if variant in set(rows["variant"])
    ]
    if rows["published"].notna().any():
        handles += ax.plot(
            [],
            [],
            marker="D",
            markersize=5,
            markerfacecolor="none",
            color=style.GREY,
            linestyle="none",
            label="published",
        )
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handletextpad=0.2, columnspacing=1.0)
