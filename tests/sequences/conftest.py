from __future__ import annotations

import numpy as np
import pytest

from skelstream.people import People
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople


def person(shift: float, score: float = 0.8, joints: int = 18) -> tuple[np.ndarray, np.ndarray]:
    """One person whose joint j is at (10 j + shift, 5 j + shift): no two joints alike."""
    j = np.arange(joints, dtype=np.float32)
    return np.stack([10 * j + shift, 5 * j + shift], 1), np.full(joints, score, np.float32)


@pytest.fixture
def tracked():
    """Makes a frame from {track id: (keypoints, scores, person score)}."""

    def make(index, time, people, confirmed=True):
        joints = len(OPENPOSE18)
        keypoints = np.array([p[0] for p in people.values()], np.float32).reshape(-1, joints, 2)
        scores = np.array([p[1] for p in people.values()], np.float32).reshape(-1, joints)
        boxes = np.array([[0, 0, 100, 200]] * len(people), np.float32).reshape(-1, 4)
        person_scores = np.array([p[2] for p in people.values()], np.float32)
        ids = np.array(list(people), np.int32)
        sure = np.full(len(ids), confirmed) if isinstance(confirmed, bool) else np.isin(ids, confirmed)
        return TrackedPeople(index, time, People(keypoints, scores, person_scores, boxes), ids, sure)

    return make


@pytest.fixture
def builder():
    return SequenceBuilder(OPENPOSE18, source="clip.mp4", height=480, width=640)


@pytest.fixture
def sequence(builder, tracked):
    """Six frames at uneven times: track 7 in frames 0, 1, 4, 5 (rows), track 3 in 1 and 2; frame 3 failed."""
    times = [0.0, 0.04, 0.08, 0.13, 0.16, 0.20]
    for i, time in enumerate(times):
        people = {}
        if i in (0, 1, 4, 5):
            keypoints, scores = person(i)
            if i == 1:
                keypoints[4], scores[4] = np.nan, 0
            people[7] = (keypoints, scores, 0.9)
        if i in (1, 2):
            people[3] = (*person(100 + i, 0.5), 0.4)
        if i == 3:
            builder.add(TrackedPeople.failed(i, time, 18))
        else:
            builder.add(tracked(i, time, people))
    return builder.finish()
