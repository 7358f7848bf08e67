"""A track at the times of a network's frames, which are even, whatever the video's are."""

from __future__ import annotations

import numpy as np

# Seconds between two sightings beyond which nothing is known between them.
_GAP = 0.25


def windows_of(
    times: np.ndarray, keypoints: np.ndarray, frames: int, shown: int, rate: float, rows: np.ndarray
) -> np.ndarray:
    """For each of some rows of a track the frames around it, at an even rate, the row itself being frame ``shown``.

    Between two sightings of a joint at most a quarter of a second apart it lies linearly. Where only one of them is within
    half a frame of the network's, that one counts; elsewhere it is missing. Before a track begins and after it ends,
    its first and last row stand still.

    Args:
        times: float64 (n,) seconds, increasing.
        keypoints: float (n, V, 2), NaN where missing.
        frames: T, of a window.
        shown: of a window's frames, the one at the row's time.
        rate: frames a second.
        rows: int (R,), of the track.

    Returns:
        float32 (R, T, V, 2), NaN where missing.
    """
    wanted = times[rows, None] + (np.arange(frames) - shown) / rate
    wanted = np.clip(wanted, times[0], times[-1])
    after = np.clip(np.searchsorted(times, wanted), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    # A row's own time is that row, also where times are the same.
    after[:, shown] = before[:, shown] = rows
    span = times[after] - times[before]
    share = np.where(span > 0, (wanted - times[before]) / np.where(span > 0, span, 1), 1)
    first, second = keypoints[before], keypoints[after]
    part = share[..., None, None]
    between = np.where((span <= _GAP)[..., None, None], first + part * (second - first), np.nan)
    near = 0.5 / rate
    # Of two sightings too far apart, or of which one lacks the joint, the nearer one if it is near enough.
    is_second = (times[after] - wanted <= wanted - times[before])[..., None, None]
    close = np.minimum(times[after] - wanted, wanted - times[before]) <= near
    nearest = np.where(close[..., None, None], np.where(is_second, second, first), np.nan)
    return np.where(np.isnan(between), nearest, between).astype(np.float32)
