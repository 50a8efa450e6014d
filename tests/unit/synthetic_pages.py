"""A made-up session that fills every page beyond the paper: batches, weak scaling, inputs, parts, baselines, choices.

What each of them must say is known.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import synthetic
import synthetic_beyond as made

from passline.derive.beyond import beyond_table
from passline.derive.ratios import compared, ratios_table, round_ratios_table
from passline.tables import conform

LENGTHS = (1024, 4096, 32000, 50257, 131072, 256000)
BATCH_GAIN = {"in cache": 1.4, "streamed": 1.2}
"""Time of the fastest of the paper's algorithms / of `best`, on batches."""
WEAK = 1.8
"""Elements a second on two threads with a row each, over those of one."""
RAMP, ONE_HOT = 1.25, 1.7
"""Times on these inputs over those on normal ones: `best` and `online` on ramps, `online` on one-hot rows."""
SLOW_PHASE = 1.3
"""What the machine takes longer in their blocks, whatever it computes."""
TABLE, ONE_REFERENCE, NON_TEMPORAL, RELOADING = 1.2, 1.3, 1.1, 1.05
"""What each part gains, where nothing else differs."""
CALL_S = 2e-6
"""Of a call of the outside baselines."""

_LIKE = {"degree": "5", "store": "ordinary", "reload": "no"}
PARTS = {
    "two_pass": _LIKE | {"reference": "per element"},
    "online": _LIKE | {"reference": "running maximum"},
    "ref_p5": _LIKE | {"reference": "one per row"},
    "ref": _LIKE | {"reference": "one per row", "degree": "2", "table": "32"},
    "ref_nt": _LIKE | {"reference": "one per row", "degree": "2", "table": "32", "store": "nt"},
    "ref_reload": _LIKE | {"reference": "one per row", "degree": "3", "table": "16", "reload": "yes"},
}
_TITLES = {"ref_p5": "One reference, degree 5", "ref": "One reference", "ref_nt": "One reference, nt",
           "ref_reload": "One reference, reloading"}  # fmt: skip
PEERS = {
    "peer": {"title": "A peer", "ok": True, "reason": "-"},
    "slow": {"title": "A slow peer, allocating", "ok": True, "reason": "-"},
}
SLOW = {"peer": 1.6, "slow": 6.0}
"""Times of the outside baselines, without the call, over those of `best` with AVX-512."""


def plan(**changes: Any) -> dict[str, Any]:
    """The plan of the session."""
    scheme = made.plan()
    algorithms = {**made.ALGORITHMS, **{name: {"title": title, "passes": []} for name, title in _TITLES.items()}}
    others = [["ref_p5", "two_pass"], ["ref_p5", "online"], ["ref", "ref_p5"], ["ref_nt", "ref"], ["ref_reload", "ref"]]
    papers = list(synthetic.ALGORITHMS)
    beyond = scheme["beyond"] | {
        "algorithms": algorithms,
        "comparisons": [
            *([one, base] for one in ("online", "best") for base in (*papers, *PEERS)), ["best", "online"], *others,
        ],
        "parts": {name: dict.fromkeys(made.ISAS, found) for name, found in PARTS.items()},
    }  # fmt: skip
    return {**scheme, "beyond": beyond, "baselines": PEERS, "llc_bytes": synthetic.LLC, **changes}


def seconds(name: str, isa: str, n: int) -> float:
    """Time of a call on one row, without noise."""
    if name in SLOW:
        return SLOW[name] * made.seconds("best", "avx512f", n) + CALL_S
    gain = {"ref_p5": ONE_REFERENCE, "ref": ONE_REFERENCE * TABLE, "ref_nt": ONE_REFERENCE * TABLE * NON_TEMPORAL,
            "ref_reload": ONE_REFERENCE * TABLE * RELOADING}  # fmt: skip
    if name in gain:
        return made.seconds("two_pass", isa, n) / gain[name]
    return made.seconds(name, isa, n)


def _contenders(n: int, isas: tuple[str, ...], names: tuple[str, ...]) -> list[synthetic.Contender]:
    return [("softmax", name, 0, "-", isa, "tuned", seconds(name, isa, n)) for isa in isas for name in names]


def _block(rng: np.random.Generator, n: int, contenders: list[synthetic.Contender], **changes: Any) -> pd.DataFrame:
    key = {"n_rows": 1, "threads": 1, "inputs": "normal", **changes}
    batch = f"-r{key['n_rows']}-t{key['threads']}" if key["n_rows"] > 1 else ""
    name = f"beyond-hot-n{n}{batch}-{key['inputs']}-huge"
    return pd.DataFrame(synthetic._block(rng, synthetic.FULL, "beyond", "hot", n, contenders)).assign(**key, block=name)


def timings() -> pd.DataFrame:
    """Table `timings` of `synthetic_beyond`, without its outside baseline, and more blocks."""
    rng = np.random.default_rng(11)
    known, frames = made.timings(), []
    known = known[known["algorithm"] != "peer"]
    papers = tuple(synthetic.ALGORITHMS)
    floor = [("ceilings", "read+copy", 0, "-", "avx512f", "floor")]
    for n in LENGTHS:
        for place, rows in (("in cache", 2), ("streamed", -(-4 * synthetic.LLC // (8 * n)) + 1)):
            fastest = min(seconds(name, "avx512f", n) for name in papers)
            mine = _contenders(n, ("avx512f",), (*papers, "online"))
            best = fastest / BATCH_GAIN[place]
            mine.append(("softmax", "best", 0, "-", "avx512f", "tuned", best))
            mine += [(*each, 0.8 * best) for each in floor]
            frames.append(_block(rng, n, mine, n_rows=rows))
    for n in (4096, 1048576):
        mine = [(*each[:-1], each[-1] * 2 / WEAK) for each in _contenders(n, ("avx512f",), (*papers, "online", "best"))]
        frames.append(_block(rng, n, mine, n_rows=2, threads=2))
        for family, who, times in (("ramp_up", ("online", "best"), RAMP), ("one_hot", ("online",), ONE_HOT)):
            slowed = [
                (*each[:-1], SLOW_PHASE * each[-1] * (times if each[1] in who else 1.0))
                for each in _contenders(n, made.ISAS, (*papers, "online", "best"))
            ]
            frames.append(_block(rng, n, slowed, inputs=family))
    for n in made.SIZES:
        mine = _contenders(n, made.ISAS, (*papers, "online", "best", *_TITLES))
        mine += [("softmax", peer, 0, "-", "-", "-", seconds(peer, "-", n)) for peer in PEERS]
        frames.append(_block(rng, n, mine))
    frame = pd.concat(frames)
    frame.loc[frame["isa"] == "-", "build_id"] = "-"
    replaced = known["block"].isin([f"beyond-hot-n{n}-normal-huge" for n in made.SIZES]) & (known["threads"] == 1)
    floors = known["variant"] == "floor"
    return conform("timings", pd.concat([known[~replaced | floors], frame]))


def crossovers() -> pd.DataFrame:
    """Table `crossovers`: from 2 Mi on the non-temporal one, on two threads from 10 000 on two of them."""
    rows = []
    for isa in made.ISAS:
        for threads in (1, 2):
            for n in (1024, 4096, 16384, 65536, 1048576, 4194304, 33554432):
                far, wide = n > 1 << 20, threads == 2 and n > 10_000
                rows.append({
                    "machine": synthetic.MACHINE, "session": synthetic.SESSION, "build_id": synthetic.BUILD, "isa": isa,
                    "threads": threads, "batch_from": 0, "n_elements": n,
                    "n_from": 1 << 21 if far else 10_000 if wide else 0,
                    "algorithm": "ref_nt" if far else "ref_reload", "algorithm_isa": isa,
                    "threads_used": 2 if wide else 1, "variants": "v w", "time_over_fastest": 1.0,
                    "time_over_fastest_consumed": float("nan"), "next_algorithm": "ref", "next_threads": 1,
                    "next_over_chosen": 1.02 + 0.01 * (n % 7),
                })  # fmt: skip
    return conform("crossovers", pd.DataFrame(rows))


def baselines(timed: pd.DataFrame) -> pd.DataFrame:
    """Table `baselines`: a call takes `CALL_S`, and one of them allocates its result."""
    rows = timed[timed["algorithm"].isin(list(PEERS))].drop_duplicates(["algorithm", "n_elements"])
    return conform("baselines", rows.assign(
        version="1.2.3", dispatches_to="AVX512", library_threads=1, denormals="kept", call_overhead_s=CALL_S,
        minor_faults_per_call=rows["algorithm"].eq("slow") * 512.0, n_rounds=9,
    ))  # fmt: skip


def tables() -> dict[str, pd.DataFrame]:
    """All tables of the session: a dict of the caller's own, over frames that are made once."""
    return dict(_tables())


@cache
def _tables() -> dict[str, pd.DataFrame]:
    known, timed, scheme = made.tables(), timings(), plan()
    some = synthetic.tables()["rounds"].drop_duplicates("round")
    blocks = [block for block in sorted(set(timed["block"])) if block not in set(known["rounds"]["block"])]
    more = [some.assign(block=block, marked=False, reason="-") for block in blocks]
    rounds = conform("rounds", pd.concat([known["rounds"], *more]))
    found = compared(timed, known["registry"], scheme)
    beyond = conform("beyond", beyond_table(timed, scheme))
    return {
        **known,
        "timings": timed,
        "rounds": rounds,
        "beyond": beyond,
        "ratios": conform("ratios", ratios_table(found, rounds)),
        "round_ratios": conform("round_ratios", round_ratios_table(found, rounds)),
        "crossovers": crossovers(),
        "baselines": baselines(beyond),
    }
