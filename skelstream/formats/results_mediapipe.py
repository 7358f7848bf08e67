"""Reader of MediaPipe's pose landmarks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skelstream.files.values import entry, integer, items, mapping, real
from skelstream.formats.frames import FoundFrame
from skelstream.skeleton import COCO17

LANDMARK_KEYS = ("landmarks", "pose_landmarks", "poseLandmarks")
"""Possible keys of a frame's landmarks."""

# The landmarks that are COCO's joints, in COCO's order.
_COCO = np.array([0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28])
_LANDMARKS = 33


def frames_of(rows: list[Any]) -> list[FoundFrame]:
    """Return the frames of lists of MediaPipe's 33 landmarks, one list per frame, for one or several people.

    Raises:
        FormatError: an entry is damaged.
    """
    frames = []
    for i, row in enumerate(rows):
        number, time = i, None
        if isinstance(row, dict):
            number = integer(row.get("frame", row.get("frame_id", i)), f"entry {i}: frame")
            if row.get("timestamp_ms") is not None:
                time = real(row["timestamp_ms"], f"entry {i}: timestamp_ms", 0, 1e14) / 1000
            key = next((key for key in LANDMARK_KEYS if key in row), LANDMARK_KEYS[0])
            row = row.get(key) or []
        people = items(row, f"entry {i}")
        people = [people] if people and isinstance(people[0], dict) else people
        poses = [_landmarks(person, f"entry {i}: person {k}") for k, person in enumerate(people) if person]
        frames.append(FoundFrame(number, np.array(poses).reshape(-1, len(COCO17), 3), time=time))
    return frames


def _landmarks(person: Any, name: str) -> np.ndarray:
    def values() -> Iterator[tuple[float, float, float]]:
        for k, point in enumerate(items(person, name, _LANDMARKS)):
            point = mapping(point, f"{name}: landmark {k}")
            where = f"{name}: landmark {k}"
            x, y = (real(entry(point, axis, where), f"{where}.{axis}") for axis in ("x", "y"))
            yield x, y, real(point.get("visibility", 1), f"{where}.visibility", 0, 1)

    return np.array(list(values()))[_COCO]
