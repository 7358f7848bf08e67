"""Access by frame to a sequence's people, which are stored track by track, and to its video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skelstream.errors import SourceError
from skelstream.sequences import SkeletonSequence
from skelstream.sequences.meta import video_setting
from skelstream.video import Source, open_source


@dataclass(frozen=True)
class FramePeople:
    """P people of one frame to draw.

    Attributes:
        keypoints: float32 (P, V, 2), source pixels, NaN where missing.
        scores: float32 (P, V) in [0, 1].
        ids: int32 (P,), track ids.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


class PeopleByFrame:
    """Index of a sequence by frame, with access time independent of the sequence's length.

    Args:
        sequence: the sequence, whose arrays are not copied.
    """

    def __init__(self, sequence: SkeletonSequence) -> None:
        self._sequence = sequence
        self._order = np.argsort(sequence.frame, kind="stable")
        self._start = np.searchsorted(sequence.frame[self._order], np.arange(sequence.frames + 1))
        self._ids = sequence.track_ids[sequence.track_of_row()]

    @property
    def counts(self) -> np.ndarray:
        """int64 (T,), number of people in each frame."""
        return np.diff(self._start)

    def __getitem__(self, row: int) -> FramePeople:
        """Return the people of a row of the frame table, most important track first."""
        rows = self._order[self._start[row] : self._start[row + 1]]
        return FramePeople(self._sequence.keypoints[rows], self._sequence.scores[rows], self._ids[rows])

    def row_of(self, index: int) -> int | None:
        """Return the row of the frame table for frame ``index`` of the source; None if there is none."""
        row = int(np.searchsorted(self._sequence.frame_index, index))
        known = row < len(self._sequence.frame_index) and self._sequence.frame_index[row] == index
        return row if known else None


def video_times(sequence: SkeletonSequence) -> np.ndarray:
    """Return the frames' times on the video's own clock, float64 (T,), which differ from real time in slow motion."""
    return sequence.frame_time * (video_setting(sequence.meta, "slow_motion") or 1.0)


def open_video(
    sequence: SkeletonSequence, source: str | Path, start: float | None = None, end: float | None = None
) -> Source:
    """Open the video of a sequence, whose frames have the same numbers as in the sequence.

    Args:
        sequence: the sequence, whose settings give the rate of images.
        source: its video or images.
        start, end: bounds in seconds on the video's own clock.

    Raises:
        SourceError: the source cannot be opened, or the sequence was resampled to more frames than the source
            has.
    """
    resampled = sequence.meta.get("resampled")
    if isinstance(resampled, dict) and resampled.get("frame_index") == "counted":
        raise SourceError(
            f"{source}: the skeletons were resampled to more frames than their video has;"
            " draw the skeletons before resampling, or without the video"
        )
    return open_source(source, start=start, end=end, fps=video_setting(sequence.meta, "rate"))


def with_size_of(sequence: SkeletonSequence, source: str | Path) -> SkeletonSequence:
    """Return the sequence with the image size of its video, which files of other tools often lack.

    Raises:
        SourceError: the source cannot be opened, or has another size than the sequence.
    """
    with open_video(sequence, source) as opened:
        return with_size(sequence, source, opened.info.height, opened.info.width)


def with_size(sequence: SkeletonSequence, source: str | Path, height: int, width: int) -> SkeletonSequence:
    """Return the sequence with the image size of its source, given in pixels.

    Raises:
        SourceError: the sequence has another size.
    """
    if sequence.size == (height, width):
        return sequence
    if sequence.size is not None:
        given = f"{sequence.meta['width']}x{sequence.meta['height']}"
        raise SourceError(
            f"{source} has {width}x{height} pixels, the skeletons' video {given}; give that video"
        )
    return replace(sequence, meta={**sequence.meta, "height": height, "width": width})


def image_size(sequence: SkeletonSequence) -> tuple[int, int]:
    """Return (height, width) in pixels of the video, or, if unknown, of an image that contains every joint."""
    if sequence.size is not None:
        return sequence.size
    points = sequence.keypoints[np.isfinite(sequence.keypoints[..., 0])]
    if not len(points):
        return 480, 640
    width, height = np.ceil(np.maximum(points.max(0) * 1.05, 16)).astype(int)
    return int(height), int(width)
