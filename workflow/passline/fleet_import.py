"""The bundles that a fleet's report was given: all of each is verified, and what the report reads is laid down.

The folder holds the bundles of this call and no others: one that is given no more leaves no row behind.
"""

from __future__ import annotations

import csv
import fnmatch
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from passline import bundle
from passline.errors import BundleError
from passline.measure.spec import aside

LAID = ("plan.json", "config.json", "build/*/build.json", *(f"tables/{name}.csv" for name in bundle.REPORTED))
ROUNDS = "tables/rounds.csv"


def import_fleet(paths: Sequence[Path], folder: Path, processes: int = 1) -> dict[str, Any]:
    """Verify the archives and lay down `folder`/<name> of each that is sound, aside first.

    Returns what fleet/imported.json holds: `imported`, one entry per bundle, in order of their names; and `refused`,
    pairs of an archive's name and why. A bundle that is given twice counts once.
    """
    waiting = aside(folder)
    shutil.rmtree(waiting, ignore_errors=True)
    waiting.mkdir(parents=True)
    found: dict[str, dict[str, Any]] = {}
    refused: list[list[str]] = []
    for told in tqdm(_taken(paths, waiting, processes), total=len(paths), desc="import", unit=" bundles", disable=None):
        if isinstance(told, dict):
            found[told["bundle"]] = told
        else:
            refused.append(told)
    shutil.rmtree(folder, ignore_errors=True)
    waiting.replace(folder)
    return {"imported": [found[name] for name in sorted(found)], "refused": refused}


def _taken(paths: Sequence[Path], folder: Path, processes: int) -> Iterator[dict[str, Any] | list[str]]:
    """What there is to say of each, in the order of the paths."""
    take = partial(_take, folder=folder)
    if processes == 1:
        yield from map(take, paths)
        return
    # A quarter of the work holds the interpreter's lock: threads would wait for each other.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(take, paths)


def _take(path: Path, folder: Path) -> dict[str, Any] | list[str]:
    """What there is to say of a bundle beside the files laid down; of one that is refused its name and why."""
    try:
        found = bundle.read(path)
    except BundleError as error:
        return [path.name, str(error).removeprefix(f"{path}: ")]
    for name, content in found.files.items():
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in LAID):
            place = folder / found.name / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return {
        "bundle": found.name,
        "made_up": bool(found.manifest["made_up"]),
        "passline": str(found.manifest.get("passline", "unavailable")),
        "measured": last_round(found.files.get(ROUNDS, b"").decode("utf-8")),
    }


def last_round(table: str) -> str:
    """When the last round of a table `rounds` began, as it tells it; empty where there is none.

    Of two sessions of one machine this tells which is the newer: archives carry no time.
    """
    lines = table.splitlines()[1:]  # after the line with the table's version
    return max((row.get("start_utc") or "" for row in csv.DictReader(lines)), default="")
