"""Row lengths that follow from a machine's caches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

BYTES_PER_ELEMENT = 4

# Bytes of x as a fraction of a cache. x and y together fill half of L1 and of L2 at the sizes named after them,
# all of the LLC at LLC/2, and nothing holds 4 x LLC: the paper's out-of-cache point.
KEY_FRACTIONS: Mapping[str, tuple[str, float]] = {
    "L1": ("l1d", 0.25),
    "L2": ("l2", 0.25),
    "LLC/2": ("llc", 0.5),
    "4 x LLC": ("llc", 4.0),
}
_SWEEP_FRACTIONS = (
    *(("l1d", fraction) for fraction in (0.25, 1.0)),
    *(("l2", fraction) for fraction in (0.25, 1.0)),
    *(("llc", fraction) for fraction in (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)),
)
_SMALLEST_BYTES = 1024
SMALL_SHARE = 0.125  # of the LLC: with rows this long, stores past the caches do not pay


@dataclass(frozen=True)
class Caches:
    """Bytes of the caches that the measuring cpu reaches."""

    l1d: int
    l2: int
    llc: int

    def elements(self, cache: str, fraction: float) -> int:
        """Elements of a row whose x takes `fraction` of a cache."""
        return max(1, int(getattr(self, cache) * fraction) // BYTES_PER_ELEMENT)


def key_sizes(caches: Caches) -> dict[str, int]:
    """Label -> elements of the four sizes at which passes are taken apart."""
    return {label: caches.elements(cache, fraction) for label, (cache, fraction) in KEY_FRACTIONS.items()}


def choosing_sizes(caches: Caches) -> list[int]:
    """Elements at which algorithms are compared to find where one takes over from another, ascending.

    In steps of 4 from 4 KiB to an eighth of the LLC, where what fits the nearer caches decides; then in steps of 2.
    """
    small, large = 1024, caches.elements("llc", SMALL_SHARE)
    steps = range(max(0, (large // small).bit_length() - 1) // 2 + 1)
    wanted = {small * 4**k for k in steps} | {large * 2**k for k in range(6)}
    return sorted(n for n in wanted if n <= max(small, 32 * large))


def batch_sizes(caches: Caches) -> list[int]:
    """Elements of the rows of batches that are streamed from memory: in steps of 4 up to an eighth of the LLC."""
    return [n for n in choosing_sizes(caches) if n < caches.elements("llc", SMALL_SHARE)]


def sweep_sizes(caches: Caches) -> list[int]:
    """Elements from 1 KiB to 4 x LLC, ascending. Sizes closer than 10 % to the next are left out."""
    wanted = sorted({_SMALLEST_BYTES // BYTES_PER_ELEMENT} | {caches.elements(c, f) for c, f in _SWEEP_FRACTIONS})
    kept = [size for size, following in pairwise(wanted) if following > 1.1 * size]
    return [*kept, wanted[-1]]
