"""The images with the greatest errors, as labelled beside as estimated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from skelstream.drawing.sheet import BACKGROUND, contact_sheet
from skelstream.drawing.skeletons import draw_people
from skelstream.evaluation.annotations import CocoSet
from skelstream.evaluation.error_kinds import match, missing_joints
from skelstream.evaluation.estimates import read_image
from skelstream.evaluation.scoring import CocoScores, ImageMatch
from skelstream.skeleton import COCO17

_ASPECT = 2  # least width over height of a pair


@dataclass(frozen=True)
class ImageLoss:
    """Errors of one image.

    Attributes:
        match: labelled people and estimates of the image.
        loss: sum of 1 - OKS over labelled people (1 without an estimate), and of the scores of estimates
            without a person, relative to the best score of all images.
        missed: number of labelled people without an estimate.
        spurious: number of estimates without a person.
    """

    match: ImageMatch
    loss: float
    missed: int
    spurious: int


def worst_images(scores: CocoScores, count: int) -> list[ImageLoss]:
    """Return the ``count`` images of the greatest loss, by falling loss, without images of no loss."""
    best = max((image.scores.max() for image in scores.images if len(image.scores)), default=1.0)
    losses = [_loss(image, max(float(best), 1e-9)) for image in scores.images]
    losses = sorted((loss for loss in losses if loss.loss > 0), key=lambda x: -x.loss)
    return losses[:count]


def montage(worst: list[ImageLoss], coco_set: CocoSet, folder: str | Path, width: int = 1800) -> np.ndarray:
    """Return a sheet of images, labelled people to the left of estimated ones, with captions of their errors.

    Args:
        worst: images from ``worst_images``; at least one.
        coco_set: the ground truth.
        folder: folder of the images.
        width: width of the sheet in pixels.

    Returns:
        uint8 RGB (h, width, 3).

    Raises:
        SourceError: an image cannot be read.
    """
    return contact_sheet([_pair(loss, coco_set, folder) for loss in worst], columns=2, width=width)


def _loss(image: ImageMatch, best: float) -> ImageLoss:
    pairs, unmatched = match(image)
    labelled = sum(not p.ignored for p in image.persons)
    found = sum(float(image.oks[d, g]) for d, g in pairs)
    spurious = sum(float(image.scores[d]) / best for d in unmatched)
    return ImageLoss(image, labelled - found + spurious, labelled - len(pairs), len(unmatched))


def _pair(loss: ImageLoss, coco_set: CocoSet, folder: str | Path) -> tuple[str, np.ndarray]:
    image = coco_set.images[loss.match.image_id]
    pixels = read_image(folder, image).pixels
    labelled = [p.keypoints for p in loss.match.persons if not p.ignored]
    truth = np.asarray(labelled, np.float32).reshape(-1, len(COCO17), 3)
    left = _draw(pixels, truth, truth[..., 2] > 0)
    right = _draw(pixels, loss.match.keypoints, ~missing_joints(loss.match.keypoints))
    caption = f"{image.file_name}: {len(labelled)} labelled, {loss.missed} missed, {loss.spurious} spurious"
    pair = np.hstack([left, right])
    # All tiles are as high as the highest one: widened upright images let the others keep their size.
    beside = max(0, (_ASPECT * pair.shape[0] - pair.shape[1]) // 2)
    return caption, cv2.copyMakeBorder(pair, 0, 0, beside, beside, cv2.BORDER_CONSTANT, value=BACKGROUND)


def _draw(pixels: np.ndarray, people: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return a copy of the image with people (P, 17, 3) in COCO's joints, drawn with the greatest score."""
    points = np.where(present[..., None], people[..., :2], np.nan)
    return draw_people(pixels, points, present.astype(np.float32), COCO17)
