"""Normalisations for recognisers, of arrays (..., V, 3) with x, y and score from ``SkeletonSequence.dense``.

A joint with score 0 is missing, and stays at (0, 0) with score 0.
"""

from __future__ import annotations

import numpy as np

from skelstream.errors import FormatError
from skelstream.skeleton import Skeleton


def relative_to_image(clip: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return x and y as fractions of the image from -0.5 to 0.5, as ST-GCN's feeder does.

    Args:
        clip: float32 (..., V, 3), pixels.
        height, width: size of the image in pixels.

    Returns:
        float32 (..., V, 3).
    """
    return _moved(clip, np.array([width / 2, height / 2]), np.array([width, height]))


def centred_on_torso(clip: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return each person in each frame moved so that the middle of shoulders and hips is at (0, 0).

    A frame without any of these four joints uses the person's last centre before it, else the first after it.

    Args:
        clip: float32 (..., T, V, 3), pixels.
        skeleton: joint set of the clip.

    Returns:
        float32 (..., T, V, 3), pixels.
    """
    ends = [_middle(clip, skeleton, part) for part in ("shoulder", "hip")]
    both = np.stack(ends)
    known = np.isfinite(both)
    centre = np.where(known, both, 0).sum(0) / np.maximum(known.sum(0), 1)
    centre[~known.any(0)] = np.nan
    return _moved(clip, _filled_centres(centre)[..., None, :], np.ones(2))


def scaled_by_torso(clip: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return each person divided by its median distance from mid-shoulder to mid-hip over the clip's frames.

    One scale for the whole clip keeps motion towards the camera. A person without such a distance is scaled
    by the median of the other people, or left unchanged if there is none.

    Args:
        clip: float32 (..., T, V, 3), pixels.
        skeleton: joint set of the clip.

    Returns:
        float32 (..., T, V, 3), torso lengths.
    """
    torso = _middle(clip, skeleton, "hip") - _middle(clip, skeleton, "shoulder")
    length = np.linalg.norm(torso, axis=-1)
    length[~(length > 0)] = np.nan
    scale = np.full(length.shape[:-1], np.nan)
    known = np.isfinite(length).any(-1)
    scale[known] = np.nanmedian(length[known], axis=-1) if known.any() else np.nan
    scale[~known] = np.median(scale[known]) if known.any() else 1.0
    return _moved(clip, np.zeros(2), scale[..., None, None, None])


def _middle(clip: np.ndarray, skeleton: Skeleton, part: str) -> np.ndarray:
    """Return the middle of the left and right ``part``, or the only one: float64 (..., 2), NaN if missing."""
    try:
        ends = [skeleton.index(f"{side}_{part}") for side in ("left", "right")]
    except ValueError:
        raise FormatError(
            f"joint set {skeleton.name} has no {part}s to normalise by; convert to another joint set"
        ) from None
    seen = clip[..., ends, 2:] > 0
    total = np.where(seen, clip[..., ends, :2].astype(np.float64), 0).sum(-2)
    count = seen.sum(-2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _filled_centres(centre: np.ndarray) -> np.ndarray:
    """Return (..., T, 2) with gaps filled by the last value before, else the first after, else 0."""
    length = centre.shape[-2]
    known = np.isfinite(centre[..., 0])
    if not length:
        return centre
    index = np.maximum.accumulate(np.where(known, np.arange(length), -1), axis=-1)
    first = np.argmax(known, axis=-1)[..., None]
    index = np.where(index < 0, first, index)
    return np.nan_to_num(np.take_along_axis(centre, index[..., None], axis=-2))


def _moved(clip: np.ndarray, origin: np.ndarray, scale: np.ndarray) -> np.ndarray:
    seen = clip[..., 2:] > 0
    out = np.zeros(clip.shape, np.float32)
    out[..., :2] = np.where(seen, (clip[..., :2] - origin) / scale, 0)
    out[..., 2] = clip[..., 2]
    return out
