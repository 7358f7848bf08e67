"""Whole images: from maps to people."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import find_candidates
from skelstream.network.part_maps import PartMaps
from skelstream.people import People
from skelstream.settings.grouping import GroupingSettings
from skelstream.skeleton import OPENPOSE18

pytestmark = pytest.mark.slow

SIZE = (40, 52)
STRIDE = 4


def group(maps: PartMaps, settings: GroupingSettings | None = None) -> People:
    found = find_candidates(maps, OPENPOSE18, settings)[0]
    return assemble(found, OPENPOSE18, letterbox=Letterbox.scaled(1, 1), settings=settings)


def test_same_people_as_the_reference_on_random_images(reference, scenes) -> None:
    rng = np.random.default_rng(1)
    seen = 0
    for number in range(120):
        people, scales = scenes.random_people(
            rng, int(rng.integers(0, 7)), SIZE, missing=rng.choice([0, 0.1, 0.3]), turn=rng.choice([0.2, 2])
        )
        maps = scenes.draw(people, scales, SIZE, rng, rng.choice([0.01, 0.02, 0.04]))  # noise: no ties
        settings = GroupingSettings(peak_threshold=0.2, limb_samples=int(rng.integers(5, 11)))
        found = group(maps, settings)
        expected = reference.group(
            maps.confidence[0].numpy(),
            maps.pafs[0].numpy(),
            OPENPOSE18,
            (STRIDE, STRIDE),
            settings,
        )
        assert len(found) == len(expected), number
        for i, (score, person) in enumerate(expected):
            wanted = np.full((18, 3), (np.nan, np.nan, 0))
            for joint, values in person.items():
                wanted[joint] = values
            same = np.isclose(found.keypoints, wanted[:, :2], rtol=0, atol=2e-3, equal_nan=True).all((1, 2))
            assert same.sum() == 1, number  # drawn people often score alike, so their order may differ
            np.testing.assert_allclose(found.scores[same][0], wanted[:, 2], atol=1e-4)
            np.testing.assert_allclose(found.person_scores[same], score, atol=1e-4)
            np.testing.assert_allclose(found.person_scores[i], score, atol=1e-4)
        seen += len(found)
    assert seen > 200


def test_people_apart_are_found_as_they_are(scenes) -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        poses = scenes.STANDING + rng.normal(0, 0.02, (3, 18, 2))
        poses[rng.random((3, 18)) < 0.05] = np.nan
        poses[:, (1, 2, 5)] = scenes.STANDING[[1, 2, 5]]  # the root of the tree
        tall = rng.uniform(100, 180, (3, 1, 1))
        people = poses * tall + np.stack([(60, 170, 280), rng.uniform(95, 110, 3)], -1)[:, None]
        found = group(scenes.draw(people, 0.5 * tall.ravel(), (52, 85)))
        expected = whole_limbs(people)
        assert len(found) == 3
        found = found.take(np.argsort(found.keypoints[:, 1, 0]))
        np.testing.assert_allclose(found.keypoints, expected, atol=1.0)
        np.testing.assert_allclose(found.boxes[:, :2], np.nanmin(expected, 1), atol=1.0)
        np.testing.assert_allclose(found.boxes[:, 2:], np.nanmax(expected, 1), atol=1.0)
        assert (np.abs(found.scores - np.isfinite(expected[..., 0])) < 0.05).all()


def whole_limbs(people: np.ndarray) -> np.ndarray:
    """The people without joints that no chain of limbs joins to the neck."""
    kept = np.zeros(people.shape[:2], bool)
    kept[:, 1] = True
    for _ in OPENPOSE18.limbs:
        for a, b in OPENPOSE18.limbs:
            kept[:, (a, b)] |= kept[:, (a, b)].any(1, keepdims=True)
            kept &= np.isfinite(people[..., 0])
    return np.where(kept[..., None], people, np.nan)


def test_two_people_crossing_stay_two(scenes) -> None:
    pose = scenes.STANDING * 140
    for shift in range(16, 60, 4):
        people = np.stack([pose + (90, 100), pose * (1, 0.9) + (90 + shift, 100)])
        found = group(scenes.draw(people, np.array([70.0, 65.0]), (52, 52)))
        assert len(found) == 2, shift
        found = found.take(np.argsort(found.keypoints[:, 1, 0]))
        assert (np.abs(found.keypoints - people) < 3).all(), shift


def test_a_mirrored_image_gives_the_mirrored_people(scenes) -> None:
    rng = np.random.default_rng(8)
    flip = list(OPENPOSE18.flip_order)
    limbs = [OPENPOSE18.limbs.index((flip[a], flip[b])) for a, b in OPENPOSE18.limbs]
    for _ in range(30):
        people, scales = scenes.random_people(rng, 4, SIZE, missing=0.1)
        maps = scenes.draw(people, scales, SIZE)
        pafs = maps.pafs.view(1, 19, 2, *SIZE)[:, limbs].flip(-1) * torch.tensor([-1.0, 1]).view(2, 1, 1)
        mirrored = group(PartMaps(maps.confidence[:, flip].flip(-1), pafs.reshape(1, 38, *SIZE), STRIDE))
        found = group(maps)
        keypoints = mirrored.keypoints[:, flip] * (-1, 1) + (SIZE[1] * STRIDE - 1, 0)
        assert len(found) == len(mirrored)
        for person, score in zip(keypoints, mirrored.person_scores, strict=True):
            same = np.isclose(found.keypoints, person, rtol=0, atol=1e-2, equal_nan=True).all((1, 2))
            assert same.sum() == 1
            np.testing.assert_allclose(found.person_scores[same], score, atol=1e-4)


def test_an_empty_image_and_a_lone_joint(scenes) -> None:
    assert len(group(scenes.draw(np.empty((0, 18, 2)), np.empty(0), SIZE))) == 0
    lone = np.full((1, 18, 2), np.nan)
    lone[0, 4] = (80, 80)
    assert len(group(scenes.draw(lone, np.array([60.0]), SIZE))) == 0
