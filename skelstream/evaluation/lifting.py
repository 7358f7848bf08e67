"""Errors of lifted joints: MPJPE and PA-MPJPE (Human3.6M's protocols 1 and 2)."""

from __future__ import annotations

import numpy as np


def mpjpe(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the mean distance of the joints of each pose (mean per-joint position error).

    Args:
        found, true: float (N, V, 3), poses relative to their root, in the same unit.

    Returns:
        float (N,) in that unit.
    """
    return np.linalg.norm(found - true, axis=-1).mean(-1)


def pa_mpjpe(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the mean distance after Procrustes alignment of each pose to the true one, which leaves errors of shape.

    Args:
        found, true: float (N, V, 3), poses.

    Returns:
        float (N,) in the unit of ``true``.
    """
    return mpjpe(aligned(found, true), true)


def aligned(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return poses after Procrustes alignment to true ones, float64 (N, V, 3); no pose is mirrored."""
    found, true = np.asarray(found, np.float64), np.asarray(true, np.float64)
    middle = true.mean(1, keepdims=True)
    x, y = found - found.mean(1, keepdims=True), true - middle
    u, sizes, vt = np.linalg.svd(np.swapaxes(x, 1, 2) @ y)
    signs = np.ones_like(sizes)
    signs[:, -1] = np.sign(np.linalg.det(u @ vt))
    turn = (u * signs[:, None]) @ vt
    scale = (sizes * signs).sum(1) / np.maximum((x**2).sum((1, 2)), 1e-12)
    return scale[:, None, None] * (x @ turn) + middle
