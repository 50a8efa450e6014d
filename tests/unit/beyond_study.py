"""The softmax study with algorithms beyond the paper that are made of its own passes, and plans of it."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import yaml

from passline.contenders import Built, untuned
from passline.plan import Host, Planner
from passline.registry import KERNELS, Study, load_isas, load_study
from passline.sizes import Caches

ISAS = {name: isa for name, isa in load_isas().items() if isa.missing("x86_64", isa.cpu_flags) is None}
CEILINGS = load_study(KERNELS / "ceilings", ISAS)
CONFIG = yaml.safe_load((Path(__file__).parents[2] / "workflow/config/default.yaml").read_text())
CACHES = Caches(l1d=32 << 10, l2=1 << 20, llc=32 << 20)
EXTRA = {
    "two_pass_plain": {
        "title": "Two-Pass, one vector a step",
        "group": "beyond",
        "passes": [{"pass": "raddextexp", "unroll": 1}, {"pass": "vscaleextexp", "unroll": 1}],
    },
    "two_pass_unclamped": {
        "title": "Two-Pass, finite scores",
        "group": "beyond",
        "passes": ["raddextexp", {"pass": "vscaleextexp", "unroll": 3, "clamp": None}],
    },
}
GROUP = {
    "kind": "algorithms",
    "algorithms": "all",
    "protocols": ["hot"],
    "sizes": [4096, 65536],
    "inputs": ["normal"],
    "isas": "simd",
}


def make(folder: Path) -> Path:
    """The study, with two algorithms more."""
    shutil.copytree(KERNELS / "softmax", folder)
    write(folder, EXTRA)
    return folder


def write(folder: Path, extra: dict[str, object]) -> None:
    document = yaml.safe_load((KERNELS / "softmax" / "study.yaml").read_text())
    papers = {name: spec for name, spec in document["algorithms"].items() if spec.get("group") != "beyond"}
    document["algorithms"] = papers | extra
    (folder / "study.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def tuned(study: Study) -> dict[tuple[str, str], str]:
    """A choice for every step."""
    return dict(untuned(study, ISAS, "gcc").chosen)


def planner(study: Study, **changes: object) -> Planner:
    config = {**copy.deepcopy(CONFIG), **changes}
    return Planner(config, study, CEILINGS, ISAS, Host(CACHES, 24 << 30, (1, 0)))


def plan(study: Study, *groups: dict[str, object]):
    found = planner(study, blocks=list(groups))
    return found.plan([Built("gcc", "id", tuned(study))], 20e-9, 0.15e-9)
