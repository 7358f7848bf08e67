"""Estimates of any estimator over the images of a COCO set, one image in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from skelstream.errors import SourceError
from skelstream.evaluation.annotations import CocoSet, LabelledImage
from skelstream.evaluation.results import to_results
from skelstream.grouping.people import People
from skelstream.skeleton import OPENPOSE18, Skeleton


class Estimator(Protocol):
    """Anything that finds people in images; scales and mirroring are its own affair."""

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """The people of each image: uint8 RGB (H, W, 3), keypoints in the pixels of that image."""


@dataclass(frozen=True)
class ImageEstimate:
    """The estimate for one image.

    Attributes:
        image_id: the image's number in the set.
        results: COCO results, one entry a person.
        failure: why the image could not be read, or None. It is scored as one where nobody was found.
    """

    image_id: int
    results: list[dict]
    failure: str | None = None


def check_images(coco_set: CocoSet, folder: str | Path) -> None:
    """Sees to it that all images are there before hours are spent on some of them.

    Raises:
        SourceError: the folder or an image in it is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder of images")
    missing = [i.file_name for i in coco_set.images.values() if not (folder / i.file_name).is_file()]
    if missing:
        raise SourceError(
            f"{folder}: {len(missing)} of the {len(coco_set.images)} images that {coco_set.path} lists are"
            f" missing, the first is {missing[0]}; give the folder that holds them"
        )


def read_image(folder: str | Path, image: LabelledImage) -> np.ndarray:
    """One image of a set as its annotators saw it.

    COCO's coordinates are of the stored pixels. An Exif orientation is applied only where the annotated size
    asks for it.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        SourceError: unreadable, or of another size than annotated.
    """
    path = Path(folder) / image.file_name
    for orientation in (cv2.IMREAD_IGNORE_ORIENTATION, 0):
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR | orientation)
        if pixels is None:
            raise SourceError(f"{path}: cannot be read as an image")
        annotated = (image.height or pixels.shape[0], image.width or pixels.shape[1])
        if pixels.shape[:2] == annotated:
            return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    raise SourceError(
        f"{path}: {pixels.shape[1]}x{pixels.shape[0]} pixels, but annotated as {annotated[1]}x{annotated[0]}"
    )


def estimate(
    estimator: Estimator,
    coco_set: CocoSet,
    folder: str | Path,
    skeleton: Skeleton = OPENPOSE18,
) -> Iterator[ImageEstimate]:
    """Runs the estimator over the images of a set, in the set's order.

    Args:
        estimator: gets one image at a time, as images differ in size.
        coco_set: whose images.
        folder: where they lie.
        skeleton: the joint set of the estimator's people.

    Yields:
        One estimate an image, as soon as it is there; an image that cannot be read says so and is passed
        over.
    """
    for image in coco_set.images.values():
        try:
            pixels = read_image(folder, image)
        except SourceError as error:
            yield ImageEstimate(image.id, [], str(error))
            continue
        yield ImageEstimate(image.id, to_results(image.id, estimator.people([pixels])[0], skeleton))
