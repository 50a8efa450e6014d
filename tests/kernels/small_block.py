"""A small block of real contenders, and rounds of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from built_kernels import Built as Library

from passline.contenders import Built, algorithm, alone, untuned
from passline.measure import session
from passline.measure.spec import Block
from passline.plan_blocks import stop_rule

N = 3001
CODE = {"object": "1"}
"""Hash of what the block runs; any will do."""


def small_block(built: Library) -> Block:
    """Four contenders: an algorithm whole and split, a pass alone, and another algorithm; three rounds are planned."""
    study = built.study
    known = Built("cc", "id", untuned(study, built.isas, "cc").chosen)
    contenders = [algorithm(study, "two_pass", known, "scalar", "preset", split=split) for split in (False, True)]
    contenders[1]["name"] += " split"
    contenders.append(alone(study, study.preset("vmulc", "scalar"), known))
    contenders.append(algorithm(study, "three_pass_reload", known, "scalar", "preset", split=False))
    point = {"n_elements": N, "threads": 1, "cache_protocol": "paper", "inputs": "uniform", "pages": "huge"}
    return {
        "name": f"algorithms-paper-n{N}-uniform-huge",
        "protocol": "paper",
        "n_elements": N,
        "rows": 0,
        "threads": 1,
        "inputs": {"name": "uniform", "distribution": "uniform", "low": -1000.0, "high": 1000.0},
        "pages": "huge",
        "rounds": 3,
        "stop": stop_rule([], 0.0, 3, 3),
        "sweeps": 2,
        "value_s": 1e-4,
        "contenders": [{**c, "key": {**c["key"], **point}} for c in contenders],
    }


def host_of(built: Library) -> session.Host:
    """The first cpu, and the library."""
    return session.Host({"cc": str(built.path)}, [0], 1 << 20, seed=7)


def take(block: Block, raw: Path, host: session.Host, progress: session.Progress | None = None) -> dict[str, Any]:
    """The measuring step of this one block."""
    return session.run("times", [block], {block["name"]: CODE}, raw, host, progress)


def facts_of(raw: Path, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each round tells of itself."""
    return [
        json.loads(suite.get_benchmarks()[0].get_metadata()["passline_round"])
        for _, suite in session.read(raw, manifest)
    ]
