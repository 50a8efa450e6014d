"""The bar of a measuring step: rounds, time left, noise. Where the output is no terminal, a line now and then."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from tqdm import tqdm

from passline.formats import clock

LINE_S = 10.0  # between two lines of a log
FORMAT = "{desc}: {percentage:3.0f} % |{bar:20}| {n_fmt} of about {total_fmt} {unit}{postfix}"


class Bar:
    """Progress of one measuring step, on standard error."""

    def __init__(self, step: str, before: Callable[[], None] | None = None, unit: str = "rounds") -> None:
        """Show nothing yet; `before` is called when rounds are about to be taken, and not where all are there."""
        self._step, self._before, self._unit = step, before, unit
        self._bar: tqdm[None] | None = None

    def start(self, taken: int, expected: int) -> None:
        """Show the bar."""
        if self._before is not None:
            self._before()
        terminal = sys.stderr.isatty()
        self._bar = tqdm(
            desc=self._step,
            unit=self._unit,
            initial=taken,
            total=expected,
            bar_format=FORMAT,
            mininterval=0.2 if terminal else LINE_S,
            ascii=not terminal,
            file=sys.stderr if terminal else _Lines(),
            postfix="time left not known yet",
        )

    def took(self, block: str, taken: int, expected: int, left_s: float, noise: float | None) -> None:
        """Move the bar by one; `noise` is None where there is no such thing."""
        if self._bar is None:
            return
        spread = "" if noise is None else ", noise not known" if math.isnan(noise) else f", noise {noise:.1%}"
        self._bar.total = max(expected, taken)
        self._bar.set_postfix_str(f"{clock(left_s)} left{spread} ({block})", refresh=False)
        self._bar.update(taken - self._bar.n)

    def end(self, taken: int) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str("done", refresh=False)
            self._bar.total = taken
            self._bar.close()


class _Lines:
    """Standard error, each state of the bar on a line of its own."""

    def write(self, text: str) -> int:
        line = text.strip("\r\n ")
        return sys.stderr.write(f"{line}\n") if line else 0

    def flush(self) -> None:
        sys.stderr.flush()
