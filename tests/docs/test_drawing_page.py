"""Every command and snippet of docs/reference/drawing.md works as it is written there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.pipeline import Pipeline

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "reference" / "drawing.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines()]
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.S)
CAMERA = (DOCS / "howto" / "camera.md").read_text(encoding="utf-8")
PREVIEWS = re.findall(r"^\$ (skelstream preview.*)$", TEXT + CAMERA, re.M)


def test_there_are_commands_to_run():
    assert len(COMMANDS) >= 8 and all(c.startswith("skelstream ") for c in COMMANDS) and SNIPPETS
    assert len(PREVIEWS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_command(here, people, command):
    before = set(here.iterdir())
    words = shlex.split(command)[1:]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    new = set(here.iterdir()) - before
    assert len(new) == 1 and new.pop().name in words


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippet(here, people, snippet):
    exec(compile(snippet, "docs/reference/drawing.md", "exec"), {})
    assert (here / "from_python.mp4").stat().st_size and (here / "from_python.png").stat().st_size


@pytest.mark.parametrize("line", PREVIEWS)
def test_preview(here, bars, monkeypatch, line):
    asked = []

    def opened(source, estimator, settings):
        asked.append(source)
        return Pipeline("video.mp4", estimator, settings)

    monkeypatch.setattr("skelstream.estimation.pose_estimator.PoseEstimator", lambda *_, **__: bars())
    monkeypatch.setattr("skelstream.pipeline.Pipeline", opened)
    words = shlex.split(line, comments=True)[2:]
    result = CliRunner().invoke(app, ["preview", *words])
    assert result.exit_code == 0 and "40, in " in result.output, result.output
    assert asked == [words[0] if words else "0"]
    assert all(Path(word).exists() for word in words if word.endswith(".npz"))
