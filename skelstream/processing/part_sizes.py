"""Sizes of hands and faces, to which the errors of their joints are in proportion."""

from __future__ import annotations

import numpy as np

from skelstream.skeleton import Skeleton

_KINDS = {"hand": "hand", "left_hand": "hand", "right_hand": "hand", "face": "face"}


def cropped_parts(skeleton: Skeleton) -> list[tuple[str, list[int]]]:
    """Return kind, ``"hand"`` or ``"face"``, and joint indices of each part that is measured on a crop of its own."""
    return [(_KINDS[part], list(joints)) for part, joints in skeleton.parts.items() if part in _KINDS]


def part_sizes(keypoints: np.ndarray) -> np.ndarray:
    """Return the larger side of the extent of each part in pixels, float64 (N,); NaN where fewer than two joints are known.

    Args:
        keypoints: float (N, V, 2), the joints of one part, NaN where missing.
    """
    known = np.isfinite(keypoints[..., 0]).sum(-1) > 1
    sizes = np.full(len(keypoints), np.nan)
    sizes[known] = (np.nanmax(keypoints[known], 1) - np.nanmin(keypoints[known], 1)).max(-1)
    return sizes
