"""What every command has."""

from __future__ import annotations

import re
import shlex

import pytest
import typer

from scgde.cli import app, verbs

COMMANDS = typer.main.get_command(app).commands


def example_of(command: str) -> list[str]:
    """Arguments of the example in the help of a command."""
    found = re.findall(rf"^Example: scgde {command}(.*)$", COMMANDS[command].help, re.MULTILINE)
    assert len(found) == 1
    return shlex.split(found[0])


def test_commands_are_the_files_of_verbs():
    assert list(COMMANDS) == verbs.__all__


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_shows_the_example(command, option, succeeds):
    assert f"Example: scgde {command} " in succeeds(command, option)


@pytest.mark.parametrize("command", COMMANDS)
def test_example_has_arguments_that_the_command_takes(command):
    context = COMMANDS[command].make_context(command, example_of(command))
    assert context.params["file"].suffix == ".h5ad"


@pytest.mark.parametrize("command", COMMANDS)
def test_file_that_is_not_there_is_said_in_one_line(command, fails, tmp_path):
    arguments = [tmp_path / "none.h5ad" if value.endswith(".h5ad") else value for value in example_of(command)]
    assert "must be an existing h5ad file" in fails(command, *arguments)
    assert list(tmp_path.iterdir()) == []
