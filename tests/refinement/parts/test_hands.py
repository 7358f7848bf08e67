"""Hands: found by palms near the wrists, followed by their own joints, each once."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.people import People
from skelstream.refinement.parts.hands import HandRefiner
from skelstream.refinement.parts.palms import Palms
from skelstream.skeleton import HAND21, OPENPOSE18

IMAGE = np.zeros((600, 800, 3), np.uint8)


def hand_at(
    root: tuple[float, float], length: float = 60.0, up: tuple[float, float] = (0.0, -1.0)
) -> np.ndarray:
    """Return float32 (21, 2), an open hand with its root at a place and its fingers in a direction."""
    along = np.array(up) / np.linalg.norm(up)
    across = np.array([-along[1], along[0]])
    points = [np.zeros(2)]
    for finger in range(5):
        for joint in range(1, 5):
            points.append(along * length * (0.3 + 0.7 * joint / 4) + across * length * 0.15 * (finger - 2))
    return (np.array(points) + root).astype(np.float32)


class World:
    """Hands at known places, and both networks that find them; counts the crops that these see."""

    name, skeleton, weights_sha256 = "drawn hands", HAND21, "0" * 64

    def __init__(self, *hands: np.ndarray, right: float = np.nan):
        self.right = right
        self.hands, self.crops, self.searches = list(hands), 0, 0

    def joints_and_sides(self, image, boxes):
        self.crops += len(boxes)
        keypoints = np.zeros((len(boxes), len(HAND21), 2), np.float32)
        scores = np.zeros((len(boxes), len(HAND21)), np.float32)
        for row, box in enumerate(np.asarray(boxes)):
            away = [np.linalg.norm(hand.mean(0) - box[:2]) for hand in self.hands]
            if away and min(away) < box[2] / 3:
                keypoints[row], scores[row] = self.hands[int(np.argmin(away))], 0.9
        return keypoints, scores, np.full(len(boxes), self.right)

    def palms(self, image, boxes):
        self.searches += len(boxes)
        found = []
        for box in boxes:
            seen = [h for h in self.hands if (np.abs(h[0] - box[:2]) < box[2] / 2).all()]
            roots, knuckles = (np.array([h[j] for h in seen]).reshape(-1, 2) for j in (0, 9))
            found.append(Palms(roots, knuckles, np.full(len(seen), 30.0), np.full(len(seen), 0.9)))
        return found


def person(left: tuple[float, float], right: tuple[float, float], size: float = 300.0) -> np.ndarray:
    """Return float32 (18, 2), a person of ``size`` pixels per metre with the wrists at two places, the elbows below."""
    keypoints = np.full((len(OPENPOSE18), 2), np.nan, np.float32)
    for side, wrist in (("left", left), ("right", right)):
        keypoints[OPENPOSE18.index(f"{side}_wrist")] = wrist
        keypoints[OPENPOSE18.index(f"{side}_elbow")] = wrist[0], wrist[1] + 0.26 * size
    return keypoints


def people_of(*keypoints: np.ndarray) -> People:
    """Return people with these joints."""
    points = np.stack(keypoints)
    scores = np.where(np.isfinite(points[..., 0]), 0.9, 0).astype(np.float32)
    boxes = np.concatenate([np.nanmin(points, 1), np.nanmax(points, 1)], 1).astype(np.float32)
    return People(points, scores, np.full(len(points), 0.8, np.float32), boxes)


def nowhere(people: int) -> np.ndarray:
    return np.full((people, 2, 21, 2), np.nan, np.float32)


def found(world: World, people, expected=None, due=True):
    refiner = HandRefiner(world, world, {})
    expected = nowhere(len(people)) if expected is None else expected
    return refiner.refine(IMAGE, people, OPENPOSE18, expected, np.full((len(people), 2), due))


def test_both_hands_are_found_on_the_sides_of_their_wrists() -> None:
    left, right = hand_at((500, 200)), hand_at((200, 210), up=(1, -1))
    parts = found(World(left, right), people_of(person((500, 205), (200, 205))))
    assert parts.present.all()
    assert np.allclose(parts.keypoints[0], [left, right])
    assert np.allclose(parts.scores, 0.9)


def test_a_hand_that_is_not_there_is_missing() -> None:
    left = hand_at((500, 200))
    parts = found(World(left), people_of(person((500, 205), (200, 205))))
    assert parts.present.tolist() == [[True, False]]
    assert np.isnan(parts.keypoints[0, 1]).all() and (parts.scores[0, 1] == 0).all()


def test_nobody_has_no_hands() -> None:
    parts = found(World(hand_at((500, 200))), people_of(person((1, 1), (9, 9))).take([]))
    assert parts.keypoints.shape == (0, 2, 21, 2)


def test_one_hand_at_both_wrists_goes_to_the_nearer_one() -> None:
    hand = hand_at((300, 200))
    parts = found(World(hand), people_of(person((325, 200), (295, 200))))
    assert parts.present.tolist() == [[False, True]]


def test_two_people_with_their_hands_side_by_side_keep_their_own() -> None:
    hands = hand_at((380, 200)), hand_at((420, 205))
    people = people_of(person((100, 500), (392, 203)), person((700, 500), (424, 208)))
    parts = found(World(*hands), people)
    assert parts.present.tolist() == [[False, True], [False, True]]
    assert np.allclose(parts.keypoints[:, 1], hands)


def test_a_hand_is_followed_without_a_search() -> None:
    world = World(hand_at((500, 200)))
    expected = nowhere(1)
    expected[0, 0] = hand_at((492, 204))
    parts = found(world, people_of(person((500, 205), (200, 205))), expected, due=False)
    assert parts.present.tolist() == [[True, False]]
    assert (world.searches, world.crops) == (0, 1)


def test_a_hand_that_is_lost_is_looked_for_in_the_same_frame() -> None:
    world, expected = World(hand_at((500, 200))), nowhere(1)
    expected[0, 0] = hand_at((300, 300))
    assert found(world, people_of(person((500, 205), (200, 205))), expected).present[0, 0]


def test_a_followed_hand_far_from_its_wrist_is_refused() -> None:
    world, expected = World(hand_at((500, 200))), nowhere(1)
    expected[0, 0] = hand_at((500, 200))
    parts = found(world, people_of(person((400, 300), (200, 205))), expected, due=False)
    assert not parts.present.any()


@pytest.mark.parametrize(("size", "seen"), [(150, False), (180, True)])
def test_hands_too_small_for_the_network_are_not_looked_for(size: float, seen: bool) -> None:
    world = World(hand_at((500, 200), length=0.19 * size))
    parts = found(world, people_of(person((500, 202), (200, 205), size)))
    assert parts.present[0, 0] == seen
    assert (world.searches > 0) == seen


@pytest.mark.parametrize("length", [15, 150])
def test_what_has_not_the_size_of_a_hand_is_refused(length: float) -> None:
    world = World(hand_at((500, 200), length=length))
    assert not found(world, people_of(person((500, 202), (200, 205)))).present.any()


def test_a_wrist_that_is_missing_has_no_hand() -> None:
    someone = person((500, 205), (200, 205))
    someone[OPENPOSE18.index("left_wrist")] = np.nan
    world = World(hand_at((500, 200)))
    assert not found(world, people_of(someone)).present.any()
    assert world.searches == 1


@pytest.mark.parametrize(
    ("right", "opposed"), [(np.nan, [False, False]), (0.9, [True, False]), (0.1, [False, True])]
)
def test_hands_that_look_like_those_of_the_other_side_stay_and_are_told(
    right: float, opposed: list[bool]
) -> None:
    world = World(hand_at((500, 200)), hand_at((200, 200)), right=right)
    parts = found(world, people_of(person((500, 205), (200, 205))))
    assert parts.present.all() and parts.opposed.tolist() == [opposed]
