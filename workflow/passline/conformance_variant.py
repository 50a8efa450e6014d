"""Check one variant, in this process: against its reference, and against every contract of passline.h.

A wrong variant may kill the process; `conformance.check_variants` runs this in a child.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from passline.conformance_algorithms import Contender, judge
from passline.conformance_bench import CUTS, LARGE, Bench, call_pass, special_values, ways_to_share
from passline.conformance_judge import Case, Finding, longest_chain
from passline.conformance_memory import denormals_flushed
from passline.own_reference import reference
from passline.reference import Floats
from passline.registry import Variant

# Told to `Progress` so that a signal can be placed; the index is what is told.
PHASES = (
    "all tails",
    "misaligned rows",
    "in place",
    "one element decides",
    "special values",
    "input family",
    "flushed denormals",
    "whole range of exp",
)


def check_variant(bench: Bench, variant: Variant, build_id: str = "-") -> list[dict[str, Any]]:
    """Rows of table `accuracy`, one per input family; a broken contract fails all of them."""
    check = _Check(bench, variant)
    broken = list(dict.fromkeys(check.contracts()))
    families = bench.study.inputs.items()
    return [
        check.row(name, build_id, broken)
        for name, spec in families
        if not (variant.finite_only and str(spec["distribution"]).startswith("masked"))
    ]


def row_of(variant: Variant, family: str, seed: int, build_id: str, finding: Finding) -> dict[str, Any]:
    """A row of table `accuracy`."""
    return {
        "build_id": build_id,
        "study": variant.study,
        "pass": variant.pass_name,
        "isa": variant.isa,
        "variant": variant.name,
        "inputs": family,
        "seed": seed,
        **finding.columns,
    }


class _Check:
    """The checks of one variant."""

    def __init__(self, bench: Bench, variant: Variant) -> None:
        self.bench, self.variant = bench, variant
        self.step, self.lanes = variant.step, variant.lanes
        self.spec = bench.study.passes[variant.pass_name]
        self.bound = self.spec.bound_ulp(variant.isa) or 0.0
        self.entry = bench.library.variants[variant.name]
        self.float_pointer = bench.library.ffi.typeof("float *")
        self.state = bench.library.ffi.new("passline_state *")
        self.in_place = "x" in self.spec.reads and "y" in self.spec.writes

    def contracts(self) -> Iterator[str]:
        """What is broken of: nothing outside the row, any n, any alignment, in place, special values, shared rows."""
        yield from self._tails()
        yield from self._misaligned()
        yield from self._in_place()
        yield from self._one_element_decides()
        yield from self._whole_range()
        if not self.variant.finite_only:
            yield from self._special_values()
            yield from self._shared()

    def row(self, family: str, build_id: str, broken: Sequence[str]) -> dict[str, Any]:
        """The worst over sizes of one family, without and with denormals flushed."""
        findings = [self.trial(5, self._case(family, n)) for n in self._sizes()]
        findings += [self.trial(6, self._case(family, n), flushed=True) for n in (self.step + 1, LARGE)]
        worst = max(findings, key=lambda finding: finding.severity)
        if broken:
            reasons = [*([worst.reason] if worst.reason else []), *broken]
            more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
            worst = replace(worst, reason="; ".join(reasons[:3]) + more)
        return row_of(self.variant, family, self.bench.seed, build_id, worst)

    def _case(self, family: str, n: int) -> Case:
        return self.bench.case(self.variant.pass_name, family, n)

    def _sizes(self) -> list[int]:
        """Sizes around vectors and steps, and one with many steps and a tail."""
        around = [m + d for m in (self.lanes, self.step, 2 * self.step) for d in (-1, 0, 1)]
        odd = [1, 2, 3, 5, self.lanes + self.lanes // 2, self.step + self.lanes // 2 + 1]
        return sorted({n for n in (*around, *odd) if n >= 1} | {LARGE})

    def _tails(self) -> Iterator[str]:
        """Every size up to two steps and one, between canaries, with either end at a guard page."""
        for n in (*range(1, 2 * self.step + 2), LARGE):
            case = self._case("", n)
            right = self.bench.x.flush_right(n)
            for offset in (right, 0):
                yield from self._broken(self.trial(0, case, offset, offset), "ends" if offset else "starts")

    def _misaligned(self) -> Iterator[str]:
        n = self.step + self.lanes + 3
        case = self._case("", n)
        for x in range(self.lanes + 1):
            y = (3 * x + 1) % (self.lanes + 1)
            yield from self._broken(self.trial(1, case, x, y), f"x {4 * x} and y {4 * y} bytes after a page")

    def _in_place(self) -> Iterator[str]:
        if not self.in_place:
            return
        for n in self._sizes():
            yield from self._broken(self.trial(2, self._case("", n), in_place=True), "in place")

    def _one_element_decides(self) -> Iterator[str]:
        """A reduction must see every element: each in turn outweighs all others."""
        if self.spec.writes or "x" not in self.spec.reads:
            return
        n = 2 * self.step + self.lanes + 1
        right = reference(self.bench.study, self.variant.pass_name)
        for position in range(n):
            row = np.full(n, -20, dtype=np.float32)
            row[position] = 0
            yield from self._broken(self.trial(3, Case(row, right(row))), f"when element {position} is the largest")

    def _whole_range(self) -> Iterator[str]:
        """The input families leave most of the range of exp thin: outputs over all of it, some 65 thousand."""
        if not self.spec.writes:
            return
        findings = [self.trial(7, self._case(f"range {cut}", LARGE)) for cut in range(CUTS)]
        worst = max(findings, key=lambda finding: finding.severity)
        yield from self._broken(worst, f"x - max = {worst.x:g}, over the whole range of exp")

    def _broken(self, finding: Finding, where: str) -> Iterator[str]:
        if finding.reason is not None:
            placed = {"ends": "at the upper guard page", "starts": "at the lower guard page"}.get(where, where)
            yield f"{finding.reason} ({placed})"

    def trial(
        self,
        phase: int,
        case: Case,
        x_offset: int | None = None,
        y_offset: int | None = None,
        *,
        in_place: bool = False,
        flushed: bool = False,
    ) -> Finding:
        """Run the pass once on a case and judge all it left; rows end at the upper guard page by default."""
        n, expected, x, y = case.n, case.expected, self.bench.x, self.bench.y
        a = x.flush_right(n) if x_offset is None else x_offset
        b = y.flush_right(n) if y_offset is None else y_offset
        self.bench.progress(phase, n, a, b)
        reads_x, writes_y = "x" in self.spec.reads, "y" in self.spec.writes
        if reads_x and not in_place:
            x.put(a, case.x)
        if in_place or expected.row is not None:
            y.put(b, case.x if expected.row is None else expected.row)
        state = self._run(n, y.address(b) if in_place else x.address(a), y.address(b), expected.state, flushed=flushed)
        got = y.take(b, n) if writes_y or expected.row is not None else None
        if not y.intact():
            return Finding(reason=f"y was written outside a row of {n}" if writes_y else f"y was written (n {n})")
        if reads_x and not in_place and not np.array_equal(x.take(a, n).view(np.uint32), case.words):
            return Finding(reason=f"x was changed (n {n})")
        if not x.intact():
            return Finding(reason=f"the memory around x was written (n {n})")
        findings = []
        if expected.outputs is not None and got is not None:
            findings += self._judge_row(got, state, case)
        if expected.value is not None:
            chain = longest_chain(n, self.lanes, self.variant.dimensions) if expected.summed else 0
            findings.append(case.judge_value(state, self.bound + chain))
        findings += self._judge_finished(state, case)
        return max(findings, key=lambda finding: finding.severity)

    def _judge_row(self, got: Floats, state: Mapping[str, float], case: Case) -> list[Finding]:
        """The outputs; where a factor is common to them, divided by their sum, and that sum against the pass's own."""
        if not case.expected.relative:
            return [case.judge_outputs(got, self.bound)]
        total = math.fsum(got)
        chain = longest_chain(case.n, self.lanes, self.variant.dimensions)
        off = abs(state["sum"] / total - 1) * 2**24 if total else math.nan
        findings = [case.judge_outputs(got / total if total else got, self.bound)]
        if not off <= 1 + chain:
            findings.append(Finding(off, 1 + chain, reason=f"sum {state['sum']:g} is not that of y (n {case.n})"))
        return findings

    def _judge_finished(self, state: Mapping[str, float], case: Case) -> list[Finding]:
        """What a pass makes of its own value for the next one, both rounded, and centred by up to 2^-24 (weights.h)."""
        wanted = {name: made(state) for name, made in case.expected.finished.items()}
        return [
            Finding(reason=f"{name} {state[name]:g} is not {want:g}, which the pass's own state gives (n {case.n})")
            for name, want in wanted.items()
            if not math.isclose(state[name], want, rel_tol=2.0**-22)
        ]

    def _run(self, n: int, x: int, y: int, given: Mapping[str, float], *, flushed: bool) -> dict[str, float]:
        """Run the pass and its finish. Whatever state a pass is not given is NaN, so that relying on it shows."""
        ffi, state = self.bench.library.ffi, self.state
        fields = self.bench.library.fields
        for name in fields:
            setattr(state, name, given.get(name, math.nan))
        state.scratch = ffi.cast(self.float_pointer, self.bench.scratch.address(self.bench.scratch.flush_right(n)))
        with denormals_flushed() if flushed else nullcontext():
            call_pass(ffi, self.entry, n, x, y, state)
        return {name: float(getattr(state, name)) for name in fields}

    def _special_values(self) -> Iterator[str]:
        """NaN, +inf and -inf anywhere, through every algorithm that holds the pass."""
        for name, variants in self._algorithms():
            missing = [variant for variant in variants if variant not in self.bench.library.variants]
            if missing:
                yield f"special values were not checked: the library has no {missing[0]}"
                continue
            for reason in special_values(self.bench, variants, self.lanes, self.step):
                yield f"{name}: {reason}"

    def _shared(self) -> Iterator[str]:
        """A row that threads share, through every algorithm that holds the pass, where it combines what parts leave."""
        for name, variants in self._algorithms() if self.entry.combine else ():
            if not set(variants) <= self.bench.library.variants.keys():
                continue
            contender, n = Contender(name, self.variant.isa, "-", variants), 3 * self.step + self.lanes + 1
            ways = [parts for parts in ways_to_share(self.bench, variants) if parts > 1]
            findings = [f for family in self.bench.study.inputs for f in judge(self.bench, contender, family, n, ways)]
            broken = [finding.reason for finding in findings if finding.reason is not None]
            yield from (f"{name}: {reason}" for reason in broken[:1])

    def _algorithms(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every algorithm that the variant can be part of, and its variants: beside this one the paper's presets."""
        study, mine = self.bench.study, self.variant
        for algorithm in study.algorithms.values():
            here = [s.pass_name == mine.pass_name for s in algorithm.steps]
            if not any(here) or study.lacks(algorithm.name, mine.isa):
                continue
            if all(s.admits(mine.dimensions) for s, is_mine in zip(algorithm.steps, here, strict=True) if is_mine):
                yield (
                    algorithm.name,
                    tuple(
                        mine.name if is_mine else study.preset(s.pass_name, mine.isa, s).name
                        for s, is_mine in zip(algorithm.steps, here, strict=True)
                    ),
                )
