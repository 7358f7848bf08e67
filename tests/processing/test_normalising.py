from __future__ import annotations

import numpy as np
import pytest

from skelstream.processing import centred_on_torso, relative_to_image, scaled_by_torso
from skelstream.skeleton import COCO17, OPENPOSE18


@pytest.fixture
def clip():
    """Return (2, 3, 18, 3): a torso of 40 pixels at (100 + 10 t, 200), and an empty slot."""
    clip = np.zeros((2, 3, 18, 3), np.float32)
    for joint, place in {
        "left_shoulder": (10, -20), "right_shoulder": (-10, -20), "left_hip": (8, 20), "right_hip": (-8, 20),
        "nose": (0, -50),
    }.items():  # fmt: skip
        for t in range(3):
            clip[0, t, OPENPOSE18.index(joint)] = (100 + 10 * t + place[0], 200 + place[1], 0.9)
    return clip


def test_positions_relative_to_the_image(clip):
    out = relative_to_image(clip, height=400, width=200)
    assert out[0, 0, 0].tolist() == pytest.approx([0, (150 - 200) / 400, 0.9])
    assert not out[1].any() and not out[0, :, 3].any()
    assert out.dtype == np.float32


def test_the_torso_is_moved_to_the_origin(clip):
    out = centred_on_torso(clip, OPENPOSE18)
    assert np.allclose(out[0, :, 0], [0, -50, 0.9])
    assert not out[1].any()


def test_frames_without_a_torso_use_the_last_centre(clip):
    clip[0, 0, 2:] = 0
    clip[0, 2, 2:] = 0
    out = centred_on_torso(clip, OPENPOSE18)
    assert out[0, :, 0, 0].tolist() == pytest.approx([-10, 0, 10])


def test_half_a_torso_has_a_centre(clip):
    clip[0, 1, OPENPOSE18.index("left_hip")] = 0
    out = centred_on_torso(clip, OPENPOSE18)
    assert out[0, 1, 0].tolist() == pytest.approx([4, -50, 0.9])


def test_people_are_scaled_by_the_torso(clip):
    out = scaled_by_torso(centred_on_torso(clip, OPENPOSE18), OPENPOSE18)
    assert np.allclose(out[0, :, 0], [0, -1.25, 0.9])
    assert not scaled_by_torso(clip * 0, OPENPOSE18).any()


def test_a_person_without_a_torso_has_the_scale_of_the_others(clip):
    clip[1, :, 0] = (40, 80, 0.5)
    assert scaled_by_torso(clip, OPENPOSE18)[1, 0, 0].tolist() == pytest.approx([1, 2, 0.5])


def test_other_joint_sets_are_normalised(clip):
    coco = np.zeros((1, 1, 17, 3), np.float32)
    coco[0, 0, 5] = (10, 10, 1)
    assert centred_on_torso(coco, COCO17)[0, 0, 5].tolist() == [0, 0, 1]
