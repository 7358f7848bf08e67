"""Scale of people: pixels per metre, from the longest of their limbs."""

from __future__ import annotations

import numpy as np

from skelstream.skeleton import Skeleton

# Lengths in metres of an adult's limbs, from joint to joint (Drillis and Contini 1966, for a height of 1.75 m).
_METRES = {
    ("shoulder", "elbow"): 0.33, ("elbow", "wrist"): 0.26, ("hip", "knee"): 0.43, ("knee", "ankle"): 0.43,
}  # fmt: skip
_SHOULDERS, _TRUNK = 0.37, 0.5


def pixels_per_metre(keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return the scale of people, float64 (P,); NaN for people without a limb.

    A limb that points towards the camera or away from it looks short and none looks long, so the longest limb counts, in
    relation to its length on an adult.

    Args:
        keypoints: float (P, V, 2), source pixels, NaN where missing.
        skeleton: joint set of the people.
    """
    found = [np.full(len(keypoints), np.nan)]
    for side in ("left", "right"):
        pairs = {(f"{side}_{a}", f"{side}_{b}"): metres for (a, b), metres in _METRES.items()}
        pairs[f"{side}_shoulder", f"{side}_hip"] = _TRUNK
        for (a, b), metres in pairs.items():
            found.append(_length(keypoints, skeleton, a, b) / metres)
    found.append(_length(keypoints, skeleton, "left_shoulder", "right_shoulder") / _SHOULDERS)
    scales = np.stack(found)
    return np.where(np.isnan(scales).all(0), np.nan, np.nan_to_num(scales).max(0))


def _length(keypoints: np.ndarray, skeleton: Skeleton, a: str, b: str) -> np.ndarray:
    return np.linalg.norm(keypoints[:, skeleton.index(a)] - keypoints[:, skeleton.index(b)], axis=-1)
