"""What the README says works: its snippet runs, its commands and options exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from skelstream.cli import app

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"`?(skelstream [a-z]+[^`|\n]*)`", README)


def test_the_snippet_runs(here):
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    exec(compile(snippet, "README.md", "exec"), names)
    assert names["clip"].shape == (2, 40, 17, 3)
    assert (here / "skeletons.npz").exists()


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_their_options_exist(line):
    words = line.split("|")[0].split()[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if re.fullmatch(r"--?[a-z-]+", word) and word != "-"} <= options


def test_every_command_is_in_the_table():
    named = {line.split()[1] for line in COMMANDS}
    assert set(typer.main.get_command(app).commands) - {"train-lifting"} <= named  # pyright: ignore


def test_it_has_the_two_commands_on_one_line_each():
    assert (
        len(re.findall(r"^python3 -m venv .*$", README, re.M)) == 2
        and "<!-- test command -->\n```bash\n" in README
    )
    assert len(README.splitlines()) <= 100
