"""Validation against the closed JSON Schemas, with messages a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from passline.errors import PasslineError

SCHEMAS = Path(__file__).parent.parent / "schemas"


@cache
def load_schema(name: str) -> dict[str, Any]:
    """The JSON Schema `workflow/schemas/<name>.schema.yaml`."""
    schema: dict[str, Any] = yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text(encoding="utf-8"))
    return schema


def load_yaml(path: Path, error: type[PasslineError]) -> Any:
    """Parse a YAML file; raise `error` where it is missing or not YAML."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise error(path, "the file does not exist", "Check the path") from cause
    except yaml.YAMLError as cause:
        detail = " ".join(str(cause).split())
        raise error(path, f"is not valid YAML ({detail})", "Correct the file") from cause


def validate(document: Any, name: str, where: str | Path, error: type[PasslineError]) -> None:
    """Raise `error` for the first violation of schema `name`: key, value seen, reason, remedy."""
    validator = jsonschema.Draft202012Validator(load_schema(name))
    violation = jsonschema.exceptions.best_match(validator.iter_errors(document))
    if violation is None:
        return
    key = ".".join(str(part) for part in violation.absolute_path) or "top level"
    raise error(f"{where}: {key}", *_explain(violation))


def load_listed(path: Path, kind: str, error: type[PasslineError]) -> dict[str, Any]:
    """A YAML file that lists entries with an id under `kind`, which names its schema too; `error` where it is wrong."""
    document: dict[str, Any] = load_yaml(path, error)
    validate(document, kind, path, error)
    ids = [entry["id"] for entry in document[kind]]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise error(f"{path}: {kind}.{twice}", "the id is used twice", "Give every entry its own id")
    return document


def _explain(violation: jsonschema.ValidationError) -> tuple[str, str]:
    schema: Any = violation.schema
    if violation.validator == "additionalProperties":
        known = list(schema.get("properties", {}))
        seen: Any = violation.instance
        unknown = sorted(set(seen) - set(known))
        return f"unknown key {unknown[0]!r}", _suggest(unknown[0], known)
    if violation.validator == "required":
        instance: Any = violation.instance
        missing = [key for key in schema["required"] if key not in instance]
        return f"the key {missing[0]!r} is missing", "Add it"
    purpose = schema.get("description")
    remedy = f"This is: {purpose.rstrip('.')}" if purpose else "Correct the value"
    return f"{violation.instance!r} is not accepted ({violation.message})", remedy


def _suggest(unknown: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(unknown, names, n=1)
    return (f"Did you mean {close[0]!r}? " if close else "") + f"Known keys: {', '.join(names)}"
