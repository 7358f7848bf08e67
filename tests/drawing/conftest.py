"""Walking figures whose place at every moment is known."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.people import People
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople

# OpenPose-18 figure seen from the front, in body heights, y down from the crown.
_FIGURE = np.array(
    [
        (0, 0.07), (0, 0.17), (-0.11, 0.18), (-0.14, 0.33), (-0.15, 0.46), (0.11, 0.18), (0.14, 0.33),
        (0.15, 0.46), (-0.07, 0.49), (-0.07, 0.72), (-0.07, 0.95), (0.07, 0.49), (0.07, 0.72), (0.07, 0.95),
        (-0.02, 0.05), (0.02, 0.05), (-0.045, 0.06), (0.045, 0.06),
    ]
)  # fmt: skip
_SWING = {3: 0.5, 4: 1, 6: -0.5, 7: -1, 9: -0.5, 10: -1, 12: 0.5, 13: 1}


def figure(x: float, y: float, height: float, phase: float = 0.0) -> np.ndarray:
    """float32 (18, 2): a walker whose crown is at x, y."""
    points = _FIGURE * height + (x, y)
    for joint, amount in _SWING.items():
        points[joint, 0] += 0.09 * height * amount * np.sin(phase)
    return points.astype(np.float32)


def people_of(*figures: np.ndarray, scores: float = 0.8) -> People:
    keypoints = np.array(figures, np.float32).reshape(-1, 18, 2)
    seen = np.isfinite(keypoints[..., 0])
    boxes = np.concatenate([np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)], 1).reshape(-1, 4)
    return People(
        keypoints, (scores * seen).astype(np.float32), np.full(len(keypoints), scores, np.float32), boxes
    )


def walkers(times, present, height=240, width=320, source="walk.mp4"):
    """A sequence of walkers: ``present(frame) -> {track id: figure}``; None for a frame that failed."""
    builder = SequenceBuilder(OPENPOSE18, source=source, height=height, width=width)
    for index, time in enumerate(times):
        there = present(index)
        if there is None:
            builder.add(TrackedPeople.failed(index, float(time), 18))
            continue
        ids = np.array(sorted(there), np.int32)
        people = people_of(*(there[i] for i in ids))
        builder.add(TrackedPeople(index, float(time), people, ids, np.ones(len(ids), bool)))
    return builder.finish()


@pytest.fixture
def make_walkers():
    return walkers


@pytest.fixture
def two_walkers():
    """40 frames at 20 a second: 1 walks right through frames 5 to 34, 2 stands in 10 to 15 and 22 to 29;
    frame 20 failed to decode. 320 x 240."""

    def present(i):
        if i == 20:
            return None
        there = {}
        if 5 <= i < 35:
            there[1] = figure(40 + 6 * i, 40, 160, i / 3)
        if 10 <= i < 16 or 22 <= i < 30:
            there[2] = figure(60, 100, 90, 0)
        return there

    return walkers(np.arange(40) / 20, present)


@pytest.fixture
def make_figure():
    return figure
