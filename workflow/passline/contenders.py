"""Contenders: the things that a block times, bound to one build."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from passline.algorithms import Step
from passline.measure.spec import Contender
from passline.registry import Study, Variant
from passline.tables import BEST, FLOOR

READ = "read"
"""The ceiling that reads a row."""


@dataclass(frozen=True)
class Built:
    """A build and the tuned choice of each pass and ISA in it."""

    compiler: str
    build_id: str
    chosen: Mapping[tuple[str, str], str]  # (label of an algorithm's step, isa) -> variant name
    rejected: Mapping[str, str] = field(default_factory=dict)  # what failed the check (`judged`), and why


def algorithm(study: Study, name: str, built: Built, isa: str, choice: str, *, split: bool) -> Contender:
    """A whole algorithm, with the paper's presets or the tuned variants."""
    steps = study.algorithms[name].steps
    variants = [
        study.preset(s.pass_name, isa, s).name if choice == "preset" else built.chosen[s.label, isa] for s in steps
    ]
    key = _key(built, study.name, name, "-", isa, choice)
    scratch = any("scratch" in study.passes[s.pass_name].reads + study.passes[s.pass_name].writes for s in steps)
    name = f"{built.compiler} {name} {isa} {choice}"
    total = None if split else study.outputs_sum
    return _contender(name, built, variants, key, split=split, whole=not split, scratch=scratch, outputs_sum=total)


def untuned(study: Study, isas: Iterable[str], compiler: str) -> Built:
    """A build before tuning: presets stand in for the tuned choices, which are as many."""
    steps = [step for name in study.passes for step in (Step(name), *study.steps(name))]
    settings = product(dict.fromkeys(steps), isas)
    return Built(
        compiler,
        "-",
        {
            (step.label, isa): study.preset(step.pass_name, isa, step).name
            for step, isa in settings
            if study.variants_of(step.pass_name, isa, step)
        },
    )


def has(study: Study, name: str, built: Built, isa: str, choice: str) -> bool:
    """Whether an algorithm can be had on an ISA with that choice of variants."""
    steps = study.algorithms[name].steps
    return study.lacks(name, isa) is None and (
        choice == "preset" or all((step.label, isa) in built.chosen for step in steps)
    )


def best(study: Study, built: Built, isa: str, choices: str, variants: Sequence[str], threads: int = 1) -> Contender:
    """The entry that picks an algorithm by the length of the row or rows: by `choices`, text that names these variants.

    It may split a row, or a batch, over so many threads.
    """
    key = _key(built, study.name, BEST, "-", isa, "tuned")
    name = f"{built.compiler} {BEST} {isa} tuned"
    made = _contender(name, built, list(variants), key, whole=True, outputs_sum=study.outputs_sum)
    return _on_threads({**made, "choices": choices}, threads)


def together(contender: Contender, threads: int) -> Contender:
    """A whole algorithm, every row split over so many threads; of a batch, each thread has rows of its own."""
    isa, variants = contender["key"]["isa"], " ".join(contender["variants"])
    counts = sorted({1, threads})
    choices = "".join(f"{isa} {count} 0 0 {count} {variants}\n" for count in counts)
    return _on_threads({**contender, "choices": choices}, threads)


def _on_threads(contender: Contender, threads: int) -> Contender:
    name = contender["name"] if threads == 1 else f"{contender['name']} t{threads}"
    return {**contender, "name": name, "threads": threads}


def floor(study: Study, ceilings: Study, contender: Contender, built: Built) -> Contender | None:
    """The streams and stores of a whole algorithm without its arithmetic: a ceiling for each pass, in one call.

    None where some pass has no ceiling with its reads, writes and kind of store.
    """
    isa = contender["key"]["isa"]
    declared = {v.name: v for v in study.variants}
    found = [_ceiling(study, ceilings, declared[name]) for name in contender["variants"]]
    roofs = [roof for roof in found if roof is not None]
    if len(roofs) < len(found):
        return None
    label = "+".join(f"{v.pass_name}-nt" if v.non_temporal else v.pass_name for v in roofs)
    key = _key(built, ceilings.name, label, "-", isa, FLOOR)
    scratch = any("scratch" in ceilings.passes[v.pass_name].reads for v in roofs)
    names = [v.name for v in roofs]
    return _contender(
        f"{built.compiler} {label} {isa} {FLOOR}", built, names, key, state={"scale": 1.0}, scratch=scratch
    )


def _ceiling(study: Study, ceilings: Study, variant: Variant) -> Variant | None:
    """The first ceiling with the streams of a variant, stored as it stores."""
    mix = study.passes[variant.pass_name].mix
    return next(
        (
            v
            for v in ceilings.variants
            if v.isa == variant.isa
            and ceilings.passes[v.pass_name].mix == mix
            and v.non_temporal == variant.non_temporal
        ),
        None,
    )


def _before(study: Study, pass_name: str) -> tuple[Step, ...]:
    """The steps before a pass in its algorithm."""
    algorithm = next((a for a in study.algorithms.values() if pass_name in a.passes), None)
    return algorithm.steps[: algorithm.passes.index(pass_name)] if algorithm else ()


def led_to(study: Study, variant: Variant) -> bool:
    """Whether its ISA has variants of the passes before it, without which it cannot be timed alone."""
    return all(study.variants_of(s.pass_name, variant.isa, s) for s in _before(study, variant.pass_name))


def alone(study: Study, variant: Variant, built: Built) -> Contender:
    """A single pass, or a ceiling. Passes before it in its algorithm run once, so that it finds the state it needs."""
    step = study.passes[variant.pass_name]
    prefix = [study.preset(s.pass_name, variant.isa, s).name for s in _before(study, step.name)]
    # A pass that scales in place would drive y to zero, and denormals, when run again and again.
    state = {"scale": 1.0} if step.in_place or not prefix else {}
    key = _key(built, study.name, "-", step.name, variant.isa, variant.name)
    name = f"{built.compiler} {variant.name}"
    scratch = "scratch" in step.reads
    return _contender(name, built, [variant.name], key, prefix=prefix, state=state, scratch=scratch)


def planted(study: Study, name: str, built: Built, isa: str, share: float, *, whole_calls: bool = False) -> Contender:
    """The same call under another name, with a known slowdown: a `share` of the work is done twice.

    In each call the first elements or, with `whole_calls`, every (1 / share)-th call as a whole.
    """
    plain = algorithm(study, name, built, isa, "preset", split=False)
    variant = f"preset+{share:.0%}"
    key = {**plain["key"], "variant": variant}
    every = round(1 / share) if whole_calls and share > 0 else 1
    name = f"{built.compiler} {name} {isa} {variant}"
    return {**plain, "name": name, "planted": share, "planted_every": every, "key": key}


def outside(study: Study, name: str) -> Contender:
    """An outside baseline: of no build, no ISA that we chose, and no variant."""
    none = Built("", "-", {})
    key = _key(none, study.name, name, "-", "-", "-")
    return {**_contender(name, none, [], key, whole=True), "baseline": name}


def consumed(contender: Contender, ceilings: Study, widest: str) -> Contender:
    """The same call, and one read of y inside the clock; an outside baseline's y is read on the widest ISA."""
    isa = widest if contender["baseline"] else contender["key"]["isa"]
    return {**contender, "consumer": ceilings.preset(READ, isa).name}


def judged(contender: Contender) -> tuple[str, ...]:
    """All that must have passed the check: the algorithm, and the variants that a round runs, for its state too."""
    return (*contender["variants"], *contender["prefix"], "{algorithm} on {isa}".format_map(contender["key"]))


def _key(built: Built, study: str, algorithm: str, pass_name: str, isa: str, variant: str) -> dict[str, Any]:
    return {
        "build_id": built.build_id,
        "study": study,
        "algorithm": algorithm,
        "pass_index": 0,
        "pass": pass_name,
        "isa": isa,
        "variant": variant,
    }


def _contender(
    name: str,
    built: Built,
    variants: list[str],
    key: dict[str, Any],
    *,
    prefix: list[str] | None = None,
    state: dict[str, float] | None = None,
    split: bool = False,
    scratch: bool = False,
    whole: bool = False,
    outputs_sum: float | None = None,
) -> Contender:
    return {
        "name": name,
        "library": built.compiler,
        "baseline": "",
        "variants": variants,
        "choices": "",
        "threads": 1,
        "consumer": "",
        "prefix": prefix or [],
        "state": state or {},
        "split": split,
        "scratch": scratch,
        "whole": whole,
        "outputs_sum": outputs_sum,
        "planted": 0.0,
        "planted_every": 1,
        "key": key,
    }
