"""Sampling of a track at a lifting network's constant frame rate."""

from __future__ import annotations

import numpy as np

# Longest time between two observations to interpolate, in seconds.
_MAX_GAP = 0.25


def sample_windows(
    times: np.ndarray, keypoints: np.ndarray, frames: int, output_frame: int, rate: float, rows: np.ndarray
) -> np.ndarray:
    """Return a window of frames around each row at a constant rate: float32 (R, T, V, 2), NaN where missing.

    A joint is interpolated linearly between observations at most 0.25 s apart. Otherwise the nearer
    observation is used if it is within half a frame interval of the network's, else the joint is missing.
    Times before the track's start and after its end use its first and last row.

    Args:
        times: float64 (n,), times of the rows in seconds, never decreasing.
        keypoints: float (n, V, 2), NaN where missing.
        frames: number T of frames in a window.
        output_frame: number of the window's frame at the row's time.
        rate: frame rate of a window in Hz.
        rows: int (R,), numbers of the rows.
    """
    sample_times = times[rows, None] + (np.arange(frames) - output_frame) / rate
    sample_times = np.clip(sample_times, times[0], times[-1])
    after = np.clip(np.searchsorted(times, sample_times), 0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    # At a row's own time use that row, also if other rows have the same time.
    after[:, output_frame] = before[:, output_frame] = rows
    span = times[after] - times[before]
    weight = np.where(span > 0, (sample_times - times[before]) / np.where(span > 0, span, 1), 1)
    first, second = keypoints[before], keypoints[after]
    between = np.where(
        (span <= _MAX_GAP)[..., None, None], first + weight[..., None, None] * (second - first), np.nan
    )
    near = 0.5 / rate
    # If observations are too far apart, or one lacks the joint, use the nearer one if it is near enough.
    is_second = (times[after] - sample_times <= sample_times - times[before])[..., None, None]
    close = np.minimum(times[after] - sample_times, sample_times - times[before]) <= near
    nearest = np.where(close[..., None, None], np.where(is_second, second, first), np.nan)
    return np.where(np.isnan(between), nearest, between).astype(np.float32)
