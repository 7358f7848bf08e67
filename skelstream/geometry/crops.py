"""Crops of people: which part of the image a network sees, and the way back."""

from __future__ import annotations

import cv2
import numpy as np

from skelstream.geometry.letterbox import Letterbox

MARGIN = 1.25
"""A crop's size over its box's: what is around a person tells about it."""
# Of the length of the joints' extent, added on each side: joints lie within a person, not at its edge.
_AROUND_JOINTS = 0.08
# Below this zoom, what a crop cannot show would alias.
_BLURRED_BELOW = 0.7
# Width of the blur over what is one pixel of the crop.
_BLUR = 0.4


def joints_boxes(keypoints: np.ndarray) -> np.ndarray:
    """The boxes of people by their joints, with a little around them.

    Args:
        keypoints: float (P, V, 2), NaN where missing; somebody without any joint has a box of NaN.

    Returns:
        float32 (P, 4), x0, y0, x1, y1.
    """
    missing = np.isnan(keypoints)
    low = np.where(missing, np.inf, keypoints).min(1)
    high = np.where(missing, -np.inf, keypoints).max(1)
    around = _AROUND_JOINTS * (high - low).max(1, keepdims=True)
    boxes = np.concatenate([low - around, high + around], 1)
    return np.where(np.isfinite(boxes), boxes, np.nan).astype(np.float32)


def crop_letterbox(box: np.ndarray, size: tuple[int, int], margin: float = MARGIN) -> Letterbox:
    """Where the image lies in a crop of a box, which keeps the aspect.

    Args:
        box: x0, y0, x1, y1; its centre comes to the crop's, and it is widened to the crop's aspect.
        size: height and width of the crop.
        margin: the crop's size over the widened box's.
    """
    height, width = size
    x0, y0, x1, y1 = np.asarray(box, np.float64)
    # Somebody of whom one joint is left would have no size.
    scale = min(width / max(x1 - x0, 1.0), height / max(y1 - y0, 1.0)) / margin
    offset = width / 2 - scale * (x0 + x1) / 2, height / 2 - scale * (y0 + y1) / 2
    return Letterbox((scale, scale), offset)


def cut(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A crop's pixels, black outside the image.

    Args:
        image: uint8 RGB (H, W, 3).
        matrix: float (2, 3), image to crop pixels; it may turn the image.
        size: height and width of the crop.

    Returns:
        uint8 (height, width, 3).
    """
    zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if zoom < _BLURRED_BELOW:
        # Only what the crop shows, with what the blur draws in from around it.
        image, matrix = _part(image, matrix, size, margin=round(2 / zoom))
        blur, times = _BLUR / zoom, min(int(_BLURRED_BELOW / zoom), *image.shape[:2])
        if times > 1:
            image, matrix, blur = _reduced(image, matrix, blur, times)
        image = cv2.GaussianBlur(image, (0, 0), blur)
    return cv2.warpAffine(image, matrix, size[::-1], flags=cv2.INTER_LINEAR)


def _part(
    image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], margin: int
) -> tuple[np.ndarray, np.ndarray]:
    """The part of an image that a crop shows, and its own map to the crop."""
    height, width = size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    seen = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    low = np.clip(np.floor(seen.min(0)).astype(int) - margin, 0, [image.shape[1] - 1, image.shape[0] - 1])
    high = np.clip(np.ceil(seen.max(0)).astype(int) + margin, low + 1, [image.shape[1], image.shape[0]])
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ low
    return image[low[1] : high[1], low[0] : high[0]], moved


def _reduced(
    image: np.ndarray, matrix: np.ndarray, blur: float, times: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """The means of squares of pixels, their map to the crop, and the width of the blur that they lack: a large image is
    blurred in a fraction of the time."""
    height, width = image.shape[0] // times, image.shape[1] // times
    means = cv2.resize(
        image[: height * times, : width * times], (width, height), interpolation=cv2.INTER_AREA
    )
    moved = matrix.copy()
    moved[:, :2] *= times
    moved[:, 2] += matrix[:, :2] @ np.full(2, (times - 1) / 2)
    # The mean of n pixels in a row is a blur of variance (n^2 - 1) / 12.
    return means, moved, float(np.sqrt(blur**2 - (times**2 - 1) / 12) / times)
