"""Tests that results never replace their sources."""

from __future__ import annotations

import os

import pytest

from skelstream.errors import OutputError
from skelstream.extraction.output import Output, check_not_source


@pytest.fixture
def files(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.mp4", "photos/1.png", "photos/2.png", "photos/old.npz"):
        (tmp_path / name).write_bytes(b"precious")
    os.link(tmp_path / "a.mp4", tmp_path / "hard.mp4")
    (tmp_path / "soft.mp4").symlink_to("a.mp4")
    return tmp_path


@pytest.mark.parametrize(
    ("output", "source"),
    [
        ("a.mp4", "a.mp4"),
        ("hard.mp4", "a.mp4"),
        ("soft.mp4", "a.mp4"),
        ("photos/../a.mp4", "a.mp4"),
        ("photos/2.png", "photos"),
        ("photos/2.png", "photos/*.png"),
        ("photos/2.png", "photos/2.png"),
    ],
)
def test_the_source_cannot_be_replaced(files, output, source):
    with pytest.raises(OutputError, match=r"\d?\.(mp4|png) is the source of the result"):
        check_not_source(files / output, str(files / source))


@pytest.mark.parametrize(
    ("output", "source"),
    [("b.npz", "a.mp4"), ("a.mp4", "photos"), ("photos/old.npz", "photos"), ("photos/1.png", "a.mp4")],
)
def test_other_files_can_be_replaced(files, output, source):
    check_not_source(files / output, str(files / source))
    check_not_source(files / output, "rtsp://camera/1?a=[b")
    check_not_source(files / output, 0)


def test_a_video_with_the_outputs_name_is_kept(walk, tmp_path):
    video = tmp_path / "walk.mp4"
    video.write_bytes(walk.read_bytes())
    with pytest.raises(OutputError, match=r"walk\.mp4 is the source of the result"):
        Output(video, "npz", overwrite=True).check(video)
    assert video.read_bytes() == walk.read_bytes()
