"""Similarity of two people: IoU of boxes and OKS of keypoints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each box of one set with each box of another.

    Args:
        first: float (A, 4), x0, y0, x1, y1.
        second: float (B, 4).

    Returns:
        float64 (A, B) in [0, 1]; 0 for boxes without area.
    """
    a, b = np.asarray(first, np.float64)[:, None], np.asarray(second, np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    union = box_areas(a) + box_areas(b) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """Return the areas (...,) of boxes (..., 4); 0 for a box whose sides are swapped."""
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def covered(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share (N,) of a box (4,) that each of the others (N, 4) covers; a box has an area of at least 1."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return sides.clip(0).prod(1) / max(float((box[2:] - box[:2]).prod()), 1.0)


AREA_OF_BOX = 0.53
"""A person's segment area, which defines OKS, divided by its box area; used where only the box is known. On
COCO's annotations the ratio is 0.525 with a standard deviation of 0.127; MMPose uses 0.53 for such data sets
as well."""


def joint_similarity(
    squares: np.ndarray,
    areas: np.ndarray,
    sigmas: np.ndarray | Sequence[float],
    variance: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Return the similarity of two positions of a joint, exp(-d^2 / 2 s^2 k^2): the summand of OKS.

    Args:
        squares: float (..., V), squared distances in px^2.
        areas: float (...), person areas s^2 in px^2, above 0.
        sigmas: float (V,), falloff of each joint, half of k.
        variance: float (...) or one number, variance of the whole person's position in px^2, as for `oks`.

    Returns:
        float64 (..., V) in [0, 1].
    """
    falloff = np.asarray(areas, np.float64)[..., None] * (2 * np.asarray(sigmas, np.float64)) ** 2
    return np.exp(-squares / (2 * (falloff + np.asarray(variance, np.float64)[..., None])))


def oks(
    first: np.ndarray,
    second: np.ndarray,
    areas: np.ndarray,
    sigmas: np.ndarray | Sequence[float],
    variance: np.ndarray | float = 0.0,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the object keypoint similarity (OKS) over the joints that both people have (COCO keypoint
    evaluation).

    Args:
        first: float (A, V, 2), pixels, NaN where missing.
        second: float (B, V, 2), pixels, NaN where missing.
        areas: float (A, B), area of the person of each pair in px^2.
        sigmas: float (V,), falloff of each joint; its standard deviation is 2 sigma sqrt(area).
        variance: float (A, B) or one number, variance of the whole person's position in px^2, added to that
            of each joint: 0 in COCO, more for a predicted pose.
        weights: float (B, V), weight of each joint; None for equal weights, as in COCO.

    Returns:
        float64 (A, B) in [0, 1], 0 without common joints; and int (A, B), the number of common joints.
    """
    squares = ((np.asarray(first, np.float64)[:, None] - np.asarray(second, np.float64)[None]) ** 2).sum(-1)
    common = np.isfinite(squares)
    joints = joint_similarity(np.where(common, squares, 0), np.maximum(areas, 1.0), sigmas, variance) * common
    count = common.sum(-1)
    if weights is None:
        return joints.sum(-1) / np.maximum(count, 1), count
    counted = common * np.asarray(weights, np.float64)[None]
    return (joints * counted).sum(-1) / np.maximum(counted.sum(-1), 1e-9), count
