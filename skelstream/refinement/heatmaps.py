"""Joints from heatmaps: the highest cell, and the peak's position between cells.

The position between cells follows DARK (Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose
Estimation", CVPR 2020, section 3.2): near its peak a heatmap is taken for a Gaussian, whose logarithm is a parabola.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Cells on each side of the highest one that are read: second differences, and the blur around them.
_REACH = 3
_LEAST = 1e-10
# The parabola holds near its peak only.
_FARTHEST = 1.0


def peaks(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the position and height of each heatmap's peak.

    Args:
        heatmaps: float (B, V, h, w).

    Returns:
        Positions float32 (B, V, 2), x and y in cells, and scores float32 (B, V), the value of the highest cell.
    """
    batch, joints, height, width = heatmaps.shape
    flat = heatmaps.float().flatten(2)
    scores, places = flat.max(2)
    y, x = places // width, places % width
    around = torch.arange(-_REACH, _REACH + 1, device=heatmaps.device)
    rows = (y[..., None] + around).clamp(0, height - 1)
    columns = (x[..., None] + around).clamp(0, width - 1)
    cells = (rows[..., :, None] * width + columns[..., None, :]).flatten(2)
    patch = flat.gather(2, cells).view(batch, joints, 2 * _REACH + 1, 2 * _REACH + 1)
    # A Gaussian of 3 x 3 cells (1, 2, 1 along each side) against the noise of single ones.
    patch = (patch[..., :-2, :] + 2 * patch[..., 1:-1, :] + patch[..., 2:, :]) / 4
    patch = (patch[..., :-2] + 2 * patch[..., 1:-1] + patch[..., 2:]) / 4
    log = patch.clamp(min=_LEAST).log()
    middle = _REACH - 1
    here = log[..., middle, middle]
    left, right = log[..., middle, middle - 1], log[..., middle, middle + 1]
    up, down = log[..., middle - 1, middle], log[..., middle + 1, middle]
    dx, dy = (right - left) / 2, (down - up) / 2
    dxx = (log[..., middle, middle + 2] - 2 * here + log[..., middle, middle - 2]) / 4
    dyy = (log[..., middle + 2, middle] - 2 * here + log[..., middle - 2, middle]) / 4
    dxy = (
        log[..., middle + 1, middle + 1]
        - log[..., middle - 1, middle + 1]
        - log[..., middle + 1, middle - 1]
        + log[..., middle - 1, middle - 1]
    ) / 4
    determinant = dxx * dyy - dxy**2
    inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    # Where the parabola does not open downwards it has no peak.
    good = inside & (determinant > 0) & (dxx < 0) & (scores > 0)
    safe = torch.where(good, determinant, torch.ones_like(determinant))
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], -1) / safe[..., None]
    step = torch.where(good[..., None], step, torch.zeros_like(step)).clamp(-_FARTHEST, _FARTHEST)
    return torch.stack([x, y], -1).float() + step, scores
