"""A skeleton sequence, which is stored track by track, looked up frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skelstream.errors import SourceError
from skelstream.sequences import SkeletonSequence
from skelstream.video import Source, open_source


@dataclass(frozen=True)
class Shown:
    """The P people of one frame, as they are drawn.

    Attributes:
        keypoints: float32 (P, V, 2), source pixels, NaN where missing.
        scores: float32 (P, V).
        ids: int32 (P,), track ids.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


class ByFrame:
    """Looks up the people of a frame in time that does not depend on the length of the sequence.

    Args:
        sequence: the sequence; its arrays are not copied.
    """

    def __init__(self, sequence: SkeletonSequence) -> None:
        self._sequence = sequence
        self._order = np.argsort(sequence.frame, kind="stable")
        self._start = np.searchsorted(sequence.frame[self._order], np.arange(sequence.frames + 1))
        self._ids = sequence.track_ids[sequence.track_of_row()]

    @property
    def counts(self) -> np.ndarray:
        """int64 (T,): the number of people of each frame."""
        return np.diff(self._start)

    def __getitem__(self, row: int) -> Shown:
        """The people of a row of the frame table, most important track first."""
        rows = self._order[self._start[row] : self._start[row + 1]]
        return Shown(self._sequence.keypoints[rows], self._sequence.scores[rows], self._ids[rows])

    def row_of(self, index: int) -> int | None:
        """The row of the frame table that describes frame ``index`` of the source, if one does."""
        row = int(np.searchsorted(self._sequence.frame_index, index))
        known = row < len(self._sequence.frame_index) and self._sequence.frame_index[row] == index
        return row if known else None


def video_times(sequence: SkeletonSequence) -> np.ndarray:
    """float64 (T,): the times of the frames on the video's own clock, which slow motion makes slower than life."""
    return sequence.frame_time * (_video_setting(sequence, "slow_motion") or 1.0)


def open_video(
    sequence: SkeletonSequence, source: str | Path, start: float | None = None, end: float | None = None
) -> Source:
    """The frames that a sequence is of, with the numbers that they have in it.

    Args:
        sequence: the sequence, which knows at which rate its images came.
        source: its video or images.
        start, end: seconds on the video's own clock.

    Raises:
        SourceError: the source cannot be opened, or the sequence has been resampled to more frames than it has.
    """
    resampled = sequence.meta.get("resampled")
    if isinstance(resampled, dict) and resampled.get("frame_index") == "counted":
        raise SourceError(
            "the skeletons have been resampled to more frames than their video has; draw them as they were, or alone"
        )
    return open_source(source, start=start, end=end, fps=_video_setting(sequence, "rate"))


def _video_setting(sequence: SkeletonSequence, name: str) -> float | None:
    """Return a number above 0 of ``VideoSettings`` that the file records; None for anything else."""
    settings = sequence.meta.get("settings")
    video = settings.get("video") if isinstance(settings, dict) else None
    value = video.get(name) if isinstance(video, dict) else None
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
    return value if known else None


def image_size(sequence: SkeletonSequence) -> tuple[int, int]:
    """(height, width) in pixels: the video's, or where the file does not say, one that holds every joint."""
    if sequence.size is not None:
        return sequence.size
    points = sequence.keypoints[np.isfinite(sequence.keypoints[..., 0])]
    if not len(points):
        return 480, 640
    width, height = np.ceil(np.maximum(points.max(0) * 1.05, 16)).astype(int)
    return int(height), int(width)
