"""Functions shared by 3D formats: one person's 3D joints over all frames, with y upwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skelstream.errors import FormatError
from skelstream.formats.format import Sample, WriteOptions
from skelstream.sequences import SkeletonSequence

UPWARDS = np.array([1, -1, -1], np.float32)
"""Factors from axes x right, y down, z away to x right, y up, z towards the camera."""


@dataclass(frozen=True)
class Person:
    """3D joints of one person.

    Attributes:
        times: float64 (T,), seconds, from the person's first frame to the last.
        keypoints: float32 (T, 17, 3), metres from the mid-hip; x right, y up, z towards the camera; NaN where
            not lifted.
    """

    times: np.ndarray
    keypoints: np.ndarray


def require_lifted(sequence: SkeletonSequence, format: str) -> None:
    """Check that a sequence has 3D joints.

    Raises:
        FormatError: it has none.
    """
    if sequence.lifted is None:
        raise FormatError(
            f"format {format} needs 3D joints, which the sequence lacks: use skelstream lift first"
        )


def first_person(sample: Sample, format: str, options: WriteOptions) -> Person:
    """Return the most important person, for formats with one person.

    Raises:
        FormatError: the sequence was not lifted, or has no people.
    """
    sequence = sample.sequence
    require_lifted(sequence, format)
    if not len(sequence):
        raise FormatError(f"format {format} needs a person, and the sequence has none")
    if len(sequence) > 1:
        options.note(f"{sample.name}: 1 of {len(sequence)} people kept, the most important one")
    track = sequence[0]
    first, last = int(track.frame[0]), int(track.frame[-1])
    keypoints = np.full((last - first + 1, *track.lifted.keypoints.shape[1:]), np.nan, np.float32)  # type: ignore[union-attr]
    keypoints[track.frame - first] = track.lifted.keypoints * UPWARDS  # type: ignore[union-attr]
    return Person(sequence.frame_time[first : last + 1], keypoints)


def even_rate(times: np.ndarray) -> float:
    """Return the frame rate of times by their median interval; 30 for a single frame."""
    intervals = np.diff(times)
    interval = float(np.median(intervals)) if len(intervals) else 0.0
    return 1 / interval if interval > 0 else 30.0
