"""What a round does with anything it times, whatever runs it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from passline.measure.library import Floats
from passline.measure.spec import Contender

CHECKED_ELEMENTS = 1 << 20  # longer rows are not summed: single-precision sums are known to drift there
SUM_TOLERANCE = 1e-3


class Timed(ABC):
    """A contender bound to the block's buffers."""

    def __init__(self, contender: Contender) -> None:
        """One call a value, until it is calibrated."""
        self.contender = contender
        self.calls = 1
        self.first_row = 0  # of y, that the first call writes

    @abstractmethod
    def move(self, x_bytes: int, y_bytes: int) -> None:
        """Let the rows start so many bytes behind where their memory does."""

    @abstractmethod
    def run(self, calls: int) -> list[float]:
        """Seconds per call: of the whole, or of each pass where the contender is split."""

    def calibrate(self, value_s: float, least: int = 1) -> tuple[int, list[float]]:
        """Choose the calls per value, `least` or more, so that it takes about value_s; return the warm-up run."""
        calls, seconds = 1, self.run(1)
        while sum(seconds) * calls < value_s / 8:
            calls *= 4
            seconds = self.run(calls)
        # Whole numbers of the calls among which one is made twice: the slowdown is then as large as it should be.
        every = self.contender["planted_every"]
        self.calls = every * max(math.ceil(least / every), round(value_s / sum(seconds) / every))
        return calls, seconds

    def doubts(self, y: Floats) -> list[str]:
        """What is wrong with the outputs of the calls so far; `y` is the first row written, float32[n]."""
        wanted = self.contender["outputs_sum"]
        if wanted is None or len(y) > CHECKED_ELEMENTS:
            return []
        total = float(np.sum(y, dtype=np.float64))
        near = math.isclose(total, wanted, rel_tol=SUM_TOLERANCE, abs_tol=SUM_TOLERANCE)
        return [] if near else [f"{self.contender['name']}: the outputs sum to {total:.6g}, not to {wanted:g}"]

    def told(self) -> dict[str, object]:
        """What else the round is to remember of this contender."""
        return {}
