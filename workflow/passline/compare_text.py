"""The comparison of two sessions as a person reads it at the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from passline.compare_keys import Difference, Differences
from passline.compare_points import (
    AGREE,
    IMPROVED,
    ONLY_A,
    ONLY_B,
    REGRESSED,
    SAME,
    UNDECIDED,
    Agreement,
)

WIDTH = 120
SHOWN_ONLY = 20
"""Lines that name points of one session alone; the file of --csv names all."""

_MEANING = (
    "A ratio is the time of the base over the time of the algorithm. Regressed: the algorithm is slower against its "
    "base than it was; either of the two may have changed, and the changes of their times hint at which. Changed "
    "ratios are outside both sessions' 95 % intervals taken together, also after Holm's correction for their number."
)


def report(a: Path, b: Path, found: Differences, points: pd.DataFrame, agreed: Agreement, times: pd.DataFrame) -> str:
    """All that `passline compare` prints."""
    parts = [
        f"A  {a}\nB  {b}",
        _differences("They differ in what may differ:", found.listed),
        _differences("Only one of them tells, so it was not compared:", found.unknown),
        "\n".join(_missing(points)),
        "\n\n".join(_changed(points)),
        _counts(points),
        _paragraph(agreement_sentence(agreed)),
        "\n".join(_times(times)),
    ]
    return "\n\n".join(part for part in parts if part)


def differences_text(rows: Sequence[Difference]) -> list[str]:
    """A line per difference: key, both values, and why it matters or does not."""
    return [f"{row.key}: {textwrap.shorten(row.a, 60)} | {textwrap.shorten(row.b, 60)}  ({row.why})" for row in rows]


def agreement_sentence(agreed: Agreement) -> str:
    """Whether the two sessions agree, in a sentence."""
    if not agreed.points:
        return "Whether the sessions agree is unknown: no point of both has an interval (fewer than six rounds)."
    counted = f"{agreed.within} of {agreed.points} points ({agreed.share:.1%})"
    rule = f"differ by no more than the root of their summed squared half-widths, and {AGREE:.0%} are asked for"
    if agreed.agrees:
        return f"The sessions agree: {counted} {rule}."
    wider = f"half-widths would have to be {agreed.factor:.3g} times as wide for that"
    if agreed.within >= agreed.least_by_chance:
        chance = f"as few as {agreed.least_by_chance} would be no surprise if the intervals are right"
        return f"The sessions just miss agreement: {counted} {rule}; {wider}, but {chance}."
    return f"The sessions do not agree: only {counted} {rule}; {wider}."


def _paragraph(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def _differences(title: str, rows: Sequence[Difference]) -> str:
    return "\n".join([title, *(f"  {line}" for line in differences_text(rows))]) if rows else ""


def _missing(points: pd.DataFrame) -> Iterator[str]:
    """Counts and names of the points that only one session has: a line per pair and protocol, with its sizes."""
    named = _named(points)
    for side in (ONLY_A, ONLY_B):
        own = named[points["verdict"] == side]
        if own.empty:
            continue
        yield f"{len(own)} points are {side}:"
        groups = own.groupby([c for c in own if c != "n"], sort=False)["n"]
        lines = [f"  {', '.join(map(str, key))}: n {', '.join(map(str, sizes))}" for key, sizes in groups]
        yield from lines[:SHOWN_ONLY]
        if len(lines) > SHOWN_ONLY:
            yield f"  and more of {len(lines) - SHOWN_ONLY} other pairs or protocols, which --csv FILE writes"


def _changed(points: pd.DataFrame) -> Iterator[str]:
    """The changed ratios, the largest change first, slower ones before faster ones."""
    changed = points[points["verdict"].isin([REGRESSED, IMPROVED])]
    if len(changed):
        yield _paragraph(_MEANING)
    named = _named(points)
    for title in (REGRESSED, IMPROVED):
        rows = changed[changed["verdict"] == title]
        if rows.empty:
            continue
        rows = rows.reindex(rows["log_difference"].abs().sort_values(ascending=False, kind="stable").index)
        shown = named.loc[rows.index].assign(
            **{
                "ratio A": rows["ratio_a"].map("{:.3f}".format),
                "ratio B": rows["ratio_b"].map("{:.3f}".format),
                "change": rows["change"].map("{:+.1%}".format),
                "within": rows["half_width"].map("±{:.1%}".format),
                # The normal approximation says nothing so far out.
                "p": rows["p_adjusted"].map(lambda p: "<1e-6" if p < 1e-6 else f"{p:.1g}"),
                "its time": (rows["time_median_s_b"] / rows["time_median_s_a"] - 1).map("{:+.1%}".format),
                "base's": (rows["base_time_median_s_b"] / rows["base_time_median_s_a"] - 1).map("{:+.1%}".format),
            }
        )
        yield f"{title}:\n{shown.to_string(index=False)}"


def _named(points: pd.DataFrame) -> pd.DataFrame:
    """What names a point, as columns to read: both contenders, the protocol, whatever else differs, and the size."""
    several = [c for c in ("compiler", "threads", "inputs", "pages", "n_rows") if points[c].nunique() > 1]
    return pd.DataFrame(
        {
            "algorithm": points["algorithm"] + " " + points["isa"] + " " + points["variant"],
            "base": points["base"] + " " + points["base_isa"] + " " + points["base_variant"],
            "protocol": points["cache_protocol"],
            **{column: points[column] for column in several},
            "n": points["n_elements"],
        }
    )


def _counts(points: pd.DataFrame) -> str:
    both = points[~points["verdict"].isin([ONLY_A, ONLY_B])]
    counts = both["verdict"].value_counts()
    parts = ", ".join(f"{counts.get(name, 0)} {name}" for name in (REGRESSED, IMPROVED, SAME, UNDECIDED))
    held = int((both["dependent"] & (both["verdict"] == UNDECIDED)).sum())
    why = f" Of the undecided, {held} have rounds that depend on each other, so that their intervals are too narrow."
    return _paragraph(f"Points of both: {len(both)}; {parts}.{why if held else ''}")


def _times(times: pd.DataFrame) -> Iterator[str]:
    """What became of absolute times, and why nothing is concluded from it."""
    if times.empty:
        return
    yield _paragraph(
        "Absolute times, from A to B, are not judged: on a shared machine they drift by tens of per cent within "
        "minutes, for all contenders alike, and nothing in them tells that from an edit."
    )
    for _, row in times.iterrows():
        yield (
            f"  {row['algorithm']}: median {row['median']:+.1%}, from {row['low']:+.1%} to {row['high']:+.1%} "
            f"over {row['points']} points"
        )
