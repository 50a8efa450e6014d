"""A finished session on disk, as far as a bundle looks at it."""

from __future__ import annotations

import json
from pathlib import Path

import synthetic

PLAN = {**synthetic.plan(), "machine": "some-1c", "session": "default", "builds": [{"build_id": "b"}]}
HARDWARE = {"id": "amd-zen4-epyc-2c", "model_name": "AMD EPYC 9R14"}


def session(at: Path) -> Path:
    """A finished session under a folder, with things that do not go in."""
    folder = at / "results" / "some-1c" / "default"
    files = {
        "plan.json": json.dumps(PLAN),
        "machine.json": json.dumps(HARDWARE),
        "config.json": json.dumps({"study": "/somewhere/of/mine/rmsnorm", "seed": 7}),
        "tables/ratios.csv": "# a table\n1,2\n",
        "tables/passes.csv": "# a table\n",
        "tables/claims.csv": "# a table\n",
        "tables/machines.csv": "# a table\n",
        "tables/not_ours.csv": "# notes\n",
        "build/gcc/build.json": "{}",
        "build/gcc/disassembly.txt": "loop:\n",
        "raw/times/manifest.json": "{}",
        "raw/times/block-abc/block.json": "{}",
        "raw/times/block-abc/round-000.json": "{}",
        "raw/times/block-abc/.round-001.json": "half a round",
        "raw/counters/counts.json": "{}",
        "raw/counters/notes.json": "{}",
        "build/gcc/libpassline.so": "\x7fELF",
        "logs/link.log": "cc -o /home/someone",
        "environment.json": "{}",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
