"""workflow/config/README.md, made of the schema and the default session: `python -m passline.config_readme`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from passline.schema import load_schema

FOLDER = Path(__file__).parents[1] / "config"
README, DEFAULT = FOLDER / "README.md", FOLDER / "default.yaml"
HEAD = """\
# What a session measures

`default.yaml` is the default session; the others here, and yours, hold the keys that differ:
`snakemake --configfile mine.yaml`. A wrong key or value is refused before anything runs. Made from
`workflow/schemas/config.schema.yaml`; a test compares.

| key | values | default | meaning |
|---|---|---|---|
"""
MOST = 40
"""Characters of a default that is shown; a longer one stands in default.yaml."""

Schema = Mapping[str, Any]


def text() -> str:
    """The document."""
    defaults: dict[str, Any] = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    return HEAD + "".join(f"| {' | '.join(cells)} |\n" for cells in rows(load_schema("config"), defaults))


def rows(schema: Schema, defaults: Mapping[str, Any] | None, prefix: str = "") -> Iterator[list[str]]:
    """Key, values, default and meaning of each property, and of those inside it."""
    for name, spec in schema["properties"].items():
        key = f"{prefix}{name}"
        described = str(spec.get("description", "")).replace("|", "\\|")
        yield [f"`{key}`", values(spec), _default(defaults, name), described]
        if "properties" in spec:
            inner = None if defaults is None else defaults.get(name)
            yield from rows(spec, inner, f"{key}.")
        elif "properties" in spec.get("items", {}):
            yield from rows(spec["items"], None, f"{key}[].")


def values(spec: Schema) -> str:
    """What a schema accepts, in a few words."""
    if "anyOf" in spec:
        return " or ".join(dict.fromkeys(values(each) for each in spec["anyOf"]))
    if "const" in spec:
        return f"`{spec['const']}`"
    if "enum" in spec:
        return ", ".join(f"`{each}`" for each in spec["enum"])
    kind = spec.get("type", "any")
    if kind == "array":
        return f"list of {values(spec['items'])}" if "items" in spec else "list"
    if kind == "object":
        more = spec.get("additionalProperties")
        return f"names with {values(more)}" if isinstance(more, dict) else "keys below"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _default(defaults: Mapping[str, Any] | None, name: str) -> str:
    if defaults is None or name not in defaults:
        return ""
    shown = json.dumps(defaults[name]).strip('"')
    return f"`{shown}`" if len(shown) <= MOST else "see `default.yaml`"


if __name__ == "__main__":
    README.write_text(text(), encoding="utf-8")
