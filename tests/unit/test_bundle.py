"""Bundles: what goes in, what comes out, and what is refused by name."""

from __future__ import annotations

import io
import json
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from passline import bundle, cli
from passline.errors import BundleError

PLAN = {
    "machine": "made-up-1c",
    "session": "default",
    "study": "softmax",
    "measurement": True,
    "builds": [{"build_id": "b"}],
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A finished session, with things that do not go in."""
    folder = tmp_path / "results" / "made-up-1c" / "default"
    files = {
        "plan.json": json.dumps(PLAN),
        "machine.json": "{}",
        "config.json": json.dumps({"study": "/somewhere/of/mine/rmsnorm", "seed": 7}),
        "tables/ratios.csv": "# a table\n1,2\n",
        "tables/machines.csv": "# a table\n",
        "build/gcc/build.json": "{}",
        "build/gcc/disassembly.txt": "loop:\n",
        "raw/times/manifest.json": "{}",
        "raw/times/block-abc/block.json": "{}",
        "raw/times/block-abc/round-000.json": "{}",
        "raw/times/block-abc/.round-001.json": "half a round",
        "raw/counters/counts.json": "{}",
        "build/gcc/libpassline.so": "\x7fELF",
        "logs/link.log": "cc -o /home/someone",
        "environment.json": "{}",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_what_goes_in_comes_out(results: Path, tmp_path: Path) -> None:
    path = bundle.write(results, tmp_path / "a.passline.tar.xz")
    found = bundle.read(path)
    assert sorted(found.files) == sorted(found.manifest["files"])
    assert "tables/ratios.csv" in found.files
    assert "raw/times/block-abc/round-000.json" in found.files
    for name in ("libpassline.so", "link.log", "environment.json", ".round-001.json"):
        assert not any(path.endswith(name) for path in found.files)
    assert json.loads(found.files["config.json"]) == {"study": "rmsnorm", "seed": 7}
    assert (found.manifest["machine"], found.manifest["made_up"]) == ("made-up-1c", False)
    assert bundle.unpack(found, tmp_path / "fleet")
    assert not bundle.unpack(found, tmp_path / "fleet")
    (folder,) = (tmp_path / "fleet").iterdir()
    assert folder.name == f"made-up-1c-default-{found.manifest['data_sha256'][:8]}"
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


@pytest.mark.parametrize("what", ["host", "user", "home"])
def test_what_names_this_host_or_its_user_is_refused(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "banana7.example.org")
    monkeypatch.setattr(bundle.getpass, "getuser", lambda: "marinetta")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/marinetta2"))
    name = {"host": "banana7", "user": "marinetta", "home": "/home/marinetta2/x"}[what]
    (results / "tables" / "machines.csv").write_text(f"fact,{name}\n")
    with pytest.raises(BundleError, match=r"tables/machines.csv: names (this host|this user|a path of this host)"):
        bundle.write(results, tmp_path / "a.passline.tar.xz")
    assert not list(tmp_path.glob("*.xz"))


def repacked(path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Path:
    """The bundle with its manifest or files changed, and packed as they then are."""
    found = bundle.read(path)
    manifest, files = dict(found.manifest), dict(found.files)
    change(manifest, files)
    bundle.pack(manifest, files, path)
    return path


def alter(_: dict[str, Any], files: dict[str, bytes]) -> None:
    files["tables/ratios.csv"] += b"3,4\n"


def add(_: dict[str, Any], files: dict[str, bytes]) -> None:
    files["tables/more.csv"] = b""


def lose(_: dict[str, Any], files: dict[str, bytes]) -> None:
    del files["tables/ratios.csv"]


def newer(manifest: dict[str, Any], _: dict[str, bytes]) -> None:
    manifest["format"] = 99


def rehash(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    files["tables/ratios.csv"] += b"3,4\n"
    manifest["files"] = bundle.described(files)["files"]


def stranger(_: dict[str, Any], files: dict[str, bytes]) -> None:
    files["../outside.csv"] = b""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (alter, "damaged or was altered: tables/ratios.csv has another checksum"),
        (add, "was altered: holds tables/more.csv, which its manifest does not list"),
        (lose, "was altered: tables/ratios.csv is missing, though its manifest lists it"),
        (newer, "is of format 99, this version reads 1"),
        (rehash, "its data has another hash than its manifest says"),
        (stranger, r"holds '\.\./outside.csv', which no bundle does"),
    ],
)
def test_what_was_altered_is_refused_by_name(
    results: Path, tmp_path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None], message: str
) -> None:
    path = repacked(bundle.write(results, tmp_path / "a.passline.tar.xz"), change)
    with pytest.raises(BundleError, match=rf"a\.passline\.tar\.xz: .*{message}"):
        bundle.read(path)


@pytest.mark.parametrize("kept", [0, 40, 0.5, 0.99])
def test_what_is_cut_off_is_refused(results: Path, tmp_path: Path, kept: float) -> None:
    path = bundle.write(results, tmp_path / "a.passline.tar.xz")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    with pytest.raises(BundleError, match="cannot be read as an archive"):
        bundle.read(path)


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
    assert "11 files" in capsys.readouterr().out
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
