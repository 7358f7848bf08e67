"""Letterboxes: the place of an image in a network's input, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

PADDING_GREY = 128
"""Grey value of the padding of a letterboxed input, the same as in training."""


@dataclass(frozen=True)
class Letterbox:
    """Map from an image, a crop or a tile to a network's input: ``input = scale * turned image + offset``.

    Attributes:
        scale: input pixels per image pixel, in x and y of the input.
        offset: x and y of the centre of the image's top left pixel, in input pixels.
        turn: degrees by which the image is turned counter-clockwise about that pixel: what is turned clockwise by as much
            stands upright in the input.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]
    turn: float = 0.0

    @classmethod
    def scaled(cls, x: float, y: float) -> Letterbox:
        """Return the letterbox of an image whose top left corner is the input's; x and y are input per image
        pixels."""
        return cls((x, y), ((x - 1) / 2, (y - 1) / 2))

    @property
    def matrix(self) -> np.ndarray:
        """float64 (2, 3), affine map from image to input pixels, as OpenCV takes it."""
        return np.concatenate([np.diag(self.scale) @ rotation(-self.turn), np.array(self.offset)[:, None]], 1)

    def to_input(self, points: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) from image to input pixels."""
        return points @ rotation(self.turn) * np.array(self.scale) + self.offset

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) from input to image pixels."""
        return (points - np.array(self.offset)) / self.scale @ rotation(-self.turn)


def rotation(degrees: float) -> np.ndarray:
    """Return float64 (2, 2), the rotation of column vectors by an angle, clockwise as an image is seen; exact for quarter
    turns."""
    angle = np.deg2rad(degrees)
    cos, sin = np.round([np.cos(angle), np.sin(angle)], 15)
    return np.array([[cos, -sin], [sin, cos]])


def turned(image: np.ndarray, turn: int) -> tuple[np.ndarray, Letterbox]:
    """Return an image turned counter-clockwise by 0, 90, 180 or 270 degrees, and the map from the image to it."""
    last = image.shape[1] - 1, image.shape[0] - 1
    # Where the image's top left pixel goes.
    corner = {0: (0, 0), 90: (0, last[0]), 180: last, 270: (last[1], 0)}[turn]
    return np.ascontiguousarray(np.rot90(image, turn // 90)), Letterbox((1.0, 1.0), corner, float(turn))


def letterboxed(
    image: np.ndarray, long_side: int, size_divisor: int, turn: int = 0
) -> tuple[np.ndarray, Letterbox]:
    """Scale an image to a given long side and pad it to a size that the network takes.

    Args:
        image: uint8 RGB (H, W, 3).
        long_side: longer side after scaling, in pixels.
        size_divisor: divisor of the height and width of the result.
        turn: 0, 90, 180 or 270 degrees by which the image is turned counter-clockwise first.

    Returns:
        uint8 RGB (h, w, 3), and the map from the image to it.
    """
    image, turning = turned(image, turn)
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    h, w = max(1, round(height * scale)), max(1, round(width * scale))
    if (h, w) != (height, width):
        image = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    right, below = -w % size_divisor, -h % size_divisor
    if right or below:
        image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(PADDING_GREY,) * 3)
    placed = Letterbox.scaled(w / width, h / height)
    x, y = placed.to_input(np.array(turning.offset))
    return image, Letterbox(placed.scale, (float(x), float(y)), float(turn))
