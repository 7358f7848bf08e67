"""The gain of refinement: AP before and after it, and the time that it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.evaluation.annotations import CocoSet
from skelstream.evaluation.results import to_results
from skelstream.evaluation.scoring import score
from skelstream.people import People


@dataclass(frozen=True)
class RefinementGain:
    """AP with and without refinement.

    Attributes:
        detection_ap: AP of detection alone, in percent.
        refined_ap: AP after refinement, in percent.
        images: number of images.
        crops: number of people refined.
        seconds: time that refinement took.
    """

    detection_ap: float
    refined_ap: float
    images: int
    crops: int
    seconds: float

    def line(self) -> str:
        """Return the gain as one line of text."""
        each = f", {1000 * self.seconds / self.crops:.1f} ms each" if self.crops else ""
        return (
            f"AP of detection {self.detection_ap:.1f}, after refinement {self.refined_ap:.1f};"
            f" {self.crops} crops, {self.crops / max(1, self.images):.1f} per image{each}"
        )


class RefinementMeter:
    """An estimator that also keeps the results of its detection, before refinement.

    Args:
        estimator: an estimator with refinement.
        least_score: least person score of detection alone, in [0, 1].

    Attributes:
        skeleton: joint set of the people.
    """

    def __init__(self, estimator: PoseEstimator, least_score: float):
        self.skeleton = estimator.skeleton
        self._estimator, self._least_score = estimator, least_score
        self._detected: list[People] = []
        self._crops, self._seconds = 0, 0.0

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """Return the refined people of each image; see ``PoseEstimator.people``."""
        result = []
        for image in images:
            (detected,) = self._estimator.detected([image])
            refinement = self._estimator.refinement()
            assert refinement is not None
            began = time.perf_counter()
            result.append(refinement.refine(image, detected))
            self._seconds += time.perf_counter() - began
            self._crops += refinement.crops
            self._detected.append(detected.take(detected.person_scores >= self._least_score))
        return result

    def gain(self, coco_set: CocoSet, image_ids: Sequence[int | str], refined_ap: float) -> RefinementGain:
        """Return the gain over all images so far.

        Args:
            coco_set: the ground truth.
            image_ids: ids of the images that ``people`` was called with, in that order.
            refined_ap: AP after refinement, in percent.
        """
        rows = [
            row
            for image_id, people in zip(image_ids, self._detected, strict=True)
            for row in to_results(image_id, people, self.skeleton, coco_set.category)
        ]
        detection_ap = float(score(coco_set, rows).metrics["AP"])
        return RefinementGain(detection_ap, refined_ap, len(self._detected), self._crops, self._seconds)
