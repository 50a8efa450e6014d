"""`passline export`: one archive of a session."""

from __future__ import annotations

import argparse
from pathlib import Path

from passline import bundle
from passline.formats import binary_bytes


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which session, and where to."""
    parser.add_argument("results", type=Path, help="folder of a finished session: results/<machine>/<session>")
    parser.add_argument("-o", "--output", type=Path, help=f"archive to write; <machine>-<session>{bundle.SUFFIX} here")


def run(arguments: argparse.Namespace) -> int:
    """Write the archive and say what it holds."""
    path = bundle.write(arguments.results, arguments.output)
    found = bundle.read(path)
    size = binary_bytes(path.stat().st_size)
    print(f"{path}: {len(found.files)} files, {size}, data {found.manifest['data_sha256'][:16]}")
    return 0
