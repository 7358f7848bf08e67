"""Hands: 21 joints of each, found near the wrists of people and followed from frame to frame.

A hand is found by its palm, then by its own joints in a crop that stands upright with the hand (Zhang et al., "MediaPipe Hands:
On-device Real-time Hand Tracking", 2020). Its side is that of the wrist: a body tells left from right more surely than a hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from skelstream.geometry.body_scale import pixels_per_metre
from skelstream.geometry.crops import oriented_boxes, squares
from skelstream.people import People
from skelstream.refinement.parts.palms import PalmDetector, Palms
from skelstream.refinement.parts.part_refiner import Parts, seen_joints
from skelstream.refinement.refiner import Refiner
from skelstream.skeleton import HAND21, SIDES, Skeleton, hand_joints

_ROOT, _KNUCKLE = HAND21.index("hand_root"), HAND21.index("middle_finger1")

# Least mean score of a hand's joints.
_LEAST_HAND = 0.5
# Least score in the crop of a palm from which the joints, if in doubt, are found again in the crop around them.
_WORTH_ANOTHER = 0.1
# Metres: length of a hand, and greatest distance of its root from the wrist.
_LENGTH, _NEAR = 0.19, 0.16
# Extent of a hand's joints in lengths of a hand: a fist is short, and a hand before the camera is large.
_SHORTEST, _LONGEST = 0.4, 2.0
# Length in source pixels below which a hand is too small for the network, by the person's scale, which is about 1.5 times what
# hands extend over; and least extent of what it finds.
_SMALLEST, _SMALLEST_FOUND = 32.0, 14.0
# Crop in which a palm is looked for: its side in metres, and how far its centre lies beyond the wrist, in forearms.
_SEARCH_SIDE, _BEYOND = 0.52, 0.25
# Crop of a palm's hand: its side, and how far its centre lies beyond the palm's, in sides of the palm.
_OF_PALM, _BEYOND_PALM = 2.6, 0.5
# Side of a hand's crop in sides of the box around its joints.
_OF_HAND = 1.55
# Mean distance of two hands' joints, in extents of the smaller one, below which they are one hand.
_SAME = 0.3


class HandNetwork(Refiner, Protocol):
    """Finds a hand's joints in a box, and tells its side."""

    def joints_and_sides(
        self, image: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return joints as ``joints`` does, and for each box how likely it shows a right hand: float32 (P,) in [0, 1], NaN from
        networks that do not tell."""
        ...


class HandRefiner:
    """Finds the hands of people. A ``PartRefiner``.

    Args:
        refiner: finds a hand's 21 joints in a crop.
        palms: finds palms.
        weights_sha256: see ``PartRefiner``.
    """

    name = "hands"
    joints = tuple(hand_joints(side) for side in SIDES)

    def __init__(self, refiner: HandNetwork, palms: PalmDetector, weights_sha256: Mapping[str, str]):
        self._refiner, self._palms = refiner, palms
        self.network, self.weights_sha256 = refiner.name, weights_sha256

    def anchors(self, people: People, skeleton: Skeleton) -> np.ndarray:
        """Return the wrists, float (P, 2, 2); see ``PartRefiner``."""
        return seen_joints(people, skeleton, *(f"{side}_wrist" for side in SIDES))

    def refine(
        self, image: np.ndarray, people: People, skeleton: Skeleton, expected: np.ndarray, due: np.ndarray
    ) -> Parts:
        """Return the hands of people, left and right; see ``PartRefiner``."""
        hands = _Hands(self.anchors(people, skeleton), pixels_per_metre(people.keypoints, skeleton))
        known = np.isfinite(hands.wrists[..., 0])
        rows = np.argwhere(known & np.isfinite(expected).all((2, 3)))
        find = self._refiner.joints_and_sides
        hands.add(rows, *find(image, _hand_boxes(expected[tuple(rows.T)])))
        large = _LENGTH * hands.metre >= _SMALLEST
        rows = np.argwhere(known & due & ~hands.parts.present & large[:, None])
        if len(rows):
            elbows = seen_joints(people, skeleton, *(f"{side}_elbow" for side in SIDES))
            rows, palms = self._search(image, rows, hands, elbows)
            found, scores, rights = find(image, _palm_boxes(palms))
            hands.add(rows, found, scores, rights)
            doubtful = (scores.mean(1) >= _WORTH_ANOTHER) & (scores.mean(1) < _LEAST_HAND)
            hands.add(rows[doubtful], *find(image, _hand_boxes(found[doubtful])))
        return hands.parts

    def _search(
        self, image: np.ndarray, rows: np.ndarray, hands: _Hands, elbows: np.ndarray
    ) -> tuple[np.ndarray, Palms]:
        """Return palms near wrists, one each, and int (N, 2), the person and the side of each wrist.

        Args:
            image: uint8 RGB (H, W, 3).
            rows: int (R, 2), person and side of the wrists to look at.
            hands: hands found so far, whose palms are not taken again.
            elbows: float (P, 2, 2), source pixels, NaN where missing.
        """
        wrists, metre = hands.wrists[tuple(rows.T)], hands.metre[rows[:, 0]]
        forearms = np.nan_to_num(wrists - elbows[tuple(rows.T)])
        sides = _SEARCH_SIDE * metre
        boxes = np.column_stack([wrists + _BEYOND * forearms, sides, sides, np.zeros(len(rows))])
        palms = Palms.joined(self._palms.palms(image, boxes))
        away = np.linalg.norm(palms.wrists[:, None] - wrists, axis=-1) / metre
        roots = hands.parts.keypoints[hands.parts.present][:, _ROOT]
        away[palms.near(roots).any(1)] = np.inf
        pairs = list[tuple[int, int]]()
        while away.size and away.min() <= _NEAR:
            palm, wrist = divmod(int(away.argmin()), len(wrists))
            pairs.append((palm, wrist))
            away[palms.near(palms.wrists[palm : palm + 1])[:, 0]] = np.inf
            away[:, wrist] = np.inf
        chosen = np.array(pairs, int).reshape(-1, 2)
        return rows[chosen[:, 1]], palms.take(chosen[:, 0])


class _Hands:
    """The hands found so far in an image.

    Args:
        wrists: float (P, 2, 2), source pixels, NaN where missing.
        metre: float (P,), pixels per metre of each person.
    """

    def __init__(self, wrists: np.ndarray, metre: np.ndarray):
        self.wrists, self.metre = wrists, metre
        self.parts = Parts.missing(len(wrists), len(SIDES), len(HAND21))

    def add(self, rows: np.ndarray, keypoints: np.ndarray, scores: np.ndarray, rights: np.ndarray) -> None:
        """Add those of N hands that can be hands at their wrists.

        Args:
            rows: int (N, 2), person and side of each.
            keypoints: float32 (N, 21, 2), source pixels.
            scores: float32 (N, 21).
            rights: float32 (N,), how likely each is a right hand, NaN if unknown.
        """
        metre, extents = self.metre[rows[:, 0]], np.ptp(keypoints, axis=1).max(-1)
        kept = (scores.mean(1) >= _LEAST_HAND) & (extents >= _SMALLEST_FOUND)
        kept &= (extents >= _SHORTEST * _LENGTH * metre) & (extents <= _LONGEST * _LENGTH * metre)
        kept &= self._away(rows, keypoints) <= _NEAR * metre
        at = tuple(rows[kept].T)
        self.parts.keypoints[at], self.parts.scores[at] = keypoints[kept], scores[kept]
        self.parts.opposed[at] = np.where(rows[kept, 1] == 1, rights[kept] < 0.5, rights[kept] >= 0.5)
        self._separate()

    def _away(self, rows: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
        """Return the distance in pixels (N,) of hands' roots from their wrists."""
        return np.linalg.norm(keypoints[:, _ROOT] - self.wrists[tuple(rows.T)], axis=-1)

    def _separate(self) -> None:
        """Remove, of two hands that are one, that whose root is farther from its wrist."""
        rows = np.argwhere(self.parts.present)
        keypoints = self.parts.keypoints[tuple(rows.T)]
        extents, away = np.ptp(keypoints, axis=1).max(-1), self._away(rows, keypoints)
        apart = np.linalg.norm(keypoints[:, None] - keypoints, axis=-1).mean(-1)
        same = apart < _SAME * np.minimum(extents[:, None], extents)
        for first, second in np.argwhere(np.triu(same, 1)):
            person, side = rows[first if away[first] > away[second] else second]
            self.parts.keypoints[person, side], self.parts.scores[person, side] = np.nan, 0
            self.parts.opposed[person, side] = False


def _palm_boxes(palms: Palms) -> np.ndarray:
    """Return float (N, 5), the boxes of hands by their palms, turned so that fingers point upwards."""
    up = palms.knuckles - palms.wrists
    upwards = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-6)
    centres = (palms.wrists + palms.knuckles) / 2 + _BEYOND_PALM * palms.sides[:, None] * upwards
    sides = _OF_PALM * palms.sides
    return np.column_stack([centres, sides, sides, _turns(up)])


def _hand_boxes(hands: np.ndarray) -> np.ndarray:
    """Return float (N, 5), the boxes of hands (N, 21, 2) by their joints, turned so that the middle finger's knuckle is above
    the root."""
    return squares(oriented_boxes(hands, _turns(hands[:, _KNUCKLE] - hands[:, _ROOT])), _OF_HAND)


def _turns(up: np.ndarray) -> np.ndarray:
    """Return by how many degrees directions (N, 2) are turned clockwise from upwards."""
    return np.degrees(np.arctan2(up[:, 0], -up[:, 1]))
