from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.skeleton import OPENPOSE18
from skelstream.training.annotations import read_set
from skelstream.training.detected_people import NOBODY, Found, assign, load_found, save_found


@pytest.fixture
def pair(write_set, person):
    """An image of two people and somebody without keypoints."""
    silent = {"bbox": [100, 90, 28, 38], "iscrowd": 0, "keypoints": [0] * 51, "num_keypoints": 0}
    (image,) = read_set(write_set([[person((4, 10), 0.6), person((60, 4)), silent]])).images
    return image


def test_whoever_was_found_is_the_most_similar_annotated_person(pair) -> None:
    moved = pair.keypoints[[1, 0]] + 2
    half = pair.keypoints[1].copy()
    half[8:14] = np.nan
    found = assign(np.stack([*moved, half]), pair)
    assert found.person.tolist() == [1, 0, 1]
    assert found.boxes.shape == (3, 4) and np.isfinite(found.boxes).all()


def test_somebody_elsewhere_is_nobody_and_somebody_unlabelled_is_left_out(pair) -> None:
    spot = np.linspace((2, 100), (22, 120), len(OPENPOSE18))  # bare ground
    silent = np.linspace((104, 96), (120, 120), len(OPENPOSE18))
    found = assign(np.stack([spot, silent]), pair)
    assert found.person.tolist() == [NOBODY]
    np.testing.assert_allclose(found.boxes[0, :2], (0.4, 98.4), atol=1e-3)


def test_what_was_found_is_read_as_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sets = [
        [Found(rng.random((n, 4)).astype(np.float32), rng.integers(-1, 3, n)) for n in counts]
        for counts in ((2, 0, 3), (0,), (1, 1))
    ]
    save_found(tmp_path / "found.npz", sets)
    again = load_found(tmp_path / "found.npz", [3, 1, 2])
    for images, others in zip(sets, again, strict=True):
        for one, other in zip(images, others, strict=True):
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_array_equal(one.person, other.person)
    with pytest.raises(FormatError, match=r"of sets of 3 \+ 1 \+ 2 images, but there are 4 \+ 2"):
        load_found(tmp_path / "found.npz", [4, 2])
    (tmp_path / "found.npz").write_bytes(b"PK")
    with pytest.raises(FormatError, match="found.npz: not people of a first look"):
        load_found(tmp_path / "found.npz", [3, 1, 2])
