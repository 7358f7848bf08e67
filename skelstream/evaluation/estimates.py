"""Results of an estimator on the images of a COCO set, with one image in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from skelstream.datasets.coco import LabelledImage
from skelstream.datasets.image import SetImage, missing_images, read_set_image
from skelstream.errors import SourceError
from skelstream.evaluation.annotations import CocoSet
from skelstream.evaluation.results import to_results
from skelstream.geometry.letterbox import Letterbox, turned
from skelstream.people import People
from skelstream.skeleton import OPENPOSE18, Skeleton


class ImageEstimator(Protocol):
    """Any estimator of people in images; it decides itself about scales and mirrored images."""

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """Return the people of each image, uint8 RGB (H, W, 3); keypoints are in the pixels of that image."""
        ...


@dataclass(frozen=True)
class ImageEstimate:
    """The estimate for one image.

    Attributes:
        image_id: id of the image in the set.
        results: COCO results, one entry per person.
        failure: why the image could not be read, or None. Such an image is scored as one without people.
        orientation: a note that the Exif orientation was not applied, or None.
    """

    image_id: int | str
    results: list[dict]
    failure: str | None = None
    orientation: str | None = None


class TurnedEstimator:
    """An estimator that sees every image turned, and whose results are in the pixels of the image as it was.

    Args:
        estimator: any estimator of people in images.
        turn: degrees by which images are turned counter-clockwise: 0, 90, 180 or 270.
    """

    def __init__(self, estimator: ImageEstimator, turn: int):
        self._estimator, self._turn = estimator, turn

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """Return the people of each image; see ``ImageEstimator``."""
        views = [turned(image, self._turn) for image in images]
        found = self._estimator.people([view for view, _ in views])
        return [_turned_back(people, turning) for people, (_, turning) in zip(found, views, strict=True)]


def _turned_back(people: People, turning: Letterbox) -> People:
    corners = turning.to_image(people.boxes.reshape(-1, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
    return replace(people, keypoints=turning.to_image(people.keypoints).astype(np.float32), boxes=boxes)


def check_images(coco_set: CocoSet, folder: str | Path) -> None:
    """Raise an error if an image of the set is missing, before hours are spent on the others.

    Raises:
        SourceError: the folder or an image in it is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder of images")
    missing = missing_images(folder, [image.file_name for image in coco_set.images.values()])
    if missing:
        raise SourceError(
            f"{folder}: {len(missing)} of the {len(coco_set.images)} images that {coco_set.path} lists are"
            f" missing, the first is {missing[0]}; give the folder that holds them"
        )


def read_image(folder: str | Path, image: LabelledImage) -> SetImage:
    """Return one image of a set, read by `skelstream.datasets.image.read_set_image`.

    Raises:
        SourceError: the image cannot be read, or has another size than annotated.
    """
    return read_set_image(Path(folder) / image.file_name, image.height, image.width)


def estimate(
    estimator: ImageEstimator, coco_set: CocoSet, folder: str | Path, skeleton: Skeleton = OPENPOSE18
) -> Iterator[ImageEstimate]:
    """Run an estimator on the images of a set, in the set's order.

    Args:
        estimator: receives one image at a time, because images differ in size.
        coco_set: the set.
        folder: folder of the images.
        skeleton: joint set of the estimator's people.

    Yields:
        One estimate per image, as soon as it is available; an image that cannot be read is reported and
        skipped.
    """
    for image in coco_set.images.values():
        try:
            read = read_image(folder, image)
        except SourceError as error:
            yield ImageEstimate(image.id, [], str(error))
            continue
        (people,) = estimator.people([read.pixels])
        results = to_results(image.id, people, skeleton, coco_set.category)
        yield ImageEstimate(image.id, results, orientation=read.assumed)
