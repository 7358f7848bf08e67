"""Image files with several images: animated WebP and PNG, multi-page TIFF."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from skelstream.errors import SourceError
from skelstream.video.animation_parts import read_animation
from skelstream.video.frame import SourceInfo
from skelstream.video.pixels import fit
from skelstream.video.source import Selection, Source

_PNG = b"\x89PNG\r\n\x1a\n"
_BIG_TIFF = (b"II+\0", b"MM\0+")
_TIFF = (b"II*\0", b"MM\0*", *_BIG_TIFF)
# First byte of a GIF's blocks.
_EXTENSION, _IMAGE = 0x21, 0x2C
# Images decoded at a time: an image of an animation needs the ones before it.
_CHUNK = 64
# Rate of pages, which have no times; seconds of an image whose duration is 0, as in browsers.
_PAGES_A_SECOND, _DEFAULT_SECONDS = 30.0, 0.1


class AnimatedSource(Source):
    """Source of the images of one file, each at its own display time; pages of a TIFF have a fixed rate.

    All images have the size of the first; others are scaled to fit, centred and padded with black.
    """

    def __init__(self, name: str, path: Path, fps: float | None, selection: Selection) -> None:
        """
        Args:
            name: name of the source in messages.
            path: the file.
            fps: images per second, which replaces the file's times; None for the file's times, or 30 for
                pages.
            selection: the frames to read.

        Raises:
            SourceError: the file cannot be read, or no image is in the selection.
        """
        super().__init__(selection)
        self._name, self._fps = name, fps
        try:
            self._data: np.ndarray | None = np.fromfile(path, np.uint8)
        except OSError as error:
            raise SourceError(f"{name} cannot be read ({error.strerror}): check its permissions") from error
        self._paged = bytes(self._data[:4]) in _TIFF
        self._declared = self._stored = images_in(path)
        self._animation = None if self._paged else read_animation(self._data.tobytes())
        if self._animation is not None and not self._animation.intact:
            self._data, self._stored = self._animation.data, sum(self._animation.kept)
        first = next((image for image, _ in self._payloads() if image is not None), None)
        if first is None:
            raise SourceError(f"{name}: no image could be decoded; the file may be damaged")
        self._size = first.shape[:2]
        if next((1 for _, time, _ in self._rows() if not selection.before(time)), None) is None:
            raise SourceError(f"{name} has no image in the requested part: change start or end")
        guess = _PAGES_A_SECOND if self._paged else None
        self.info = SourceInfo(name, *self._size, fps=fps or guess, frames=self._declared)
        if self._paged and fps is None:
            self._warnings.append(
                f"{name}: its pages have no times; {_PAGES_A_SECOND:g} pages per second are assumed,"
                " give the rate if it differs"
            )

    def close(self) -> None:
        self._data = None

    def _rows(self) -> Iterator[tuple[int, float, np.ndarray | None]]:
        time, decoded = 0.0, 0
        for index, (image, seconds) in enumerate(self._payloads()):
            yield index, index / self._fps if self._fps else time, image
            time += seconds
            decoded += image is not None
        truncated = self._animation is not None and self._animation.truncated
        if self._data is not None and (truncated or decoded != self._declared):
            end = "; it is truncated, and what followed is lost" if truncated else ""
            self._warnings.append(
                f"{self._name}: the file declares {self._declared} images, {decoded} can be decoded{end}"
            )

    def _payloads(self) -> Iterator[tuple[np.ndarray | None, float]]:
        """Yield each image, None for a damaged one before an intact one, and its duration in seconds."""
        images, animation = self._images(), self._animation
        if animation is None or animation.intact:
            yield from images
            return
        count = max((index for index, shown in enumerate(animation.shown, 1) if shown), default=0)
        for index in range(count):
            image, _ = next(images, (None, 0.0)) if animation.kept[index] else (None, 0.0)
            yield image if animation.shown[index] else None, animation.seconds[index]

    def _image(self, payload: np.ndarray) -> np.ndarray:
        return fit(_rgb(payload), *self._size)

    def _images(self) -> Iterator[tuple[np.ndarray, float]]:
        """Yield each image in OpenCV's channel order, and its duration in seconds."""
        for start in itertools.count(step=_CHUNK):
            if self._data is None:
                return
            found = self._chunk(self._data, start)
            yield from found
            if len(found) < _CHUNK or start + _CHUNK >= self._stored:
                return

    def _chunk(self, data: np.ndarray, start: int) -> list[tuple[np.ndarray, float]]:
        try:
            if self._paged:
                end = min(start + _CHUNK, self._declared)
                _, images = cv2.imdecodemulti(data, cv2.IMREAD_COLOR, range=(start, end))
                return [(image, 1 / _PAGES_A_SECOND) for image in images]
            _, animation = cv2.imdecodeanimation(data, start, _CHUNK)
        except cv2.error:
            return []
        seconds = [d / 1000 if d > 0 else _DEFAULT_SECONDS for d in np.ravel(animation.durations).tolist()]
        return list(zip(animation.frames, seconds, strict=False))


def images_in(path: Path) -> int:
    """Return the number of images that an image file declares; 1 also if it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
            if head[:4] in _TIFF:
                return _pages(file, head[:4])
            if head.startswith(_PNG):
                return _png_frames(file)
            if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and head[20] & 2:
                return _webp_frames(file)
    except (OSError, OverflowError, struct.error, IndexError):
        pass
    return 1


def is_truncated_gif(path: Path) -> bool:
    """Return whether a file is a GIF without its end marker, which FFmpeg decodes as far as it goes without an error."""
    with path.open("rb") as file:
        head = file.read(13)
        if not head.startswith(b"GIF8") or len(head) < 13:
            return False
        place = 13 + _colors(head[10])
        while (kind := _number(file, place, "B")) in (_EXTENSION, _IMAGE):
            if kind == _IMAGE:
                place += 9 + _colors(_number(file, place + 9, "B") or 0)
            place += 2
            while size := _number(file, place, "B"):
                place += 1 + size
            place += 1
        return kind is None


def _colors(flags: int) -> int:
    """Return the size in bytes of the colour table that a GIF's flags declare."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _pages(file: BinaryIO, magic: bytes) -> int:
    """Return the number of pages of a TIFF or BigTIFF; a page whose offset lies outside the file counts too."""
    order, large = ("<" if magic[:2] == b"II" else ">"), magic in _BIG_TIFF
    link, entries, each, place = ("Q", "Q", 20, 8) if large else ("I", "H", 12, 4)
    count, seen = 0, set()
    while True:
        start = _number(file, place, order + link)
        if not start or start in seen:
            return count
        seen.add(start)
        count += 1
        fields = _number(file, start, order + entries)
        if fields is None:
            return count
        place = start + struct.calcsize(order + entries) + each * fields


def _number(file: BinaryIO, place: int, form: str) -> int | None:
    """Return the number at that offset in the file, or None beyond its end."""
    file.seek(place)
    data = file.read(struct.calcsize(form))
    return struct.unpack(form, data)[0] if len(data) == struct.calcsize(form) else None


def _png_frames(file: BinaryIO) -> int:
    """Return the number of frames in a PNG's animation chunk (acTL), which precedes the first image."""
    place = len(_PNG)
    while size := _number(file, place, ">Q"):
        length, kind = size >> 32, size & 0xFFFFFFFF
        if kind == int.from_bytes(b"acTL"):
            return _number(file, place + 8, ">I") or 1
        if kind == int.from_bytes(b"IDAT"):
            break
        place += 12 + length
    return 1


def _webp_frames(file: BinaryIO) -> int:
    count, place = 0, 12
    while True:
        file.seek(place)
        header = file.read(8)
        if len(header) < 8:
            return count
        count += header[:4] == b"ANMF"
        size = struct.unpack_from("<I", header, 4)[0]
        place += 8 + size + size % 2


def _rgb(image: np.ndarray) -> np.ndarray:
    code = {2: cv2.COLOR_GRAY2RGB, 4: cv2.COLOR_BGRA2RGB}
    channels = 2 if image.ndim == 2 else image.shape[2]
    return cv2.cvtColor(image, code.get(channels, cv2.COLOR_BGR2RGB))
