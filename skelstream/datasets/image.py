"""Reading of annotated images' pixels, with one rule about orientation for training and evaluation."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skelstream.errors import SourceError
from skelstream.files.image import decode_image, is_truncated

# Marks of Exif data in JPEG, PNG and WebP.
_EXIF = (b"Exif\x00\x00", b"eXIf", b"EXIF")
# Beginning of the Exif data within a few bytes after the mark; tag of the orientation.
_TIFF, _NEAR, _ORIENTATION = re.compile(rb"II\*\x00|MM\x00\*"), 24, 0x0112


@dataclass(frozen=True)
class SetImage:
    """Image of a data set in the orientation of its annotations.

    Attributes:
        pixels: uint8 RGB (H, W, 3).
        assumed: warning about an assumed orientation, one line with the path; None if nothing was assumed.
    """

    pixels: np.ndarray
    assumed: str | None = None


def read_set_image(path: Path, height: int | None = None, width: int | None = None) -> SetImage:
    """Read an image of a data set.

    COCO's coordinates refer to the stored pixels. Other sets were annotated in programs that apply the Exif
    orientation; the annotated size shows which. If it fits both (after a half turn or a mirror image, or for
    a square or an unknown size), the stored pixels are used, with a warning in ``assumed``.

    Args:
        path: the image file.
        height, width: annotated size in pixels; None if unknown.

    Raises:
        SourceError: the file is unreadable or truncated, or has another size than annotated.
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
                f"{path}: its Exif orientation is ignored, since the annotated size fits both orientations"
                " and COCO's coordinates refer to the stored pixels",
            )
        return SetImage(stored)
    if fits(upright):
        return SetImage(upright)
    annotated = f"{width or 'any'}x{height or 'any'}"
    raise SourceError(f"{path}: {stored.shape[1]}x{stored.shape[0]} pixels, but annotated as {annotated}")


def may_be_turned(path: Path) -> bool:
    """Return whether an image file has an Exif orientation other than upright; False if it cannot be read."""
    try:
        return _has_orientation(path.read_bytes())
    except (OSError, ValueError):
        return False


def missing_images(folder: Path, names: list[str]) -> list[str]:
    """Return those names of files that do not exist in a folder."""
    # pathlib's is_file raises an error for names that are too long.
    return [name for name in names if not os.path.isfile(folder / name)]


def _has_orientation(data: bytes) -> bool:
    """Return whether the Exif orientation is other than upright, which is faster than decoding an image twice."""
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
    if is_truncated(data):
        kind = "PNG" if data.startswith(b"\x89PNG") else "JPEG"
        raise SourceError(f"{path}: the {kind} file is truncated; get it again")
    return data


def _decoded(data: bytes, path: Path, orientation: bool) -> np.ndarray:
    pixels = decode_image(data, orientation)
    if pixels is None:
        raise SourceError(f"{path}: cannot be read as an image")
    return pixels
