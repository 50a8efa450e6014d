"""The command `passline`, one line of COMMANDS per subcommand.

The module of a command has two functions:

- ``arguments(parser: argparse.ArgumentParser) -> None`` adds its arguments to the parser of its own;
- ``run(arguments: argparse.Namespace) -> int`` does the work, prints to stdout and returns the exit status: 0, or 1 for
  an answer that a caller should stop at. Where it cannot do its work it raises a PasslineError, which is printed to
  stderr; the exit status is then 2, as it is for a wrong command line.

A module is imported only where its command is named: what one command needs slows no other.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from passline.errors import PasslineError

FAILED = 2
"""Exit status where a command could not do its work."""


@dataclass(frozen=True)
class Command:
    """A subcommand: its name, the module that runs it, and what it does in one line."""

    name: str
    module: str
    does: str


COMMANDS: tuple[Command, ...] = (
    Command("plan", "passline.forecast", "tells what a session will run, what it skips and why, and for how long"),
    Command("compare", "passline.compare", "tells whether two sessions may meet and agree, and what became slower"),
    Command("new-study", "passline.new_study", "writes the folder of a study of your own, which runs as it is"),
    Command("freeze", "scripts.freeze", "publishes a session: its tables, and the report that is built from these"),
    Command("republish", "scripts.republish", "rebuilds every published report from its tables"),
    Command(
        "doctor", "passline.doctor", "tells what this machine can count, with which rights, and what would disturb"
    ),
    Command("export", "passline.bundle_export", "writes one archive of a session, and tells what it holds"),
    Command("import", "passline.bundle_import", "verifies such archives, and unpacks all of each"),
)


def parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of all commands; only a command that `argv` names has its arguments."""
    root = argparse.ArgumentParser(
        prog="passline", description="Sessions to come, sessions measured, and studies to begin with."
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = commands.add_parser(command.name, help=command.does, description=f"It {command.does}.")
        if command.name in argv:
            module = import_module(command.module)
            module.arguments(own)
            own.set_defaults(run=module.run)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names (default: the command line's); return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser(argv).parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except PasslineError as error:
        print(error, file=sys.stderr)
        return FAILED
    return status


if __name__ == "__main__":
    sys.exit(main())
