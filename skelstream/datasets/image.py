"""Pixels of annotated images: one reader, one rule for training and evaluation."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skelstream.errors import SourceError
from skelstream.files.image import cut_short, decoded

# Exif, as JPEG, PNG and WebP announce it.
_EXIF = (b"Exif\x00\x00", b"eXIf", b"EXIF")
# The facts begin so within a few bytes of that; one of them is the orientation.
_TIFF, _NEAR, _ORIENTATION = re.compile(rb"II\*\x00|MM\x00\*"), 24, 0x0112


@dataclass(frozen=True)
class SetImage:
    """An image of a set as its annotators saw it.

    Attributes:
        pixels: uint8 RGB (H, W, 3).
        assumed: what had to be assumed of its orientation, a line with its path, or None.
    """

    pixels: np.ndarray
    assumed: str | None = None


def read_set_image(path: Path, height: int | None = None, width: int | None = None) -> SetImage:
    """One image of a set.

    COCO's coordinates are of the stored pixels. Other sets were annotated in programs that turn an image as its Exif
    orientation says; the annotated size shows which. Where it fits both ways, which a half turn, a mirror image, a
    square or an unknown size does, the stored pixels are taken, and ``assumed`` says so.

    Args:
        height, width: as annotated; None where the file does not say.

    Raises:
        SourceError: unreadable, cut short, or of another size than annotated.
    """
    data = _bytes_of(path)
    stored = _decoded(data, path, orientation=False)
    upright = _decoded(data, path, orientation=True) if _has_orientation(data) else stored
    turned = upright.shape != stored.shape or not np.array_equal(upright, stored)

    def fits(pixels: np.ndarray) -> bool:
        return height in (None, pixels.shape[0]) and width in (None, pixels.shape[1])

    if fits(stored):
        if turned and fits(upright):
            return SetImage(
                stored,
                f"{path}: taken as stored and not as its Exif orientation says, as the annotated size fits both ways and"
                " COCO's coordinates are of the stored pixels",
            )
        return SetImage(stored)
    if fits(upright):
        return SetImage(upright)
    annotated = f"{width or 'any'}x{height or 'any'}"
    raise SourceError(f"{path}: {stored.shape[1]}x{stored.shape[0]} pixels, but annotated as {annotated}")


def may_be_turned(path: Path) -> bool:
    """Whether a file's Exif facts ask for the image to be turned; False where it cannot be read."""
    try:
        return _has_orientation(path.read_bytes())
    except (OSError, ValueError):
        return False


def missing_images(folder: Path, names: list[str]) -> list[str]:
    """The files of a folder that are not there."""
    # pathlib's is_file raises an error for names that are too long.
    return [name for name in names if not os.path.isfile(folder / name)]


def _has_orientation(data: bytes) -> bool:
    """Whether Exif facts ask for the image to be turned; a look at them is cheaper than decoding an image twice."""
    for mark in _EXIF:
        at = data.find(mark)
        if at >= 0 and (found := _TIFF.search(data, at, at + _NEAR)):
            order = ">" if found[0].startswith(b"M") else "<"
            try:
                (first,) = struct.unpack_from(order + "I", data, found.start() + 4)
                (count,) = struct.unpack_from(order + "H", data, found.start() + first)
                for i in range(count):
                    tag, _, _, value = struct.unpack_from(
                        order + "HHIH", data, found.start() + first + 2 + 12 * i
                    )
                    if tag == _ORIENTATION:
                        return value != 1
            except struct.error:
                return True  # damaged, which the decoder will report
    return False


def _bytes_of(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if cut_short(data):
        kind = "PNG" if data.startswith(b"\x89PNG") else "JPEG"
        raise SourceError(f"{path}: the {kind} file is cut short")
    return data


def _decoded(data: bytes, path: Path, orientation: bool) -> np.ndarray:
    pixels = decoded(data, orientation)
    if pixels is None:
        raise SourceError(f"{path}: cannot be read as an image")
    return pixels
