"""The snippets of docs/recognising.md run, and say what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import skelstream.extraction.extraction

PAGE = (Path(__file__).parents[1] / "docs" / "recognising.md").read_text(encoding="utf-8")


def test_snippets(walk, bars, monkeypatch, capsys):
    monkeypatch.chdir(walk.parent)
    walk.rename("video.mp4")
    monkeypatch.setattr(skelstream.extraction.extraction, "PoseEstimator", lambda settings: bars())
    names: dict = {}
    printed = []
    for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        exec(compile(snippet, "docs/recognising.md", "exec"), names)
        printed.append(capsys.readouterr().out.splitlines())
    streamed, finished = printed
    assert len(streamed) == len(finished) == 4
    assert all(line.endswith("(2, 16, 18, 3)") for line in streamed)
    assert streamed[1:] == finished[1:] and finished[1] == "0.40 to 1.15 s [1 2] (2, 16, 18, 3)"
