"""Tables `ratios` and `round_ratios`: who is faster, by how much, and how sure that is.

A ratio compares two contenders of one block, sweep by sweep: both ran in the same process,
on the same buffers, within milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from passline.derive import beyond
from passline.derive.rounds import CONTENDER, Contender, Pair, block_values, pair
from passline.effort import LEAST_VALUES
from passline.errors import TableError
from passline.intervals import median_interval
from passline.shape import bimodal, outliers
from passline.statistics import PairedRatio, half_width, paired_ratio, verdicts
from passline.tables import KEY, NOT_APPLICABLE

Flags = npt.NDArray[np.bool_]


def compared(timings: pd.DataFrame, registry: pd.DataFrame, plan: Mapping[str, Any]) -> list[Pair]:
    """Every pair of table `ratios`, from tables `timings` and `registry` and the plan's `comparisons`.

    Blocks beyond the paper add the pairs that one of their own algorithms is in, and no others.
    """
    order = _isas_by_width(registry)
    found = [
        pair(values, contender, base)
        for values in block_values(timings, "algorithms")
        for contender, base in pairs(values.contenders, order, plan["comparisons"])
    ]
    return found + [
        pair(values, contender, base)
        for values in beyond.blocks(timings, plan)
        for contender, base in beyond.pairs(
            values.contenders, int(values.point["n_elements"]), int(values.point["n_rows"]), plan
        )
    ]


def ratios_table(found: Sequence[Pair], rounds: pd.DataFrame) -> pd.DataFrame:
    """Table `ratios` from compared pairs and table `rounds`; p values corrected within each family."""
    if not found:
        return pd.DataFrame()
    known = _by_block(rounds)
    facts = [_facts(known, each) for each in found]
    marks = [rows["marked"].to_numpy(dtype=np.bool_) for rows in facts]
    results = [paired_ratio(each.ratio) for each in found]
    table = pd.DataFrame([_row(*each) for each in zip(found, results, facts, marks, strict=True)])
    grouped = list(zip(map(beyond.question, found), families(table), strict=True))
    table["p_adjusted"], table["verdict"] = verdicts(results, grouped)
    table["verdict_unmarked"] = _without_marked(found, results, marks, grouped)
    return table


def round_ratios_table(found: Sequence[Pair], rounds: pd.DataFrame) -> pd.DataFrame:
    """Table `round_ratios`: algorithms against each other on one ISA with one choice of variants, round by round."""
    known = _by_block(rounds)
    frames = []
    for each in found:
        if each.contender[2:] != each.base[2:] or not len(each.rounds):
            continue
        facts = _facts(known, each)
        rows = {"round": each.rounds, "start_utc": facts["start_utc"], "ratio": each.ratio, "marked": facts["marked"]}
        frames.append(pd.DataFrame({**_names(each), "block": each.block, **rows}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def families(ratios: pd.DataFrame) -> list[Hashable]:
    """The family of each row: one pair of contenders on one ISA under one protocol, over sizes and variants.

    Larger families would ask for more rounds than a session of minutes has: with twelve rounds, no ratio of a
    family of more than 102 can pass (see `statistics.rounds_that_can_decide`).
    """
    same_variant = ratios["variant"] == ratios["base_variant"]
    shared = ["algorithm", "base", "isa", "base_isa", "cache_protocol", "inputs", "pages", "threads", "build_id"]
    return list(zip(*(ratios[column] for column in shared), same_variant, strict=True))


def pairs(
    contenders: Sequence[Contender], isas_by_width: Sequence[str], comparisons: Sequence[Sequence[str]]
) -> Iterator[tuple[Contender, Contender]]:
    """The (contender, base) pairs among the contenders of a block.

    The plan's (algorithm, base) comparisons on the same ISA, or with an outside baseline, which has none; the same
    algorithm on the next narrower ISA; tuned against preset.
    """
    present = set(contenders)
    ranked = [isa for isa in isas_by_width if any(c[2] == isa for c in contenders)]
    narrower = dict(zip(ranked[1:], ranked, strict=False))
    for contender in sorted(present):
        build, algorithm, isa, variant, threads = contender
        named = [base for one, base in comparisons if one == algorithm]
        bases = [(build, base, isa, variant, threads) for base in named]
        bases += [(NOT_APPLICABLE, base, NOT_APPLICABLE, NOT_APPLICABLE, threads) for base in named]
        if isa in narrower:
            bases.append((build, algorithm, narrower[isa], variant, threads))
        if variant == "tuned":
            bases.append((build, algorithm, isa, "preset", threads))
        yield from ((contender, base) for base in bases if base in present)


def _isas_by_width(registry: pd.DataFrame) -> list[str]:
    lanes = registry.drop_duplicates("isa").sort_values(["lanes", "isa"])
    return [str(isa) for isa in lanes["isa"]]


def _by_block(rounds: pd.DataFrame) -> dict[str, pd.DataFrame]:
    columns = ["start_utc", "marked", "stop_reason", "core_shared"]
    return {str(block): facts.set_index("round")[columns] for block, facts in rounds.groupby("block")}


def _facts(known: Mapping[str, pd.DataFrame], found: Pair) -> pd.DataFrame:
    """Facts of the pair's rounds, in their order; TableError where table `rounds` lacks one."""
    facts = known.get(found.block)
    missing = set(map(int, found.rounds)) - set(() if facts is None else facts.index)
    if facts is None or missing:
        raise TableError(
            "table rounds",
            f"has no round {min(missing)} of block {found.block}, but timings do",
            "Delete both tables and run snakemake again",
        )
    facts = facts.loc[found.rounds]
    # What moments on a shared core say of several threads is doubtful; one thread does not notice.
    several = found.contender[-1] > 1
    return facts.assign(marked=facts["marked"] | (facts["core_shared"] > 0.0)) if several else facts


def _names(found: Pair) -> dict[str, Any]:
    """The columns that say which point and pair a row is about."""
    chosen = {**found.point, **dict(zip(CONTENDER, found.contender, strict=True))}
    _, base, base_isa, base_variant, base_threads = found.base
    return {column: chosen[column] for column in KEY} | {
        "base": base,
        "base_isa": base_isa,
        "base_threads": base_threads,
        "base_variant": base_variant,
    }


def _row(found: Pair, result: PairedRatio, facts: pd.DataFrame, marked: Flags) -> dict[str, Any]:
    """One row without p and verdicts, which need all rows."""
    logs = np.log(found.ratio)
    return _names(found) | {
        "base_time_median_s": median_interval(found.base_s).median,
        "time_median_s": median_interval(found.time_s).median,
        "ratio": result.interval.median,
        "ratio_low": result.interval.low,
        "ratio_high": result.interval.high,
        "effect_size": result.effect_size,
        "smallest_detectable": half_width(result.interval),
        "n_rounds": result.interval.n,
        "stop_reason": str(facts["stop_reason"].iloc[0]) if len(facts) else NOT_APPLICABLE,
        "outliers": outliers(logs),
        "autocorrelation": result.dependence.autocorrelation,
        "p_dependence": result.dependence.p,
        "bimodal": bimodal(logs),
        "n_marked": int(marked.sum()),
        "ratio_unmarked": median_interval(found.ratio[~marked]).median if _enough(marked) else math.nan,
    }


def _enough(marked: Flags) -> bool:
    return int(np.sum(~marked)) >= LEAST_VALUES


def _without_marked(
    found: Sequence[Pair], results: Sequence[PairedRatio], marks: Sequence[Flags], grouped: Sequence[Hashable]
) -> list[str]:
    """The verdicts if marked rounds did not count."""
    kept = [i for i, marked in enumerate(marks) if _enough(marked)]
    others = [paired_ratio(found[i].ratio[~marks[i]]) if marks[i].any() else results[i] for i in kept]
    _, judged = verdicts(others, [grouped[i] for i in kept])
    told = dict(zip(kept, judged, strict=True))
    return [told.get(i, NOT_APPLICABLE) for i in range(len(found))]
