"""Blocks beyond the paper: all algorithms of the study beside each other, and the floor of each in the same rounds.

They are blocks of their own, so that nothing in them moves what the reproduction measures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from passline import ablation
from passline.algorithms import PAPER
from passline.choices_text import text
from passline.contenders import Built, algorithm, best, floor, has, together
from passline.measure.spec import Contender
from passline.registry import Study, Variant
from passline.tables import BEST

BEYOND = "beyond"
"""First word of the names of such blocks."""

BEST_TITLE = "Best"

CHOICE = "tuned"
"""Nobody published a preset of these: all run as tuned here, the paper's algorithms beside them too."""


def is_beyond(group: Mapping[str, Any]) -> bool:
    """Whether a group of blocks times algorithms beyond the paper's."""
    return bool(group.get("algorithms", PAPER) != PAPER)


def names(group: Mapping[str, Any], study: Study) -> tuple[str, ...]:
    """The algorithms that a group of blocks times."""
    wanted = group.get("algorithms", PAPER)
    return {PAPER: study.papers, BEYOND: study.beyond}.get(wanted, (*study.papers, *study.beyond))


def papers_variants(study: Study) -> tuple[Variant, ...]:
    """Variants that the reproduction may time: all but of passes that only algorithms beyond the paper use."""
    kept = papers_passes(study)
    return tuple(v for v in study.variants if v.pass_name in kept)


def papers_passes(study: Study) -> list[str]:
    """Passes of the paper's algorithms, and those of no algorithm, in the order of the study."""
    papers = {name for paper in study.papers for name in study.algorithms[paper].passes}
    used = {name for algorithm in study.algorithms.values() for name in algorithm.passes}
    return [name for name in study.passes if name in papers or name not in used]


def contenders(
    study: Study,
    ceilings: Study,
    built: Built,
    isa: str,
    wanted: Iterable[str],
    crossovers: pd.DataFrame | None = None,
    threads: Iterable[int] = (1,),
) -> tuple[list[Contender], list[dict[str, str]]]:
    """The wanted algorithms on an ISA, each floor once, `best` on each number of threads; and what the ISA lacks."""
    asked = list(wanted)
    found = [algorithm(study, n, built, isa, CHOICE, split=False) for n in asked if has(study, n, built, isa, CHOICE)]
    floors = [floor(study, ceilings, contender, built) for contender in found]
    lacking = [(name, step) for name in asked if (step := study.lacks(name, isa)) is not None]
    skipped = [
        {"what": f"{name} on {isa}", "reason": f"the study declares no {step.label} for it"} for name, step in lacking
    ]
    if set(asked) & set(study.beyond):
        found += [each for count in threads for each in best_of(study, built, isa, crossovers, count)]
    return [*found, *{f["name"]: f for f in floors if f is not None}.values()], skipped


def comparisons(study: Study, peers: Sequence[str]) -> list[list[str]]:
    """[algorithm, base]: each algorithm beyond the paper against each of the paper's and each outside baseline."""
    bases = [*study.papers, *peers]
    if not study.beyond:
        return []
    found = [[name, base] for name in study.beyond for base in bases]
    return found + [[BEST, base] for base in (*bases, *study.beyond)] + twins(study)


def twins(study: Study) -> list[list[str]]:
    """[non-temporal, ordinary]: algorithms beyond the paper whose steps differ in nothing but their kind of stores."""

    def rest(name: str) -> list[tuple[str, tuple[Any, ...]]]:
        """Its steps, with the names alone of the dimensions that tell the kind of stores."""
        return [
            (step.pass_name, tuple((key, None if key in stores else value) for key, value in step.fixed))
            for step in study.algorithms[name].steps
        ]

    stores, past = _stores(study), past_caches(study)
    return [
        [one, other]
        for one in study.beyond
        for other in study.beyond
        if one in past and other not in past and rest(one) == rest(other)
    ]


def past_caches(study: Study) -> list[str]:
    """Algorithms beyond the paper that fix non-temporal stores."""
    stores = _stores(study)

    def fixes(name: str) -> bool:
        return any((key, value) in stores.items() for step in study.algorithms[name].steps for key, value in step.fixed)

    return [name for name in study.beyond if fixes(name)]


def _stores(study: Study) -> dict[str, int]:
    """Dimensions that tell the kind of stores, and their value for non-temporal ones."""
    return {key: d.non_temporal for key, d in study.dimensions.items() if d.non_temporal is not None}


def asked(pairs: Iterable[tuple[str, str]], study: Study) -> list[tuple[str, str]]:
    """Those of the comparisons that blocks beyond the paper are for: with an algorithm of their own."""
    return [(one, base) for one, base in pairs if {one, base} & {*study.beyond, BEST}]


def candidate_names(study: Study) -> tuple[str, ...]:
    """What `best` may pick: algorithms beyond the paper; where some promise how large their errors are, only those."""
    return tuple(name for name in study.beyond if study.algorithms[name].max_ulp) or study.beyond


def candidates(study: Study, built: Built, isas: Iterable[str], threads: Iterable[int] = (1,)) -> list[Contender]:
    """All that `best` may pick on these ISAs and numbers of threads."""
    alone = [
        algorithm(study, name, built, isa, CHOICE, split=False)
        for isa in isas
        for name in candidate_names(study)
        if has(study, name, built, isa, CHOICE)
    ]
    return [together(each, count) if count > 1 else each for count in threads for each in alone]


def best_of(study: Study, built: Built, isa: str, crossovers: pd.DataFrame | None, threads: int = 1) -> list[Contender]:
    """`best` on an ISA and at most so many threads to a row, where the session has found out what it picks."""
    if crossovers is None or crossovers.empty:
        return []
    rows = crossovers[(crossovers["build_id"] == built.build_id) & (crossovers["isa"] == isa)]
    rows = rows[rows["threads"].isin([1, threads])]
    variants = dict.fromkeys(name for names in rows["variants"] for name in names.split())
    if threads not in set(rows["threads"]):
        return []
    return [best(study, built, isa, text(rows, built.build_id), list(variants), threads)]


def document(
    study: Study,
    ceilings: Study,
    built: Built,
    isas: Iterable[str],
    peers: Sequence[str],
    crossovers: pd.DataFrame,
) -> dict[str, Any]:
    """What the analysis must know: the algorithms, what is compared, and each one's parts and floor by ISA."""
    whole = [
        algorithm(study, name, built, isa, CHOICE, split=False)
        for name in study.algorithms
        for isa in isas
        if has(study, name, built, isa, CHOICE)
    ]
    declared = {v.name: v for v in study.variants}
    parts: dict[str, dict[str, dict[str, str]]] = {}
    floors: dict[str, dict[str, str]] = {}
    for contender in whole:
        name, isa = contender["key"]["algorithm"], contender["key"]["isa"]
        parts.setdefault(name, {})[isa] = _parts(study, [declared[v] for v in contender["variants"]])
        lowest = floor(study, ceilings, contender, built)
        if lowest is not None:
            floors.setdefault(name, {})[isa] = lowest["key"]["algorithm"]
    algorithms = {name: study.algorithms[name] for name in study.beyond}
    named = comparisons(study, peers)
    mine = crossovers[crossovers["build_id"] == built.build_id] if len(crossovers) else crossovers
    known = {n: {"title": a.title, "passes": list(a.passes)} for n, a in algorithms.items()}
    return {
        "algorithms": known | ({BEST: {"title": BEST_TITLE, "passes": []}} if len(mine) else {}),
        "choices": mine[["isa", "threads", "batch_from", "n_from", "threads_used", "algorithm"]].to_dict("records")
        if len(mine)
        else [],
        "comparisons": [*named, *(p for p in ablation.pairs(parts) if p[0] in study.beyond and p not in named)],
        "candidates": list(candidate_names(study)),
        "past_caches": past_caches(study),
        "twins": twins(study),
        "parts": parts,
        "floors": floors,
    }


def _parts(study: Study, variants: Sequence[Variant]) -> dict[str, str]:
    """What an algorithm is made of: what its exponentials are relative to, its dimensions, and whether it reloads y.

    Dimensions are those that are no matter of unrolling; stores are ordinary where a pass has no choice of them.
    """
    passes = [study.passes[v.pass_name] for v in variants]
    said = [p.reference for p in passes if p.reference is not None]
    found = {ablation.REFERENCE: said[0]} if said else {}
    for name, dimension in study.dimensions.items():
        if dimension.unit is None and dimension.divides is None:
            values = dict.fromkeys(v.dimensions[name] for v in variants if name in v.dimensions)
            if values:
                found[name] = " / ".join(dimension.names.get(value, str(value)) for value in values)
            elif dimension.non_temporal is not None and any(p.writes for p in passes):
                found[name] = next(word for value, word in dimension.names.items() if value != dimension.non_temporal)
    return found | {ablation.RELOAD: "yes" if any("y" in p.reads for p in passes) else "no"}
