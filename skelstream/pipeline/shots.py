"""Shots: the stretches of an edited video between two hard cuts, over which nobody can be followed."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

# Side of the thumbnails that are compared, blocks along each side, and pixels along the image's shorter side that they are made of.
_SIDE, _BLOCKS, _SAMPLES = 32, 4, 64
# Pixels darker than this in both frames are not compared: bars beside the image stay where they are in every shot.
_BLACK = 12.0
# A block says nothing with fewer pixels to compare, or with less contrast (standard deviation in grey levels). Below this number of
# blocks that say something no shot begins: black frames, fog, a covered lens, drawings.
_PIXELS, _CONTRAST, _LEAST = 16, 3.0, 8
# A cut changes the image everywhere, so the difference of two frames is the least that this share of the blocks exceeds; that of two
# blocks is 1 minus their correlation. A shot begins where it is above the first number, and so many times above any of the last ones.
# In eleven clips of one shot it is at most 0.05, and 0.16 with every third frame; at cuts between them 0.68 and more.
_SHARE, _DIFFERENT, _TIMES, _LAST = 0.6, 0.3, 3.0, 5
# Frames that lie farther apart (seconds) may differ in any way.
_LONGEST = 0.2


class ShotChanges:
    """Tells in which frames of a video another shot begins, by the images and times alone, so that a file always gives the same result.

    Brightness and contrast do not count, so that a flash is no cut. Fades and dissolves are not found.
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
        before, self._last = self._last, (time, _blocks(image))
        if before is None or time - before[0] > _LONGEST:
            self._differences.clear()
            return False
        different = _difference(before[1], self._last[1])
        begins = different > max(_DIFFERENT, _TIMES * max(self._differences, default=1.0))
        self._differences.append(different)
        if begins:
            self._differences.clear()
        return begins


def _blocks(image: np.ndarray) -> np.ndarray:
    """Return the blocks of a grey thumbnail of an image, float32 (16, 64)."""
    step = max(1, min(image.shape[:2]) // _SAMPLES)
    small = cv2.resize(image[::step, ::step], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    size = _SIDE // _BLOCKS
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey.reshape(_BLOCKS, size, _BLOCKS, size).swapaxes(1, 2).reshape(_BLOCKS**2, size**2)


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return the difference of two frames, whose blocks are given, from 0 to 2; 0 if too few of them say something."""
    shown = np.maximum(first, second) >= _BLACK
    count = shown.sum(1)
    first, second = (
        np.where(shown, one - (one * shown).sum(1, keepdims=True) / np.maximum(count, 1)[:, None], 0)
        for one in (first, second)
    )
    contrast = [np.sqrt((one**2).sum(1) / np.maximum(count, 1)) for one in (first, second)]
    known = (count >= _PIXELS) & (np.minimum(*contrast) > _CONTRAST)
    if known.sum() < _LEAST:
        return 0.0
    alike = (first * second).sum(1)[known] / (count * contrast[0] * contrast[1])[known]
    return float(np.quantile(1 - alike, 1 - _SHARE))
