"""Somebody who walks, as other tools tell of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from .conftest import COCO, SHAPE, shaped

FRAMES = 9
MEDIAPIPE = [
    "NOSE",
    "LEFT_EYE_INNER",
    "LEFT_EYE",
    "LEFT_EYE_OUTER",
    "RIGHT_EYE_INNER",
    "RIGHT_EYE",
    "RIGHT_EYE_OUTER",
    "LEFT_EAR",
    "RIGHT_EAR",
    "MOUTH_LEFT",
    "MOUTH_RIGHT",
    "LEFT_SHOULDER",
    "RIGHT_SHOULDER",
    "LEFT_ELBOW",
    "RIGHT_ELBOW",
    "LEFT_WRIST",
    "RIGHT_WRIST",
    "LEFT_PINKY",
    "RIGHT_PINKY",
    "LEFT_INDEX",
    "RIGHT_INDEX",
    "LEFT_THUMB",
    "RIGHT_THUMB",
    "LEFT_HIP",
    "RIGHT_HIP",
    "LEFT_KNEE",
    "RIGHT_KNEE",
    "LEFT_ANKLE",
    "RIGHT_ANKLE",
    "LEFT_HEEL",
    "RIGHT_HEEL",
    "LEFT_FOOT_INDEX",
    "RIGHT_FOOT_INDEX",
]
HALPE = [
    "Nose",
    "LEye",
    "REye",
    "LEar",
    "REar",
    "LShoulder",
    "RShoulder",
    "LElbow",
    "RElbow",
    "LWrist",
    "RWrist",
    "LHip",
    "RHip",
    "LKnee",
    "RKnee",
    "LAnkle",
    "RAnkle",
]


def walker(t, x=300, joints=COCO):
    """Where the joints of a walking person are in frame t: float64 (V, 2)."""
    return shaped(joints, x + 2 * t, 250)


def triples(places, score=0.75):
    return np.concatenate([places, np.full((len(places), 1), score)], 1)


def check(sequence, frames=range(FRAMES), x=300, joints=COCO, index=0, score=0.75):
    """One of the tracks is that walker."""
    track = sequence[index]
    assert track.frame_index.tolist() == list(frames)
    for t, keypoints, scores in zip(track.frame_index, track.keypoints, track.scores, strict=True):
        for joint, place, certain in zip(sequence.skeleton.joints, keypoints, scores, strict=True):
            if joint in joints:
                expected = walker(t, x, joints)[joints.index(joint)]
                assert place == pytest.approx(expected, abs=0.02) and certain == pytest.approx(
                    score, abs=0.01
                )


def dump(path, content):
    path.write_text(json.dumps(content))
    return path


def landmarks(t, x=300):
    points = []
    for name in MEDIAPIPE:
        joint = name.lower()
        place = np.array(SHAPE.get(joint, (0, 0))) + (x + 2 * t, 250)
        points.append({"x": place[0] / 640, "y": place[1] / 480, "z": -0.1, "visibility": 0.75})
    return points
