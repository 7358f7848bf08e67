"""Shots: the stretches of an edited video between two hard cuts, over which nobody can be followed."""

from __future__ import annotations

from collections import deque
from itertools import product

import cv2
import numpy as np

# Side of the thumbnails that are compared, and pixels along the image's shorter side that they are made of.
_SIDE, _SAMPLES = 32, 64
# Pixels of the thumbnail, an eighth of its side, by which a jerk may move the image from one frame to the next.
_JERK = 4
# Blocks along each side of a thumbnail.
_BLOCKS = 4
# Pixels darker than this in both frames are not compared: bars beside the image stay where they are in every shot.
_BLACK = 12.0
# A block says nothing with fewer pixels to compare, or with less contrast (standard deviation in grey levels). Below this number of
# blocks that say something no shot begins: black frames, fog, a covered lens, drawings.
_PIXELS, _CONTRAST, _LEAST = 16, 3.0, 8
# A cut changes the image everywhere, so the difference of two frames is the least that this share of the blocks exceeds; that of two
# blocks is 1 minus their correlation. A shot begins where it is above the first number, and so many times above any of the last ones.
# Of 480 pairs of photos 97 % are above it; 60 photos moved by 2, 5 and 8 % of their width differ from themselves by 0.17 at most.
_SHARE, _DIFFERENT, _TIMES, _LAST = 0.6, 0.45, 3.0, 5
# Frames that lie farther apart (seconds) may differ in any way.
_LONGEST = 0.2


class ShotChanges:
    """Tells in which frames of a video another shot begins, by the images and times alone, so that a file always gives the same result.

    Brightness and contrast do not count, so that a flash is no cut, nor does a jerk of the camera. Fades and dissolves are not
    found.
    """

    def __init__(self) -> None:
        self._last: tuple[float, np.ndarray] | None = None
        self._differences = deque[float](maxlen=_LAST)

    def begins(self, image: np.ndarray, time: float) -> bool:
        """Return whether another shot begins with an image; call it once per frame, in order.

        Args:
            image: uint8 RGB (H, W, 3).
            time: seconds.
        """
        before, self._last = self._last, (time, _thumbnail(image))
        if before is None or time - before[0] > _LONGEST:
            self._differences.clear()
            return False
        frames = before[1], self._last[1]
        different = _difference(*frames)
        least = max(_DIFFERENT, _TIMES * max(self._differences, default=1.0))
        if different > least and _difference_at_best(*frames) > _DIFFERENT:
            self._differences.clear()
            return True
        self._differences.append(different)
        return False


def _thumbnail(image: np.ndarray) -> np.ndarray:
    """Return a grey thumbnail of an image, float32 (32, 32)."""
    step = max(1, min(image.shape[:2]) // _SAMPLES)
    small = cv2.resize(image[::step, ::step], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _difference_at_best(first: np.ndarray, second: np.ndarray) -> float:
    """Return the difference of two thumbnails where the first is moved so that they differ least."""
    side = _SIDE - 2 * _JERK
    middle = second[_JERK : _JERK + side, _JERK : _JERK + side]
    moves = product(range(2 * _JERK + 1), repeat=2)
    return min(_difference(first[y : y + side, x : x + side], middle) for y, x in moves)


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return the difference of two thumbnails or equal parts of them, from 0 to 2; 0 if too few blocks say something."""
    first, second = _blocks(first), _blocks(second)
    shown = np.maximum(first, second) >= _BLACK
    count = shown.sum(1)
    pixels = np.maximum(count, 1)[:, None]
    first, second = (
        np.where(shown, one - (one * shown).sum(1, keepdims=True) / pixels, 0) for one in (first, second)
    )
    contrast = [np.sqrt((one**2).sum(1) / pixels[:, 0]) for one in (first, second)]
    known = (count >= _PIXELS) & (np.minimum(*contrast) > _CONTRAST)
    if known.sum() < _LEAST:
        return 0.0
    alike = (first * second).sum(1)[known] / (count * contrast[0] * contrast[1])[known]
    return float(np.quantile(1 - alike, 1 - _SHARE))


def _blocks(thumbnail: np.ndarray) -> np.ndarray:
    """Return the pixels of each block of a thumbnail, (16, pixels)."""
    size = len(thumbnail) // _BLOCKS
    return thumbnail.reshape(_BLOCKS, size, _BLOCKS, size).swapaxes(1, 2).reshape(_BLOCKS**2, size**2)
