"""Gap filling in tracks by linear interpolation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skelstream.files.arguments import instance_argument, number_argument
from skelstream.sequences.sequence import ROWS, SkeletonSequence
from skelstream.sequences.track import Track


def filled(sequence: SkeletonSequence, max_gap: float = 0.5) -> SkeletonSequence:
    """Return a sequence with short gaps filled: missing joints and rows, interpolated linearly in time.

    Each joint is filled on its own, in position and score, where its observations before and after a gap are
    at most ``max_gap`` seconds apart. ``observed`` is False there, and ``raw`` has the measured values.

    Raises:
        SettingsError: an argument has the wrong type or is out of range.
    """
    instance_argument(sequence, SkeletonSequence, "sequence")
    number_argument(max_gap, "max_gap", "seconds, 0 or more", low=0)
    parts = [_filled_track(track, sequence.frame_time, max_gap) for track in sequence]
    if not parts:
        return sequence
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ROWS}
    observed = np.concatenate([part.observed for part in parts])
    start = np.concatenate([[0], np.cumsum([len(part.frame) for part in parts])])
    meta = {**sequence.meta, "filled": {"max_gap": max_gap}}
    measured = replace(sequence.measured, meta=meta)
    return replace(
        sequence, **rows, observed=observed, track_start=start, raw=measured, lifted=None, meta=meta
    )


@dataclass(frozen=True)
class _FilledRows:
    """The rows of one track after filling; see ``SkeletonSequence`` for the attributes."""

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    person_scores: np.ndarray
    frame: np.ndarray
    observed: np.ndarray


def _filled_track(track: Track, frame_time: np.ndarray, max_gap: float) -> _FilledRows:
    """Return the rows of a track with gaps filled.

    A frame without the person gets a row if one of its joints can be filled; box and person score are
    interpolated too.

    Args:
        track: the track.
        frame_time: float64 (T,), times of the sequence's frames in seconds.
        max_gap: longest time between the observations before and after a gap, in seconds.
    """
    first, length = int(track.frame[0]), int(track.frame[-1] - track.frame[0]) + 1
    times = frame_time[first : first + length]
    own_rows = track.frame - first
    joints = track.scores.shape[1]
    keypoints = np.full((length, joints, 2), np.nan, np.float32)
    scores = np.zeros((length, joints), np.float32)
    observed = np.zeros((length, joints), bool)
    keypoints[own_rows], scores[own_rows], observed[own_rows] = track.keypoints, track.scores, track.observed

    seen = np.isfinite(keypoints[..., 0])
    before, after = _neighbours(seen)
    inside = ~seen & (before >= 0) & (after < length)
    row, joint = np.nonzero(inside)
    a, b = before[row, joint], after[row, joint]
    short = times[b] - times[a] <= max_gap
    row, joint, a, b = row[short], joint[short], a[short], b[short]
    weight = ((times[row] - times[a]) / np.maximum(times[b] - times[a], 1e-9)).astype(np.float32)
    start, end = keypoints[a, joint], keypoints[b, joint]
    keypoints[row, joint] = start + weight[:, None] * (end - start)
    scores[row, joint] = np.clip(scores[a, joint] + weight * (scores[b, joint] - scores[a, joint]), 0, 1)

    keep = np.zeros(length, bool)
    keep[own_rows], keep[row] = True, True
    kept = np.flatnonzero(keep)
    return _FilledRows(
        keypoints[kept], scores[kept],
        np.stack([np.interp(times[kept], track.times, side) for side in track.boxes.T], 1).astype(np.float32),
        np.interp(times[kept], track.times, track.person_scores).astype(np.float32),
        (kept + first).astype(np.int32), observed[kept],
    )  # fmt: skip


def _neighbours(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the last True row up to each cell of bool (L, V), else -1, and the first from it on, else L."""
    length = len(seen)
    rows = np.arange(length)[:, None]
    before = np.maximum.accumulate(np.where(seen, rows, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, rows, length)[::-1], axis=0)[::-1]
    return before, after
