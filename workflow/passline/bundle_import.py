"""`passline import`: archives of sessions, verified and unpacked whole; the fleet report reads archives itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

from passline import bundle
from passline.errors import BundleError

FLEET = Path("fleet")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which archives, and where to."""
    parser.add_argument("bundles", type=Path, nargs="+", help=f"archives (*{bundle.SUFFIX}), or folders of them")
    parser.add_argument("--into", type=Path, default=FLEET, help="folder to lay them in (default: fleet)")


def run(arguments: argparse.Namespace) -> int:
    """Import what is sound; name what is not. 1 where something was refused."""
    found = list(archives(arguments.bundles))
    taken, there, refused = import_all(found, arguments.into)
    for error in refused:
        print(error, file=sys.stderr)
    print(f"{taken} imported into {arguments.into}, {there} were there, {len(refused)} refused")
    return 1 if refused else 0


def archives(paths: Iterable[Path]) -> Iterator[Path]:
    """The archives themselves; BundleError for a folder without any."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(path.glob(f"*{bundle.SUFFIX}"))
        if not inside:
            raise BundleError(path, f"holds no *{bundle.SUFFIX}", "Name the archives, or a folder that holds them")
        yield from inside


def import_all(paths: Iterable[Path], folder: Path) -> tuple[int, int, list[BundleError]]:
    """Verify and unpack each; how many were taken, how many were there already, and what was refused."""
    taken = there = 0
    refused: list[BundleError] = []
    for path in tqdm(list(paths), desc="import", unit=" bundles", disable=None):
        try:
            fresh = bundle.unpack(bundle.read(path), folder)
        except BundleError as error:
            refused.append(error)
            continue
        taken, there = taken + fresh, there + (not fresh)
    return taken, there, refused
