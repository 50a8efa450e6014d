"""One archive per session and machine: all that its numbers rest on, with a checksum of each file.

What goes in is named by an allow-list. Nothing else does: no environment, no log, no object file; and nothing that
names this host, its user or a path of theirs. Checksums tell what was damaged or altered by mistake: whoever means to
forge a bundle can compute them anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

from passline.bundle_names import Names, strings
from passline.errors import BundleError
from passline.measure.spec import aside
from passline.schema import validate
from passline.table_models import TABLES
from passline.table_models_fleet import FLEET_TABLES

FORMAT = 2
SUFFIX = ".passline.tar.xz"
MANIFEST = "manifest.json"
REPORTED = ("ratios", "passes", "claims", "machines")
"""Tables that a fleet reads."""

NEEDED = ("plan.json", "machine.json", *(f"tables/{name}.csv" for name in REPORTED))
ALLOWED = (
    "plan.json",
    "machine.json",
    "config.json",
    "numbers.json",
    "baselines.json",
    "crossovers.txt",
    "build/*/build.json",
    "build/*/disassembly.txt",
    *(
        f"raw/{step}/{file}"
        for step in ("ceilings", "tuning", "choosing", "times", "selftest")
        for file in ("manifest.json", "blocks.json", "*/block.json", "*/round-*.json")
    ),
    "raw/counters/probe.json",
    "raw/counters/counts.json",
    *(f"tables/{name}.csv" for name in sorted(TABLES.keys() - {table.name for table in FLEET_TABLES})),
)
MOST_BYTES = 2 << 30
MOST_MEMORY = 1 << 30  # that an archive may ask for to be unpacked
_PART = r"[A-Za-z0-9][A-Za-z0-9_.+-]*"
_NAMES = re.compile("|".join(re.escape(pattern).replace(r"\*", _PART) for pattern in ALLOWED))
_OF_PLAN = ("machine", "session", "study", "measurement", "made_up", "builds")
_AGAIN = "Ask for it again from where it was made"
_FOREIGN = "It is no bundle of Passline: nothing of it is used. Leave it out, or make one with passline export"


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
        raise BundleError(results, *unfinished(results, absent[0]))
    try:
        files = {path: _content(results / path, path) for path in _allowed(results)}
        texts = {path: strings(path, content) for path, content in files.items()}
    except (ValueError, KeyError, RecursionError) as error:
        raise BundleError(results, f"holds a file that cannot be read ({error})", "Run the session anew") from error
    names = Names(files["machine.json"].decode())
    for path, told in texts.items():
        if (found := names.found(told)) is not None:
            raise BundleError(
                results / path,
                f"names {found}",
                "A bundle must not: name it otherwise in the config or on the host, run snakemake, and export again",
            )
    plan = _plan(results, files["plan.json"])
    if made_up(results) != plan.get("made_up", False):
        raise BundleError(results, "was made up by a test, and its plan.json does not say so", "Take it as it came")
    manifest = signed({"format": FORMAT, "passline": version("passline"), **_told(plan), **described(files)})
    target = output or Path(f"{plan['machine']}-{plan['session']}{SUFFIX}")
    pack(manifest, files, target)
    return target


def unfinished(results: Path, absent: str) -> tuple[str, str]:
    """Why what was named is no folder of a finished session, as it lacks that file; and what to do."""
    if results.is_file():
        return "is a file, not a session's folder", "Unpack a bundle with passline import, and name the folder it gives"
    if not results.is_dir():
        return "does not exist", "Name the folder of a finished session: results/<machine>/<session>"
    return (
        f"is no finished session: {absent} is missing",
        "Run snakemake to its end, and name results/<machine>/<session>",
    )


def made_up(folder: Path) -> bool:
    """Whether a session's plan, or the manifest of the bundle that it came in, says that a test made it up."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in _stamps(folder)]
    return any(document.get("made_up", False) for document in documents)


def _stamps(folder: Path) -> list[Path]:
    return [path for path in (folder / "plan.json", folder / MANIFEST) if path.is_file()]


def signed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest with the checksum of all its other keys."""
    rest = {key: value for key, value in manifest.items() if key != "manifest_sha256"}
    text = json.dumps(rest, sort_keys=True)
    return {**rest, "manifest_sha256": hashlib.sha256(text.encode()).hexdigest()}


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
    contents = _contents(path)
    manifest = _manifest(path, contents.pop(MANIFEST, None))
    listed = manifest["files"]
    for name in sorted(contents.keys() ^ listed.keys()):
        what = "its manifest does not list" if name in contents else "is missing, though its manifest lists it"
        told = f"holds {name}, which {what}" if name in contents else f"{name} {what}"
        raise BundleError(path, f"was altered: {told}", _AGAIN)
    described_anew = described(contents)
    for name, entry in described_anew["files"].items():
        if entry != listed[name]:
            told = f"{name} has another checksum or size than its manifest says"
            raise BundleError(path, f"is damaged or was altered: {told}", _AGAIN)
    if described_anew["data_sha256"] != manifest["data_sha256"]:
        raise BundleError(path, "was altered: its data has another hash than its manifest says", _AGAIN)
    absent = [name for name in NEEDED if name not in contents]
    if absent:
        raise BundleError(path, f"holds no {absent[0]}", "It is of no finished session: export one that is")
    plan = _plan(path, contents["plan.json"])
    for key, value in _told(plan).items():
        if manifest[key] != value:
            told = f"its manifest says {key} is {manifest[key]!r}, its plan.json {value!r}"
            raise BundleError(path, f"was altered: {told}", _AGAIN)
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


def _contents(path: Path) -> dict[str, bytes]:
    """Name and content of every file of an archive: first its own checksum is tested, over all of it."""
    if not path.is_file():
        raise BundleError(path, "does not exist", "Name an archive, or a folder of archives")
    try:
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY)
        packed = path.read_bytes()
        content = unpacker.decompress(packed, MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise BundleError(path, f"holds more than {MOST_BYTES >> 30} GiB, which no session does", _FOREIGN)
        if not unpacker.eof or unpacker.unused_data:
            raise EOFError("it ends too early" if not unpacker.eof else "something follows its end")
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            found: dict[str, bytes] = {}
            for name, inside in _members(path, archive):
                if name in found:
                    raise BundleError(path, f"holds {name} twice", _FOREIGN)
                found[name] = inside
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError, ValueError, LookupError, ArithmeticError) as error:
        raise BundleError(
            path, f"cannot be read as an archive ({error})", f"It is damaged, or no bundle. {_AGAIN}"
        ) from error
    return found


def _members(path: Path, archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Name and content of every member: regular files that the allow-list, or the manifest's place, names."""
    for member in archive:
        known = member.name == MANIFEST or _NAMES.fullmatch(member.name) is not None
        file = archive.extractfile(member) if member.isfile() and known else None
        if file is None:
            raise BundleError(path, f"holds {member.name!r}, which no bundle does", _FOREIGN)
        yield member.name, file.read()


def _manifest(path: Path, content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise BundleError(path, f"holds no {MANIFEST}", _FOREIGN)
    manifest = _document(path, MANIFEST, content)
    if manifest.get("format") != FORMAT:
        told = f"is of format {manifest.get('format')!r}, this version reads {FORMAT}"
        raise BundleError(path, told, "Use one version of Passline where it is exported and where it is imported")
    validate(manifest, "bundle", f"{path}: {MANIFEST}", BundleError)
    if signed(manifest)["manifest_sha256"] != manifest["manifest_sha256"]:
        raise BundleError(path, f"was altered: its {MANIFEST} has another checksum than it says", _AGAIN)
    return manifest


def _plan(path: Path, content: bytes) -> dict[str, Any]:
    """The plan in a bundle or a folder; BundleError where it lacks what a fleet reads."""
    plan = _document(path, "plan.json", content)
    validate(plan, "bundled_plan", f"{path}: plan.json", BundleError)
    return plan


def _told(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest repeats of the plan."""
    builds = [build["build_id"] for build in plan["builds"]]
    known = {"made_up": False, **plan, "builds": builds}
    return {key: known[key] for key in _OF_PLAN}


def _document(path: Path, name: str, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(path, f"its {name} cannot be read", f"It is damaged, or no bundle. {_AGAIN}") from error
    if not isinstance(document, dict):
        raise BundleError(path, f"its {name} holds no keys", _FOREIGN)
    return document
