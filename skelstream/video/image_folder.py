"""Source of image files as frames."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import cv2
import numpy as np

from skelstream.errors import SourceError
from skelstream.files.image import decode_image
from skelstream.video.animated import images_in
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


ASSUMED_FPS = 30.0
"""Images per second if no rate is given."""

# Seconds since 1970 with or without a fraction, or milliseconds, microseconds or nanoseconds since then.
_TIME = re.compile(r"\d{10}\.\d+|\d{10}|\d{13}|\d{16}|\d{19}", re.ASCII)
# The years 2001 to 2100.
_LEAST_TIME, _MOST_TIME = Decimal(10**9), Decimal(4_102_444_800)
# A larger number in a file name is not a frame number but a time or a catalogue number.
_MAX_FRAME_NUMBER = 10**7
# Least correlation of neighbours of a video. In eleven real clips 95 of 100 neighbours correlate by 0.9 and
# more, as do half of the images a sixth of a second apart; of unrelated photos one pair in 100 does. For
# numbered names 0.5 is enough: one pair of photos in 14 reaches it.
_SIMILAR, _SIMILAR_NUMBERED = 0.8, 0.5
_PAIRS = 12


class ImageSource(Source):
    """Source of image files, one per frame.

    Where the file names differ only by an increasing number, as in ``img_00012.jpg``, that number is the
    frame number, so that missing images leave a gap in time; otherwise images are counted from 0. An image is
    at ``(number - first number) / rate`` seconds. Without a rate, names that are times since 1970 (see
    `times_in`) give the images' times and order, from 0 at the first; else 30 images per second are assumed. Without
    a rate, images that do not resemble each other are treated as unrelated photos.

    The Exif orientation is applied. All images have the size of the first readable one; others are scaled to
    fit, centred and padded with black. A file that cannot be read is a frame without an image.
    """

    def __init__(self, name: str, paths: Sequence[Path], fps: float | None, selection: Selection) -> None:
        """
        Args:
            name: name of the source in messages.
            paths: the files in order, at least one.
            fps: images per second; None if unknown.
            selection: the frames to read.

        Raises:
            SourceError: none of the files can be read, or none is in the selection.
        """
        super().__init__(selection)
        times = times_in(paths) if fps is None else None
        if times is not None:
            times, paths = map(list, zip(*sorted(zip(times, paths, strict=True)), strict=True))
        self._paths, self._fps = list(paths), fps or ASSUMED_FPS
        photos = len(paths) == 1 or (fps is None and unrelated(paths))
        numbers = None if photos else numbers_in(paths)
        self._numbers = list(range(len(paths))) if numbers is None else numbers
        self._times = None if photos or times is None else [float(time - times[0]) for time in times]
        if self._times is not None:
            self._fps = (len(paths) - 1) / self._times[-1]
        self._warned_of_size = self._warned_of_animation = False
        wanted = [
            path for _, time, path in self._rows() if not selection.before(time) and not selection.after(time)
        ]
        if not wanted:
            last = self._time(len(self._paths) - 1)
            raise SourceError(f"{name} has no image in the requested part: its last is at {last:.2f} s")
        first = next((image for path in wanted if (image := read_image(path)) is not None), None)
        if first is None:
            raise SourceError(f"{name}: no image could be decoded; the first is {wanted[0].name}")
        self._size = first.shape[:2]
        height, width = self._size
        count, images = len(self._paths), dict(zip(self._numbers, (p.name for p in self._paths), strict=True))
        duration = self._time(count - 1) + 1 / self._fps
        self.info = SourceInfo(
            name,
            height,
            width,
            fps=self._fps,
            duration=duration,
            frames=count,
            photos=photos,
            images=images,
        )
        self._warn_of_times(assumed=fps is None, photos=photos)

    def close(self) -> None:
        self._paths = []

    def _rows(self) -> Iterator[tuple[int, float, Path]]:
        index = 0
        while index < len(self._paths):
            yield self._numbers[index], self._time(index), self._paths[index]
            index += 1

    def _wanted(self, index: int) -> bool:
        return (index - self._numbers[0]) % self._selection.every == 0

    def _time(self, index: int) -> float:
        if self._times is not None:
            return self._times[index]
        return (self._numbers[index] - self._numbers[0]) / self._fps

    def _warn_of_times(self, assumed: bool, photos: bool) -> None:
        name, numbers = self.info.name, self._numbers
        if photos and len(numbers) > 1:
            self._warnings.append(
                f"{name}: its images do not resemble each other and are treated as photos; give the rate"
                " if they are frames of a video"
            )
        elif self._times is not None:
            self._warnings.append(
                f"{name}: the times of its images are those in their names, from 0 at the first;"
                f" {self._fps:.3g} per second in the mean"
            )
        elif assumed and len(numbers) > 1:
            self._warnings.append(
                f"{name}: images have no times; {self._fps:g} per second are assumed,"
                " give the rate if it differs"
            )
        gaps = [(a + 1, b - a - 1) for a, b in itertools.pairwise(numbers) if b - a > 1]
        if gaps:
            missing = sum(count for _, count in gaps)
            self._warnings.append(
                f"{name}: by the numbers in their names, {missing} of {missing + len(numbers)} images are"
                f" missing, first number {gaps[0][0]}; the other images keep their times"
            )

    def _image(self, payload: Path) -> np.ndarray | None:
        image = read_image(payload)
        if image is None:
            self._warnings.append(f"{payload} cannot be decoded as an image; its frame is empty")
            return None
        if not self._warned_of_animation and images_in(payload) > 1:
            self._warned_of_animation = True
            self._warnings.append(
                f"{payload}, and perhaps others, contain several images; only the first is used,"
                " open the file alone to use all"
            )
        if image.shape[:2] != self._size and not self._warned_of_size:
            self._warned_of_size = True
            self._warnings.append(
                f"{payload}, and perhaps others, are scaled to the size of the first image;"
                " their keypoints are in pixels of that size"
            )
        return fit(image, *self._size)


def read_image(path: Path) -> np.ndarray | None:
    """Return the upright image as uint8 RGB (H, W, 3), or None if it cannot be read."""
    try:
        return decode_image(path.read_bytes(), orientation=True)
    except OSError:
        return None


def numbers_in(paths: Sequence[Path]) -> list[int] | None:
    """Return the frame numbers if the file names differ only by an increasing number, else None."""
    matches = [re.fullmatch(r"(.*?)(\d+)(\D*)", path.stem) for path in paths]
    found = [match for match in matches if match is not None]
    if (
        len(found) < len(paths)
        or len({(p.parent, m[1], m[3]) for p, m in zip(paths, found, strict=True)}) > 1
    ):
        return None
    numbers = [int(match[2]) for match in found]
    increasing = all(a < b for a, b in itertools.pairwise(numbers))
    return numbers if increasing and numbers[-1] < _MAX_FRAME_NUMBER else None


def times_in(paths: Sequence[Path]) -> list[Decimal] | None:
    """Return the seconds since 1970 if all file names are different times of this century, else None.

    Such a name is a number of seconds, with or without a fraction, as in ``1623456789.033.jpg``, or a whole number of
    milliseconds (13 digits), microseconds (16) or nanoseconds (19). They may be in any order.
    """
    names = [path.stem for path in paths]
    if len(names) < 2 or not all(_TIME.fullmatch(name) for name in names):
        return None
    times = [Decimal(name) if "." in name else Decimal(name).scaleb(10 - len(name)) for name in names]
    plausible = min(times) >= _LEAST_TIME and max(times) < _MOST_TIME
    return times if plausible and len(set(times)) == len(times) else None


def unrelated(paths: Sequence[Path]) -> bool:
    """Return whether images are unrelated photos: most of up to 12 pairs of neighbours do not correlate."""
    numbered = numbers_in(paths) is not None or times_in(paths) is not None
    least = _SIMILAR_NUMBERED if numbered else _SIMILAR
    starts = np.unique(np.linspace(0, len(paths) - 2, _PAIRS).astype(int))
    pairs = [(_thumbnail(paths[i]), _thumbnail(paths[i + 1])) for i in starts]
    similar = [
        a[0] == b[0] and float((a[1] * b[1]).sum()) >= least
        for a, b in pairs
        if a is not None and b is not None
    ]
    return len(similar) > 0 and sum(similar) * 2 < len(similar)


def _thumbnail(path: Path) -> tuple[tuple[int, ...], np.ndarray] | None:
    """Return an image's shape and its normalised small grey version; the product of two is their correlation."""
    image = read_image(path)
    if image is None:
        return None
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    centred = small - small.mean(dtype=np.float64)
    length = float(np.linalg.norm(centred))
    # An image of one colour counts as similar to any other of its kind.
    return image.shape, centred / length if length > 1 else np.full_like(centred, 1 / 32)


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Return a sort key that puts frame9 before frame10."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p.casefold()) for p in parts if p]
