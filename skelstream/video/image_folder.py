"""Image files as frames."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from skelstream.errors import SourceError
from skelstream.files.image import decoded
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
"""Images a second where nobody says."""

# A larger number in a file's name counts no frames: it is a time or a catalogue's.
_MOST_FRAMES = 10**7
# Neighbours of a film look alike: in eleven real clips 95 of 100 agree by 0.9 and more, and half of those a sixth
# of a second apart; of unrelated photos one pair in 100 does. Where names count the images, 0.5 will do: one pair of photos in 14.
_ALIKE, _ALIKE_COUNTED = 0.8, 0.5
_PROBED = 12


class ImageSource(Source):
    """Image files, one a frame.

    Where the names are one name with a growing number, as in ``img_00012.jpg``, that number is the frame's, so
    that images which are missing leave their hole in time; otherwise images are counted from 0. An image is at
    ``(number - first number) / rate`` seconds. Without a rate 30 a second are assumed, and images that do not
    look like each other are taken for photos, which do not follow one another.

    EXIF orientation is applied. The first readable image gives the size; others are scaled to fit it, centred
    and padded with black. A file that cannot be read is a frame without an image.
    """

    def __init__(self, name: str, paths: Sequence[Path], fps: float | None, selection: Selection) -> None:
        """
        Args:
            name: what the user calls the source.
            paths: the files in order, at least one.
            fps: images per second; None if nobody knows.
            selection: the frames that are wanted.

        Raises:
            SourceError: none of the files can be read, or none is in the selection.
        """
        super().__init__(selection)
        self._paths, self._fps = list(paths), fps or ASSUMED_FPS
        photos = len(paths) == 1 or (fps is None and unrelated(paths))
        numbers = None if photos else numbers_in(paths)
        self._numbers = list(range(len(paths))) if numbers is None else numbers
        self._resized = self._animated = 0
        wanted = [
            path for _, time, path in self._rows() if not selection.before(time) and not selection.after(time)
        ]
        if not wanted:
            last = self._time(len(self._paths) - 1)
            raise SourceError(f"{name} has no image in the part asked for: the last one is at {last:.2f} s")
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
        self._tell_of_times(assumed=fps is None, photos=photos)

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
        return (self._numbers[index] - self._numbers[0]) / self._fps

    def _tell_of_times(self, assumed: bool, photos: bool) -> None:
        name, numbers = self.info.name, self._numbers
        if photos and len(numbers) > 1:
            self._wrong.append(
                f"{name}: its images do not look like each other and are taken for photos; give the rate if they are"
                " frames"
            )
        elif assumed and len(numbers) > 1:
            self._wrong.append(
                f"{name}: images have no times; {self._fps:g} a second are assumed, give the rate if it is another"
            )
        holes = [(a + 1, b - a - 1) for a, b in itertools.pairwise(numbers) if b - a > 1]
        if holes:
            missing = sum(count for _, count in holes)
            self._wrong.append(
                f"{name}: going by the names, {missing} of {missing + len(numbers)} images are missing, the first is"
                f" number {holes[0][0]}; the times keep their place"
            )

    def _image(self, payload: Path) -> np.ndarray | None:
        image = read_image(payload)
        if image is None:
            self._wrong.append(f"{payload} is no image that can be decoded")
            return None
        if not self._animated and images_in(payload) > 1:
            self._animated = 1
            self._wrong.append(
                f"{payload} and maybe others hold several images, of which the first is taken; give it alone for all"
            )
        if image.shape[:2] != self._size and not self._resized:
            self._resized = 1
            self._wrong.append(
                f"{payload} and maybe others are fitted into the first image's size, which"
                " their keypoints are in"
            )
        return fit(image, *self._size)


def read_image(path: Path) -> np.ndarray | None:
    """The upright image as uint8 RGB (H, W, 3), or None if it cannot be read."""
    try:
        return decoded(path.read_bytes(), orientation=True)
    except OSError:
        return None


def numbers_in(paths: Sequence[Path]) -> list[int] | None:
    """The number of each frame where the names are one name with a growing number, else None."""
    matches = [re.fullmatch(r"(.*?)(\d+)(\D*)", path.stem) for path in paths]
    found = [match for match in matches if match is not None]
    if (
        len(found) < len(paths)
        or len({(p.parent, m[1], m[3]) for p, m in zip(paths, found, strict=True)}) > 1
    ):
        return None
    numbers = [int(match[2]) for match in found]
    growing = all(a < b for a, b in itertools.pairwise(numbers))
    return numbers if growing and numbers[-1] < _MOST_FRAMES else None


def unrelated(paths: Sequence[Path]) -> bool:
    """Whether images do not continue each other: most of a dozen pairs of neighbours do not look alike."""
    enough = _ALIKE if numbers_in(paths) is None else _ALIKE_COUNTED
    starts = np.unique(np.linspace(0, len(paths) - 2, _PROBED).astype(int))
    looks = [(_look(paths[i]), _look(paths[i + 1])) for i in starts]
    alike = [
        a[0] == b[0] and float((a[1] * b[1]).sum()) >= enough
        for a, b in looks
        if a is not None and b is not None
    ]
    return len(alike) > 0 and sum(alike) * 2 < len(alike)


def _look(path: Path) -> tuple[tuple[int, ...], np.ndarray] | None:
    """Size and normalised small grey image, whose product with another's is their correlation."""
    image = read_image(path)
    if image is None:
        return None
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    centred = small - small.mean(dtype=np.float64)
    length = float(np.linalg.norm(centred))
    # An image of one colour looks like any other.
    return image.shape, centred / length if length > 1 else np.full_like(centred, 1 / 32)


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """A sort key that puts frame9 before frame10."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p.casefold()) for p in parts if p]
