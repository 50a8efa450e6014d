"""Which of our modules a script depends on, read from its import statements.

Snakemake re-runs a rule whose inputs changed; listing these files as inputs makes an edit re-run exactly the
rules whose results it can change, without a list kept by hand.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

from passline.errors import StudyError

WORKFLOW = Path(__file__).parents[1]
_PACKAGES = ("passline", "figures")


@cache
def _imported(path: Path) -> frozenset[Path]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(file for name in names if name.split(".")[0] in _PACKAGES for file in _files(name))


def _files(module: str) -> list[Path]:
    base = WORKFLOW.joinpath(*module.split("."))
    return [path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()]


def module_files(script: Path) -> list[str]:
    """Our modules that `script` imports, directly or through others, sorted, relative to the working directory."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        for path in _imported(waiting.pop()):
            if path not in found:
                found.add(path)
                waiting.append(path)
    here = Path.cwd()
    return sorted(str(path.relative_to(here)) if path.is_relative_to(here) else str(path) for path in found)


def script_modules(name: str) -> list[str]:
    """Our modules that workflow/scripts/<name>.py imports: its rule runs again when one of them changes."""
    return module_files(WORKFLOW / "scripts" / f"{name}.py")


def template_parts(template: Path) -> list[Path]:
    """The files that a Typst template imports by name, which lie beside it, sorted."""
    names = re.findall(r'^#import "([^"@]+)"', template.read_text(encoding="utf-8"), re.MULTILINE)
    return sorted(template.with_name(name) for name in names)


def figure_tables(path: Path, name: str = "TABLES") -> list[str]:
    """The TABLES, or the OPTIONAL ones, of a figure's module, read without importing it (and matplotlib with it)."""
    return list(figure_constant(path, name, () if name == "OPTIONAL" else None))


def summary(path: Path) -> str:
    """What the first line of a module's docstring begins with, up to a comma, a colon or its full stop."""
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return re.split(r"[,:.\n]", told, maxsplit=1)[0]


def figure_constant(path: Path, name: str, default: Any = None) -> Any:
    """A constant of a figure's module, read in the same way; StudyError where it has neither it nor a default."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(t, "id", None) for t in node.targets] == [name]:
            return ast.literal_eval(node.value)
    if default is not None:
        return default
    needed = "Add TABLES, CAPTION, LIMITS, SECTION and draw(): see another figure"
    raise StudyError(path, f"the figure has no {name}", needed)
