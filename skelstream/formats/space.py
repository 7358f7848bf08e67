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

# Largest difference in seconds of rounded times from even ones.
_ROUNDING = 1.5e-3
# Factors from axes x right, y down, z away to Kinect's.
_KINECT = np.array([-1, -1, 1], np.float32)


@dataclass(frozen=True)
class Person:
    """3D joints of one person.

    Attributes:
        times: float64 (T,), seconds, of all frames of the sequence, evenly apart.
        keypoints: float32 (T, 17, 3), metres from the mid-hip; x right, y up, z towards the camera; NaN where
            not lifted.
        rate: frames per second.
    """

    times: np.ndarray
    keypoints: np.ndarray
    rate: float


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
    keypoints = np.full((sequence.frames, *track.lifted.keypoints.shape[1:]), np.nan, np.float32)  # type: ignore[union-attr]
    keypoints[track.frame] = track.lifted.keypoints * UPWARDS  # type: ignore[union-attr]
    times = sequence.frame_time
    rate, even = even_rate(times)
    if not even:
        options.note(uneven_note(sample, format, rate))
        new = times[0] + np.arange(int((times[-1] - times[0]) * rate + 1e-6) + 1) / rate
        before = np.clip(np.searchsorted(times, new, side="right") - 1, 0, len(times) - 2)
        weight = ((new - times[before]) / np.diff(times)[before]).astype(np.float32)[:, None, None]
        first, second = keypoints[before], keypoints[before + 1]
        times = new
        keypoints = np.where(weight == 0, first, first + weight * (second - first))
    return Person(times, keypoints, rate)


def even_rate(times: np.ndarray) -> tuple[float, bool]:
    """Return a frame rate for formats that have one instead of times, and whether the times are at that rate.

    Containers round their times, to milliseconds in Matroska; a whole rate, or one of television such as 29.97, is
    found again. The rate of uneven times is that of most of their intervals; 30 for a single frame.
    """
    if len(times) < 2 or times[-1] <= times[0]:
        return 30.0, True
    mean = (len(times) - 1) / float(times[-1] - times[0])
    for rate in (float(round(mean)), round(mean * 1.001) / 1.001, mean):
        if rate > 0 and np.abs(times - times[0] - np.arange(len(times)) / rate).max() <= _ROUNDING:
            return rate, True
    intervals = np.diff(times)
    median = float(np.median(intervals[intervals > 0]))
    usual = intervals[np.abs(intervals - median) < 0.2 * median]
    rate = 1 / float(usual.mean())
    return (float(round(rate)) if abs(rate - round(rate)) < 0.01 * rate else rate), False


def uneven_note(sample: Sample, format: str, rate: float) -> str:
    """Return the line that says that rows are interpolated at a rate."""
    return (
        f"{sample.name}: its frames are not evenly apart, and format {format} has one frame rate:"
        f" they are interpolated at {rate:.6g} frames per second"
    )
