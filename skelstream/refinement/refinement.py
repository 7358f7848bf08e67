"""Whom to look at again, by which box, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from skelstream.geometry.crops import joints_boxes
from skelstream.geometry.similarity import iou
from skelstream.grouping.assembly import distinct
from skelstream.people import People
from skelstream.refinement.refiner import Refiner, RefinerSettings
from skelstream.skeleton import Skeleton, convert

# Source pixels: about how long people are who have least to gain. A guess; it only orders them where a budget is short.
_BEST_LENGTH = 200.0
# Overlap (IoU) from which on a found person is the expected one.
_EXPECTED = 0.3
# Overlap (IoU) of the first look's box and that of the joints found in it, below which those are looked for once more.
_SETTLED = 0.8
# A box stays where one of the frame before was, if its middle is no farther away, in lengths of the box, and neither side
# longer or shorter by more.
_STEADY_MIDDLE, _STEADY_SIDES = 0.015, 0.15
# The least mean of the joints' scores of somebody to look for once more, who may not be in the middle of the box yet.
_WORTH_ANOTHER = 0.1


@dataclass
class LookState:
    """What a second look keeps from one frame to the next. May be pickled.

    Attributes:
        doubtful: the last first look missed somebody whom the second one sees where they were expected.
        boxes: float32 (B, 4), that were looked into last.
    """

    doubtful: bool = False
    boxes: np.ndarray = field(default_factory=lambda: np.empty((0, 4), np.float32))


class SecondLook:
    """Looks at people again.

    Args:
        refiner: finds one person's joints in a box.
        settings: thresholds and the budget of people a frame.
        skeleton: the joint set of the people.
        least_score: people of a lower score are left out in the end.

    Attributes:
        crops: looked at so far.
        passed_over: people whom the budget left as the first look saw them, so far.
        state: what later frames depend on.
    """

    def __init__(
        self, refiner: Refiner, settings: RefinerSettings, skeleton: Skeleton, least_score: float = 0.0
    ):
        self.refiner, self.settings, self.skeleton = refiner, settings, skeleton
        self._least_score = least_score
        self.crops = self.passed_over = 0
        self.state = LookState()

    def __call__(
        self,
        image: np.ndarray,
        people: People,
        expected: People | None = None,
        looks: int | None = None,
    ) -> People:
        """The people of an image after a second look.

        Where somebody is expected, the box is that of the joints as expected: it was made of a second look, and is
        better than the first look's. Somebody who is expected and whom the first look missed is looked at too, but does
        not score higher than expected: a second look sees what it is told to see, and alone would keep a person for ever
        where somebody has left. Where nobody is expected, whoever does not fill the first look's box is looked at once
        more by the box of the joints found, and the surer joints are taken.

        Args:
            image: uint8 RGB (H, W, 3).
            people: whom the first look found, in the image's pixels.
            expected: whom the tracker expects, where; None for a photo.
            looks: most people to look at, if fewer than the settings say.

        Returns:
            People, best first. A person's score is the root of the product of both looks' scores, but see above.
        """
        boxes, scores, known = self._boxes(people, expected)
        boxes[known] = self._steady(boxes[known])
        order = np.argsort(-self._gain(boxes, scores), kind="stable")[: self._affordable(len(boxes), looks)]
        again = np.zeros(len(boxes), bool)
        again[order] = True
        unseen = ~again[: len(people)] & (people.person_scores >= self._least_score)
        self.passed_over += int(unseen.sum())
        most = np.where(np.arange(len(boxes)) < len(people), 1.0, scores)
        looked = self._look(image, boxes, scores, most, np.flatnonzero(again))
        self.state.boxes = boxes[again]
        looked = self._there(self._once_more(image, boxes, scores, most, looked, known))
        self.state.doubtful = bool((looked.rows >= len(people)).any())
        return self._best(_joined(looked.people, people.take(unseen)))

    def carried(
        self,
        image: np.ndarray,
        expected: People,
        lost: People,
        looks: int | None = None,
        anyway: bool = False,
    ) -> People | None:
        """The people of an image that the first network does not see, looked for where they are expected.

        Args:
            image: uint8 RGB (H, W, 3).
            expected: whom the tracker expects, where.
            lost: whom it has lost, and where they may come back.
            looks: most people to look at, if fewer than the settings say.
            anyway: give who is there even where another first look has to say what became of the others.

        Returns:
            People, none of a higher score than expected. None where another first look has to say what became of them: if
            somebody is not there, two are in one place, or the last first look left a doubt; and where there are more
            than may be looked at.
        """
        wanted = _joined(expected, lost)
        if (self.state.doubtful and not anyway) or len(wanted) > self._affordable(len(wanted), looks):
            return None
        scores = wanted.person_scores
        boxes = self.state.boxes = self._steady(joints_boxes(wanted.keypoints))
        looked = self._there(self._look(image, boxes, scores, scores, np.arange(len(wanted))))
        again = looked.rows >= len(expected)
        found = self._best(looked.people.take(~again))
        if len(found) < len(expected) and not anyway:
            return None
        # Who was lost is where nobody else is, or is still lost.
        everybody = _joined(found, looked.people.take(again))
        return everybody.take(distinct(everybody, self.skeleton, self.settings.duplicate_oks))

    def _affordable(self, people: int, looks: int | None) -> int:
        """How many of so many people may be looked at."""
        return min(n for n in (self.settings.looks, looks, people) if n is not None)

    def _best(self, people: People) -> People:
        """People without those that repeat a better one, best first."""
        return people.take(self._singles(people))

    def _singles(self, people: People) -> np.ndarray:
        """Indices of those, best first, who do not repeat a better one."""
        best = np.argsort(-people.person_scores, kind="stable")
        return best[distinct(people.take(best), self.skeleton, self.settings.duplicate_oks)]

    def _boxes(self, people: People, expected: People | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes (P + E, 4) to look at and first scores (P + E,): the people's, then those of E who were missed; and bool
        (P + E,), which boxes are of joints as expected."""
        boxes, scores = joints_boxes(people.keypoints), people.person_scores
        known = np.zeros(len(people), bool)
        if expected is None or not len(expected):
            return boxes, scores, known
        wanted = joints_boxes(expected.keypoints)
        overlap = iou(wanted, boxes)
        missed = []
        for row in np.argsort(-expected.person_scores, kind="stable"):
            column = int(overlap[row].argmax()) if len(boxes) else 0
            if len(boxes) and overlap[row, column] >= _EXPECTED:
                boxes[column], known[column] = wanted[row], True
                overlap[:, column] = 0
            else:
                missed.append(row)
        return (
            np.concatenate([boxes, wanted[missed]]),
            np.concatenate([scores, expected.person_scores[missed]]),
            np.concatenate([known, np.ones(len(missed), bool)]),
        )

    def _steady(self, boxes: np.ndarray) -> np.ndarray:
        """The boxes, those that hardly differ from one looked into last as that one: in a crop that stays where it is, joints
        that stand still do."""
        if not len(boxes) or not len(self.state.boxes):
            return boxes
        last = self.state.boxes[iou(boxes, self.state.boxes).argmax(1)]
        sides, last_sides = (np.maximum(b[:, 2:] - b[:, :2], 1) for b in (boxes, last))
        moved = np.linalg.norm((boxes - last).reshape(-1, 2, 2).mean(1), axis=1) / sides.max(1)
        grown = np.abs(np.log(sides / last_sides)).max(1)
        stays = (moved <= _STEADY_MIDDLE) & (grown <= _STEADY_SIDES)
        return np.where(stays[:, None], last, boxes)

    def _gain(self, boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """What a second look may bring: most where the first look is in doubt, or sees somebody far from its best size."""
        length = (boxes[:, 2:] - boxes[:, :2]).max(1, initial=1.0)
        return scores * (1 - scores) + 0.1 * scores * np.abs(np.log(np.maximum(length, 1.0) / _BEST_LENGTH))

    def _look(
        self, image: np.ndarray, boxes: np.ndarray, scores: np.ndarray, most: np.ndarray, rows: np.ndarray
    ) -> _Looked:
        """Those who may be there of the people in some of the B boxes, in the joints of ``skeleton``, none of a higher score
        than ``most``."""
        keypoints, joint_scores = self.refiner.joints(image, boxes[rows])
        self.crops += len(rows)
        means = joint_scores.mean(1)
        present = joint_scores >= max(self.settings.min_joint_score, 1e-6)
        there = (means >= min(self.settings.min_person_score, _WORTH_ANOTHER)) & (present.sum(1) > 1)
        person_scores = np.minimum(np.sqrt(scores[rows] * means), most[rows])
        there &= person_scores >= self._least_score
        keypoints = np.where(present[..., None], keypoints, np.nan)[there]
        joint_scores = np.where(present, joint_scores, 0)[there]
        keypoints, joint_scores = convert(keypoints, joint_scores, self.refiner.skeleton, self.skeleton)
        boxes = np.concatenate([np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)], 1)
        people = People(keypoints, joint_scores, person_scores[there].astype(np.float32), boxes)
        return _Looked(people, rows[there], means[there])

    def _once_more(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        scores: np.ndarray,
        most: np.ndarray,
        looked: _Looked,
        known: np.ndarray,
    ) -> _Looked:
        """A second round for those whose joints do not fill a box that was not ``known``: of both rounds the surer."""
        filled, single = boxes.copy(), np.zeros(len(boxes), bool)
        filled[looked.rows] = joints_boxes(looked.people.keypoints)
        single[looked.rows[self._singles(looked.people)]] = True
        again = single & ~known & (iou(boxes, filled).diagonal() < _SETTLED)
        more = self._look(image, filled, scores, most, np.flatnonzero(again))
        rows, means = np.concatenate([looked.rows, more.rows]), np.concatenate([looked.means, more.means])
        order = np.lexsort((-means, rows))
        best = order[np.unique(rows[order], return_index=True)[1]]
        return _Looked(_joined(looked.people, more.people), rows, means).take(best)

    def _there(self, looked: _Looked) -> _Looked:
        """Without those whom a round of looks did not see."""
        return looked.take(np.flatnonzero(looked.means >= self.settings.min_person_score))


class _Looked(NamedTuple):
    """What a round of looks found.

    Attributes:
        people: P of them.
        rows: int (P,), whose boxes they are in.
        means: float (P,), of their joints' scores.
    """

    people: People
    rows: np.ndarray
    means: np.ndarray

    def take(self, which: np.ndarray) -> _Looked:
        """Those at ``which`` (indices)."""
        return _Looked(self.people.take(which), self.rows[which], self.means[which])


def _joined(first: People, second: People) -> People:
    parts = zip(vars(first).values(), vars(second).values(), strict=True)
    return People(*(np.concatenate(part) for part in parts))
