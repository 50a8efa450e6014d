"""A made-up session with algorithms beyond the paper, whose gains are known."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import synthetic

from passline.derive.beyond import beyond_table
from passline.derive.goals import goals_table, load_goals
from passline.derive.ratios import compared, ratios_table, round_ratios_table
from passline.tables import conform

SIZES = (4096, 65536, 1048576, 4194304, 33554432)
ISAS = ("avx2", "avx512f")
GAIN_IN_CACHE, GAIN_OUT, ONLINE, FLOOR = 1.5, 1.22, 1.1, 0.9
"""`best` over the faster of two_pass and three_pass_reload, `online` over two_pass, time of the floor / of `best`."""
TWO_THREADS = 1.7
"""Time of `best` on one thread / on two that share a row; on short rows it takes one."""
ALGORITHMS = {
    "online": {"title": "Online", "passes": ["rmaxaddexp", "vscaleexpminusmax"]},
    "best": {"title": "Best", "passes": ["rpowaddexp", "vpowscaleexp"]},
}


def plan(**changes: Any) -> dict[str, Any]:
    """The plan of the session."""
    papers = list(synthetic.ALGORITHMS)
    parts = {"online": {"reference": "running maximum", "reload": "no"}, "best": {"store": "nt", "reload": "no"}}
    return {
        **synthetic.plan(),
        "session": "default",
        "beyond": {
            "choices": [
                {
                    "isa": isa,
                    "threads": threads,
                    "batch_from": 0,
                    "n_from": n_from,
                    "threads_used": used,
                    "algorithm": "online",
                }
                for isa in ISAS
                for threads, n_from, used in ((1, 0, 1), (2, 0, 1), (2, 10_000, 2))
            ],
            "algorithms": ALGORITHMS,
            "candidates": ["online"],
            "past_caches": [],
            "comparisons": [[one, base] for one in ALGORITHMS for base in (*papers, "peer")] + [["best", "online"]],
            "floors": {name: dict.fromkeys(ISAS, "read+copy") for name in (*ALGORITHMS, "two_pass")},
            "parts": {name: dict.fromkeys(ISAS, found) for name, found in parts.items()},
        },
        "baselines": {"peer": {"title": "A peer", "ok": True, "reason": "-"}},
        **changes,
    }


def seconds(name: str, isa: str, n: int) -> float:
    """Time of a call, without noise."""
    papers = {
        a: sum(synthetic.pass_time(p, isa, "tuned", n) for p in spec["passes"])
        for a, spec in synthetic.ALGORITHMS.items()
    }
    best = min(papers["two_pass"], papers["three_pass_reload"]) / (GAIN_IN_CACHE if n <= 1 << 20 else GAIN_OUT)
    return {**papers, "online": papers["two_pass"] / ONLINE, "best": best, "floor": FLOOR * best}[name]


def timings() -> pd.DataFrame:
    """Table `timings`: a made-up session, and its blocks beyond the paper."""
    rng = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    for n in SIZES:
        contenders = [
            ("softmax", name, 0, "-", isa, "tuned", seconds(name, isa, n))
            for isa in ISAS
            for name in (*synthetic.ALGORITHMS, *ALGORITHMS)
        ]
        contenders += [("ceilings", "read+copy", 0, "-", isa, "floor", seconds("floor", isa, n)) for isa in ISAS]
        contenders.append(("softmax", "peer", 0, "-", "-", "-", 3 * seconds("best", "avx512f", n)))
        found = synthetic._block(rng, synthetic.FULL, "beyond", "hot", n, contenders)
        name = f"beyond-hot-n{n}-normal-huge"
        gain = TWO_THREADS if n >= 10_000 else 1.0
        for row in [row for row in found if row["algorithm"] == "best"]:
            noise = 1.0 + 0.002 * rng.standard_normal()
            found.append({**row, "threads": 2, "time_s": row["time_s"] / gain * noise})
        rows += [{**row, "inputs": "normal", "block": name} for row in found]
    frame = pd.DataFrame(rows)
    frame.loc[frame["algorithm"] == "peer", "build_id"] = "-"
    return conform("timings", pd.concat([synthetic.timings(), frame]))


def tables() -> dict[str, pd.DataFrame]:
    """All tables of the session: a dict of the caller's own, over frames that are made once."""
    return dict(_tables())


@cache
def _tables() -> dict[str, pd.DataFrame]:
    known, timed, scheme = synthetic.tables(), timings(), plan()
    some = known["rounds"].drop_duplicates("round")
    blocks = [b for b in sorted(set(timed["block"])) if b.startswith("beyond")]
    more = [some.assign(block=block, marked=False, reason="-") for block in blocks]
    rounds = conform("rounds", pd.concat([known["rounds"], *more]))
    found = compared(timed, known["registry"], scheme)
    made = {
        **known,
        "timings": timed,
        "rounds": rounds,
        "ratios": conform("ratios", ratios_table(found, rounds)),
        "round_ratios": conform("round_ratios", round_ratios_table(found, rounds)),
        "beyond": conform("beyond", beyond_table(timed, scheme)),
    }
    return made | {"goals": conform("goals", goals_table(load_goals(synthetic.GOALS), made, scheme))}
