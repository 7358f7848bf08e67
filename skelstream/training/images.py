"""Pixels of annotated images, and a look through all of them before hours are spent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
