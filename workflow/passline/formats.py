"""Numbers as a reader sees them: value, unit, spread. Tables keep SI base units; prefixes appear only here."""

from __future__ import annotations

import math
from typing import Any

NOTHING = "\u2013"
"""An en dash: no value."""

NARROW = "\u202f"
"""Narrow no-break space between a number and its unit."""

_PREFIXES = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
)


def significant(value: float, digits: int = 3) -> str:
    """A number with that many significant digits, never in exponent notation; an en dash for a missing one."""
    if math.isnan(value):
        return NOTHING
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = 0 if rounded == 0.0 else math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(0, digits - 1 - exponent)}f}".replace(",", NARROW) if rounded else "0"


def clock(seconds: float) -> str:
    """Minutes and seconds, after a full hour with hours: `8:05`, `1:00:00`."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """A value in SI base units with the prefix that makes it readable: `1.23 ms`."""
    if math.isnan(value):
        return NOTHING
    rounded = abs(float(f"{value:.{digits - 1}e}"))
    factor, prefix = next(((f, p) for f, p in _PREFIXES if rounded >= f), (1.0, ""))
    return f"{significant(value / factor, digits)}{NARROW}{prefix}{unit}"


def ratio(value: float) -> str:
    """A ratio with three decimals."""
    return NOTHING if math.isnan(value) else f"{value:.3f}"


def interval(low: float, high: float, decimals: int = 3) -> str:
    """A 95 % interval in brackets, or the words that there is none."""
    if math.isnan(low) or math.isnan(high):
        return "[no interval]"
    return f"[{low:.{decimals}f}, {high:.{decimals}f}]"


def ratio_with_interval(value: float, low: float, high: float) -> str:
    """`1.234 [1.220, 1.250]`."""
    return NOTHING if math.isnan(value) else f"{ratio(value)} {interval(low, high)}"


def count(value: Any) -> str:
    """A whole number in groups of three digits."""
    return f"{int(value):,}".replace(",", NARROW)


def binary_bytes(value: float) -> str:
    """Bytes with a binary prefix: `32 KiB`."""
    for factor, prefix in ((2.0**30, "Gi"), (2.0**20, "Mi"), (2.0**10, "Ki")):
        if value >= factor:
            shown = f"{value / factor:.1f}".removesuffix(".0")
            return f"{shown}{NARROW}{prefix}B"
    return f"{value:.0f}{NARROW}B"


def binary_count(value: float) -> str:
    """A number of elements with a binary prefix where that makes it short: `4 Ki`, `50 257`."""
    for factor, prefix in ((2**30, "Gi"), (2**20, "Mi"), (2**10, "Ki")):
        if value >= factor and value % factor == 0:
            return f"{int(value) // factor}{NARROW}{prefix}"
    return count(value)


def about_binary(value: float) -> str:
    """Two digits of a number of elements, with a binary prefix: `8.7 Mi`."""
    for factor, prefix in ((2**30, "Gi"), (2**20, "Mi"), (2**10, "Ki")):
        if value >= factor:
            return f"{significant(value / factor, 2)}{NARROW}{prefix}"
    return significant(value, 2)


def scientific(value: float, digits: int = 2) -> str:
    """A number times a power of ten, the exponent raised."""
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    raised = str(int(exponent)).translate(
        str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
    )
    return f"{mantissa}{NARROW}\u00d7{NARROW}10{raised}"


def percent(fraction: float, decimals: int = 0) -> str:
    """A fraction as a percentage."""
    return NOTHING if math.isnan(fraction) else f"{100.0 * fraction:.{decimals}f}{NARROW}%"


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
