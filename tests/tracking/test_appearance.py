"""Colours of people's parts: where they are read, and what counts as alike."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from skelstream.skeleton import BODY25, COCO17, OPENPOSE18, Skeleton
from skelstream.tracking.appearance import (
    PARTS,
    PartColours,
    RunningColours,
    describe,
    difference,
    differences,
    packed,
    unpacked,
)

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 30), (40, 40, 200)


def lab(colour):
    return cv2.cvtColor(np.float32([[colour]]) / 255, cv2.COLOR_RGB2LAB)[0, 0]


def painted(pose, above, below, image=None):
    """An image in which a person is ``above`` down to the hips, and ``below`` from there on."""
    image = np.full((480, 640, 3), 127, np.uint8) if image is None else image
    hip = int(pose[OPENPOSE18.index("left_hip"), 1])
    left, right = int(pose[:, 0].min()) - 8, int(pose[:, 0].max()) + 8
    image[: hip + 1, left:right] = above
    image[hip + 1 :, left:right] = below
    return image


def test_parts_have_the_colours_of_their_places(make):
    pose = make.walker(300)
    (colours,) = PartColours(OPENPOSE18).measure(painted(pose, RED, BLUE), make.people([pose]))
    assert colours.dtype == np.float32 and colours.shape == (len(PARTS), 3)
    for part, colour in (("torso", RED), ("head", RED), ("thighs", BLUE), ("shins", BLUE)):
        assert colours[PARTS.index(part)] == pytest.approx(lab(colour), abs=0.5)


def test_what_is_out_of_the_image_or_uncertain_is_not_measured(make):
    pose = make.walker(300, foot=520)  # the shins are below the image
    (colours,) = PartColours(OPENPOSE18).measure(painted(pose, RED, BLUE), make.people([pose]))
    assert np.isfinite(colours[PARTS.index("torso")]).all() and np.isnan(colours[PARTS.index("shins")]).all()
    doubtful = PartColours(OPENPOSE18).measure(painted(pose, RED, BLUE), make.people([pose], [0.2]))
    assert np.isnan(doubtful).all()
    assert PartColours(OPENPOSE18).measure(painted(pose, RED, BLUE), make.people([])).shape == (0, 5, 3)


def test_a_person_behind_another_does_not_take_their_colours(make):
    near, far = make.walker(300), make.walker(310, foot=390)
    image = painted(near, GREEN, GREEN)
    front, behind = PartColours(OPENPOSE18).measure(image, make.people([near, far]))
    assert np.isfinite(front).all()
    assert np.isnan(behind[[PARTS.index(part) for part in ("torso", "thighs", "shins")]]).all()


@pytest.mark.parametrize("skeleton", [COCO17, BODY25])
def test_other_joint_sets_have_the_parts_that_they_can(make, skeleton):
    image = np.full((480, 640, 3), RED, np.uint8)
    count = len(skeleton)
    people = replace(
        make.people([make.walker(300)]),
        keypoints=np.random.default_rng(0).uniform(100, 300, (1, count, 2)).astype(np.float32),
        scores=np.ones((1, count), np.float32),
    )
    assert PartColours(skeleton).measure(image, people)[0] == pytest.approx(
        np.tile(lab(RED), (5, 1)), abs=0.5
    )


def test_a_joint_set_without_these_joints_has_no_colours(make):
    bars = Skeleton("ends", ("tip", "tail"), ((0, 1),), (0.1, 0.1))
    people = replace(
        make.people([make.walker(300)]),
        keypoints=np.zeros((1, 2, 2), np.float32),
        scores=np.ones((1, 2), np.float32),
    )
    assert np.isnan(PartColours(bars).measure(np.zeros((9, 9, 3), np.uint8), people)).all()


def clothes(*colours, noise=3.0, seed=0, frames=20):
    """Colours of one person in ``frames`` frames, (F, 5, 3): one Lab colour for each part."""
    random = np.random.default_rng(seed)
    return (np.float32(colours) + random.normal(0, noise, (frames, 5, 3))).astype(np.float32)


ONE = ((40, 30, 20), (20, 0, -5), (20, 0, -5), (40, 30, 20), (60, 12, 15))
OTHER = ((40, -20, 20), (50, 5, -30), (50, 5, -30), (40, -20, 20), (55, 14, 17))


def test_one_person_is_alike_and_two_are_not():
    one = describe(clothes(*ONE))
    assert difference(one, describe(clothes(*ONE, seed=1))) < 0.5
    darker = np.array(ONE) - (12, 0, 0)  # the person walks into the shade
    assert difference(one, describe(clothes(*darker, seed=1))) < 1.2
    assert difference(one, describe(clothes(*OTHER, seed=1))) > 2


def test_a_single_odd_part_does_not_make_another_person():
    bag = (*ONE[:4], (5, 60, 60))
    assert difference(describe(clothes(*ONE)), describe(clothes(*bag))) < 1


def test_too_little_is_unknown():
    one = describe(clothes(*ONE))
    assert np.isnan(difference(one, describe(clothes(*ONE, frames=1))))
    torso = clothes(*ONE)
    torso[:, 1:] = np.nan
    assert np.isnan(difference(one, describe(torso)))
    assert np.isnan(difference(one, describe(np.empty((0, 5, 3), np.float32))))


def test_packed_colours_come_back():
    colours = clothes(*ONE)
    colours[2, 3] = np.nan
    back = unpacked(packed(colours, len(colours)))
    assert np.allclose(back, colours, atol=0.5, equal_nan=True)
    assert np.isnan(unpacked(packed(None, 3))).all() and packed(None, 3).shape == (3, 5, 3)
    extreme = np.float32([[[100, 127, -128]] * 5, [[0, -128, 127]] * 5])
    assert np.allclose(unpacked(packed(extreme, 2)), extreme, atol=1)


def test_a_running_description_follows_the_last_frames():
    running = RunningColours()
    assert np.isnan(differences([running], clothes(*ONE, frames=1))).all()
    for frame in clothes(*ONE, frames=200):
        running.add(frame)
    one, other = clothes(*ONE, frames=1, seed=1), clothes(*OTHER, frames=1, seed=1)
    alike, different = differences([running], np.concatenate([one, other]))[0]
    assert alike < 0.8 and different > 2
    for frame in clothes(*OTHER, frames=100):
        running.add(frame)
    assert differences([running], other)[0, 0] < 0.8  # the person took the jacket off


def test_a_description_of_few_frames_is_held_to_less():
    few, many = RunningColours(), RunningColours()
    for number, frame in enumerate(clothes(*ONE, noise=0.1, frames=20)):
        many.add(frame)
        if number < 2:
            few.add(frame)
    first, last = differences([few, many], np.float32([ONE]) + (0, 10, 0))[:, 0]
    assert first < 0.9 * last


def test_parts_that_are_hidden_keep_their_colours():
    running = RunningColours()
    for frame in clothes(*ONE):
        running.add(frame)
    before = running.description
    running.add(np.full((5, 3), np.nan, np.float32))
    assert np.array_equal(running.description.mean, before.mean)
    assert np.array_equal(running.description.scatter, before.scatter)
    assert differences([], clothes(*ONE)).shape == (0, 20) and differences(
        [running], np.empty((0, 5, 3))
    ).shape == (1, 0)
