"""Table `claims`: what the paper says, and what this machine says to it.

Every claim gets two verdicts. On the microarchitecture it speaks of: reproduced, not reproduced
or undecided (elsewhere: not this machine). And in direction and mechanism, wherever it was run:
holds here, does not hold here or undecided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from passline.derive import selection
from passline.derive.passes import over_memory
from passline.derive.rounds import length_of
from passline.errors import ReportError
from passline.formats import listed, ratio_with_interval
from passline.intervals import Interval
from passline.schema import load_listed
from passline.statistics import EQUAL, FASTER, SLOWER, UNDECIDED
from passline.tables import NOT_APPLICABLE
from passline.titles import base_kind

REPRODUCED, NOT_REPRODUCED, NOT_THIS_MACHINE = "reproduced", "not reproduced", "not this machine"
HOLDS, HOLDS_NOT = "holds here", "does not hold here"
ANY = "any"
WIDEST = "widest"
RATIO_UNIT = "time of base / time of Two-Pass"
CEILING_UNIT = "time / ceiling time, slowest pass"

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Finding:
    """What was measured for a claim, and the two verdicts it leads to."""

    on_paper_machine: str
    here: str
    reason: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    unit: str = NOT_APPLICABLE
    isa: str = NOT_APPLICABLE
    base: str = NOT_APPLICABLE
    ratio_verdict: str = NOT_APPLICABLE


def load_claims(path: Path) -> dict[str, Any]:
    """Read claims.yaml; raise ReportError where it is not what its schema says."""
    document = load_listed(path, "claims", ReportError)
    for claim in document["claims"]:
        where = f"{path}: claims.{claim['id']}"
        if (claim["paper_value"] is None) != (claim["tolerance"] is None):
            raise ReportError(where, "paper_value and tolerance go together", "Give both, or null for both")
    return document


def claims_table(claims: Mapping[str, Any], tables: Tables, plan: Mapping[str, Any]) -> pd.DataFrame:
    """Table `claims`: one row per claim, for the paper's presets and for the tuned choice; none for another study.

    Args:
        claims: the parsed claims.yaml.
        tables: `ratios`, `passes`, `timings`, `registry`, `tuning`, `accuracy`, `machines`.
        plan: the session's plan.
    """
    tables = selection.of_paper(selection.of_build(tables, plan), plan)
    here = microarchitecture(tables["machines"])
    if claims["study"] != plan["study"]:
        return pd.DataFrame()
    rows = [_row(claim, variant, here, tables, plan) for claim in claims["claims"] for variant in selection.VARIANTS]
    return pd.DataFrame(rows)


def microarchitecture(machines: pd.DataFrame) -> str:
    """Microarchitecture of this machine, or `unavailable`."""
    values = machines.loc[machines["key"] == "microarchitecture", "value"]
    return str(values.iloc[0]) if len(values) else "unavailable"


def _row(claim: Mapping[str, Any], variant: str, here: str, tables: Tables, plan: Mapping[str, Any]) -> dict[str, Any]:
    if plan["measurement"]:
        finding = JUDGES[claim["kind"]].finding(claim, variant, tables, plan)
    else:
        finding = _undecided("smoke run, not a measurement: verdicts withheld")
    named = claim["scope"]["microarchitectures"]
    on_paper_machine = finding.on_paper_machine if ANY in named or here in named else NOT_THIS_MACHINE
    return {
        "claim": claim["id"],
        "variant": variant,
        "statement": claim["statement"],
        "paper_value": math.nan if claim["paper_value"] is None else float(claim["paper_value"]),
        "our_value": finding.value,
        "low": finding.low,
        "high": finding.high,
        "unit": finding.unit,
        "scope": scope_in_words(claim["scope"]),
        "evidence": claim["evidence"],
        "verdict_paper_machine": on_paper_machine,
        "verdict_here": finding.here,
        "isa": finding.isa,
        "base": finding.base,
        "ratio_verdict": finding.ratio_verdict,
        "reason": finding.reason,
    }


def scope_in_words(scope: Mapping[str, Any]) -> str:
    """A claim's scope as one line: microarchitectures; ISA; sizes or inputs."""
    sizes = listed(list(scope["sizes"])) or f"inputs {scope.get('inputs', ANY)}"
    return f"{listed(list(scope['microarchitectures']))}; {scope['isa']}; {sizes}"


def _judged_isa(claim: Mapping[str, Any], frame: pd.DataFrame, registry: pd.DataFrame) -> str | None:
    """The ISA a claim is judged on: the one it names, or the widest that was measured."""
    measured = selection.isas(frame, registry)
    wanted = claim["scope"]["isa"]
    if wanted == WIDEST:
        return measured[-1] if measured else None
    return wanted if wanted in measured else None


def _undecided(reason: str, isa: str = NOT_APPLICABLE) -> Finding:
    return Finding(UNDECIDED, UNDECIDED, reason, isa=isa)


def _judge_speedup(claim: Mapping[str, Any], variant: str, tables: Tables, plan: Mapping[str, Any]) -> Finding:
    """Two-Pass against the faster Three-Pass: the largest ratio among the sizes named in the claim."""
    rows = selection.against_fastest(selection.primary(tables["ratios"], plan), plan)
    rows = rows[rows["variant"] == variant]
    isa = _judged_isa(claim, rows, tables["registry"])
    if isa is None:
        return _undecided(f"no {variant} timings with {claim['scope']['isa']} on this machine", claim["scope"]["isa"])
    sizes = [n for label in claim["scope"]["sizes"] if (n := length_of(plan, label)) is not None]
    rows = rows[(rows["isa"] == isa) & rows["n_elements"].isin(sizes)]
    if rows.empty:
        return _undecided(f"none of the sizes {listed(claim['scope']['sizes'])} was measured", isa)
    best = rows.sort_values("ratio", kind="stable").iloc[-1]
    mechanism, why = _mechanism(best, tables, plan)
    return Finding(
        on_paper_machine=_against_published(claim, best),
        here=_direction_and_mechanism(str(best["verdict"]), mechanism),
        reason=f"{_direction_in_words(best)}; {why}",
        value=float(best["ratio"]),
        low=float(best["ratio_low"]),
        high=float(best["ratio_high"]),
        unit=RATIO_UNIT,
        isa=isa,
        base=str(best["base"]),
        ratio_verdict=str(best["verdict"]),
    )


def _against_published(claim: Mapping[str, Any], best: pd.Series[Any]) -> str:
    """The verdict on the paper's own machine: within tolerance of its number, or faster where it gives none."""
    if claim["paper_value"] is None:
        return {FASTER: REPRODUCED, SLOWER: NOT_REPRODUCED, EQUAL: NOT_REPRODUCED}.get(str(best["verdict"]), UNDECIDED)
    lowest, highest = claim["paper_value"] - claim["tolerance"], claim["paper_value"] + claim["tolerance"]
    low, high = float(best["ratio_low"]), float(best["ratio_high"])
    if math.isnan(low) or math.isnan(high):
        return UNDECIDED
    if lowest <= low and high <= highest:
        return REPRODUCED
    return NOT_REPRODUCED if high < lowest or low > highest else UNDECIDED


def _direction_and_mechanism(verdict: str, mechanism: str) -> str:
    """Holds only where Two-Pass is faster and its base is limited by bandwidth; fails where either is refuted."""
    if verdict in (SLOWER, EQUAL) or (verdict == FASTER and mechanism == "no"):
        return HOLDS_NOT
    return HOLDS if verdict == FASTER and mechanism == "yes" else UNDECIDED


def _direction_in_words(best: pd.Series[Any]) -> str:
    words = {
        FASTER: "Two-Pass is faster", SLOWER: "Two-Pass is slower", EQUAL: "the two are equal within 1 %",
    }.get(str(best["verdict"]), "the ratio does not decide who is faster")  # fmt: skip
    shown = ratio_with_interval(best["ratio"], best["ratio_low"], best["ratio_high"])
    return f"{words}: {shown} against {best['base']} ({best['n_rounds']} rounds)"


def _mechanism(best: pd.Series[Any], tables: Tables, plan: Mapping[str, Any]) -> tuple[str, str]:
    """Whether bandwidth limits every pass of the base at that point: yes, no or undecided, and why."""
    names = plan["algorithms"][best["base"]]["passes"]
    rows = selection.judged_passes(tables, names, str(best["isa"]), str(best["variant"]), int(best["n_elements"]))
    return limited_by_bandwidth(rows, names)


def limited_by_bandwidth(rows: pd.DataFrame, names: list[str]) -> tuple[str, str]:
    """Whether bandwidth limits all the named passes: yes, no or undecided, and the sentence that says why.

    Args:
        rows: rows of table `passes`, single passes at one size.
        names: the passes that must be there.
    """
    answers = {str(row["pass"]): selection.bound_by_bandwidth(row) for _, row in rows.iterrows()}
    unknown = [name for name in names if name not in answers]
    refuted = [name for name in names if answers.get(name) == "no"]
    open_ones = [name for name in names if answers.get(name) == "undecided"]
    if refuted:
        return "no", f"arithmetic, not bandwidth, bounds {listed(refuted)}"
    if unknown:
        return "undecided", f"no timing of {listed(unknown)} alone at this size"
    if open_ones:
        return "undecided", f"{listed(open_ones)} more than 10 % slower than the bandwidth ceiling"
    return "yes", "every pass of the base is within 10 % of the bandwidth ceiling"


def _judge_memory_bound(claim: Mapping[str, Any], variant: str, tables: Tables, plan: Mapping[str, Any]) -> Finding:
    """Every pass of a Three-Pass against the ceiling of its own read/write mix; judged is the faster Three-Pass.

    The claim is of a well-tuned Three-Pass, not of all: what the other does is told beside it (decision 0016).
    """
    isa = _judged_isa(claim, selection.alone(tables["passes"]), tables["registry"])
    sizes = [n for label in claim["scope"]["sizes"] if (n := length_of(plan, label)) is not None]
    if isa is None or not sizes:
        return _undecided("the single passes were not timed at the sizes of the claim")
    rows = selection.against_fastest(selection.primary(tables["ratios"], plan), plan)
    rows = rows[(rows["variant"] == variant) & (rows["isa"] == isa) & (rows["n_elements"] == max(sizes))]
    if rows.empty:
        return _undecided(f"no {variant} timings at its sizes tell which Three-Pass is the faster one", isa)
    base = str(rows["base"].iloc[0])
    others = [other for other in selection.question(plan).bases if other != base]
    found = {name: _of_ceiling(name, isa, variant, max(sizes), tables, plan) for name in (base, *others)}
    judged = found[base]
    return Finding(
        on_paper_machine={"yes": REPRODUCED, "no": NOT_REPRODUCED}.get(judged.answer, UNDECIDED),
        here={"yes": HOLDS, "no": HOLDS_NOT}.get(judged.answer, UNDECIDED),
        reason="; ".join(f"{base_kind(name, plan)}: {each.words}" for name, each in found.items()),
        value=judged.slowest.median,
        low=judged.slowest.low,
        high=judged.slowest.high,
        unit=CEILING_UNIT,
        isa=isa,
        base=base,
    )


@dataclass(frozen=True)
class _OfCeiling:
    """Whether bandwidth limits all passes of an algorithm, time over ceiling of the pass that tells, and in words."""

    answer: str
    slowest: Interval
    words: str


def _of_ceiling(algorithm: str, isa: str, variant: str, n: int, tables: Tables, plan: Mapping[str, Any]) -> _OfCeiling:
    """An algorithm's passes at one size; the pass that tells is the slowest of those that the answer rests on."""
    names = plan["algorithms"][algorithm]["passes"]
    rows = selection.judged_passes(tables, names, isa, variant, n)
    answer, why = limited_by_bandwidth(rows, names)
    rows = rows.assign(answer=[selection.bound_by_bandwidth(row) for _, row in rows.iterrows()])
    rows = rows[(rows["answer"] == answer) & rows["measured_over_memory"].notna()]
    if rows.empty:
        return _OfCeiling(UNDECIDED, Interval(math.nan, math.nan, math.nan, 0), f"undecided, {why}")
    slowest = rows.sort_values("measured_over_memory", kind="stable").iloc[-1]
    times = over_memory(tables["timings"], tables["registry"], slowest)
    shown = f"{slowest['pass']} takes {ratio_with_interval(times.median, times.low, times.high)} of its ceiling's time"
    words = {"yes": f"holds, at most {shown}", "no": f"does not hold, {shown}, bound by arithmetic"}
    return _OfCeiling(answer, times, words.get(answer, f"undecided, {shown}, neither bound alone explains it"))


def _judge_no_overflow(claim: Mapping[str, Any], variant: str, tables: Tables, plan: Mapping[str, Any]) -> Finding:
    """The accuracy of Two-Pass's passes on scores whose exponentials overflow, and its number of passes."""
    names: list[str] = list(plan["algorithms"][selection.question(plan).contender]["passes"])
    accuracy = tables["accuracy"]
    accuracy = accuracy[(accuracy["inputs"] == claim["scope"].get("inputs", ANY)) & accuracy["pass"].isin(names)]
    isa = _judged_isa(claim, accuracy, tables["registry"])
    if isa is None:
        return _undecided("the accuracy of its passes was not checked")
    wanted = [selection.variant_name(tables["registry"], tables["tuning"], name, isa, variant) for name in names]
    rows = accuracy[accuracy["variant"].isin([name for name in wanted if name is not None])]
    if rows["pass"].nunique() < len(names):
        return _undecided(f"not every pass of its {variant} choice was checked", isa)
    passed = bool(rows["passed"].all()) and "rmax" not in names
    bound = rows["bound_ulp"].max()
    return Finding(
        on_paper_machine=REPRODUCED if passed else NOT_REPRODUCED,
        here=HOLDS if passed else HOLDS_NOT,
        reason=(
            f"{listed(names)} {'meet' if passed else 'miss'} their error bound (at most {bound:g} ULP) "
            f"on inputs {claim['scope'].get('inputs', ANY)}"
        ),
        value=float(rows["max_error_ulp"].max()),
        unit="ULP",
        isa=isa,
    )


@dataclass(frozen=True)
class Judge:
    """How claims of a kind are judged, the table that their numbers stand in, and the rule that writes it."""

    finding: Callable[[Mapping[str, Any], str, Tables, Mapping[str, Any]], Finding]
    table: str
    rule: str


JUDGES: Mapping[str, Judge] = {
    "speedup": Judge(_judge_speedup, "ratios", "ratios"),
    "memory_bound": Judge(_judge_memory_bound, "passes", "passes"),
    "no_overflow": Judge(_judge_no_overflow, "accuracy", "check"),
}
