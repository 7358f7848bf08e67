"""Image files as frames."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from skelstream.errors import SourceError
from skelstream.video.frame import SourceInfo
from skelstream.video.pixels import fit
from skelstream.video.source import Selection, Source

IMAGE_SUFFIXES = frozenset(
    [
        ".bmp",
        ".dib",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pbm",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    ]  # what OpenCV reads
)


class ImageSource(Source):
    """Image files, one a frame, at ``index / rate`` seconds.

    EXIF orientation is applied. The first readable image gives the size; others are scaled to fit it, centred
    and padded with black. A file that cannot be read is a frame without an image.
    """

    def __init__(self, name: str, paths: Sequence[Path], rate: float, selection: Selection) -> None:
        """
        Args:
            name: what the user calls the source.
            paths: the files in order, at least one.
            rate: frames per second.
            selection: the frames that are wanted.

        Raises:
            SourceError: none of the files can be read, or none is in the selection.
        """
        super().__init__(selection)
        self._paths = list(paths)
        self._rate = rate
        self._resized = 0
        wanted = [
            path for _, time, path in self._rows() if not selection.before(time) and not selection.after(time)
        ]
        if not wanted:
            last = (len(self._paths) - 1) / rate
            raise SourceError(f"{name} has no image in the part asked for: the last one is at {last:.2f} s")
        first = next((image for path in wanted if (image := read_image(path)) is not None), None)
        if first is None:
            raise SourceError(f"{name}: no image could be decoded; the first is {wanted[0].name}")
        self._size = first.shape[:2]
        height, width = self._size
        count = len(self._paths)
        self.info = SourceInfo(name, height, width, rate=rate, duration=count / rate, frames=count)

    def close(self) -> None:
        self._paths = []

    def _rows(self) -> Iterator[tuple[int, float, Path]]:
        index = 0
        while index < len(self._paths):
            yield index, index / self._rate, self._paths[index]
            index += 1

    def _image(self, payload: Path) -> np.ndarray | None:
        image = read_image(payload)
        if image is None:
            self.warnings.append(f"{payload} is no image that can be decoded")
            return None
        if image.shape[:2] != self._size and not self._resized:
            self._resized = 1
            self.warnings.append(f"{payload} and maybe others are fitted into the first image's size")
        return fit(image, *self._size)


def read_image(path: Path) -> np.ndarray | None:
    """The upright image as uint8 RGB (H, W, 3), or None if it cannot be read."""
    try:
        # Through memory, since OpenCV does not open every file name on every system.
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error):
        return None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """A sort key that puts frame9 before frame10."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p.casefold()) for p in parts if p]
