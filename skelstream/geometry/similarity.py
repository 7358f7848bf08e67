"""How alike two people are: IoU of boxes and OKS of keypoints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every box with every other.

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
    """Areas (...,) of boxes (..., 4); 0 where a box is turned inside out."""
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


AREA_OF_BOX = 0.53
"""A person's segment area, which OKS is defined by, over its box area, where only the box is known. Measured on COCO's own
annotations the ratio is 0.525 with a standard deviation of 0.127; MMPose uses 0.53 for such sets as well."""


def joint_similarity(
    squares: np.ndarray,
    areas: np.ndarray,
    sigmas: np.ndarray | Sequence[float],
    variance: np.ndarray | float = 0.0,
) -> np.ndarray:
    """How alike two places of a joint are, exp(-d^2 / 2 s^2 k^2): the summand of the object keypoint similarity.

    Args:
        squares: float (..., V), squared distances in px^2.
        areas: float (...), px^2: the size of the person, s^2; above 0.
        sigmas: float (V,), falloff of each joint, half of k.
        variance: float (...) or one number, px^2: as in `oks`.

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
    """Object keypoint similarity over the joints that both people have (COCO keypoint evaluation).

    Args:
        first: float (A, V, 2), NaN where missing.
        second: float (B, V, 2).
        areas: float (A, B), px^2: the size of the person that each pair would be.
        sigmas: float (V,), falloff of each joint; its standard deviation is 2 sigma sqrt(area).
        variance: float (A, B) or one number, px^2: variance of the place of the whole person, added to every
            joint's. COCO has none; a predicted pose has some.
        weights: float (B, V), how much each joint counts; None for all alike, as in COCO.

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
