"""Parts of the plan that need no planner: which contenders are compared, when a block ends, blocks of one name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from passline.contenders import Built, algorithm, alone, has, led_to, outside
from passline.effort import looks
from passline.known_baselines import STUDY, Known
from passline.measure.spec import Block, Contender, Stop
from passline.plan_beyond import papers_passes
from passline.plan_points import Point
from passline.registry import Study


def pairs(contenders: Sequence[Contender], comparisons: Iterable[tuple[str, str]]) -> list[list[int]]:
    """[contender, base] of the comparisons among whole algorithms of one build, ISA and choice of variants.

    A base that is an outside baseline is compared with each of them.
    """
    place = {
        (c["library"], c["key"]["isa"], c["key"]["variant"], c["key"]["algorithm"]): i
        for i, c in enumerate(contenders)
        if c["whole"]
    }
    outsiders = {c["baseline"]: i for i, c in enumerate(contenders) if c["baseline"]}
    return [
        [place[*setting, algorithm], place.get((*setting, base), outsiders.get(base, -1))]
        for algorithm, base in comparisons
        for setting in dict.fromkeys(key[:3] for key in place)
        if (*setting, algorithm) in place and ((*setting, base) in place or base in outsiders)
    ]


def takes_part(contender: Contender, point: Point) -> bool:
    """Whether a contender is timed at a point: what goes by choices shares a batch among as many threads as it has."""
    return not (point.batch.rows and contender["choices"]) or contender["threads"] == point.batch.threads


def row_sets(contenders: Iterable[Contender], point: Point) -> int:
    """How often a point's rows are allocated: once for each number of threads that share a row; a batch once."""
    return 1 if point.batch.threads > 1 else len({c["threads"] for c in contenders})


def stop_rule(compared: list[list[int]], target: float, least: int, most: int) -> Stop:
    """The rule for these pairs; without any, all rounds are taken."""
    return {
        "pairs": compared,
        "target": target,
        "looks": [list(look) for look in looks(least, most)] if compared else [],
    }


def merge(blocks: list[Block]) -> list[Block]:
    """Blocks by name: a size that two groups ask for is measured once, with the contenders of both."""
    merged: dict[str, Block] = {}
    for block in blocks:
        if block["name"] not in merged:
            merged[block["name"]] = block
            continue
        into = merged[block["name"]]
        known = {c["name"] for c in into["contenders"]}
        into["contenders"] += [c for c in block["contenders"] if c["name"] not in known]
        place = {c["name"]: i for i, c in enumerate(into["contenders"])}
        names = [c["name"] for c in block["contenders"]]
        found = [[place[names[i]], place[names[j]]] for i, j in block["stop"]["pairs"]]
        into["stop"]["pairs"] += [pair for pair in found if pair not in into["stop"]["pairs"]]
    return list(merged.values())


def peers(
    study: Study, names: Sequence[str], known: Mapping[str, Known]
) -> tuple[list[Contender], list[dict[str, str]]]:
    """The baselines that can be had, and those that cannot with the reason."""
    there = [name for name in names if name in known and known[name].ok]
    unknown = "it was not probed" if study.name == STUDY else f"it computes {STUDY}, the study is {study.name}"
    reasons = {name: known[name].reason if name in known else unknown for name in names}
    absent = [{"what": f"baseline {name}", "reason": reasons[name]} for name in names if name not in there]
    return [outside(study, name) for name in there], absent


def unique(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Rows of what was skipped, each thing once."""
    return list({row["what"]: row for row in rows}.values())


def whole(study: Study, built: Built, isa: str, *, split: bool) -> list[Contender]:
    """The paper's algorithms on an ISA with their preset and tuned variants."""
    return [
        algorithm(study, name, built, isa, choice, split=split)
        for name in study.papers
        for choice in ("preset", "tuned")
        if has(study, name, built, isa, choice)
    ]


def single(study: Study, ceilings: Study, built: Built, isa: str) -> list[Contender]:
    """Passes of the paper's algorithms, or of none, on an ISA with preset and tuned variants, and their ceilings."""
    of_paper = {step for name in study.papers for step in study.algorithms[name].steps}
    here = [p for p in papers_passes(study) if study.variants_of(p, isa)]
    labels = {*here, *(step.label for step in of_paper)}
    names = {study.preset(p, isa).name for p in here} | {v for (label, _), v in built.chosen.items() if label in labels}
    named = [v for v in study.variants if v.isa == isa and v.name in names and led_to(study, v)]
    passes = [alone(study, v, built) for v in named]
    roofs = [
        alone(ceilings, v, built)
        for v in ceilings.variants
        if v.isa == isa and ceilings.passes[v.pass_name].mix != (0, 0, False)
    ]
    return passes + roofs
