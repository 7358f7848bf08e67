"""Fixtures: stick figures that walk straight, and trackers over them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from street_scenes import figure

from skelstream.people import People
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.kalman_tracker import KalmanTracker
from skelstream.tracking.tracked import TrackedPeople

SIZE = 200.0


def walker(x: float, foot: float = 400.0, phase: float = 0.0, heading: float = 0.3) -> np.ndarray:
    """Return float32 (18, 2) joints of a person 200 px high whose hips are at column ``x``."""
    return (SIZE * figure(phase, heading) + (x, foot)).astype(np.float32)


def people(poses: Sequence[np.ndarray], scores: Sequence[float] | None = None) -> People:
    """Return people with these joints (18, 2) and scores, by default 0.9."""
    if not len(poses):
        return People.none(18)
    keypoints = np.stack(poses).astype(np.float32)
    person_scores = np.asarray([0.9] * len(poses) if scores is None else scores, np.float32)
    boxes = np.concatenate([np.nanmin(keypoints, axis=1), np.nanmax(keypoints, axis=1)], axis=1)
    joint_scores = np.isfinite(keypoints[..., 0]) * person_scores[:, None]
    return People(keypoints, joint_scores.astype(np.float32), person_scores, boxes)


def boxes_only(boxes: Sequence[Sequence[float]], scores: Sequence[float] | None = None) -> People:
    """Return people with boxes and without joints."""
    count = len(boxes)
    return People(
        np.full((count, 18, 2), np.nan, np.float32),
        np.zeros((count, 18), np.float32),
        np.asarray([0.9] * count if scores is None else scores, np.float32),
        np.asarray(boxes, np.float32).reshape(-1, 4),
    )


def follow(
    frames: Iterable[tuple[float, People]], settings: TrackerSettings | None = None
) -> list[TrackedPeople]:
    """Return the output of a new tracker for (time, people)."""
    tracker = KalmanTracker(settings or TrackerSettings(), OPENPOSE18)
    return [tracker.update(i, t, p) for i, (t, p) in enumerate(frames)]


def ids(tracked: Sequence[TrackedPeople]) -> list[list[int]]:
    """Return the track ids of each frame."""
    return [t.track_ids.tolist() for t in tracked]


@pytest.fixture
def make():
    """Return the functions of this module, which test modules cannot import."""
    return sys.modules[__name__]
