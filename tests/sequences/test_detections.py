"""People without identities: what reading gives before anything tracks them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from skelstream.people import People
from skelstream.processing import with_identities
from skelstream.sequences import Detections
from skelstream.skeleton import COCO17


def person_at(x: float) -> People:
    points = np.stack([np.linspace(x, x + 20, 17), np.linspace(10, 90, 17)], -1).astype(np.float32)[None]
    box = np.array([[x, 10, x + 20, 90]], np.float32)
    return People(points, np.full((1, 17), 0.9, np.float32), np.full(1, 0.9, np.float32), box)


@pytest.fixture
def detections():
    """A walker in frames 10 to 19 at 10 frames a second; frame 14 failed, frame 16 is empty."""
    frames = [(i, i / 10, person_at(5.0 * (i - 10))) for i in range(10, 20)]
    frames[4], frames[6] = (14, 1.4, None), (16, 1.6, People.none(17))
    return Detections(COCO17, frames, "a.json", 100, 200)


def test_they_do_not_change(detections):
    with pytest.raises(dataclasses.FrozenInstanceError):
        detections.source = "b.json"


def test_tracking_keeps_frames_times_and_what_was_measured(detections):
    sequence = with_identities(detections)
    assert sequence.frame_index.tolist() == list(range(10, 20))
    assert sequence.frame_time.tolist() == pytest.approx([i / 10 for i in range(10, 20)])
    assert np.flatnonzero(~sequence.frame_ok).tolist() == [4]
    assert len(sequence) == 1 and len(sequence.keypoints) == 8
    np.testing.assert_array_equal(sequence.keypoints[0], detections.frames[0][2].keypoints[0])
    assert sequence.size == (100, 200)


def test_the_size_may_be_unknown(detections):
    sequence = with_identities(dataclasses.replace(detections, height=None, width=None))
    assert sequence.size is None
