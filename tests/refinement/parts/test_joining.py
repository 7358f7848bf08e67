"""People with their parts: order of the joints, and joints outside the image."""

from __future__ import annotations

import numpy as np

from skelstream.people import People
from skelstream.refinement.parts.hands import HandRefiner
from skelstream.refinement.parts.joining import joined_people, joined_skeleton, refine_parts
from skelstream.refinement.parts.part_refiner import Parts
from skelstream.skeleton import OPENPOSE18, SKELETONS


class Points:
    """A part refiner of hands that places every joint at one point."""

    name, joints = "hands", HandRefiner.joints
    network, weights_sha256 = "points", {}

    def __init__(self, point: tuple[float, float]):
        self.point = point

    def anchors(self, people, skeleton):
        return people.keypoints[:, [7, 4]]

    def refine(self, image, people, skeleton, expected, due):
        assert np.isnan(expected).all() and due.all()
        shape = len(people), 2, 21
        return Parts(
            np.full((*shape, 2), self.point, np.float32),
            np.full(shape, 0.7, np.float32),
            np.zeros(shape[:2], bool),
        )


def everybody(count: int) -> People:
    rng = np.random.default_rng(1)
    scores = np.full((count, 18), 0.5, np.float32)
    boxes = np.zeros((count, 4), np.float32)
    return People(rng.uniform(0, 50, (count, 18, 2)).astype(np.float32), scores, scores[:, 0], boxes)


def test_the_body_comes_first_and_stays_as_it_is() -> None:
    people = everybody(3)
    refiners = [Points((7.0, 8.0))]
    whole = refine_parts(np.zeros((60, 80, 3), np.uint8), people, OPENPOSE18, refiners)
    assert joined_skeleton(["hands"]) is SKELETONS["body+hands"]
    assert whole.keypoints.shape == (3, 60, 2) and whole.keypoints.dtype == np.float32
    assert (whole.keypoints[:, :18] == people.keypoints).all() and (whole.keypoints[:, 18:] == [7, 8]).all()
    assert (whole.scores[:, 18:] == np.float32(0.7)).all()
    assert whole.person_scores is people.person_scores and whole.boxes is people.boxes


def test_joints_outside_the_image_are_missing() -> None:
    for point, inside in (((79.4, 59.4), True), ((79.6, 10), False), ((10, -0.6), False), ((-0.4, 0), True)):
        whole = refine_parts(np.zeros((60, 80, 3), np.uint8), everybody(1), OPENPOSE18, [Points(point)])
        assert np.isfinite(whole.keypoints[:, 18:]).all() == inside
        assert (whole.scores[:, 18:] > 0).all() == inside


def test_without_parts_nothing_changes() -> None:
    people = everybody(2)
    assert refine_parts(np.zeros((60, 80, 3), np.uint8), people, OPENPOSE18, []) is people
    assert joined_people(people, [], (60, 80)) is people
    assert joined_skeleton([]) is OPENPOSE18


def test_nobody_has_the_joints_too() -> None:
    whole = refine_parts(np.zeros((60, 80, 3), np.uint8), everybody(0), OPENPOSE18, [Points((1, 1))])
    assert whole.keypoints.shape == (0, 60, 2) and whole.scores.shape == (0, 60)
