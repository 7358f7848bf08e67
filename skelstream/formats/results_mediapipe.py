"""Reader of MediaPipe's landmarks: of the body, and of Holistic's hands and face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.values import entry, integer, items, mapping, real
from skelstream.formats.format import ReadOptions
from skelstream.formats.frames import FoundFrame
from skelstream.formats.rows import RELATIVE, TAKEN_AS_RELATIVE
from skelstream.skeleton import COCO17, HOLISTIC543, Skeleton

LANDMARK_KEYS = ("landmarks", "pose_landmarks", "poseLandmarks")
"""Possible keys of a frame's landmarks of the body."""

PART_KEYS = {
    "face": ("face_landmarks", "faceLandmarks"),
    "left_hand": ("left_hand_landmarks", "leftHandLandmarks"),
    "right_hand": ("right_hand_landmarks", "rightHandLandmarks"),
}
"""Possible keys of a frame's landmarks of the other parts, as in ``Skeleton.parts``."""

_ALL_KEYS = [key for keys in PART_KEYS.values() for key in keys]
# The landmarks that are COCO's joints, in COCO's order.
_COCO = [HOLISTIC543.index(joint) for joint in COCO17.joints]
# A refined face has both irises after the mesh.
_REFINED_FACE = 478
# Landmarks beside the image are farther from it than this, but half of them are not.
_LARGEST_SHARE = 1.5


def frames_of(
    rows: list[Any], size: tuple[int, int] | None, options: ReadOptions
) -> tuple[list[FoundFrame], Skeleton]:
    """Return the frames of MediaPipe's landmarks, one entry per frame, and their joint set.

    An entry is the list of the 33 landmarks of the body, of one or several people, or an object that has it, and from
    Holistic the landmarks of hands and face of its one person too. Landmarks are relative to the image, though some lie
    outside it.

    Args:
        rows: the entries.
        size: (height, width) of the image in pixels, if the file has it.
        options: options of reading.

    Raises:
        FormatError: an entry is damaged, has several people beside hands or a face, or the size is unknown.
    """
    whole = any(isinstance(row, dict) and any(row.get(key) for key in _ALL_KEYS) for row in rows)
    skeleton = HOLISTIC543 if whole else COCO17
    frames = [_frame(i, row, whole) for i, row in enumerate(rows)]
    kept = "" if whole else f", of those of the body COCO's {len(COCO17)}"
    options.note(f"x and y of MediaPipe's landmarks are read{kept}; their depth is left out")
    return _in_pixels(frames, size or options.size, options), skeleton


def _in_pixels(
    frames: list[FoundFrame], size: tuple[int, int] | None, options: ReadOptions
) -> list[FoundFrame]:
    """Return frames with positions in pixels, unless most of them are far outside the image, as those of pixels are."""
    places = np.concatenate([frame.poses.reshape(-1, 3) for frame in frames])
    places = places[places[:, 2] > 0, :2]
    if not len(places) or np.median(np.abs(places)) > _LARGEST_SHARE:
        return frames
    if size is None:
        raise FormatError(RELATIVE.format("0 to 1"), setting="size")
    options.note(TAKEN_AS_RELATIVE.format("0 to 1", *size[::-1]))
    scale = np.array([size[1], size[0], 1.0])
    return [replace(frame, poses=frame.poses * scale) for frame in frames]


def _frame(i: int, row: Any, whole: bool) -> FoundFrame:
    number, time, name = i, None, f"entry {i}"
    parts: dict[str, list[Any]] = {}
    if isinstance(row, dict):
        number = integer(row.get("frame", row.get("frame_id", i)), f"{name}: frame")
        if row.get("timestamp_ms") is not None:
            time = real(row["timestamp_ms"], f"{name}: timestamp_ms", 0, 1e14) / 1000
        parts = {part: _people(row, keys, name) for part, keys in PART_KEYS.items()}
        bodies = _people(row, LANDMARK_KEYS, name)
    else:
        bodies = _several(row, name)
    if not whole:
        poses = [
            _points(body, len(HOLISTIC543.parts["body"]), f"{name}: person {k}")[_COCO]
            for k, body in enumerate(bodies)
        ]
        return FoundFrame(number, np.array(poses).reshape(-1, len(COCO17), 3), time=time)
    found = {"body": bodies, **parts}
    if any(len(people) > 1 for people in found.values()):
        raise FormatError(f"{name} has several people, whose hands and faces cannot be told apart")
    pose = np.zeros((len(HOLISTIC543), 3))
    for part, people in found.items():
        joints = list(HOLISTIC543.parts[part])
        for points in people:
            pose[joints] = _points(points, len(joints), f"{name}: {part}")
    return FoundFrame(number, pose[None] if any(found.values()) else pose[None][:0], time=time)


def _people(row: dict[str, Any], keys: Sequence[str], name: str) -> list[Any]:
    """Return the landmarks of each person under the first of some keys that a frame has."""
    key = next((key for key in keys if key in row), keys[0])
    found = row.get(key) or []
    if isinstance(found, dict):  # protobuf's MessageToDict
        found = found.get("landmark") or []
    return _several(found, f"{name}: {key}")


def _several(found: Any, name: str) -> list[Any]:
    """Return a list of people's landmarks, from such a list or from the landmarks of one person."""
    people = items(found, name)
    return [people] if people and isinstance(people[0], dict) else [person for person in people if person]


def _points(person: Any, number: int, name: str) -> np.ndarray:
    """Return x, y and score of a person's landmarks, float64 (number, 3)."""
    points = items(person, name)
    if number < len(points) == _REFINED_FACE:
        points = points[:number]
    values = []
    for k, point in enumerate(items(points, name, number)):
        where = f"{name}: landmark {k}"
        point = mapping(point, where)
        x, y = (real(entry(point, axis, where), f"{where}.{axis}") for axis in ("x", "y"))
        # Landmarks of hands and face have no visibility, or an empty one.
        visible = point.get("visibility") if number == len(HOLISTIC543.parts["body"]) else None
        values.append((x, y, 1.0 if visible is None else real(visible, f"{where}.visibility", 0, 1)))
    return np.array(values)
