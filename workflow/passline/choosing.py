"""Which algorithm is fastest for which length of a row: what `best` goes by, and how it was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from passline.derive.rounds import non_temporal, round_medians

ANY = "any"
"""In place of an instruction set: whichever is fastest."""

HOT, CONSUMED = "hot", "consumed"
LEAST_GAIN = 0.01  # a longer row gets another algorithm only where it gains so much: choices stay few
_CANDIDATE = ["algorithm", "isa", "threads"]

Candidate = tuple[str, str, int]
"""(algorithm, isa, threads that share a row)."""
_NONE: Candidate = ("", "", 1)

Costs = Mapping[Candidate, float]
Variants = Mapping[tuple[str, str], Sequence[str]]
"""(algorithm, isa) -> variants, one per pass."""


def crossover_rows(timings: pd.DataFrame, variants: Mapping[str, Variants]) -> pd.DataFrame:
    """Rows of table `crossovers` from the timings of the choosing step.

    At each length the fastest candidate in protocol hot is chosen: of an instruction set, and of all; on so many
    threads as were tried, or fewer. Several threads are chosen only where they were faster than one in each round: a
    machine may give them a core each at one time and not at another. Where they were not, what is chosen for one thread
    is. Candidates that store past the caches must be
    faster than all others in protocol consumed as well, where y is read next; where that was not measured they are not
    chosen.

    Args:
        timings: table `timings`; whole algorithms.
        variants: build -> (algorithm, isa) -> its variants: each build was tuned by itself.
    """
    if timings.empty:
        return pd.DataFrame()
    rows: list[dict[str, Any]] = []
    medians = round_medians(timings)
    for (machine, session, build_id), mine in medians.groupby(["machine", "session", "build_id"], sort=True):
        costs = {HOT: _costs(mine, HOT), CONSUMED: _costs(mine, CONSUMED)}
        sure = _faster_in_each_round(mine)
        shared = {"machine": machine, "session": session, "build_id": build_id}
        for isa in (*sorted(mine["isa"].unique()), ANY):
            alone: dict[int, Candidate] = {}
            for threads in sorted(mine["threads"].unique()):
                found = _choices(costs, sure, variants[str(build_id)], isa, int(threads), alone)
                rows += [shared | {"isa": isa, "threads": int(threads)} | row for row in found]
                if threads == 1:
                    alone = {row["n_elements"]: (row["algorithm"], row["algorithm_isa"], 1) for row in found}
    return pd.DataFrame(rows)


def text(crossovers: pd.DataFrame, build_id: str) -> str:
    """The choices of a build as passline_best_new reads them: kernels/passline.h."""
    lines = ["# instruction set, threads allowed, elements from which on, threads used, variants"]
    for (isa, threads), rows in crossovers[crossovers["build_id"] == build_id].groupby(["isa", "threads"], sort=False):
        taken = rows[["threads_used", "variants"]]
        changes = rows[(taken != taken.shift()).any(axis=1)]
        lines += [f"{isa} {threads} {r['n_from']} {r['threads_used']} {r['variants']}" for _, r in changes.iterrows()]
    return "\n".join(lines) + "\n"


def _costs(medians: pd.DataFrame, protocol: str) -> dict[int, Costs]:
    """Row length -> candidate -> log of its time over the fastest candidate's.

    Within a round times are taken over their geometric mean: what slows a whole round cancels.
    """
    found: dict[int, Costs] = {}
    for n, rows in medians[medians["cache_protocol"] == protocol].groupby("n_elements", sort=True):
        logs = np.log(rows.pivot_table(index="round", columns=_CANDIDATE, values="time_s"))
        middle = logs.sub(logs.mean(axis=1), axis=0).median()
        found[int(n)] = {(str(a), str(i), int(t)): float(v) for (a, i, t), v in (middle - middle.min()).items()}
    return found


def _faster_in_each_round(medians: pd.DataFrame) -> dict[int, set[Candidate]]:
    """Row length -> candidates on several threads that beat the fastest on one, of their ISA, in every round."""
    found: dict[int, set[Candidate]] = {}
    for (n, isa), rows in medians[medians["cache_protocol"] == HOT].groupby(["n_elements", "isa"], sort=True):
        times = rows.pivot_table(index="round", columns=["algorithm", "threads"], values="time_s")
        alone = times.loc[:, times.columns.get_level_values("threads") == 1]
        fastest = alone[alone.median().idxmin()]
        ahead = times.lt(fastest, axis=0).all()
        won = ahead.index[ahead.to_numpy()]
        found.setdefault(int(n), set()).update((str(a), str(isa), int(t)) for a, t in won if t > 1)
    return found


def _choices(
    costs: Mapping[str, Mapping[int, Costs]],
    sure: Mapping[int, set[Candidate]],
    variants: Variants,
    isa: str,
    threads: int,
    alone: Mapping[int, Candidate],
) -> list[dict[str, Any]]:
    """The choices of an instruction set on so many threads; `alone` holds those on one, where they are known."""
    rows: list[dict[str, Any]] = []
    sizes = sorted(costs[HOT])
    held, start = _NONE, 0
    for before, n in zip([0, *sizes], sizes, strict=False):
        hot = _of(costs[HOT][n], isa, threads)
        read_next = _of(costs[CONSUMED].get(n, {}), isa, threads)
        single = alone.get(n)
        steady = {c: cost for c, cost in hot.items() if (c[2] == 1 and single is None) or c in sure[n]}
        allowed = {c: cost for c, cost in steady.items() if _may(c, read_next, variants)}
        if single is not None:
            allowed[single] = hot[single]
        best = min(allowed, key=allowed.__getitem__)
        if held not in allowed or allowed[held] - allowed[best] > math.log1p(LEAST_GAIN):
            held, start = best, round(math.sqrt(before * n))
        others = [candidate for candidate in hot if candidate != held]
        second = min(others, key=hot.__getitem__, default=held)
        rows.append(
            {
                "n_elements": n,
                "n_from": start,
                "algorithm": held[0],
                "algorithm_isa": held[1],
                "threads_used": held[2],
                "variants": " ".join(variants[held[:2]]),
                "time_over_fastest": math.exp(hot[held] - min(hot.values())),
                "time_over_fastest_consumed": _over_fastest(read_next, held),
                "next_algorithm": second[0],
                "next_threads": second[2],
                "next_over_chosen": math.exp(hot[second] - hot[held]),
            }
        )
    return rows


def _over_fastest(costs: Costs, candidate: Candidate) -> float:
    return math.exp(costs[candidate] - min(costs.values())) if costs else math.nan


def _of(costs: Costs, isa: str, threads: int) -> Costs:
    return {c: cost for c, cost in costs.items() if isa in (c[1], ANY) and c[2] <= threads}


def _may(candidate: Candidate, read_next: Costs, variants: Variants) -> bool:
    """Whether a candidate may be chosen: always with ordinary stores."""
    if not _streams(variants[candidate[:2]]):
        return True
    ordinary = [cost for c, cost in read_next.items() if not _streams(variants[c[:2]])]
    return candidate in read_next and read_next[candidate] < min(ordinary, default=math.inf)


def _streams(variants: Sequence[str]) -> bool:
    return any(map(non_temporal, variants))
