"""What formats in three dimensions share: a person in space over all frames, with y upwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skelstream.errors import FormatError
from skelstream.formats.format import Sample, WriteOptions
from skelstream.sequences import SkeletonSequence

UPWARDS = np.array([1, -1, -1], np.float32)
"""From x right, y down, z away to x right, y up, z towards the camera."""


@dataclass(frozen=True)
class Person:
    """One person in space.

    Attributes:
        times: float64 (T,) seconds, from their first row to their last.
        keypoints: float32 (T, 17, 3) metres from the mid-hip; x right, y up, z towards the camera; NaN where not lifted.
    """

    times: np.ndarray
    keypoints: np.ndarray


def require_lifted(sequence: SkeletonSequence, format: str) -> None:
    """Refuse a sequence without 3D.

    Raises:
        FormatError: it has none.
    """
    if sequence.lifted is None:
        raise FormatError(f"format {format} holds 3D, and this file has none: skelstream lift makes it")


def first_person(sample: Sample, format: str, options: WriteOptions) -> Person:
    """The most important person, for formats that hold one.

    Raises:
        FormatError: the sequence was not lifted, or nobody is in it.
    """
    sequence = sample.sequence
    require_lifted(sequence, format)
    if not len(sequence):
        raise FormatError(f"format {format} holds one person, and nobody is in this file")
    if len(sequence) > 1:
        options.note(f"{sample.name}: 1 of {len(sequence)} people kept, the most important one")
    track = sequence[0]
    first, last = int(track.frame[0]), int(track.frame[-1])
    keypoints = np.full((last - first + 1, *track.lifted.keypoints.shape[1:]), np.nan, np.float32)  # type: ignore[union-attr]
    keypoints[track.frame - first] = track.lifted.keypoints * UPWARDS  # type: ignore[union-attr]
    return Person(sequence.frame_time[first : last + 1], keypoints)


def even_rate(times: np.ndarray) -> float:
    """Frames a second of times, by their median step; 30 for a single one."""
    steps = np.diff(times)
    step = float(np.median(steps)) if len(steps) else 0.0
    return 1 / step if step > 0 else 30.0
