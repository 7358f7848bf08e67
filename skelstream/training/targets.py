"""What the network learns to give: confidence maps and part affinity fields drawn from annotations.

OpenPose (Cao et al., arXiv 1812.08008), section 3.2: a confidence map is the maximum of Gaussians over people
(equations 6 and 7), a part affinity field the mean of the limbs' unit vectors (equations 8 and 9). Unlike there,
the Gaussian's width and the limb's grow with the person: a large person's joints cannot be told as exactly.
"""

from __future__ import annotations

import numpy as np

from skelstream.skeleton import Skeleton

# Network-input pixels: the least and the greatest deviation of a Gaussian and half width of a limb,
# and what they are per pixel of the person's scale (the root of its area).
SIGMA = (3.0, 12.0, 0.06)
HALF_WIDTH = (4.0, 12.0, 0.06)
# Joints of the face lie close together and are told exactly.
_FACE = {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}
_FACE_SIGMA = 0.6


def _clipped(scale: float, limits: tuple[float, float, float]) -> float:
    return float(np.clip(scale * limits[2], limits[0], limits[1]))


def _window(low: np.ndarray, high: np.ndarray, size: tuple[int, int]) -> tuple[slice, slice] | None:
    """The cells between two corners (x, y), or None if all are outside the map."""
    x0, y0 = (max(0, int(np.floor(v))) for v in low)
    x1, y1 = (min(n, int(np.ceil(v)) + 1) for v, n in zip(high, size[::-1], strict=True))
    return (slice(y0, y1), slice(x0, x1)) if x1 > x0 and y1 > y0 else None


def confidence_maps(
    keypoints: np.ndarray, scales: np.ndarray, skeleton: Skeleton, size: tuple[int, int], stride: int
) -> np.ndarray:
    """Confidence maps of P people.

    Args:
        keypoints: float (P, V, 2), network-input pixels, NaN where unlabelled.
        scales: float (P,), root of each person's area in network-input pixels.
        size: height and width of the maps in cells.
        stride: network-input pixels per cell; cell i stands for pixel stride * (i + 0.5) - 0.5.

    Returns:
        float32 (V, h, w) in [0, 1].
    """
    maps = np.zeros((len(skeleton), *size), np.float32)
    for person, scale in zip((keypoints + 0.5) / stride - 0.5, scales, strict=True):
        body = _clipped(scale, SIGMA) / stride
        face = max(SIGMA[0] / stride, body * _FACE_SIGMA)
        for j, name in enumerate(skeleton.joints):
            centre, sigma = person[j], face if name in _FACE else body
            if np.isnan(centre[0]):
                continue
            window = _window(centre - 3.5 * sigma, centre + 3.5 * sigma, size)
            if window is None:
                continue
            rows, columns = window
            y = np.exp(-((np.arange(rows.start, rows.stop) - centre[1]) ** 2) / (2 * sigma**2))
            x = np.exp(-((np.arange(columns.start, columns.stop) - centre[0]) ** 2) / (2 * sigma**2))
            part = maps[j, rows, columns]
            np.maximum(part, y[:, None] * x, out=part, casting="unsafe")
    return maps


def part_affinity_fields(
    keypoints: np.ndarray, scales: np.ndarray, skeleton: Skeleton, size: tuple[int, int], stride: int
) -> np.ndarray:
    """Part affinity fields of P people; arguments as for ``confidence_maps``.

    Returns:
        float32 (2L, h, w): x and y part of each limb's unit vector, the mean where limbs overlap.
    """
    fields = np.zeros((len(skeleton.limbs), 2, *size), np.float32)
    counts = np.zeros((len(skeleton.limbs), *size), np.float32)
    for person, scale in zip((keypoints + 0.5) / stride - 0.5, scales, strict=True):
        half = _clipped(scale, HALF_WIDTH) / stride
        for limb, (a, b) in enumerate(skeleton.limbs):
            start, vector = person[a], person[b] - person[a]
            length = float(np.hypot(*vector))
            if not length > 1e-3:  # also where an end is NaN
                continue
            unit = vector / length
            window = _window(
                np.minimum(person[a], person[b]) - half, np.maximum(person[a], person[b]) + half, size
            )
            if window is None:
                continue
            rows, columns = window
            x = np.arange(columns.start, columns.stop) - start[0]
            y = (np.arange(rows.start, rows.stop) - start[1])[:, None]
            along, across = unit[0] * x + unit[1] * y, unit[0] * y - unit[1] * x
            inside = (along >= -0.5) & (along <= length + 0.5) & (np.abs(across) <= half)
            fields[limb, 0, rows, columns] += inside * np.float32(unit[0])
            fields[limb, 1, rows, columns] += inside * np.float32(unit[1])
            counts[limb, rows, columns] += inside
    fields /= np.maximum(counts, 1)[:, None]
    return fields.reshape(-1, *size)
