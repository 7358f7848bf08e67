"""Fixed-length clips for a recogniser, from a finished sequence or from a stream as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skelstream.errors import FormatError

if TYPE_CHECKING:
    from skelstream.sequences.sequence import SkeletonSequence
    from skelstream.tracking.tracked import TrackedPeople


class Window(NamedTuple):
    """A clip of consecutive frames, one person a slot.

    Attributes:
        clip: float32 (M, T, V, 3), x and y in source pixels, score; where nothing is seen the score is 0 and x
            and y are what ``missing`` was.
        track_ids: int32 (M,), the id in each slot, most important first; 0 for an empty slot.
        start: time of the first frame, seconds.
        end: time of the last frame, seconds.
    """

    clip: np.ndarray
    track_ids: np.ndarray
    start: float
    end: float


def windows_of(
    sequence: SkeletonSequence, length: int, stride: int, persons: int, missing: float
) -> Iterator[Window]:
    """See `SkeletonSequence.windows`."""
    _check(length, stride, persons)
    ids = np.repeat(sequence.track_ids, np.diff(sequence.track_start))
    by_frame = np.argsort(sequence.frame, kind="stable")
    ordered = sequence.frame[by_frame]
    times, frames = sequence.frame_time, sequence.frames
    for first in range(0, max(frames - length, 0) + 1 if frames else 0, stride):
        low, high = np.searchsorted(ordered, [first, first + length])
        rows = by_frame[low:high]
        clip, chosen = _clip(
            ids[rows], sequence.frame[rows] - first, sequence.keypoints[rows], sequence.scores[rows],
            sequence.person_scores[rows], length, persons, missing,
        )  # fmt: skip
        yield Window(clip, chosen, float(times[first]), float(times[min(first + length, frames) - 1]))


class WindowBuffer:
    """Windows of a stream: keeps the last ``length`` frames and gives a window as soon as one is full.

    They equal those of the finished sequence (`SkeletonSequence.windows`) but for one thing that cannot be known
    in time: only tracks that are confirmed by the window's last frame take a slot. Once a track is confirmed, its
    rows in the window from before that count.

    Args:
        length: frames in a window.
        stride: frames from one window's start to the next.
        persons: slots M.
        missing: x and y of joints that are missing.
    """

    def __init__(self, length: int = 64, stride: int = 16, persons: int = 2, missing: float = 0.0):
        _check(length, stride, persons)
        self._length, self._stride = length, stride
        self._persons, self._missing = persons, missing
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
        clip, chosen = _clip(
            ids[keep], offsets[keep], keypoints[keep], scores[keep], person_scores[keep],
            self._length, self._persons, self._missing,
        )  # fmt: skip
        return Window(clip, chosen, frames[0].time, frames[-1].time)


def _check(length: int, stride: int, persons: int) -> None:
    if min(length, stride, persons) < 1:
        raise FormatError("a window's length, stride and persons must be at least 1")


def _clip(
    ids: np.ndarray,
    offsets: np.ndarray,
    keypoints: np.ndarray,
    scores: np.ndarray,
    person_scores: np.ndarray,
    length: int,
    persons: int,
    missing: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a window, R of them in any order, put into the slots of the most important tracks."""
    clip = np.zeros((persons, length, keypoints.shape[1], 3), np.float32)
    clip[..., :2] = missing
    chosen = np.zeros(persons, np.int32)
    unique, inverse = np.unique(ids, return_inverse=True)
    # Rows times their mean score is the sum of the scores.
    importance = np.bincount(inverse, person_scores, minlength=len(unique))
    for slot, track in enumerate(np.argsort(-importance, kind="stable")[:persons]):
        rows = inverse == track
        chosen[slot] = unique[track]
        clip[slot, offsets[rows], :, :2] = np.nan_to_num(keypoints[rows], nan=missing)
        clip[slot, offsets[rows], :, 2] = scores[rows]
    return clip, chosen
