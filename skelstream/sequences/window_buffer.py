"""Clips of fixed length from a stream, as it comes."""

from __future__ import annotations

from collections import deque

import numpy as np

from skelstream.sequences.window import Window, check_window, make_window
from skelstream.tracking.tracked import TrackedPeople


class WindowBuffer:
    """Windows of a stream: keeps the last ``length`` frames and gives a window as soon as one is full.

    They equal those of the finished sequence (`SkeletonSequence.windows`) but for one thing that cannot be known
    in time: only tracks that are confirmed by the window's last frame take a slot. Once a track is confirmed, its
    rows in the window from before that count.

    Args:
        length: frames in a window.
        stride: frames from one window's start to the next.
        persons: slots M.
        fill_value: x and y of joints that are missing.
    """

    def __init__(self, length: int = 64, stride: int = 16, persons: int = 2, fill_value: float = 0.0):
        check_window(length, stride, persons)
        self._length, self._stride = length, stride
        self._persons, self._fill_value = persons, fill_value
        self._frames: deque[TrackedPeople] = deque(maxlen=length)
        self._count = 0

    def add(self, tracked: TrackedPeople) -> Window | None:
        """Take one frame, also an empty or failed one, and return the window that it completes, if any."""
        self._frames.append(tracked)
        self._count += 1
        over = self._count - self._length
        return self._window() if over >= 0 and over % self._stride == 0 else None

    def finish(self) -> Window | None:
        """At the end of the source: the one window of a source too short for any, padded with missing people."""
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
        return make_window(
            ids[keep], offsets[keep], keypoints[keep], scores[keep], person_scores[keep],
            self._length, self._persons, self._fill_value, start=frames[0].time, end=frames[-1].time,
        )  # fmt: skip
