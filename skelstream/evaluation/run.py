"""Estimates of any estimator over the images of a COCO set, one image in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from skelstream.datasets.coco import LabelledImage
from skelstream.datasets.image import SetImage, missing_images, read_set_image
from skelstream.errors import SourceError
from skelstream.evaluation.annotations import CocoSet
from skelstream.evaluation.results import to_results
from skelstream.people import People
from skelstream.skeleton import OPENPOSE18, Skeleton


class Estimator(Protocol):
    """Anything that finds people in images; scales and mirroring are its own affair."""

    def people(self, images: Sequence[np.ndarray]) -> list[People]:
        """The people of each image: uint8 RGB (H, W, 3), keypoints in the pixels of that image."""
        ...


@dataclass(frozen=True)
class ImageEstimate:
    """The estimate for one image.

    Attributes:
        image_id: the image's number in the set.
        results: COCO results, one entry a person.
        failure: why the image could not be read, or None. It is scored as one where nobody was found.
        assumed: what had to be assumed of its orientation, or None.
    """

    image_id: int | str
    results: list[dict]
    failure: str | None = None
    assumed: str | None = None


def check_images(coco_set: CocoSet, folder: str | Path) -> None:
    """Sees to it that all images are there before hours are spent on some of them.

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
    """One image of a set, by `skelstream.datasets.image.read_set_image`.

    Raises:
        SourceError: unreadable, or of another size than annotated.
    """
    return read_set_image(Path(folder) / image.file_name, image.height, image.width)


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
        One estimate an image, as soon as it is there; an image that cannot be read is reported and passed
        over.
    """
    for image in coco_set.images.values():
        try:
            seen = read_image(folder, image)
        except SourceError as error:
            yield ImageEstimate(image.id, [], str(error))
            continue
        (people,) = estimator.people([seen.pixels])
        results = to_results(image.id, people, skeleton, coco_set.category)
        yield ImageEstimate(image.id, results, assumed=seen.assumed)
