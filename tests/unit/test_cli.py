"""The command `passline`: every command of its table works, and errors end with status 2."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

from passline import cli
from passline.cli import COMMANDS, Command
from passline.errors import ConfigError


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_its_two_functions_and_help(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    module = import_module(command.module)
    assert callable(module.arguments)
    assert callable(module.run)
    with pytest.raises(SystemExit) as ended:
        cli.main([command.name, "--help"])
    assert ended.value.code == 0
    assert command.does in " ".join(capsys.readouterr().out.split())


def test_names_are_unique() -> None:
    names = [command.name for command in COMMANDS]
    assert len(names) == len(set(names))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A fake module with a fake command."""
    module = ModuleType("fake_command")

    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("number", type=int)

    def run(arguments: argparse.Namespace) -> int:
        if arguments.number < 0:
            raise ConfigError("config: number", f"{arguments.number} is below 0", "Use 0 or more")
        return arguments.number

    module.arguments, module.run = arguments, run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_command", module)
    monkeypatch.setattr(cli, "COMMANDS", (Command("fake", "fake_command", "a number"),))
    return module


@pytest.mark.usefixtures("fake")
def test_the_status_is_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fake", "1"]) == 1
    assert cli.main(["fake", "0"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("fake")
def test_an_error_is_one_message_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fake", "--", "-3"]) == 2
    said = capsys.readouterr()
    assert said.err == "config: number: -3 is below 0. Use 0 or more\n"
    assert said.out == ""


def test_an_error_that_is_not_ours_is_not_hidden(fake: ModuleType) -> None:
    def broken(arguments: argparse.Namespace) -> int:
        return 1 // arguments.number

    fake.run = broken  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError):
        cli.main(["fake", "0"])


@pytest.mark.parametrize("line", [[], ["nonsense"], ["fake", "word"]])
@pytest.mark.usefixtures("fake")
def test_a_wrong_command_line_is_status_2(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(line)
    assert ended.value.code == 2
    assert "usage: passline" in capsys.readouterr().err


def test_help_imports_no_command() -> None:
    code = (
        "import sys, passline.cli as cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(any(c.module in sys.modules for c in cli.COMMANDS) or 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert all(command.name in done.stdout for command in COMMANDS)
