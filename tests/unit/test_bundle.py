"""Bundles: what goes in, what comes out, and what is refused by name."""

from __future__ import annotations

import io
import json
import lzma
import random
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finished import session

from passline import bundle, cli
from passline.bundle_import import import_all
from passline.errors import BundleError, ReportError
from scripts import freeze

Change = Callable[[dict[str, Any], dict[str, bytes]], None]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return session(tmp_path)


def test_what_goes_in_comes_out(results: Path, tmp_path: Path) -> None:
    path = bundle.write(results, tmp_path / "a.passline.tar.xz")
    found = bundle.read(path)
    assert sorted(found.files) == sorted(found.manifest["files"])
    assert "tables/ratios.csv" in found.files
    assert "raw/times/block-abc/round-000.json" in found.files
    for name in ("libpassline.so", "link.log", "environment.json", ".round-001.json", "not_ours.csv", "notes.json"):
        assert not any(path.endswith(name) for path in found.files)
    assert json.loads(found.files["config.json"]) == {"study": "rmsnorm", "seed": 7}
    assert (found.manifest["machine"], found.manifest["made_up"]) == ("some-1c", False)
    assert bundle.unpack(found, tmp_path / "fleet")
    assert not bundle.unpack(found, tmp_path / "fleet")
    (folder,) = (tmp_path / "fleet").iterdir()
    assert folder.name == f"some-1c-default-{found.manifest['data_sha256'][:8]}"
    assert (folder / "tables" / "ratios.csv").read_bytes() == (results / "tables" / "ratios.csv").read_bytes()


def test_equal_results_give_equal_bytes_without_owner_or_time(results: Path, tmp_path: Path) -> None:
    one, two = (bundle.write(results, tmp_path / f"{name}.passline.tar.xz") for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as archive:
        for member in archive:
            assert (member.mtime, member.uid, member.uname, member.gname) == (0, 0, "", "")


def test_an_unfinished_session_is_refused(results: Path) -> None:
    (results / "tables" / "ratios.csv").unlink()
    with pytest.raises(BundleError, match=r"no finished session: tables/ratios.csv is missing. Run snakemake"):
        bundle.write(results)


def test_a_session_with_a_file_that_is_no_json_is_refused(results: Path, tmp_path: Path) -> None:
    (results / "raw" / "times" / "manifest.json").write_text("{")
    with pytest.raises(BundleError, match=r"cannot be read .* Run the session anew"):
        bundle.write(results, tmp_path / "a.passline.tar.xz")


def repacked(path: Path, change: Change) -> Path:
    """The bundle with its manifest or files changed, and packed as they then are."""
    found = bundle.read(path)
    manifest, files = dict(found.manifest), dict(found.files)
    change(manifest, files)
    bundle.pack(manifest, files, path)
    return path


def alter(_: dict[str, Any], files: dict[str, bytes]) -> None:
    files["tables/ratios.csv"] += b"3,4\n"


def add(_: dict[str, Any], files: dict[str, bytes]) -> None:
    files["tables/goals.csv"] = b""


def lose(_: dict[str, Any], files: dict[str, bytes]) -> None:
    del files["tables/ratios.csv"]


def newer(manifest: dict[str, Any], _: dict[str, bytes]) -> None:
    manifest["format"] = 99


def rehash(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["tables/ratios.csv"] += b"3,4\n"
    manifest |= bundle.signed({**manifest, "files": bundle.described(files)["files"]})


def stranger(_: dict[str, Any], files: dict[str, bytes]) -> None:
    files["../outside.csv"] = b""


def climber(_: dict[str, Any], files: dict[str, bytes]) -> None:
    files["raw/times/../../../round-1.json"] = b""


def told(**changes: Any) -> Change:
    """The manifest says otherwise."""
    return lambda manifest, _: manifest.update(changes)


def consistent(change: Change) -> Change:
    """The same, with all checksums computed anew: by whoever wrote the bundle, wrongly."""

    def changed(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        change(manifest, files)
        manifest |= bundle.signed(manifest | bundle.described(files))

    return changed


def planned(**changes: Any) -> Change:
    """plan.json says otherwise; without keys that are None."""

    def changed(_: dict[str, Any], files: dict[str, bytes]) -> None:
        document = {**json.loads(files["plan.json"]), **changes}
        files["plan.json"] = json.dumps({k: v for k, v in document.items() if v is not None}).encode()

    return changed


def empty_plan(_: dict[str, Any], files: dict[str, bytes]) -> None:
    files["plan.json"] = b"{}"


def entry(manifest: dict[str, Any], _: dict[str, bytes]) -> None:
    manifest["files"]["plan.json"] = 7
    manifest.update(bundle.signed(manifest))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (entry, "was altered: plan.json has another checksum or size than its manifest says"),
        (alter, "damaged or was altered: tables/ratios.csv has another checksum"),
        (add, "was altered: holds tables/goals.csv, which its manifest does not list"),
        (lose, "was altered: tables/ratios.csv is missing, though its manifest lists it"),
        (newer, "is of format 99, this version reads 2"),
        (rehash, "its data has another hash than its manifest says"),
        (stranger, r"holds '\.\./outside.csv', which no bundle does"),
        (climber, "round-1.json', which no bundle does"),
        *(
            (told(**{key: value}), r"was altered: its manifest.json has another checksum than it says")
            for key, value in (
                ("made_up", True), ("measurement", False), ("machine", "other-2c"), ("passline", "9.9"),
                ("session", "smoke"), ("study", "logsumexp"), ("builds", ["c"]),
            )
        ),
        *(
            (consistent(told(**{key: value})), f"was altered: its manifest says {key} is .*, its plan.json")
            for key, value in (
                ("made_up", True), ("measurement", False), ("machine", "other-2c"), ("session", "smoke"),
                ("study", "logsumexp"), ("builds", ["c"]),
            )
        ),
        (consistent(told(machine="../../escaped")), r"manifest.json: machine: '../../escaped' is not accepted"),
        (consistent(told(session="a/b")), r"manifest.json: session: 'a/b' is not accepted"),
        (consistent(told(study="a\n")), r"manifest.json: study: 'a\\n' is not accepted"),
        (told(files=[]), r"manifest.json: files: \[\] is not accepted"),
        (told(data_sha256="0"), r"manifest.json: data_sha256: '0' is not accepted"),
        (told(more=1), r"manifest.json: top level: unknown key 'more'"),
        (consistent(lose), r"holds no tables/ratios.csv. It is of no finished session"),
        (consistent(empty_plan), r"plan.json: top level: the key 'machine' is missing"),
        (consistent(planned(labels=[])), r"plan.json: labels: \[\] is not accepted"),
        (consistent(planned(made_up=True)), r"its manifest says made_up is False, its plan.json True"),
    ],
)  # fmt: skip
def test_what_was_altered_is_refused_by_name(results: Path, tmp_path: Path, change: Change, message: str) -> None:
    path = repacked(bundle.write(results, tmp_path / "a.passline.tar.xz"), change)
    with pytest.raises(BundleError, match=rf"a\.passline\.tar\.xz: .*{message}"):
        bundle.read(path)


def flipped(content: bytes, place: int) -> bytes:
    """With one bit of one byte changed."""
    return content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]


def test_whichever_byte_is_flipped_the_bundle_is_refused_by_name(results: Path, tmp_path: Path) -> None:
    packed = bundle.write(results, tmp_path / "good.passline.tar.xz").read_bytes()
    bad = tmp_path / "bad.passline.tar.xz"
    for place in range(len(packed)):
        bad.write_bytes(flipped(packed, place))
        with pytest.raises(BundleError, match=re.escape(f"{bad}: ")):
            bundle.read(bad)


def test_a_byte_that_is_flipped_below_the_archives_checksum_is_found_or_says_nothing(
    results: Path, tmp_path: Path
) -> None:
    """As whoever packs anew may do it; between the files of a tar there are bytes that say nothing."""
    path = bundle.write(results, tmp_path / "a.passline.tar.xz")
    sound, inside = bundle.read(path), lzma.decompress(path.read_bytes())
    refused = 0
    places = [*range(512), *random.Random(7).sample(range(512, len(inside)), 500)]
    for place in places:
        path.write_bytes(lzma.compress(flipped(inside, place), preset=0))
        try:
            assert bundle.read(path) == sound
        except BundleError as error:
            refused += str(error).startswith(f"{path}: ")
    assert refused > len(places) / 4


def test_a_damaged_bundle_keeps_no_other_from_being_imported(results: Path, tmp_path: Path) -> None:
    good = bundle.write(results, tmp_path / "good.passline.tar.xz")
    packed = good.read_bytes()
    bad = [tmp_path / f"bad-{place}.passline.tar.xz" for place in range(0, len(packed), len(packed) // 20)]
    for number, path in enumerate(bad):
        path.write_bytes(flipped(packed, number * (len(packed) // 20)))
    taken, _, refused = import_all([*bad, good], tmp_path / "fleet")
    assert taken == 1
    assert [str(error).partition(": ")[0] for error in refused] == [str(path) for path in bad]


def test_something_after_the_end_is_refused(results: Path, tmp_path: Path) -> None:
    path = bundle.write(results, tmp_path / "a.passline.tar.xz")
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(BundleError, match=r"cannot be read as an archive \(something follows its end\)"):
        bundle.read(path)


def test_an_archive_without_end_is_refused(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bundle.write(results, tmp_path / "a.passline.tar.xz")
    monkeypatch.setattr(bundle, "MOST_BYTES", 5000)
    monkeypatch.setattr(bundle, "MOST_MEMORY", 1 << 30)
    with pytest.raises(BundleError, match="which no session does"):
        bundle.read(path)


@pytest.mark.parametrize("manifest", [b"[]", b"7", b"{", b"\xff", b"[" * 100_000, b'{"format": 2}', b'{"files": []}'])
def test_a_manifest_of_any_other_form_is_refused_by_name(tmp_path: Path, manifest: bytes) -> None:
    path = tmp_path / "a.passline.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        for _ in range(1):
            member = tarfile.TarInfo(bundle.MANIFEST)
            member.size = len(manifest)
            archive.addfile(member, io.BytesIO(manifest))
    with pytest.raises(BundleError, match=r"a\.passline\.tar\.xz"):
        bundle.read(path)


def test_a_file_that_is_held_twice_is_refused(results: Path, tmp_path: Path) -> None:
    path = bundle.write(results, tmp_path / "a.passline.tar.xz")
    inside = io.BytesIO(lzma.decompress(path.read_bytes()))
    with tarfile.open(fileobj=inside, mode="a:") as archive:
        archive.addfile(tarfile.TarInfo("plan.json"), io.BytesIO())
    path.write_bytes(lzma.compress(inside.getvalue()))
    with pytest.raises(BundleError, match=r"holds plan\.json twice"):
        bundle.read(path)


@pytest.mark.parametrize("kept", [0, 40, 0.5, 0.99])
def test_what_is_cut_off_is_refused(results: Path, tmp_path: Path, kept: float) -> None:
    path = bundle.write(results, tmp_path / "a.passline.tar.xz")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    with pytest.raises(BundleError, match=r"cannot be read as an archive .* Ask for it again from where it was made"):
        bundle.read(path)


def test_what_is_no_folder_of_a_session_says_what_it_is(results: Path, tmp_path: Path) -> None:
    """The same words for publishing it."""
    path = bundle.write(results, tmp_path / "a.passline.tar.xz")
    for given, says in (
        (path, "is a file, not a session's folder. Unpack a bundle with passline import"),
        (tmp_path / "nowhere", "does not exist. Name the folder of a finished session"),
        (tmp_path, r"is no finished session: plan\.json is missing. Run snakemake to its end"),
    ):
        with pytest.raises(BundleError, match=says):
            bundle.write(given, tmp_path / "b.passline.tar.xz")
        with pytest.raises(ReportError, match=says):
            freeze.freeze(given, tmp_path / "published")
    with pytest.raises(BundleError, match=r"nowhere: does not exist. Name an archive, or a folder of archives"):
        bundle.read(tmp_path / "nowhere")


def test_another_archive_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "a.passline.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        member = tarfile.TarInfo("plan.json")
        archive.addfile(member, io.BytesIO())
    with pytest.raises(BundleError, match=r"holds no manifest\.json. It is no bundle of Passline"):
        bundle.read(path)


def test_the_commands(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sound bundles are imported beside unsound ones, which are named; then the status is 1."""
    inbox = tmp_path / "inbox"
    assert cli.main(["export", str(results), "-o", str(inbox / "good.passline.tar.xz")]) == 0
    assert "13 files" in capsys.readouterr().out
    (inbox / "bad.passline.tar.xz").write_bytes(b"nothing")
    assert cli.main(["import", str(inbox), "--into", str(tmp_path / "fleet")]) == 1
    said = capsys.readouterr()
    assert "bad.passline.tar.xz: cannot be read as an archive" in said.err
    assert "1 imported" in said.out
    assert "1 refused" in said.out
    assert cli.main(["import", str(inbox / "good.passline.tar.xz"), "--into", str(tmp_path / "fleet")]) == 0
    assert "0 imported" in capsys.readouterr().out
    assert cli.main(["import", str(results)]) == 2
    assert "holds no *.passline.tar.xz" in capsys.readouterr().err
