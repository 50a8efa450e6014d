"""What part of a gain comes from where: pairs of algorithms that differ in one of their parts alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

Parts = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Algorithm -> ISA -> what its tuned variants there are made of, as the plan says."""

EXP, REFERENCE, STORE, RELOAD = "exp", "reference", "store", "reload"
TABLE, DEGREE = "table", "degree"
"""Dimensions of a study that tell how it computes exp: from a table, or by a polynomial of that degree alone."""

QUESTIONS = {EXP: "exp", REFERENCE: "reference", STORE: "stores", RELOAD: "reloading"}
"""The parts, in the order in which they are shown, and what they are called."""


class Difference(NamedTuple):
    """Two algorithms that differ in this part alone."""

    part: str
    contender: str
    base: str
    has: str  # the contender's
    instead_of: str  # the base's
    alike: tuple[str, ...]  # the parts that they share


def described(found: Mapping[str, str]) -> dict[str, str]:
    """The parts that algorithms are told apart by; nothing where the study does not say what exp is relative to."""
    if REFERENCE not in found:
        return {}
    kind = TABLE if TABLE in found else f"{DEGREE} {found.get(DEGREE, '?')}"
    return {part: kind if part == EXP else found.get(part, "?") for part in QUESTIONS}


def differences(parts: Parts, isa: str) -> Iterator[Difference]:
    """Pairs that differ in one part on an ISA. The contender is the one with the table, else the later in the study."""
    here = {name: known for name, by_isa in parts.items() if (known := described(by_isa.get(isa, {})))}
    for pair in combinations(here, 2):
        different = [part for part in QUESTIONS if here[pair[0]][part] != here[pair[1]][part]]
        if len(different) == 1:
            part = different[0]
            base, contender = reversed(pair) if part == EXP and here[pair[0]][EXP] == TABLE else pair
            alike = tuple(words(other, here[base][other]) for other in QUESTIONS if other != part)
            yield Difference(part, contender, base, here[contender][part], here[base][part], alike)


def pairs(parts: Parts) -> list[list[str]]:
    """[contender, base] of the differences on any ISA, each once."""
    isas = dict.fromkeys(isa for by_isa in parts.values() for isa in by_isa)
    found = dict.fromkeys((d.contender, d.base) for isa in isas for d in differences(parts, isa))
    return [list(pair) for pair in found]


def words(part: str, value: str) -> str:
    """A part's value in words that need no name of the part."""
    return {"yes": "reloading", "no": "recomputing"}.get(value, value) if part == RELOAD else value
