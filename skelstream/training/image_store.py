"""Pixels of annotated images, and a look through all of them before hours are spent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from skelstream.datasets.image import SetImage, may_be_turned, read_set_image
from skelstream.errors import SourceError
from skelstream.training.annotations import AnnotatedImage, Fault, Problem

# Images whose orientation is looked at before a run; all are with ``check_images``.
_LOOKED_AT = 200


def read_pixels(image: AnnotatedImage) -> np.ndarray:
    """The image as its annotators saw it, uint8 RGB (H, W, 3), by `skelstream.datasets.image.read_set_image`.

    Raises:
        SourceError: unreadable, cut short, or of another size than annotated.
    """
    return _image(image).pixels


class ImageStore:
    """Decoded images in memory; a call gives an image's pixels, as ``read_pixels`` does.

    Args:
        images: those to keep.
    """

    def __init__(self, images: Iterable[AnnotatedImage]):
        self._images = list(images)
        self._pixels: dict[Path, np.ndarray] = {}

    @staticmethod
    def fits(images: Sequence[AnnotatedImage]) -> bool:
        """Whether the images take no more than half of the memory that is free."""
        if not all(image.size for image in images) or "SC_AVPHYS_PAGES" not in os.sysconf_names:
            return False
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return sum(3 * image.size[0] * image.size[1] for image in images if image.size) < free / 2

    def fill(self) -> None:
        """Decodes all images that are not there yet; those that cannot be read are left for the call to tell."""
        # Workers are forked from this process, and OpenCV's threads would not come along.
        cv2.setNumThreads(0)
        missing = [image for image in self._images if image.path not in self._pixels]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for image, pixels in zip(missing, pool.map(_read_or_none, missing), strict=True):
                if pixels is not None:
                    self._pixels[image.path] = pixels

    def __call__(self, image: AnnotatedImage) -> np.ndarray:
        pixels = self._pixels.get(image.path)
        return read_pixels(image) if pixels is None else pixels


def _read_or_none(image: AnnotatedImage) -> np.ndarray | None:
    try:
        return read_pixels(image)
    except SourceError:
        return None


def check_images(images: Iterable[AnnotatedImage], workers: int) -> Iterator[Problem | None]:
    """Reads every image; yields a problem or None for each, in order."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        yield from pool.map(_check, images)


def assumptions(images: list[AnnotatedImage]) -> list[Problem]:
    """What has to be assumed of images, in a part of them spread evenly over the set."""
    chosen = images[:: -(-len(images) // _LOOKED_AT) or 1]
    found = [_check(image) for image in chosen if may_be_turned(image.path)]
    return [problem for problem in found if problem and problem.fault is Fault.ASSUMED]


def _image(image: AnnotatedImage) -> SetImage:
    return read_set_image(image.path, *(image.size or (None, None)))


def _check(image: AnnotatedImage) -> Problem | None:
    try:
        seen = _image(image)
    except SourceError as error:
        return Problem(Fault.UNREADABLE, str(error))
    return Problem(Fault.ASSUMED, image.path.name) if seen.assumed else None
