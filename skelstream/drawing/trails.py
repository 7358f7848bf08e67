"""Trails: the recent paths of people."""

from __future__ import annotations

import numpy as np

from skelstream.drawing.colors import RGB
from skelstream.drawing.layer import Layer

_OPACITY = 0.85


def draw_trail(
    canvas: np.ndarray, points: np.ndarray, ages: np.ndarray, longest: float, color: RGB, width: int
) -> None:
    """Draw a trail in place, fading and thinning towards its older end.

    Args:
        canvas: uint8 RGB (H, W, 3), C-contiguous.
        points: float (K, 2), pixels, oldest first, finite.
        ages: float (K,), ages of the points in seconds.
        longest: age in seconds at which the trail has faded away.
        color: colour of the trail.
        width: width of its newest end in pixels.
    """
    if len(points) < 2:
        return
    layer = Layer(canvas, points, width + 2)
    fresh = np.clip(1 - ages / longest, 0, 1)
    for i in range(len(points) - 1):
        weight = float(fresh[i + 1])
        layer.line(points[i], points[i + 1], color, _OPACITY * weight, max(1, round(width * weight)))
    layer.merge()
