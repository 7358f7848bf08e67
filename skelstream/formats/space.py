"""Functions shared by 3D formats: one person's 3D joints over all frames, with y upwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skelstream.errors import FormatError
from skelstream.formats.format import Sample, WriteOptions
from skelstream.sequences import SkeletonSequence
from skelstream.sequences.lifted import SKELETON
from skelstream.skeleton import Skeleton, convert

UPWARDS = np.array([1, -1, -1], np.float32)
"""Factors from axes x right, y down, z away to x right, y up, z towards the camera."""


# From axes x right, y down, z away.
_KINECT = np.array([-1, -1, 1], np.float32)


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


def kinect_clip(sequence: SkeletonSequence, skeleton: Skeleton, persons: int) -> np.ndarray:
    """Return the 3D joints of the most important tracks in Kinect's axes, which are right-handed.

    Args:
        sequence: lifted sequence.
        skeleton: joint set to convert to; joints without one of their own are means of others.
        persons: number of slots.

    Returns:
        float32 (persons, T, V, 3): x left in the image, y up, z away from the camera; metres from each person's
        mid-hip; NaN where missing.
    """
    clip = np.full((persons, sequence.frames, len(skeleton), 3), np.nan, np.float32)
    for slot, track in zip(clip, sequence, strict=False):
        places = track.lifted.keypoints * _KINECT  # type: ignore[union-attr]
        present = np.isfinite(places[..., 0]).astype(np.float32)
        # Derived joints are means of others in depth as in x and y.
        flat = convert(places[..., :2], present, SKELETON, skeleton)[0]
        depth = convert(places[..., [2, 2]], present, SKELETON, skeleton)[0][..., :1]
        slot[track.frame] = np.concatenate([flat, depth], -1)
    return clip


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
