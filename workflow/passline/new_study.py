"""`passline new-study`: a folder with a study of your own that runs as it is, to be changed from there."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

from passline.errors import ConfigError
from passline.schema import load_schema
from passline.study_file import FILE, KERNELS, known_studies

SKELETON = KERNELS / "skeleton"
_COPIED = ("*.yaml", "*.c", "*.h", "*.py", "*.md")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where."""
    parser.add_argument("folder", type=Path, metavar="NAME", help="the folder to write; its last part names the study")


def run(arguments: argparse.Namespace) -> int:
    """Write the folder and say what to do next."""
    folder: Path = arguments.folder.expanduser()
    write(folder)
    told = folder.resolve()
    print(f"{told} is a study that runs as it is. In the clone:")
    print(f"    snakemake --config study={told} --profile profiles/smoke")
    print(f"{told}/README.md says what to do next; kernels/YOUR_KERNEL.md explains.")
    return 0


def write(folder: Path) -> None:
    """Copy the skeleton under the name of the folder; ConfigError where that is no name, or where it exists."""
    name = folder.resolve().name
    pattern = load_schema("study")["properties"]["study"]["pattern"]
    if not re.match(pattern, name):
        remedy = "Use small letters, digits and _, beginning with a letter, as in row_norm"
        raise ConfigError("passline new-study", f"{name!r} cannot be the name of a study", remedy)
    if name in known_studies():
        what = f"{name!r} is a study in kernels/ already"
        raise ConfigError("passline new-study", what, f"Choose another name than {', '.join(known_studies())}")
    if folder.exists() or folder.is_symlink():
        raise ConfigError("passline new-study", f"{folder} exists, and nothing is overwritten", "Choose another name")
    try:
        folder.mkdir(parents=True)
    except OSError as cause:
        what = f"{folder} cannot be made ({cause.strerror})"
        raise ConfigError("passline new-study", what, "Choose a folder that you may write") from cause
    for path in sorted(path for pattern in _COPIED for path in SKELETON.glob(pattern)):
        shutil.copyfile(path, folder / path.name)
    for path in (folder / FILE, folder / "README.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(rf"\b{SKELETON.name}\b", name, text), encoding="utf-8")
