"""Orientation of people: by how much a person is turned from standing upright in the image."""

from __future__ import annotations

import numpy as np

from skelstream.skeleton import Skeleton

# Height of joints of a person who stands, in heights of the body. Arms and feet point anywhere and do not count.
_HEIGHTS = {
    "nose": 0.93, "eye": 0.95, "ear": 0.94, "head": 0.95, "top": 1.0, "neck": 0.82, "shoulder": 0.82, "spine": 0.66,
    "hip": 0.52, "knee": 0.28, "ankle": 0.05,
}  # fmt: skip
# Least agreement of the joints of a person who counts as turned.
_AGREED = 0.3


def orientation(keypoints: np.ndarray, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much people are turned from standing upright, and how well their joints agree on that.

    The direction upwards is that in which the joints are arranged as those of a person who stands: the covariance of
    the joints' heights in a standing body and of their positions.

    Args:
        keypoints: float (P, V, 2), pixels, NaN where missing.
        skeleton: joint set of the people.

    Returns:
        float64 (P,), degrees clockwise as the image is seen, above -180 and up to 180, 0 for upright; and float64 (P,) in [0, 1],
        the correlation of the joints' positions in that direction with their heights; 0 for people with fewer than two
        joints that count.
    """
    heights = np.array([_HEIGHTS.get(name.rpartition("_")[2], np.nan) for name in skeleton.joints])
    places = np.asarray(keypoints, np.float64)
    counted = np.isfinite(places[..., 0]) & np.isfinite(heights)
    number = np.maximum(counted.sum(1), 1)
    places = np.where(counted[..., None], places, 0)
    places = np.where(counted[..., None], places - (places.sum(1) / number[:, None])[:, None], 0)
    heights = np.where(counted, heights, 0)
    heights = np.where(counted, heights - (heights.sum(1) / number)[:, None], 0)
    upwards = (heights[..., None] * places).sum(1)
    length = np.linalg.norm(upwards, axis=1)
    along = (places * (upwards / np.maximum(length, 1e-12)[:, None])[:, None]).sum(-1)
    spread = np.sqrt((heights**2).sum(1) * (along**2).sum(1))
    agreement = np.where(spread > 0, (heights * along).sum(1) / np.maximum(spread, 1e-12), 0)
    return np.degrees(np.arctan2(upwards[:, 0], -upwards[:, 1])), np.clip(agreement, 0, 1)


def angles_between(first: np.ndarray | float, second: np.ndarray | float) -> np.ndarray:
    """Return the angles between turns in degrees, each from 0 to 180."""
    return np.abs((np.asarray(first) - second + 180) % 360 - 180)


def nearest_turns(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return the turn, int (P,), of the view in which each person stands most nearly upright.

    Args:
        keypoints: float (P, V, 2), pixels, NaN where missing.
        skeleton: joint set of the people.
    """
    turns, agreement = orientation(keypoints, skeleton)
    return np.where(agreement >= _AGREED, np.round(turns / 90) * 90, 0).astype(int) % 360
