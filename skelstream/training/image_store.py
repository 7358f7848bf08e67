"""Pixels of annotated images: reading, keeping in memory, and checking before a run."""

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

# Number of images per set whose orientation is examined before a run; ``check_images`` examines all.
_EXAMINED = 200


def read_pixels(image: AnnotatedImage) -> np.ndarray:
    """Return the image as its annotators saw it, uint8 RGB (H, W, 3); see
    `skelstream.datasets.image.read_set_image`.

    Raises:
        SourceError: the image cannot be read, is cut short, or has another size than annotated.
    """
    return _image(image).pixels


class ImageStore:
    """Decoded images in memory; a call returns an image's pixels, as ``read_pixels`` does.

    Args:
        images: the images to keep.
    """

    def __init__(self, images: Iterable[AnnotatedImage]):
        self._images = list(images)
        self._pixels: dict[Path, np.ndarray] = {}

    @staticmethod
    def fits(images: Sequence[AnnotatedImage]) -> bool:
        """Return whether the images need no more than half of the free memory."""
        if not all(image.size for image in images) or "SC_AVPHYS_PAGES" not in os.sysconf_names:
            return False
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return sum(3 * image.size[0] * image.size[1] for image in images if image.size) < free / 2

    def fill(self) -> None:
        """Decode all images that are not in memory yet; the call raises the error of an unreadable one."""
        # Workers are forked from this process, and OpenCV's threads do not survive a fork.
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
    """Read every image, and yield its problem or None, in order."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        yield from pool.map(_check, images)


def ignored_orientations(images: list[AnnotatedImage]) -> list[Problem]:
    """Return the images whose Exif orientation is not applied, among some spread evenly over the set."""
    chosen = images[:: -(-len(images) // _EXAMINED) or 1]
    problems = [_check(image) for image in chosen if may_be_turned(image.path)]
    return [problem for problem in problems if problem and problem.fault is Fault.ORIENTATION_IGNORED]


def _image(image: AnnotatedImage) -> SetImage:
    return read_set_image(image.path, *(image.size or (None, None)))


def _check(image: AnnotatedImage) -> Problem | None:
    try:
        read = _image(image)
    except SourceError as error:
        return Problem(Fault.UNREADABLE, str(error))
    return Problem(Fault.ORIENTATION_IGNORED, image.path.name) if read.assumed else None
