"""One archive per session and machine: all that its numbers rest on, with a checksum of each file.

What goes in is named by an allow-list. Nothing else does: no environment, no log, no object file; and nothing that
names this host, its user or a path of theirs.
"""

from __future__ import annotations

import fnmatch
import getpass
import hashlib
import io
import json
import re
import socket
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

from passline.errors import BundleError
from passline.measure.spec import aside

FORMAT = 1
SUFFIX = ".passline.tar.xz"
MANIFEST = "manifest.json"
ALLOWED = (
    "plan.json",
    "machine.json",
    "config.json",
    "numbers.json",
    "baselines.json",
    "crossovers.txt",
    "build/*/build.json",
    "build/*/disassembly.txt",
    "raw/*/manifest.json",
    "raw/*/blocks.json",
    "raw/*/*/block.json",
    "raw/*/*/round-*.json",
    "raw/counters/*.json",
    "tables/*.csv",
)
NEEDED = ("plan.json", "machine.json", "tables/ratios.csv", "tables/machines.csv")
_LEAST_NAME = 4  # characters: shorter host and user names are words of other things too
_COMMON_NAMES = frozenset({"root", "user", "localhost", "runner"})


@dataclass(frozen=True)
class Bundle:
    """A bundle whose checksums were all found right."""

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """`<machine>-<session>-<first digits of the data's hash>`: names its folder where it is imported."""
        m = self.manifest
        return f"{m['machine']}-{m['session']}-{m['data_sha256'][:8]}"


def write(results: Path, output: Path | None = None) -> Path:
    """Pack a session's results; return the archive. Equal results give equal bytes.

    Raises BundleError where the folder holds no finished session, or a file that would go in names this host, its user
    or a path of theirs.
    """
    absent = [name for name in NEEDED if not (results / name).is_file()]
    if absent:
        raise BundleError(results, f"is no finished session: {absent[0]} is missing", "Run snakemake to its end first")
    files = {path: _content(results / path, path) for path in _allowed(results)}
    for path, content in files.items():
        if (found := _names_of_here(content)) is not None:
            raise BundleError(
                results / path, f"names {found}", "A bundle must not: take the name out, and export again"
            )
    plan = json.loads(files["plan.json"])
    manifest = {
        "format": FORMAT,
        "passline": version("passline"),
        **{key: plan[key] for key in ("machine", "session", "study", "measurement")},
        "made_up": False,
        "builds": [build["build_id"] for build in plan["builds"]],
        **described(files),
    }
    target = output or Path(f"{plan['machine']}-{plan['session']}{SUFFIX}")
    pack(manifest, files, target)
    return target


def described(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The part of a manifest that follows from the files: size and checksum of each, and the hash of all."""
    entries = {
        path: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for path, content in sorted(files.items())
    }
    together = "".join(f"{path} {entry['sha256']}\n" for path, entry in entries.items())
    return {"data_sha256": hashlib.sha256(together.encode()).hexdigest(), "files": entries}


def pack(manifest: Mapping[str, Any], files: Mapping[str, bytes], target: Path) -> None:
    """Write an archive aside, then rename it: the manifest first, no time, no owner."""
    target.parent.mkdir(parents=True, exist_ok=True)
    text = (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
    with tarfile.open(aside(target), "w:xz", format=tarfile.USTAR_FORMAT, preset=1) as archive:
        for path, content in ((MANIFEST, text), *sorted(files.items())):
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    aside(target).replace(target)


def read(path: Path) -> Bundle:
    """Open and verify a bundle; BundleError where it is none, or is damaged, altered or of another format."""
    try:
        with tarfile.open(path, "r:xz") as archive:
            contents = dict(_members(path, archive))
            while archive.fileobj is not None and archive.fileobj.read(1 << 20):
                pass  # to the end, where the archive's own checksum stands
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise BundleError(path, f"cannot be read as an archive ({error})", "It is no bundle, or damaged") from error
    manifest = _manifest(path, contents.pop(MANIFEST, None))
    listed = manifest["files"]
    for name in sorted(contents.keys() ^ listed.keys()):
        what = "its manifest does not list" if name in contents else "is missing, though its manifest lists it"
        told = f"holds {name}, which {what}" if name in contents else f"{name} {what}"
        raise BundleError(path, f"was altered: {told}", "Ask for it again from where it was made")
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != listed[name]["sha256"]:
            raise BundleError(
                path,
                f"is damaged or was altered: {name} has another checksum than its manifest says",
                "Ask for it again from where it was made",
            )
    if described(contents)["data_sha256"] != manifest["data_sha256"]:
        raise BundleError(path, "was altered: its data has another hash than its manifest says", "Ask for it again")
    return Bundle(manifest, contents)


def unpack(bundle: Bundle, folder: Path) -> bool:
    """Write a bundle's files into `folder`/<its name>, aside first; False where it is there already."""
    target = folder / bundle.name
    if target.is_dir():
        return False
    waiting = aside(target)
    for path, content in {**bundle.files, MANIFEST: json.dumps(bundle.manifest, indent=1).encode()}.items():
        place = waiting / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    waiting.replace(target)
    return True


def _allowed(results: Path) -> list[str]:
    """Files of a session that the allow-list names, in order."""
    found = {
        path.relative_to(results).as_posix() for pattern in ALLOWED for path in results.glob(pattern) if path.is_file()
    }
    return sorted(path for path in found if not PurePosixPath(path).name.startswith("."))


def _content(path: Path, name: str) -> bytes:
    """A file as it goes in; a study that was named by its path is named by its folder."""
    content = path.read_bytes()
    if name == "config.json":
        config = json.loads(content)
        config["study"] = Path(str(config["study"])).name
        content = (json.dumps(config, indent=1) + "\n").encode()
    return content


def _names_of_here(content: bytes) -> str | None:
    """What in a file names this host, its user or a path of theirs; None where nothing does."""
    text = content.decode("utf-8", errors="replace")
    for what, name in (("host", socket.gethostname().split(".")[0]), ("user", getpass.getuser())):
        if len(name) >= _LEAST_NAME and name not in _COMMON_NAMES and re.search(rf"\b{re.escape(name)}\b", text):
            return f"this {what} ({name})"
    for path in {str(Path.home()), str(Path.cwd())} - {"/"}:
        if re.search(rf"{re.escape(path)}(?![\w-])", text):
            return f"a path of this host ({path})"
    return None


def _members(path: Path, archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Name and content of every member: regular files that the allow-list, or the manifest's place, names."""
    for member in archive:
        known = member.name == MANIFEST or any(fnmatch.fnmatchcase(member.name, pattern) for pattern in ALLOWED)
        file = archive.extractfile(member) if member.isfile() and known and ".." not in member.name else None
        if file is None:
            raise BundleError(path, f"holds {member.name!r}, which no bundle does", "It is no bundle of Passline")
        yield member.name, file.read()


def _manifest(path: Path, content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise BundleError(path, f"holds no {MANIFEST}", "It is no bundle of Passline")
    try:
        manifest: dict[str, Any] = json.loads(content)
        kind = manifest["format"]
        complete = {"machine", "session", "study", "measurement", "made_up", "data_sha256", "files"} <= manifest.keys()
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(path, f"its {MANIFEST} cannot be read", "It is no bundle of Passline, or damaged") from error
    if kind != FORMAT:
        raise BundleError(
            path, f"is of format {kind}, this version reads {FORMAT}", "Export it again with this version"
        )
    if not complete:
        raise BundleError(path, f"its {MANIFEST} lacks keys", "It is damaged: ask for it again")
    return manifest
