from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.skeleton import OPENPOSE18
from skelstream.training.annotations import read_set
from skelstream.training.detected_people import (
    NO_PERSON,
    DetectedPeople,
    match_people,
    read_detections,
    write_detections,
)


@pytest.fixture
def pair(write_set, person):
    """An image of two people and a third one without keypoints."""
    unlabelled = {"bbox": [100, 90, 28, 38], "iscrowd": 0, "keypoints": [0] * 51, "num_keypoints": 0}
    (image,) = read_set(write_set([[person((4, 10), 0.6), person((60, 4)), unlabelled]])).images
    return image


def test_a_detected_person_is_the_most_similar_annotated_one(pair) -> None:
    moved = pair.keypoints[[1, 0]] + 2
    half = pair.keypoints[1].copy()
    half[8:14] = np.nan
    detected = match_people(np.stack([*moved, half]), pair)
    assert detected.person.tolist() == [1, 0, 1]
    assert detected.boxes.shape == (3, 4) and np.isfinite(detected.boxes).all()


def test_false_detections_are_kept_and_unlabelled_people_left_out(pair) -> None:
    spot = np.linspace((2, 100), (22, 120), len(OPENPOSE18))  # bare ground
    unlabelled = np.linspace((104, 96), (120, 120), len(OPENPOSE18))
    detected = match_people(np.stack([spot, unlabelled]), pair)
    assert detected.person.tolist() == [NO_PERSON]
    np.testing.assert_allclose(detected.boxes[0, :2], (0.4, 98.4), atol=1e-3)


def test_detections_are_read_as_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sets = [
        [DetectedPeople(rng.random((n, 4)).astype(np.float32), rng.integers(-1, 3, n)) for n in counts]
        for counts in ((2, 0, 3), (0,), (1, 1))
    ]
    write_detections(tmp_path / "detections.npz", sets)
    again = read_detections(tmp_path / "detections.npz", [3, 1, 2])
    for images, others in zip(sets, again, strict=True):
        for one, other in zip(images, others, strict=True):
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_array_equal(one.person, other.person)
    with pytest.raises(FormatError, match=r"sets of 3 \+ 1 \+ 2 images, but there are 4 \+ 2"):
        read_detections(tmp_path / "detections.npz", [4, 2])
    (tmp_path / "detections.npz").write_bytes(b"PK")
    with pytest.raises(FormatError, match="detections.npz: not a file of detected people"):
        read_detections(tmp_path / "detections.npz", [3, 1, 2])
