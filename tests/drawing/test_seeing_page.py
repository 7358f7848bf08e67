"""Every command and snippet of docs/seeing.md works as it is written there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.formats import save
from skelstream.video import VideoWriter

TEXT = (Path(__file__).parents[2] / "docs" / "seeing.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines()]
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.S)


@pytest.fixture
def folder(tmp_path, monkeypatch, two_walkers):
    monkeypatch.chdir(tmp_path)
    with VideoWriter("video.mp4", 240, 320, fps=20) as writer:
        for i in range(40):
            writer.write(np.full((240, 320, 3), 120, np.uint8), i / 20)
    save(two_walkers, "skeletons.npz")
    return tmp_path


def test_there_are_commands_to_run():
    assert len(COMMANDS) >= 8 and all(c.startswith("skelstream ") for c in COMMANDS) and SNIPPETS


@pytest.mark.parametrize("command", COMMANDS)
def test_command(folder, command):
    before = set(folder.iterdir())
    words = shlex.split(command)[1:]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    new = set(folder.iterdir()) - before
    assert len(new) == 1 and new.pop().name in words


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippet(folder, snippet):
    exec(compile(snippet, "docs/seeing.md", "exec"), {})
    assert (folder / "from_python.mp4").stat().st_size and (folder / "from_python.png").stat().st_size
