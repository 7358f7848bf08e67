"""Crops of people: boxes, the map from image to crop, and the crop's pixels."""

from __future__ import annotations

import cv2
import numpy as np

from skelstream.geometry.letterbox import Letterbox, rotation

MARGIN = 1.25
"""Size of a crop divided by the size of its box: the surroundings of a person help the network."""
# Share of the longer side of the joints' extent added on each side: joints lie inside a person, not at its
# edge.
_AROUND_JOINTS = 0.08
# Below this scale the image is blurred before it is cut, to avoid aliasing.
_BLURRED_BELOW = 0.7
# Standard deviation of the blur, in pixels of the crop.
_BLUR = 0.4


def joints_boxes(keypoints: np.ndarray) -> np.ndarray:
    """Return the boxes of people around their joints, enlarged by 8% of the longer side on each side.

    Args:
        keypoints: float (P, V, 2), source pixels, NaN where missing.

    Returns:
        float32 (P, 4), x0, y0, x1, y1 in source pixels; NaN for a person without any joint.
    """
    missing = np.isnan(keypoints)
    low = np.where(missing, np.inf, keypoints).min(1)
    high = np.where(missing, -np.inf, keypoints).max(1)
    around = _AROUND_JOINTS * (high - low).max(1, keepdims=True)
    boxes = np.concatenate([low - around, high + around], 1)
    return np.where(np.isfinite(boxes), boxes, np.nan).astype(np.float32)


def oriented_boxes(keypoints: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Return boxes around people's joints whose sides are turned with the people, enlarged as those of ``joints_boxes``.

    Args:
        keypoints: float (P, V, 2), source pixels, NaN where missing.
        turns: float (P,), degrees clockwise from upright.

    Returns:
        float32 (P, 5): centre x, centre y, width and height in source pixels, and the turn in degrees.
    """
    axes = np.array([rotation(turn) for turn in turns]).reshape(-1, 2, 2)
    boxes = joints_boxes(keypoints @ axes).astype(np.float64)
    centres = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2 @ axes.transpose(0, 2, 1)
    return np.concatenate([centres[:, 0], boxes[:, 2:] - boxes[:, :2], np.reshape(turns, (-1, 1))], 1).astype(
        np.float32
    )


def squares(boxes: np.ndarray, factor: float) -> np.ndarray:
    """Return boxes (B, 5), as ``oriented_boxes`` returns them, made square: ``factor`` times their longer side."""
    sides = factor * boxes[:, 2:4].max(1, initial=0)
    return np.column_stack([boxes[:, :2], sides, sides, boxes[:, 4]])


def crop_letterbox(box: np.ndarray, size: tuple[int, int], margin: float = MARGIN) -> Letterbox:
    """Return the map from the image to a crop around a box, which keeps the image's aspect ratio.

    Args:
        box: float (5,), centre x, centre y, width, height and turn; or (4,), x0, y0, x1, y1 of an upright box. It is centred in
            the crop and widened to the crop's aspect ratio; what is turned as the box is stands upright in the crop.
        size: height and width of the crop in pixels.
        margin: size of the crop divided by the size of the widened box.
    """
    if len(box) == 4:
        x0, y0, x1, y1 = np.asarray(box, np.float64)
        box = np.array([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, 0])
    x, y, wide, high, turn = np.asarray(box, np.float64)
    # A person with a single joint has no extent, so the box has a minimum size of one pixel.
    scale = min(size[1] / max(wide, 1.0), size[0] / max(high, 1.0)) / margin
    offset = np.array(size[::-1]) / 2 - scale * (np.array([x, y]) @ rotation(turn))
    return Letterbox((scale, scale), (float(offset[0]), float(offset[1])), turn)


def cut(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a crop, black outside the image.

    Args:
        image: uint8 RGB (H, W, 3).
        matrix: float (2, 3), map from image to crop pixels, which may rotate.
        size: height and width of the crop in pixels.

    Returns:
        uint8 (height, width, 3).
    """
    zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if zoom < _BLURRED_BELOW:
        # Only the part that the crop shows, plus the surroundings that the blur reaches.
        image, matrix = _part(image, matrix, size, margin=round(2 / zoom))
        blur, times = _BLUR / zoom, min(int(_BLURRED_BELOW / zoom), *image.shape[:2])
        if times > 1:
            image, matrix, blur = _reduced(image, matrix, blur, times)
        image = cv2.GaussianBlur(image, (0, 0), blur)
    return cv2.warpAffine(image, matrix, size[::-1], flags=cv2.INTER_LINEAR)


def _part(
    image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], margin: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of an image that a crop shows, and the map from it to the crop."""
    height, width = size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    shown = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    low = np.clip(np.floor(shown.min(0)).astype(int) - margin, 0, [image.shape[1] - 1, image.shape[0] - 1])
    high = np.clip(np.ceil(shown.max(0)).astype(int) + margin, low + 1, [image.shape[1], image.shape[0]])
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ low
    return image[low[1] : high[1], low[0] : high[0]], moved


def _reduced(
    image: np.ndarray, matrix: np.ndarray, blur: float, times: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the means of squares of pixels, their map to the crop, and the standard deviation of the
    remaining blur.

    Blurring the means takes a fraction of the time that blurring a large image takes.
    """
    height, width = image.shape[0] // times, image.shape[1] // times
    means = cv2.resize(
        image[: height * times, : width * times], (width, height), interpolation=cv2.INTER_AREA
    )
    moved = matrix.copy()
    moved[:, :2] *= times
    moved[:, 2] += matrix[:, :2] @ np.full(2, (times - 1) / 2)
    # The mean of n pixels in a row is a blur of variance (n^2 - 1) / 12.
    return means, moved, float(np.sqrt(blur**2 - (times**2 - 1) / 12) / times)
