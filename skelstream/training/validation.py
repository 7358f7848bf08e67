"""Figures of a run's weights on the evaluation set, and images of their predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from skelstream.drawing.sheet import contact_sheet
from skelstream.drawing.skeletons import draw_people
from skelstream.errors import SourceError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.evaluation.annotations import load_annotations
from skelstream.evaluation.estimates import check_images, estimate, read_image
from skelstream.evaluation.pck import pck
from skelstream.evaluation.scoring import METRICS, score
from skelstream.training.annotations import AnnotatedImage
from skelstream.training.image_store import read_pixels
from skelstream.training.recipe import PCK, EvaluationConfig

FIGURES = (*METRICS, PCK)
_IMAGES = 8


@dataclass(frozen=True)
class ValidationResult:
    """Figures of an evaluation.

    Attributes:
        figures: COCO's figures in percent, and ``PCK`` for a set with one labelled person per image.
        images: number of images scored.
        unreadable: one line for each image that could not be read and was scored as empty.
    """

    figures: dict[str, float]
    images: int
    unreadable: tuple[str, ...] = ()


class Validation:
    """An evaluation set, which scores weights as users run them: with the whole estimator, at a single scale.

    Raises:
        FormatError: the annotations cannot be used.
        SourceError: images are missing.
    """

    def __init__(self, config: EvaluationConfig):
        self.config = config
        coco_set = load_annotations(config.annotations)
        self.coco_set = coco_set.head(config.limit) if config.limit else coco_set
        check_images(self.coco_set, config.images)

    def score(self, estimator: PoseEstimator, stop: Callable[[], bool]) -> ValidationResult | None:
        """Return the figures, or None if ``stop`` returned true before all images were done."""
        rows, unreadable = [], []
        for one in estimate(estimator, self.coco_set, self.config.images, estimator.skeleton):
            if stop():
                return None
            rows += one.results
            unreadable += [one.failure] if one.failure else []
        scores = score(self.coco_set, rows)
        figures = dict(scores.metrics)
        if self.coco_set.single_person:
            figures[PCK] = pck(scores).total
        return ValidationResult(figures, len(self.coco_set.images), tuple(unreadable))

    def images_to_show(self) -> list[tuple[str, np.ndarray]]:
        """Return names and pixels of a few images, spread over the set."""
        images = _spread(list(self.coco_set.images.values()))
        return _readable((i.file_name, lambda i=i: read_image(self.config.images, i).pixels) for i in images)


def training_images(images: Sequence[AnnotatedImage]) -> list[tuple[str, np.ndarray]]:
    """Return names and pixels of a few training images, for runs without an evaluation set."""
    return _readable((i.path.name, lambda i=i: read_pixels(i)) for i in _spread(images))


def predictions(estimator: PoseEstimator, shown: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """Return a sheet of the images with the estimated people drawn in, uint8 RGB (H, W, 3)."""
    tiles = []
    for name, image in shown:
        (people,) = estimator.people([image])
        drawn = draw_people(image, people.keypoints, people.scores, estimator.skeleton)
        tiles.append((f"{name}: {len(people)}", drawn))
    return contact_sheet(tiles)


def _spread(images: Sequence) -> list:
    rows = np.linspace(0, len(images) - 1, min(_IMAGES, len(images))).astype(int)
    return [images[i] for i in rows]


def _readable(named) -> list[tuple[str, np.ndarray]]:
    shown = []
    for name, read in named:
        try:
            shown.append((name.encode("ascii", "replace").decode(), read()))
        except SourceError:
            continue
    return shown
