"""Refinement of one video's people: which of them get a crop, where it lies, and how the results are merged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from skelstream.geometry.crops import joints_boxes, oriented_boxes
from skelstream.geometry.letterbox import rotation
from skelstream.geometry.orientation import angles_between, nearest_turns, orientation
from skelstream.geometry.similarity import iou
from skelstream.grouping.assembly import distinct, repeated, unrepeated
from skelstream.people import People
from skelstream.refinement.refiner import Refiner
from skelstream.settings.refinement import RefinementSettings
from skelstream.skeleton import Skeleton, convert

# Source pixels: height of the people who gain least from refinement. A guess; it only orders them under a budget.
_BEST_LENGTH = 200.0
# Overlap (IoU) from which a detected person is taken for an expected one.
_EXPECTED = 0.3
# Similarity (OKS over its own joints) of a candidate to an expected person from which it is a part or a double of that person.
_EXPLAINED = 0.5
# Overlap (IoU) of a detected box and the box of the joints found in it, below which that box is refined a second time.
_SETTLED = 0.8
# A crop stays where one of the last frame's was if its centre is closer than the first number, in lengths of the box,
# and the logarithm of neither side changes by more than the second.
_STEADY_CENTRE, _STEADY_SIDES, _STEADY_TURN = 0.015, 0.15, 10.0
# Degrees by which a person may lean in a crop before the crop is turned, and agreement of the joints that this takes.
_LEANS, _AGREED = 67.5, 0.6
# Angle in degrees and overlap (IoU) of two people from which they are one person seen the right and the wrong way up.
_OPPOSED, _SAME_PLACE = 60.0, 0.5
# Least mean joint score of a person who gets a second round; such a person may not be centred in the box yet.
_WORTH_ANOTHER = 0.1


@dataclass
class RefinementState:
    """What refinement keeps from one frame to the next. May be pickled.

    Attributes:
        doubtful: whether refinement found an expected person that the last detection missed.
        boxes: float32 (B, 5), the last crops' boxes as ``oriented_boxes`` returns them.
    """

    doubtful: bool = False
    boxes: np.ndarray = field(default_factory=lambda: np.empty((0, 5), np.float32))


class Refinement:
    """Refines the people of one video, frame by frame.

    Args:
        refiner: network that finds one person's joints in a box.
        settings: thresholds and the limit of people per frame.
        skeleton: joint set of the people.
        least_score: least person score of the result, in [0, 1].

    Attributes:
        crops: number of crops so far.
        unrefined: number of people so far who stayed as detected because of the limit.
        state: memory that later frames depend on.
    """

    def __init__(
        self, refiner: Refiner, settings: RefinementSettings, skeleton: Skeleton, least_score: float = 0.0
    ):
        self.refiner, self.settings, self.skeleton = refiner, settings, skeleton
        self._least_score, self._body = least_score, list(refiner.skeleton.parts["body"])
        self.crops = self.unrefined = 0
        self.state = RefinementState()

    def refine(
        self, image: np.ndarray, people: People, expected: People | None = None, budget: int | None = None
    ) -> People:
        """Return the people of an image that were detected or are expected, refined.

        Where the tracker expects a person, the crop follows the expected joints: they come from refinement and are better
        than the detected box. An expected person that detection missed is refined too, but scores no higher than
        expected: refinement finds what it is pointed at and would keep a track alive after its person has left. A
        person who is not expected and does not fill the detected box is refined a second time in the box of the joints
        found; the result with the higher score counts.

        Args:
            image: uint8 RGB (H, W, 3).
            people: detected people, in source pixels.
            expected: people that the tracker expects, in source pixels; None for a photo.
            budget: most people to refine in this frame; None for the limit of the settings.

        Returns:
            People, best first. The score of a refined person is the geometric mean of the detection score and the mean
            joint score, limited as above.
        """
        if expected is None or not len(expected):
            # Nobody is followed, so the last image's crops say nothing about this one, which may be another photo.
            expected, self.state = None, RefinementState()
        else:
            people = self._one_each(people, expected)
        boxes, scores, known = self._boxes(people, expected)
        boxes[known] = self._steadied(boxes[known])
        order = np.argsort(-self._gain(boxes, scores), kind="stable")[: self._affordable(len(boxes), budget)]
        chosen = np.zeros(len(boxes), bool)
        chosen[order] = True
        unrefined = ~chosen[: len(people)] & (people.person_scores >= self._least_score)
        # Most candidates who are not upright are false, and only refinement tells.
        unrefined &= nearest_turns(people.keypoints, self.skeleton) == 0
        self.unrefined += int(unrefined.sum())
        most = np.where(np.arange(len(boxes)) < len(people), 1.0, scores)
        found = self._found(image, boxes, scores, most, np.flatnonzero(chosen))
        self.state.boxes = boxes[chosen]
        found = self._accepted(self._second_round(image, boxes, scores, most, found, known))
        self.state.doubtful = bool((found.rows >= len(people)).any())
        return self._without_duplicates(People.joined(found.people, people.take(unrefined)))

    def refine_expected(
        self,
        image: np.ndarray,
        expected: People,
        lost: People,
        budget: int | None = None,
        force: bool = False,
    ) -> People | None:
        """Return the people of an image without detection, refined where the tracker expects them.

        Args:
            image: uint8 RGB (H, W, 3).
            expected: people that the tracker expects, in source pixels.
            lost: people that the tracker has lost, where they may return.
            budget: most people to refine in this frame; None for the limit of the settings.
            force: whether to return those who are found even where the frame needs detection.

        Returns:
            People, none with a higher score than expected. None if the frame needs detection: a person is not found, two
            coincide, the last detection left a doubt, or there are more people than the budget allows.
        """
        wanted = People.joined(expected, lost)
        if (self.state.doubtful and not force) or len(wanted) > self._affordable(len(wanted), budget):
            return None
        scores = wanted.person_scores
        boxes = self.state.boxes = self._steadied(self._turned_boxes(wanted.keypoints))
        found = self._accepted(self._found(image, boxes, scores, scores, np.arange(len(wanted))))
        returned = found.rows >= len(expected)
        kept = self._without_duplicates(found.people.take(~returned))
        if len(kept) < len(expected) and not force:
            return None
        # A lost person returns only where nobody else is.
        everybody = People.joined(kept, found.people.take(returned))
        return everybody.take(distinct(everybody, self.skeleton, self.settings.duplicate_oks))

    def refine_before(self, image: np.ndarray, later: People, present: People) -> tuple[People, np.ndarray]:
        """Return the people of an image who were found in the next one only, refined where they are there.

        Args:
            image: uint8 RGB (H, W, 3).
            later: people of the next image, in source pixels; the best of them where the settings limit the people per image.
            present: people who are known to be in this one; nobody is found in the same place as one of them.

        Returns:
            People, none with a higher score than in the next image, and int (P,), their rows in ``later``.
        """
        boxes, scores = self._turned_boxes(later.keypoints), later.person_scores
        most = max(0, self._affordable(len(present) + len(later), None) - len(present))
        best = np.sort(np.argsort(-scores, kind="stable")[:most])
        found = self._accepted(self._found(image, boxes, scores, scores, best))
        everybody = People.joined(present, found.people)
        kept = distinct(everybody, self.skeleton, self.settings.duplicate_oks)
        new = kept[kept >= len(present)] - len(present)
        return found.people.take(new), found.rows[new]

    def _affordable(self, people: int, budget: int | None) -> int:
        """Return how many of so many people may be refined."""
        return min(n for n in (self.settings.limit, budget, people) if n is not None)

    def _without_duplicates(self, people: People) -> People:
        """Return people without those who duplicate a better one, best first."""
        return people.take(self._distinct_rows(people))

    def _distinct_rows(self, people: People) -> np.ndarray:
        """Return the indices of people who do not duplicate a better one, best first."""
        best = np.argsort(-people.person_scores, kind="stable")
        best = best[distinct(people.take(best), self.skeleton, self.settings.duplicate_oks)]
        turns, _ = orientation(people.keypoints[best], self.skeleton)
        opposed = angles_between(turns[:, None], turns) > _OPPOSED
        # One person, taken for upright in one view and for turned in another.
        opposed &= iou(people.boxes[best], people.boxes[best]) >= _SAME_PLACE
        return best[unrepeated(opposed)]

    def _boxes(self, people: People, expected: People | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return boxes (P + E, 5) to refine and their detection scores (P + E,): of P people, then of E expected ones
        that detection missed; and bool (P + E,), True for boxes of expected joints."""
        boxes, scores = self._turned_boxes(people.keypoints), people.person_scores
        known = np.zeros(len(people), bool)
        if expected is None:
            return boxes, scores, known
        wanted = self._turned_boxes(expected.keypoints)
        overlap = iou(joints_boxes(expected.keypoints), joints_boxes(people.keypoints))
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

    def _one_each(self, people: People, expected: People) -> People:
        """Return the people, of several candidates that repeat one expected person only the best."""
        same = repeated(people, expected, self.skeleton, _EXPLAINED)
        kept, taken = list[int](), np.zeros(len(expected), bool)
        for row, of_row in enumerate(same):
            if not of_row.any() or (of_row & ~taken).any():
                kept.append(row)
                taken |= of_row
        return people.take(kept)

    def _steadied(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes in which those close to one of the last frame's are replaced by it: joints that stand still do not
        tremble in a crop that stays in place."""
        if not len(boxes) or not len(self.state.boxes):
            return boxes
        last, away = self._nearest_last(boxes)
        sides, last_sides = (np.maximum(b[:, 2:4], 1) for b in (boxes, last))
        moved = away / sides.max(1)
        grown = np.abs(np.log(sides / last_sides)).max(1)
        turned = angles_between(boxes[:, 4], last[:, 4])
        stays = (moved <= _STEADY_CENTRE) & (grown <= _STEADY_SIDES) & (turned <= _STEADY_TURN)
        return np.where(stays[:, None], last, boxes)

    def _nearest_last(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the last crop's box (P, 5) whose centre is nearest to each box's, and the distance in pixels (P,)."""
        away = np.linalg.norm(boxes[:, None, :2] - self.state.boxes[None, :, :2], axis=-1)
        return self.state.boxes[away.argmin(1)], away.min(1)

    def _turned_boxes(self, keypoints: np.ndarray) -> np.ndarray:
        """Return boxes (P, 5) around people's joints, turned by quarters with those who are far from upright.

        The networks know people who lean: a turn stays that of the nearest crop of the last frame, or none, while the person
        leans no further from it than ``_LEANS``.
        """
        turns, agreement = orientation(keypoints, self.skeleton)
        before = np.zeros(len(keypoints))
        if len(self.state.boxes) and len(keypoints):
            last, away = self._nearest_last(oriented_boxes(keypoints, before))
            before = np.where(away < last[:, 2:4].max(1) / 2, last[:, 4], before)
        turned = (angles_between(turns, before) > _LEANS) & (agreement >= _AGREED)
        return oriented_boxes(keypoints, np.where(turned, np.round(turns / 90) * 90, before))

    def _gain(self, boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return what refinement may bring: most where detection is in doubt or the person's size is unusual."""
        length = boxes[:, 2:4].max(1, initial=1.0)
        return scores * (1 - scores) + 0.1 * scores * np.abs(np.log(np.maximum(length, 1.0) / _BEST_LENGTH))

    def _found(
        self, image: np.ndarray, boxes: np.ndarray, scores: np.ndarray, most: np.ndarray, rows: np.ndarray
    ) -> _Found:
        """Return the people found in the boxes at ``rows``, in the joints of ``skeleton``, none with a higher score than
        ``most``; those who are certainly not there are left out."""
        keypoints, joint_scores = self.refiner.joints(image, boxes[rows])
        self.crops += len(rows)
        # Hands and faces are often hidden. The copy's layout is that of the scores, so a body alone has the same mean to the bit.
        body_scores = joint_scores.take(self._body, axis=1)
        means = body_scores.mean(1)
        least = max(self.settings.min_joint_score, 1e-6)
        present = joint_scores >= least
        kept = means >= min(self.settings.min_person_score, _WORTH_ANOTHER)
        kept &= (body_scores >= least).sum(1) > 1
        person_scores = np.minimum(np.sqrt(scores[rows] * means), most[rows])
        kept &= person_scores >= self._least_score
        keypoints = np.where(present[..., None], keypoints, np.nan)[kept]
        joint_scores = np.where(present, joint_scores, 0)[kept]
        keypoints, joint_scores = convert(keypoints, joint_scores, self.refiner.skeleton, self.skeleton)
        boxes = np.concatenate([np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)], 1)
        people = People(keypoints, joint_scores, person_scores[kept].astype(np.float32), boxes)
        return _Found(people, rows[kept], means[kept])

    def _second_round(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        scores: np.ndarray,
        most: np.ndarray,
        found: _Found,
        known: np.ndarray,
    ) -> _Found:
        """Refine people again whose joints do not fill a detected box, and return the better result of each."""
        filled, unsettled = boxes.copy(), np.zeros(len(boxes), bool)
        filled[found.rows] = self._turned_boxes(found.people.keypoints)
        unsettled[found.rows] = ~_settled(boxes[found.rows], found.people.keypoints, filled[found.rows, 4])
        single = np.zeros(len(boxes), bool)
        single[found.rows[self._distinct_rows(found.people)]] = True
        again = single & ~known & unsettled
        more = self._found(image, filled, scores, most, np.flatnonzero(again))
        rows, means = np.concatenate([found.rows, more.rows]), np.concatenate([found.means, more.means])
        order = np.lexsort((-means, rows))
        best = order[np.unique(rows[order], return_index=True)[1]]
        return _Found(People.joined(found.people, more.people), rows, means).take(best)

    def _accepted(self, found: _Found) -> _Found:
        """Return the people whose mean joint score is high enough."""
        return found.take(np.flatnonzero(found.means >= self.settings.min_person_score))


class _Found(NamedTuple):
    """Result of one round of crops.

    Attributes:
        people: P people.
        rows: int (P,), index of each person's box.
        means: float (P,), mean joint score of each person.
    """

    people: People
    rows: np.ndarray
    means: np.ndarray

    def take(self, which: np.ndarray) -> _Found:
        """Return the people at ``which`` (indices)."""
        return _Found(self.people.take(which), self.rows[which], self.means[which])


def _settled(boxes: np.ndarray, keypoints: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Return bool (P,), whether the joints found fill their boxes (P, 5) and stand upright in them."""
    filled = oriented_boxes(keypoints, boxes[:, 4])
    away = (filled[:, :2] - boxes[:, :2])[:, None] @ np.array(
        [rotation(turn) for turn in boxes[:, 4]]
    ).reshape(-1, 2, 2)
    sides, others = boxes[:, 2:4] / 2, filled[:, 2:4] / 2
    overlap = iou(
        np.concatenate([-sides, sides], 1), np.concatenate([away[:, 0] - others, away[:, 0] + others], 1)
    )
    return (overlap.diagonal() >= _SETTLED) & (angles_between(turns, boxes[:, 4]) < 45)
