"""Pixels of annotated images, and a look through all of them before hours are spent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from skelstream.errors import SourceError
from skelstream.evaluation.annotations import LabelledImage
from skelstream.evaluation.run import read_image
from skelstream.training.annotations import AnnotatedImage, Fault, Problem

_JPEG, _END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
# Some programs append a little after the end.
_TAIL = 4096


def read_pixels(image: AnnotatedImage) -> np.ndarray:
    """The image as its annotators saw it, uint8 RGB (H, W, 3).

    Raises:
        SourceError: unreadable, cut short, or of another size than annotated.
    """
    if _cut_short(image.path):
        raise SourceError(f"{image.path}: the JPEG file is cut short")
    height, width = image.size or (None, None)
    return read_image(image.path.parent, LabelledImage(0, image.path.name, height, width))


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


def _check(image: AnnotatedImage) -> Problem | None:
    try:
        read_pixels(image)
    except SourceError as error:
        return Problem(Fault.UNREADABLE, str(error))
    return None


def _cut_short(path: Path) -> bool:
    """A JPEG file without its end; OpenCV would fill up such an image with grey and say nothing."""
    try:
        with path.open("rb") as file:
            if file.read(2) != _JPEG:
                return False
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            return _END_OF_JPEG not in file.read()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from None
