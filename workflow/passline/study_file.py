"""Where a study lies, and its study.yaml as it is meant: with what it takes from other studies.

A study is a folder: study.yaml, a C file for each pass of its own, and reference.py. It may lie anywhere. ``from``
takes a pass, or families of inputs, from another study; the dimensions of such a pass come with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passline.errors import ConfigError, PasslineError, StudyError
from passline.schema import load_yaml, validate

KERNELS = Path(__file__).parents[2] / "kernels"
FILE = "study.yaml"
FROM = "from"

INPUTS: Mapping[str, Any] = {
    "normal": {"distribution": "normal", "mean": 0, "deviation": 3},
    "uniform": {"distribution": "uniform", "low": -1000, "high": 1000},
    "constant": {"distribution": "constant", "value": 3.3},
    "one_hot": {"distribution": "one_hot", "value": 1000},
}
"""Families of inputs of every study, behind its own."""

DIMENSIONS: Mapping[str, Any] = {
    "unroll": {
        "macro": "PASSLINE_UNROLL",
        "prefix": "u",
        "unit": "vectors",
        "description": "vectors per loop step",
    },
    "accumulators": {
        "macro": "PASSLINE_ACCUMULATORS",
        "prefix": "acc",
        "divides": "unroll",
        "description": "independent partial results of a reduction",
    },
}
"""Dimensions that passes of every study may use, behind its own: kernels/pass.h reads them."""


@dataclass(frozen=True)
class StudyFile:
    """A study.yaml in which nothing is left to be looked up elsewhere."""

    path: Path
    document: Mapping[str, Any]
    homes: Mapping[str, Path]  # pass -> the folder that holds its C file and its reference
    paths: tuple[Path, ...]  # its own study.yaml, and those that it takes from


def known_studies() -> list[str]:
    """Names of the studies in kernels/."""
    return sorted(path.parent.name for path in KERNELS.glob(f"*/{FILE}"))


def study_folder(
    named: str, base: Path | None = None, where: str = "config: study", error: type[PasslineError] = ConfigError
) -> Path:
    """The folder of a study that is named by a folder in kernels/ or by a path; `error` where there is none.

    Args:
        named: a name in kernels/, or the path of a folder: with a slash, or of one that exists.
        base: what a relative path is relative to; the working directory where None.
        where: what names it, for the error.
        error: what to raise.
    """
    base = base or Path.cwd()
    folder = (base / Path(named).expanduser()).resolve()
    if "/" not in named and (named in known_studies() or not folder.is_dir()):
        folder = KERNELS / named
        if not (folder / FILE).is_file():
            known = f"Known studies: {', '.join(known_studies())}; or give the path of a folder, with a slash"
            raise error(where, f"{named!r} has no {folder / FILE}", known)
        return folder
    if not folder.is_dir():
        raise error(where, f"the folder {folder} does not exist", "Correct the path, or begin with passline new-study")
    if not (folder / FILE).is_file():
        raise error(where, f"{folder} has no {FILE}", f"Add one as in {KERNELS / 'skeleton'}: passline new-study NAME")
    return folder


def read(folder: Path, asking: tuple[Path, ...] = ()) -> StudyFile:
    """Parse folder/study.yaml and what it takes from; StudyError where one is wrong, or takes from itself.

    `asking` are the folders of the studies that take from this one.
    """
    path = folder / FILE
    if folder in asking:
        raise StudyError(path, f"{folder.name} takes from itself", "Give it passes and inputs of its own")
    document = load_yaml(path, StudyError)
    validate(document, "study", path, StudyError)
    passes = {name: dict(spec) for name, spec in document["passes"].items()}
    inputs = dict(document.get("inputs", {}))
    wanted = {f"passes.{name}": spec[FROM] for name, spec in passes.items() if FROM in spec}
    wanted |= {"inputs": inputs[FROM]} if FROM in inputs else {}
    found: dict[str, StudyFile] = {}
    for key, lender in wanted.items():
        if lender not in found:
            there = study_folder(lender, folder, f"{path}: {key}.{FROM}", StudyError)
            found[lender] = read(there, (*asking, folder))
    homes = dict.fromkeys(passes, folder)
    for name, spec in passes.items():
        if FROM not in spec:
            spec["constants"] = document.get("constants", {})
        if "then" in spec:
            spec["then"] = _header(folder, name, spec["then"])
        if FROM not in spec:
            continue
        lender = found[spec.pop(FROM)]
        if name not in lender.homes:
            what, known = f"{lender.path.parent.name} has no pass {name!r}", ", ".join(lender.homes)
            raise StudyError(f"{path}: passes.{name}", what, f"Its passes: {known}")
        passes[name] = {**lender.document["passes"][name], **spec}
        homes[name] = lender.homes[name]
    families = found[inputs.pop(FROM)].document["inputs"] if FROM in inputs else {}
    lent = [found[document["passes"][name][FROM]] for name in passes if FROM in document["passes"][name]]
    complete = {
        **document,
        "passes": passes,
        "inputs": _completed({**families, **inputs}, INPUTS),
        "dimensions": _completed(
            _dimensions(lent, document.get("dimensions", {}), path),
            {name: spec for name, spec in DIMENSIONS.items() if name in _used(passes)},
        ),
    }
    paths = dict.fromkeys((path, *(each for lender in found.values() for each in lender.paths)))
    return StudyFile(path, complete, homes, tuple(paths))


def _completed(own: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """A study's own, and behind them what it has undeclared."""
    return {**own, **{name: spec for name, spec in known.items() if name not in own}}


def _used(passes: Mapping[str, Any]) -> set[str]:
    """Names of the dimensions that some variant has."""
    lists = [
        (*spec["variants"], *spec.get("full_grid", ()), *spec.get("presets", {}).values()) for spec in passes.values()
    ]
    return {name for entries in lists for entry in entries for name in entry}


def _header(folder: Path, pass_name: str, function: str) -> Path:
    """The header beside study.yaml with the function that a pass ends with."""
    path = folder / f"{function}.h"
    if not path.is_file():
        where = f"{folder / FILE}: passes.{pass_name}.then"
        raise StudyError(where, f"its file {path} does not exist", f"Add it, with a passline_finish named {function}")
    return path


def _dimensions(lenders: list[StudyFile], own: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Those that come with passes of other studies, then its own; a name must mean one thing."""
    merged: dict[str, Any] = {}
    for where, dimensions in (*((s.path.parent.name, s.document["dimensions"]) for s in lenders), ("this study", own)):
        for name, spec in dimensions.items():
            if merged.setdefault(name, spec) != spec:
                what = f"{name!r} of {where} is not what a pass taken from another study means by it"
                raise StudyError(f"{path}: dimensions.{name}", what, "Choose another name")
    return merged
