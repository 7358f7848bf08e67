"""Pictures of any size to the network's input, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

# The ground beside the picture is mid grey, as in training.
_GROUND = 128


@dataclass(frozen=True)
class Fit:
    """How a picture lies in the network's input: at its top left, scaled.

    Attributes:
        scale_x, scale_y: source pixels per network-input pixel.
    """

    scale_x: float
    scale_y: float

    def per_cell(self, stride: int) -> tuple[float, float]:
        """Source pixels per map cell in x and y."""
        return self.scale_x * stride, self.scale_y * stride


def fit_image(image: np.ndarray, long_side: int, multiple: int) -> tuple[np.ndarray, Fit]:
    """Scale a picture to a given long side and fill up to a size that the network takes.

    Args:
        image: uint8 RGB (H, W, 3).
        long_side: pixels of the longer side after scaling.
        multiple: height and width of the result are divisible by this.

    Returns:
        uint8 (h, w, 3) and the fit.
    """
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    h, w = max(1, round(height * scale)), max(1, round(width * scale))
    if (h, w) != (height, width):
        image = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    right, below = -w % multiple, -h % multiple
    if right or below:
        image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(_GROUND,) * 3)
    return image, Fit(width / w, height / h)
