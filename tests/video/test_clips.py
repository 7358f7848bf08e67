"""Real clips, where they are available."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from skelstream.video import open_source

FACTS = {
    "sports2d_demo.mp4": (994, 1768, 30, 230),
    "pose2sim_single_cam01.mp4": (1920, 1080, 60, 100),
    "pose2sim_single_cam02_vp9.mp4": (1920, 1080, 60, 100),
    "pose2sim_multi_cam01.mp4": (1920, 1088, 60, 100),
    "pose2sim_multi_cam03.mp4": (1920, 1088, 60, 100),
    "one-by-one-person-detection.mp4": (432, 768, 10, 1394),
    "asl_walk.mkv": (480, 640, 30, None),
    "torchvision_basketball.mp4": (360, 640, 29.97, 333),
    "poseformat_signer.mp4": (720, 540, 29.917, 58),
    "TUD-Campus.mp4": (480, 640, 25, 71),
    "TUD-Stadtmitte.mp4": (480, 640, 25, 179),
}


@pytest.fixture
def clip(make, request) -> Path:
    folder = make.shared_media()
    if folder is None:
        pytest.skip("the development clips are not here (SKELSTREAM_DATA)")
    found = next(folder.rglob(request.param), None)
    if found is None:
        pytest.skip(f"{request.param} is not among the development clips")
    return found


@pytest.mark.parametrize("clip", FACTS, indirect=True)
def test_first_frames(clip):
    height, width, rate, count = FACTS[clip.name]
    with open_source(clip) as source:
        frames = list(itertools.islice(source, 12))
        info = source.info
    assert (info.height, info.width, info.frames) == (height, width, count)
    assert info.fps == pytest.approx(rate, abs=0.01)
    assert [f.index for f in frames] == list(range(12))
    np.testing.assert_allclose([f.time for f in frames], np.arange(12) / rate, atol=2e-3)
    assert all(f.image.shape == (height, width, 3) and f.image.std() > 10 for f in frames)


@pytest.mark.parametrize("clip", ["asl_walk.mkv"], indirect=True)
def test_a_header_without_a_count(clip):
    with open_source(clip) as source:
        frames = list(source)
    assert len(frames) == 89 and all(f.ok for f in frames)
    assert source.info.frames is None and source.warnings == []
