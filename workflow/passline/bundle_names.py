"""What in a text names this host, its user or a place of theirs: none of it may go into a bundle.

A name that is a word of this program or of this hardware as well (a host called `epyc`), or very short, tells nothing
by itself: it is looked for only where a text looks like a path, a login or an address.
"""

from __future__ import annotations

import getpass
import json
import re
import socket
from collections.abc import Iterable, Iterator, Set
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

WORKFLOW = Path(__file__).parents[1]
SYSTEM = (
    "/bin", "/dev", "/lib", "/lib64", "/proc", "/sys", "/usr/bin", "/usr/include", "/usr/lib", "/usr/lib64",
)  # fmt: skip
"""Folders that every system has: a path below them tells of nobody."""

_LEAST_NAME = 4  # characters: shorter names are parts of other things
_COMMON = frozenset({"localhost", "root", "user", "runner"})
_OPENS = r"""\s"'`=,:;(\[{<|@&!"""
# At the start of a word, or right after an option, as in -I/home/someone.
_ABSOLUTE = re.compile(rf"""(?:(?<![^{_OPENS}])|(?<![\w-])--?[A-Za-z][\w-]*)(/+[\w.~+@-][^\s"'`=,:;()\[\]{{}}<>|]*)""")
_URL = re.compile(r"\b(?:https?|ftp)://[^\s\"'<>]*")


def strings(path: str, content: bytes) -> set[str]:
    """All texts of a file, each once: of JSON its strings, which it escapes; ValueError where it is none."""
    text = content.decode("utf-8")
    return set(_strings(json.loads(text))) if path.endswith(".json") else set(text.splitlines())


def _strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from _strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value)


class Names:
    """The names of this host and its user, as they would stand in a text."""

    def __init__(self, hardware: str) -> None:
        """Look them up; `hardware` is what the machine's facts say, whose words are no names."""
        ordinary = words(hardware) | own_words() | _COMMON
        host, user = socket.gethostname(), getpass.getuser()
        short = host.split(".")[0]
        self._known = [("this host", _pattern(short, ordinary, rf"{re.escape(short)}\.(?:local|lan|home|internal)\b"))]
        self._known.append(("this user", _pattern(user, ordinary, rf"\b(?:home|users)[/\\]{re.escape(user)}\b")))
        if host != short:
            self._known.append(("this host", re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", re.IGNORECASE)))
        self._places = [place for place in {str(Path.home()), str(Path.cwd())} if place != "/"]

    def found(self, texts: Iterable[str]) -> str | None:
        """What the first of the texts that names something names; None where none does."""
        return next((told for text in sorted(texts) if (told := self._found(text)) is not None), None)

    def _found(self, text: str) -> str | None:
        for what, pattern in self._known:
            if (match := pattern.search(text)) is not None:
                return f"{what} ({match.group()})"
        path = next((path for path in absolute(text) if not _of_any_system(path)), None)
        path = path or next((place for place in self._places if re.search(rf"{re.escape(place)}(?![\w-])", text)), None)
        return None if path is None else f"a path of this host ({path})"


def absolute(text: str) -> list[str]:
    """The absolute paths in a text."""
    return _ABSOLUTE.findall(_URL.sub(" ", text)) if "/" in text else []


def words(text: str) -> set[str]:
    """Words and numbers of a text, in small letters."""
    return set(re.findall(r"[a-z0-9]+", text.lower()))


@cache
def own_words() -> frozenset[str]:
    """The words of this program: what it writes is made of them."""
    files = (path for suffix in ("py", "yaml") for path in WORKFLOW.rglob(f"*.{suffix}"))
    return frozenset().union(*(words(path.read_text(encoding="utf-8")) for path in files))


def _of_any_system(path: str) -> bool:
    pure = PurePosixPath(path)
    return ".." not in pure.parts and any(pure.is_relative_to(folder) for folder in SYSTEM)


def _pattern(name: str, ordinary: Set[str], place: str) -> re.Pattern[str]:
    """Where a name stands: anywhere if nothing else is called so, else in a login, an address, a path or `place`.

    What an ordinary word is part of may well be a path of ours, as `build/gcc`.
    """
    escaped = re.escape(name)
    common = name.lower() in ordinary
    if len(name) >= _LEAST_NAME and not common:
        return re.compile(rf"(?<![^\W_]){escaped}(?![^\W_])", re.IGNORECASE)
    context = [place, rf"~{escaped}\b", rf"@{escaped}\b", rf"(?<![\w.-]){escaped}@"]
    if not common:
        context += [rf"[/\\]{escaped}(?![\w.-])", rf"(?<![\w.-]){escaped}[/\\]"]
    return re.compile("|".join(context), re.IGNORECASE)
