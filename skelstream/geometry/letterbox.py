"""An image in a network's input, and points of the input in the image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

GROUND = 128
"""Mid grey, which fills up a letterboxed input, as in training."""


@dataclass(frozen=True)
class Letterbox:
    """How an image, a crop or a tile of it lies in a network's input: ``input = scale * image + offset``.

    Attributes:
        scale: network-input pixels per image pixel, in x and y.
        offset: x and y in the network's input of the centre of the image's top left pixel.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]

    @classmethod
    def scaled(cls, x: float, y: float) -> Letterbox:
        """The image at the input's top left, their corners in one place; x and y are input pixels per image pixel."""
        return cls((x, y), ((x - 1) / 2, (y - 1) / 2))

    @property
    def matrix(self) -> np.ndarray:
        """The same as OpenCV takes it: float64 (2, 3), image to input pixels."""
        return np.array([[self.scale[0], 0, self.offset[0]], [0, self.scale[1], self.offset[1]]])

    def to_input(self, points: np.ndarray) -> np.ndarray:
        """Image pixels (..., 2) as pixels of the input."""
        return points * np.array(self.scale) + self.offset

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of the input as image pixels."""
        return (points - np.array(self.offset)) / self.scale


def letterboxed(image: np.ndarray, long_side: int, size_divisor: int) -> tuple[np.ndarray, Letterbox]:
    """Scale an image to a given long side and fill up to a size that the network takes.

    Args:
        image: uint8 RGB (H, W, 3).
        long_side: pixels of the longer side after scaling.
        size_divisor: height and width of the result are divisible by this.

    Returns:
        uint8 (h, w, 3), and where the image lies in it.
    """
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    h, w = max(1, round(height * scale)), max(1, round(width * scale))
    if (h, w) != (height, width):
        image = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    right, below = -w % size_divisor, -h % size_divisor
    if right or below:
        image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(GROUND,) * 3)
    return image, Letterbox.scaled(w / width, h / height)
