"""The paths that people have come along."""

from __future__ import annotations

import numpy as np

from skelstream.drawing.colors import RGB
from skelstream.drawing.layer import Layer

_OPACITY = 0.85


def draw_trail(
    canvas: np.ndarray, points: np.ndarray, ages: np.ndarray, longest: float, color: RGB, width: int
) -> None:
    """Draws a path in place, fading and thinning towards its older end.

    Args:
        canvas: uint8 RGB (H, W, 3), C-contiguous.
        points: float (K, 2), pixels, oldest first, finite.
        ages: float (K,), seconds.
        longest: age at which the path has faded away, seconds.
        color: of the path.
        width: of its newest end, pixels.
    """
    if len(points) < 2:
        return
    layer = Layer(canvas, points, width + 2)
    fresh = np.clip(1 - ages / longest, 0, 1)
    for i in range(len(points) - 1):
        weight = float(fresh[i + 1])
        layer.line(points[i], points[i + 1], color, _OPACITY * weight, max(1, round(width * weight)))
    layer.merge()
