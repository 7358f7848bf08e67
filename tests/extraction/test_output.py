"""Tests that results never replace their sources."""

from __future__ import annotations

import pytest

from skelstream.errors import OutputError
from skelstream.extraction.output import Output
from skelstream.extraction.settings import ExtractionSettings


def test_a_video_with_the_outputs_name_is_kept(walk, tmp_path):
    video = tmp_path / "walk.mp4"
    video.write_bytes(walk.read_bytes())
    with pytest.raises(OutputError, match=r"walk\.mp4 would replace the input"):
        Output(video, "npz", overwrite=True).check(video, ExtractionSettings())
    assert video.read_bytes() == walk.read_bytes()
