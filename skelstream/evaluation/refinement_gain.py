"""What the second look adds: both looks scored in one run, with what the second one took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skelstream.estimation.protocol import Estimator
from skelstream.evaluation.annotations import CocoSet
from skelstream.evaluation.results import to_results
from skelstream.evaluation.scoring import score
from skelstream.people import People


@dataclass(frozen=True)
class LooksCompared:
    """The figures of a run of two looks beside those of its first look alone.

    Attributes:
        one, two: AP in percent.
        images: that were looked at.
        crops: people looked at again.
        seconds: that second looks took.
    """

    one: float
    two: float
    images: int
    crops: int
    seconds: float

    def line(self) -> str:
        """For people to read."""
        each = f", {1000 * self.seconds / self.crops:.1f} ms each" if self.crops else ""
        return (
            f"AP of one look {self.one:.1f}, of two {self.two:.1f}; {self.crops} crops,"
            f" {self.crops / max(1, self.images):.1f} an image{each}"
        )


class LookByLook:
    """An estimator of two looks that keeps what the first one alone would have found.

    Args:
        estimator: of two looks.
        least_score: of people, if there were one look only.

    Attributes:
        skeleton: of the people.
    """

    def __init__(self, estimator: Estimator, least_score: float):
        self.skeleton = estimator.skeleton
        self._estimator, self._least_score = estimator, least_score
        self._first: list[People] = []
        self._crops, self._seconds = 0, 0.0

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """The people of each image after both looks; see ``PoseEstimator.people``."""
        result = []
        for image in images:
            network_input, letterbox = self._estimator.prepare(image)
            (candidates,) = self._estimator.infer([network_input])
            first = self._estimator.group(candidates, letterbox)
            refinement = self._estimator.refinement()
            assert refinement is not None
            began = time.perf_counter()
            result.append(refinement.refine(image, first))
            self._seconds += time.perf_counter() - began
            self._crops += refinement.crops
            self._first.append(first.take(first.person_scores >= self._least_score))
        return result

    def compared(self, coco_set: CocoSet, ids: Sequence[int | str], ap: float) -> LooksCompared:
        """Both looks' figures.

        Args:
            coco_set: the images were of.
            ids: of the images that ``people`` was given, in that order.
            ap: of both looks, in percent.
        """
        rows = [
            row
            for image_id, people in zip(ids, self._first, strict=True)
            for row in to_results(image_id, people, self.skeleton, coco_set.category)
        ]
        one = float(score(coco_set, rows).metrics["AP"])
        return LooksCompared(one, ap, len(self._first), self._crops, self._seconds)
