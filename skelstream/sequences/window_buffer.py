"""`WindowBuffer`: clips of fixed length from a running stream."""

from __future__ import annotations

from collections import deque

import numpy as np

from skelstream.sequences.window import Window, WindowRows, check_window, make_window
from skelstream.tracking.tracked import TrackedPeople


class WindowBuffer:
    """Buffer of a stream's last ``length`` frames that returns a window as soon as one is full.

    Windows equal those of the finished sequence (`SkeletonSequence.windows`) except that only tracks
    confirmed by the window's last frame get a slot, since later confirmations are not yet known. Earlier rows
    of a confirmed track in the window are included.

    Args:
        length: frames per window.
        stride: frames from the start of one window to the next.
        persons: number M of slots.
        fill_value: x and y of missing joints.
    """

    def __init__(self, length: int = 64, stride: int = 16, persons: int = 2, fill_value: float = 0.0):
        check_window(length, stride, persons)
        self._length, self._stride = length, stride
        self._persons, self._fill_value = persons, fill_value
        self._frames: deque[TrackedPeople] = deque(maxlen=length)
        self._count = 0

    def add(self, tracked: TrackedPeople) -> Window | None:
        """Add a frame, also one without people or one that failed; return the window that it completes, if any."""
        self._frames.append(tracked)
        self._count += 1
        over = self._count - self._length
        return self._window() if over >= 0 and over % self._stride == 0 else None

    def finish(self) -> Window | None:
        """Return, at the end of a source shorter than a window, its one window, padded with missing people."""
        return self._window() if 0 < self._count < self._length else None

    def _window(self) -> Window:
        frames = list(self._frames)
        confirmed = {int(track) for frame in frames for track in frame.track_ids[frame.confirmed]}
        ids = np.concatenate([frame.track_ids for frame in frames])
        offsets = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
        keypoints = np.concatenate([frame.people.keypoints for frame in frames])
        scores = np.concatenate([frame.people.scores for frame in frames])
        person_scores = np.concatenate([frame.people.person_scores for frame in frames])
        keep = np.isin(ids, list(confirmed))
        rows = WindowRows(ids[keep], offsets[keep], keypoints[keep], scores[keep], person_scores[keep])
        start, end = frames[0].time, frames[-1].time
        return make_window(rows, self._length, self._persons, self._fill_value, start, end)
