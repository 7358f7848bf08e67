"""A long video with many tracks: each format in seconds, in memory of a few copies of the data."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from skelstream.formats import FORMATS, load, save
from skelstream.sequences import SkeletonSequence

from .conftest import asymmetric, build, skip_without_library

pytestmark = pytest.mark.slow

FRAMES, TRACKS, LENGTH = 2000, 60, 50
# Room for the chunks that tables are written in; all tracks in one dense array would take 26 MB.
CHUNKS = 12e6

LIFTED = {"trc", "bvh", "pyskl3d"}  # one or two people in space, of which this scene has none
WRITTEN = [name for name, format in FORMATS.items() if format.write and name not in LIFTED]
# What holds every track of every frame.
WHOLE = ("npz", "jsonl", "csv", "parquet", "sleap")


def one_pose() -> SkeletonSequence:
    return build({0: {1: asymmetric(300, 250, 0.5)}})


@pytest.fixture(scope="module")
def crowd() -> SkeletonSequence:
    small = one_pose()
    random = np.random.default_rng(0)
    rows = TRACKS * LENGTH
    keypoints = random.uniform(0, 480, (rows, 18, 2)).astype(np.float32)
    starts = random.integers(0, FRAMES - LENGTH, TRACKS)
    return SkeletonSequence(
        keypoints=keypoints, scores=np.full((rows, 18), 0.5, np.float32),
        boxes=np.tile(np.float32([0, 0, 640, 480]), (rows, 1)),
        person_scores=np.full(rows, 0.5, np.float32),
        frame=(starts[:, None] + np.arange(LENGTH)).ravel(), track_ids=np.arange(1, TRACKS + 1),
        track_start=np.arange(TRACKS + 1) * LENGTH, frame_index=np.arange(FRAMES),
        frame_time=np.arange(FRAMES) / 30, frame_ok=np.ones(FRAMES, bool), meta=small.meta,
    )  # fmt: skip


@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "openpose"])
def test_time(crowd, tmp_path, name):
    """Without OpenPose's thousands of files, whose time is the file system's."""
    skip_without_library(name)
    began = time.process_time()
    save(crowd, tmp_path / "a", name, label=0)
    assert time.process_time() - began < 5
    if name in WHOLE:
        back = load(tmp_path / "a", name)
        assert np.array_equal(np.sort(back.track_ids), crowd.track_ids) and back.frames == FRAMES
        assert np.array_equal(np.sort(back.frame), np.sort(crowd.frame))


@pytest.mark.parametrize(
    "name", [name for name in WRITTEN if name not in ("openpose", "posetrack", "alphapose")]
)
def test_memory(crowd, tmp_path, name):
    """Without three that go frame by frame like ``coco`` and are slow to trace."""
    skip_without_library(name)
    # The first file of a format loads its library, whose code is larger than the data: 30 MB for pyarrow.
    save(one_pose(), tmp_path / "first", name, label=0)
    tracemalloc.start()
    save(crowd, tmp_path / "a", name, label=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * (crowd.keypoints.nbytes + crowd.scores.nbytes) + CHUNKS
