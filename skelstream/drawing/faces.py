"""Location of heads from keypoints, and blurring so that faces cannot be recognised.

This helps to anonymise a video without a guarantee: the faces of missed people stay visible.
"""

from __future__ import annotations

import cv2
import numpy as np

from skelstream.skeleton import Skeleton

# Radius of a circle that covers a head (0.14 m) divided by lengths of the body in metres, from an adult's
# proportions; the largest estimate is used, since foreshortening only shortens lengths.
_RADIUS_PER = {
    ("left_ear", "right_ear"): 0.14 / 0.15,
    ("left_eye", "right_eye"): 0.14 / 0.064,
    ("left_ear", "left_eye"): 0.14 / 0.10,
    ("right_ear", "right_eye"): 0.14 / 0.10,
    ("left_ear", "nose"): 0.14 / 0.13,
    ("right_ear", "nose"): 0.14 / 0.13,
    ("left_shoulder", "right_shoulder"): 0.14 / 0.36,
}
_RADIUS_PER_TORSO = 0.14 / 0.50  # neck to the middle of the hips
_RADIUS_PER_FACE = 0.14 / 0.15  # longer side of the box around the points of a face
_HEAD_ABOVE_NECK = 1.75  # centre of the head, in radii from the neck
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_FEW_JOINTS_MARGIN = 1.3
_SMALLEST = 8.0  # least radius in pixels
_MOSAIC = 6  # patches across a blurred head


def head_circles(keypoints: np.ndarray, boxes: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return a circle around each person's head, rather too large than too small.

    The centre is the middle of the face's points, or else the mean of nose, eyes and ears that are not missing; without any of
    them, a position above the neck, away from the hips; without shoulders too, the upper end of the person's box.

    Args:
        keypoints: float (N, V, 2), source pixels, NaN where missing.
        boxes: float (N, 4), x0, y0, x1, y1 in source pixels.
        skeleton: joint set of V joints.

    Returns:
        float32 (N, 3): x, y, radius in source pixels; all finite if the boxes are.
    """
    count = len(keypoints)
    joint = {name: keypoints[:, i].astype(np.float64) for i, name in enumerate(skeleton.joints)}
    missing = np.full((count, 2), np.nan)

    def at(name: str) -> np.ndarray:
        return joint.get(name, missing)

    def length(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.nan_to_num(np.hypot(*(a - b).T))

    neck = _first(at("neck"), (at("left_shoulder") + at("right_shoulder")) / 2)
    neck = _first(neck, at("left_shoulder"), at("right_shoulder"))
    hips = _first((at("left_hip") + at("right_hip")) / 2, at("left_hip"), at("right_hip"))
    width, height = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64).T
    reach = np.maximum(width, height)

    radius = length(neck, hips) * _RADIUS_PER_TORSO
    for (a, b), ratio in _RADIUS_PER.items():
        radius = np.maximum(radius, length(at(a), at(b)) * ratio)
    contour, extent = _middle_and_extent(keypoints[:, list(skeleton.parts.get("face", ()))])
    radius = np.maximum(radius, extent * _RADIUS_PER_FACE)
    radius = np.where(radius > 0, radius, 0.18 * reach)
    radius = np.clip(radius, np.maximum(0.06 * reach, _SMALLEST), np.maximum(0.5 * reach, _SMALLEST))

    face = np.stack([at(name) for name in _FACE], 1)
    present = np.isfinite(face[..., 0])
    known = present.sum(1)
    middle = np.where(present[..., None], face, 0).sum(1) / np.maximum(known, 1)[:, None]
    middle[known == 0] = np.nan

    up = neck - hips
    norm = np.hypot(*up.T)[:, None]
    up = np.where(norm > 0, up / np.where(norm > 0, norm, 1), (0.0, -1.0))
    above_neck = neck + up * (_HEAD_ABOVE_NECK * radius)[:, None]
    top_of_box = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 1] + 0.3 * radius], 1)

    center = _first(contour, middle, above_neck, top_of_box)
    certain = ((known >= 2) | (extent > 0)) & (radius > 0)
    radius = radius * np.where(certain, 1.1, _FEW_JOINTS_MARGIN)
    return np.column_stack([center, radius]).astype(np.float32)


def bridge_gaps(
    times: np.ndarray, rows: np.ndarray, circles: np.ndarray, max_gap: float, hold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the head circles of one track, extended to frames in which it is lost and shortly before and after it.

    Args:
        times: float (T,), times of all frames in seconds.
        rows: int (K,), frames with the track, increasing.
        circles: float (K, 3), head circles in these frames.
        max_gap: greatest gap in seconds that is bridged along a straight line.
        hold: seconds for which the first and last circle, and those beside longer gaps, are held.

    Returns:
        frames int (L,) and circles float32 (L, 3), L >= K.
    """
    if not len(rows):
        return rows, circles
    known = times[rows]
    low = max(0, int(np.searchsorted(times, known[0] - hold)))
    high = int(np.searchsorted(times, known[-1] + hold, side="right"))
    frames = np.arange(low, high)
    at = times[frames]
    after = np.clip(np.searchsorted(known, at), 0, len(known) - 1)
    before = np.clip(np.searchsorted(known, at, side="right") - 1, 0, len(known) - 1)
    near = np.minimum(np.abs(known[after] - at), np.abs(at - known[before])) <= hold
    keep = near | ((known[after] - known[before] <= max_gap) & (known[before] <= at) & (at <= known[after]))
    frames, at = frames[keep], at[keep]
    filled = np.stack([np.interp(at, known, circles[:, i]) for i in range(3)], 1)
    return frames, filled.astype(np.float32)


def blur_heads(canvas: np.ndarray, circles: np.ndarray) -> None:
    """Reduce each circle to a few blurred patches of colour, in place.

    Args:
        canvas: uint8 RGB (H, W, 3).
        circles: float (P, 3), x, y, radius in pixels.
    """
    height, width = canvas.shape[:2]
    for x, y, radius in circles.tolist():
        reach = radius * 1.15
        x0, x1 = max(0, round(x - reach)), min(width, round(x + reach) + 1)
        y0, y1 = max(0, round(y - reach)), min(height, round(y + reach) + 1)
        if x1 <= x0 or y1 <= y0:
            continue
        region = canvas[y0:y1, x0:x1]
        patches = (
            max(1, round(_MOSAIC * (x1 - x0) / (2 * reach))),
            max(1, round(_MOSAIC * (y1 - y0) / (2 * reach))),
        )
        coarse = cv2.resize(region, patches, interpolation=cv2.INTER_AREA)
        coarse = cv2.resize(coarse, (x1 - x0, y1 - y0), interpolation=cv2.INTER_CUBIC)
        distance = np.hypot(np.arange(x0, x1)[None] - x, np.arange(y0, y1)[:, None] - y)
        share = np.clip((reach - distance) / max(reach - radius, 1e-3), 0, 1)[..., None]
        region[:] = np.round(region * (1 - share) + coarse * share)


def _middle_and_extent(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle, (N, 2), and the longer side, (N,), of the box around points (N, K, 2); NaN and 0 without points."""
    present = np.isfinite(points)
    low = np.where(present, points, np.inf).min(1, initial=np.inf).astype(np.float64)
    high = np.where(present, points, -np.inf).max(1, initial=-np.inf).astype(np.float64)
    found = np.isfinite(low).all(1)
    low[~found] = high[~found] = np.nan
    return (low + high) / 2, np.where(found, np.nan_to_num(high - low).max(1), 0)


def _first(*choices: np.ndarray) -> np.ndarray:
    """Return, row by row, the first of several points (N, 2) that is not missing."""
    result = choices[0]
    for choice in choices[1:]:
        result = np.where(np.isfinite(result), result, choice)
    return result
