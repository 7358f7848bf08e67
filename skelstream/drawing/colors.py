"""Colours of tracks and backgrounds."""

from __future__ import annotations

import numpy as np

RGB = tuple[int, int, int]

# Bright, saturated colours that are far from each other in OKLab. Differences of lightness count half, since
# shades of a colour distinguish left from right. Lightness 0.58 to 0.86 is visible on light and dark
# backgrounds.
PALETTE: tuple[RGB, ...] = (
    (255, 144, 16), (64, 184, 255), (255, 0, 255), (0, 240, 0), (216, 216, 0), (136, 72, 255), (255, 0, 80),
    (0, 240, 216), (160, 120, 0), (255, 160, 168), (0, 112, 255), (168, 96, 152), (88, 144, 80),
    (168, 152, 255), (216, 8, 152), (255, 136, 255),
)  # fmt: skip

HAND_COLORS: dict[str, RGB] = {"left_hand": (0, 229, 255), "right_hand": (255, 82, 150)}
"""Colours of hands, the same for everybody: far from each other and from skin."""

PLAIN_BACKGROUND: RGB = (36, 36, 42)
"""Background of skeletons drawn without their video."""

_LIGHTER, _DARKER, _PALER = 0.3, 0.22, 0.6


def track_color(track_id: int) -> RGB:
    """Return the colour of a track, which is the same in every image, report and terminal."""
    return PALETTE[(track_id - 1) % len(PALETTE)]


def side_shade(color: RGB, side: str) -> RGB:
    """Return ``color`` lighter for side ``"left"`` of the person, darker for ``"right"``, else unchanged."""
    if side == "left":
        return _mix(color, 255, _LIGHTER)
    if side == "right":
        return _mix(color, 0, _DARKER)
    return color


def paler(color: RGB) -> RGB:
    """Return ``color`` so light that thin lines of it are visible on a face."""
    return _mix(color, 255, _PALER)


def text_on(color: RGB) -> RGB:
    """Return black or white, the more readable one on ``color`` (WCAG 2 relative luminance)."""
    channels = np.array(color) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return (0, 0, 0) if luminance > 0.18 else (255, 255, 255)


def _mix(color: RGB, target: int, share: float) -> RGB:
    r, g, b = (round(channel + (target - channel) * share) for channel in color)
    return r, g, b
