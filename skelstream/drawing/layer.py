"""Transparent layer over a part of an image, on which overlapping strokes do not add up."""

from __future__ import annotations

import cv2
import numpy as np

from skelstream.drawing.colors import RGB

_SHIFT = 4  # OpenCV draws at 1/16 pixel
_FAR = 30_000.0


class Layer:
    """Layer of strokes that ``merge`` blends onto the image at once.

    Args:
        canvas: uint8 RGB (H, W, 3), C-contiguous; ``merge`` changes it.
        points: float (K, 2), pixels, finite, all points of the strokes; they determine the layer's extent.
        margin: reach of strokes around the points in pixels.
    """

    def __init__(self, canvas: np.ndarray, points: np.ndarray, margin: float) -> None:
        size = np.array(canvas.shape[1::-1])
        low = np.clip(np.floor(points.min(0) - margin), 0, size).astype(int)
        high = np.clip(np.ceil(points.max(0) + margin + 1), low, size).astype(int)
        self._low = low.tolist()
        self._region = canvas[low[1] : high[1], low[0] : high[0]]
        self._pixels = np.zeros((*self._region.shape[:2], 4), np.uint8)

    def line(self, a: np.ndarray, b: np.ndarray, color: RGB, opacity: float, width: int) -> None:
        """Draw a line from ``a`` to ``b`` (x, y) that replaces the layer's pixels under it."""
        if self._pixels.size:
            value = (*color, round(255 * opacity))
            cv2.line(self._pixels, self._at(a), self._at(b), value, width, cv2.LINE_AA, _SHIFT)

    def dot(self, center: np.ndarray, radius: float, color: RGB, opacity: float) -> None:
        """Draw a filled circle that replaces the layer's pixels under it."""
        if self._pixels.size:
            value = (*color, round(255 * opacity))
            scaled = round(radius * 2**_SHIFT)
            cv2.circle(self._pixels, self._at(center), scaled, value, cv2.FILLED, cv2.LINE_AA, _SHIFT)

    def merge(self) -> None:
        """Blend the layer onto the image."""
        touched = self._pixels[..., 3] > 0
        over, under = self._pixels[touched].astype(np.uint16), self._region[touched].astype(np.uint16)
        alpha = over[:, 3:]
        # The edge of a stroke is already mixed with the layer's pixels under it, black where empty, which
        # looks like the outline: no division by alpha is needed.
        self._region[touched] = (under * (255 - alpha) + over[:, :3] * alpha + 127) // 255

    def _at(self, point: np.ndarray) -> tuple[int, int]:
        # Coordinates far outside would overflow OpenCV's fixed-point numbers.
        x, y = (
            round(min(max(float(at) - low, -_FAR), _FAR) * 2**_SHIFT)
            for at, low in zip(point, self._low, strict=True)
        )
        return x, y
