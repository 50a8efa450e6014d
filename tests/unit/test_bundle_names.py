"""What names a host, its user or a place is in no bundle."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from finished import session

from passline import bundle, bundle_names
from passline.errors import BundleError


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return session(tmp_path)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Call the host and the user otherwise."""

    def named(host: str, user: str) -> None:
        monkeypatch.setattr(bundle_names.socket, "gethostname", lambda: host)
        monkeypatch.setattr(bundle_names.getpass, "getuser", lambda: user)
        monkeypatch.setattr(Path, "home", lambda: Path("/usr/lib/marinetta2"))

    return named


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Linux banana7 6.1", "names this host (banana7)"),
        ("at BANANA7.example.org", "names this host (BANANA7)"),
        ("by marinetta", "names this user (marinetta)"),
        ("/usr/lib/marinetta2/x", "names a path of this host (/usr/lib/marinetta2)"),
        ("cc -I/home/someone/include x", "names a path of this host (/home/someone/include)"),
        ("-fdebug-prefix-map=/scratch=/x", "names a path of this host (/scratch)"),
        ("no library (/opt/site/libdnnl.so.3: no such file)", "names a path of this host (/opt/site/libdnnl.so.3)"),
        ("file:///data/x", "names a path of this host (///data/x)"),
        ("/usr/lib/../../data/x", "names a path of this host (/usr/lib/../../data/x)"),
        ("read from sys/devices/cpu0/cpulist, /proc/cpuinfo and https://example.org/a", None),
        ("index*/shared_cpu_list, {cpu}/topology and GB/s, /usr/bin/llvm-mca-14", None),
    ],
)
@pytest.mark.parametrize("file", ["tables/machines.csv", "raw/counters/counts.json"])
def test_what_names_this_host_its_user_or_a_place_is_refused_by_file_and_value(
    results: Path, tmp_path: Path, elsewhere: Callable[[str, str], None], file: str, text: str, told: str | None
) -> None:
    elsewhere("banana7.example.org", "marinetta")
    lines = f"first line\n{text}\n"
    (results / file).write_text(json.dumps({"reason": lines}) if file.endswith("json") else lines)
    if told is None:
        bundle.write(results, tmp_path / "a.passline.tar.xz")
        return
    with pytest.raises(BundleError, match=re.escape(f"{file}: {told}")):
        bundle.write(results, tmp_path / "a.passline.tar.xz")
    assert not list(tmp_path.glob("*.xz"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("AMD EPYC 9R14, epyc", None),
        ("someone@epyc", "this host (@epyc)"),
        ("epyc.local", "this host (epyc.local)"),
        ("a slip of li, a list", None),
        ("../home/li", "this user (home/li)"),
        ("work/li/softmax", "this user (/li)"),
        ("~li", "this user (~li)"),
        ("li@there", "this user (li@)"),
    ],
)
def test_a_name_that_is_a_word_or_short_is_sought_in_paths_logins_and_addresses(
    results: Path, tmp_path: Path, elsewhere: Callable[[str, str], None], text: str, told: str | None
) -> None:
    elsewhere("epyc", "li")
    (results / "tables" / "machines.csv").write_text(f"fact,{text}\n")
    if told is None:
        bundle.write(results, tmp_path / "a.passline.tar.xz")
        return
    with pytest.raises(BundleError, match=re.escape(f"names {told}")):
        bundle.write(results, tmp_path / "a.passline.tar.xz")


def test_an_ordinary_user_may_be_a_folder_of_ours(
    results: Path, tmp_path: Path, elsewhere: Callable[[str, str], None]
) -> None:
    elsewhere("memory", "build")
    (results / "build" / "gcc" / "disassembly.txt").write_text("results/m/default/build/gcc/libpassline.so: memory\n")
    bundle.write(results, tmp_path / "a.passline.tar.xz")
    (results / "build" / "gcc" / "disassembly.txt").write_text("../home/build/x\n")
    with pytest.raises(BundleError, match=r"names this user \(home/build\)"):
        bundle.write(results, tmp_path / "a.passline.tar.xz")
