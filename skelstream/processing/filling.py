"""Gaps in a track, filled by interpolation between the sightings around them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skelstream.sequences.sequence import ROWS, SkeletonSequence
from skelstream.sequences.track import Track


def filled(sequence: SkeletonSequence, max_gap: float = 0.5) -> SkeletonSequence:
    """Joints and whole rows that are missing for a short while, interpolated linearly in time.

    Joint by joint: where the sightings before and after lie at most ``max_gap`` seconds apart, position
    and score are interpolated. ``observed`` stays False there, and ``raw`` keeps what was measured.
    """
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
    """The rows of one track after filling; the attributes are those of `SkeletonSequence`."""

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    person_scores: np.ndarray
    frame: np.ndarray
    observed: np.ndarray


def _filled_track(track: Track, frame_time: np.ndarray, max_gap: float) -> _FilledRows:
    """Interpolate joints between sightings that lie at most ``max_gap`` seconds apart.

    A frame in which the person was not found gets a row if any of its joints can be filled; its box and
    person score are interpolated too.

    Args:
        track: the track, n rows.
        frame_time: float64 (T,), the sequence's frame table.
        max_gap: seconds between the sighting before a gap and the one after it.
    """
    first, length = int(track.frame[0]), int(track.frame[-1] - track.frame[0]) + 1
    times = frame_time[first : first + length]
    at = track.frame - first
    joints = track.scores.shape[1]
    keypoints = np.full((length, joints, 2), np.nan, np.float32)
    scores = np.zeros((length, joints), np.float32)
    observed = np.zeros((length, joints), bool)
    keypoints[at], scores[at], observed[at] = track.keypoints, track.scores, track.observed

    seen = np.isfinite(keypoints[..., 0])
    before, after = _neighbours(seen)
    inside = ~seen & (before >= 0) & (after < length)
    row, joint = np.nonzero(inside)
    a, b = before[row, joint], after[row, joint]
    short = times[b] - times[a] <= max_gap
    row, joint, a, b = row[short], joint[short], a[short], b[short]
    share = ((times[row] - times[a]) / np.maximum(times[b] - times[a], 1e-9)).astype(np.float32)
    start, end = keypoints[a, joint], keypoints[b, joint]
    keypoints[row, joint] = start + share[:, None] * (end - start)
    scores[row, joint] = np.clip(scores[a, joint] + share * (scores[b, joint] - scores[a, joint]), 0, 1)

    keep = np.zeros(length, bool)
    keep[at], keep[row] = True, True
    kept = np.flatnonzero(keep)
    return _FilledRows(
        keypoints[kept], scores[kept],
        np.stack([np.interp(times[kept], track.times, side) for side in track.boxes.T], 1).astype(np.float32),
        np.interp(times[kept], track.times, track.person_scores).astype(np.float32),
        (kept + first).astype(np.int32), observed[kept],
    )  # fmt: skip


def _neighbours(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each cell of bool (L, V): the last row seen up to it (else -1) and the first from it on (else L)."""
    length = len(seen)
    rows = np.arange(length)[:, None]
    before = np.maximum.accumulate(np.where(seen, rows, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, rows, length)[::-1], axis=0)[::-1]
    return before, after
