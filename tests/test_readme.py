"""What the README says works: its snippet runs, its commands and options exist."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import typer

import skelstream.estimation.pose_estimator
import skelstream.extraction.extraction
from skelstream.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"`?(skelstream [a-z]+[^`|\n]*)`", README)


def test_the_snippet_runs(walk, bars, tmp_path, monkeypatch):
    shutil.copy(walk, tmp_path / "video.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(skelstream.extraction.extraction, "PoseEstimator", lambda settings: bars())
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    exec(compile(snippet, "README.md", "exec"), names)
    assert names["clip"].shape == (2, 40, 17, 3)
    assert (tmp_path / "skeletons.npz").exists()


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_their_options_exist(line):
    words = line.split("|")[0].split()[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if re.fullmatch(r"--?[a-z-]+", word) and word != "-"} <= options


def test_linked_pages_exist():
    for link in re.findall(r"\]\(([a-z]+/[^)#]+)", README):
        assert (ROOT / link).exists(), link
