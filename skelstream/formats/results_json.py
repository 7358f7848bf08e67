"""Other tools' results in JSON: COCO's layout, AlphaPose's, MMPose's, Ultralytics' and MediaPipe's landmarks.

Which one it is, the content says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.fields import INT32, LARGEST, entry, identifier, integer, items, mapping, real, reals
from skelstream.formats.format import Format, ReadOptions
from skelstream.formats.frames import FoundFrame, assembled
from skelstream.formats.joint_names import joints_of, missing_note, taken
from skelstream.json_files import read_json
from skelstream.sequences import Detections, SkeletonSequence
from skelstream.skeleton import COCO17, Skeleton

# Sets whose first joints are COCO's: Halpe's, COCO-WholeBody's.
_BEGIN_AS_COCO = {26: "Halpe", 133: "COCO-WholeBody", 136: "Halpe"}
# MediaPipe's landmarks that are COCO's joints, in COCO's order.
_MEDIAPIPE = np.array([0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28])
_LANDMARKS = 33
_LANDMARK_KEYS = ("landmarks", "pose_landmarks", "poseLandmarks")


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a file.

    Raises:
        FormatError: it is none of these layouts, or damaged; the message names the entry.
    """
    content = read_json(path)
    size = None
    if isinstance(content, dict):
        size = _size(content)
    rows = _rows(content)
    first = next((row for row in rows if row), None)
    if first is None:
        raise FormatError("holds no people")
    kind = first
    while isinstance(kind, list) and kind:
        kind = kind[0]
    kind = mapping(kind, "the first entry")
    if "image_id" in kind:
        _check_categories(content)
        frames, skeleton = _coco(rows, options), COCO17
    elif "instances" in kind or "keypoint_scores" in kind:
        frames, skeleton = _mmpose(content, rows, options)
    elif "class" in kind and "box" in kind:
        frames, skeleton = _ultralytics(rows), COCO17
    elif {"x", "y"} <= kind.keys() or any(key in kind for key in _LANDMARK_KEYS):
        frames, skeleton = _mediapipe(rows), COCO17
    else:
        raise FormatError(
            "not the results of a tool known here (COCO's layout, AlphaPose, MMPose, Ultralytics, MediaPipe)"
        )
    return assembled(frames, skeleton, path.name, options, size=size)


def _rows(content: Any) -> list[Any]:
    """The list of people or frames, wherever it lies."""
    if isinstance(content, dict):
        for key in ("instance_info", "frames", "annotations", "results", "predictions", *_LANDMARK_KEYS):
            if isinstance(content.get(key), list):
                return [content] if key in _LANDMARK_KEYS else content[key]
    return items(content, "the content")


def _size(content: dict[str, Any]) -> tuple[int, int] | None:
    if content.get("height") is None or content.get("width") is None:
        return None
    return integer(content["height"], "height", 1, LARGEST), integer(content["width"], "width", 1, LARGEST)


def _check_categories(content: Any) -> None:
    """Refuse annotations that say themselves that their joints are others than COCO's."""
    for category in content.get("categories") or () if isinstance(content, dict) else ():
        names = category.get("keypoints") if isinstance(category, dict) else None
        if names and tuple(map(str, items(names, "a category's keypoints"))) != COCO17.joints:
            raise FormatError("its joints are not COCO's 17")


def _check_coco(joints: int, options: ReadOptions) -> None:
    """See to it that the first joints of a set of so many are COCO's 17.

    Raises:
        FormatError: they are not.
    """
    if joints in _BEGIN_AS_COCO:
        options.note(f"of {_BEGIN_AS_COCO[joints]}'s {joints} joints, COCO's 17 are kept")
    elif joints != len(COCO17):
        known = ", ".join(map(str, (len(COCO17), *_BEGIN_AS_COCO)))
        raise FormatError(f"people have {joints} joints; sets of {known} are known")


def _coco(rows: list[Any], options: ReadOptions) -> list[FoundFrame]:
    """COCO's results and AlphaPose's, which name images by number or by file."""
    people: dict[int | str, list[tuple[np.ndarray, Any, Any, Any]]] = {}
    categories = set()
    for i, row in enumerate(rows):
        name = f"entry {i}"
        row = mapping(row, name)
        categories.add(identifier(row.get("category_id", 1), f"{name}: category_id"))
        values = reals(entry(row, "keypoints", name), f"{name}: keypoints", (-1,))
        if len(values) % 3 or not len(values):
            raise FormatError(f"{name}: keypoints has {len(values)} values, not three for each joint")
        image = identifier(entry(row, "image_id", name), f"{name}: image_id")
        score = None if row.get("score") is None else real(row["score"], f"{name}: score", 0)
        corner = row.get("bbox") or row.get("box")
        box = None if not corner else reals(corner, f"{name}: box", (4,))
        people.setdefault(image, []).append((values.reshape(-1, 3), box, score, _identity(row, name)))
    if len(categories) > 1:
        raise FormatError(f"entries are of several categories: {sorted(map(str, categories))[:3]}")
    if len({pose.shape for found in people.values() for pose, *_ in found}) > 1:
        raise FormatError("people have different numbers of joints")
    _check_coco(len(next(iter(people.values()))[0][0]), options)
    numbers = _numbers(list(people), options)
    # AlphaPose gives everybody the same number where it does not track.
    told = all(
        None not in ids and len(set(ids)) == len(ids)
        for ids in ([identity for *_, identity in found] for found in people.values())
    )
    frames = []
    for image, found in people.items():
        poses, boxes, scores, ids = zip(*found, strict=True)
        boxes = None if any(box is None for box in boxes) else np.array(boxes)
        if boxes is not None:
            boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        frames.append(
            FoundFrame(
                numbers[image],
                np.array(poses)[:, : len(COCO17)],
                boxes,
                None if None in scores else np.array(scores),
                np.array(ids) if told else None,
            )
        )
    return frames


def _identity(row: dict[str, Any], name: str) -> int | None:
    for key in ("track_id", "idx"):
        value = row.get(key)
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
        if value is not None and not isinstance(value, list):
            return integer(value, f"{name}: {key}")
    return None


def _numbers(images: list[int | str], options: ReadOptions) -> dict[int | str, int]:
    """The number of each image: its own, or that in its file's name, or its place in the order of names."""
    found = {}
    for image in images:
        digits = [str(image)] if isinstance(image, int) else re.findall(r"\d+", PurePath(image).stem)
        if not digits or not digits[-1].isascii() or len(digits[-1]) > 10 or int(digits[-1]) > INT32:
            break
        found[image] = int(digits[-1])
    if len(found) == len(images) == len(set(found.values())):
        return found
    options.note(
        "the images' names hold no numbers that tell them apart: they are counted in the order of the file"
    )
    return {image: i for i, image in enumerate(images)}


def _mmpose(content: Any, rows: list[Any], options: ReadOptions) -> tuple[list[FoundFrame], Skeleton]:
    """MMPose's inferencer: frames of instances, or the instances of one image."""
    if "instances" not in mapping(rows[0], "the first entry"):
        rows = [{"frame_id": 0, "instances": rows}]
    frames = []
    for i, row in enumerate(rows):
        row = mapping(row, f"entry {i}")
        number = integer(row.get("frame_id", i), f"entry {i}: frame_id")
        poses, boxes, scores, ids = [], [], [], []
        for k, person in enumerate(items(entry(row, "instances", f"entry {i}"), f"entry {i}: instances")):
            name = f"entry {i}: instances[{k}]"
            person = mapping(person, name)
            places = reals(entry(person, "keypoints", name), f"{name}.keypoints", (-1, 2))
            certain = reals(entry(person, "keypoint_scores", name), f"{name}.keypoint_scores", (len(places),))
            poses.append(np.concatenate([places, certain[:, None]], 1))
            if person.get("bbox"):
                boxes.append(reals(person["bbox"], f"{name}.bbox", (4,)))
            if person.get("bbox_score") is not None:
                scores.append(real(person["bbox_score"], f"{name}.bbox_score", 0))
            ids.append(
                -1 if person.get("track_id") is None else integer(person["track_id"], f"{name}.track_id")
            )
        if len({pose.shape for pose in poses}) > 1:
            raise FormatError(f"entry {i}: people have different numbers of joints")
        frames.append(
            FoundFrame(
                number,
                np.array(poses).reshape(len(poses), -1 if poses else 0, 3),
                np.array(boxes) if poses and len(boxes) == len(poses) else None,
                np.array(scores) if poses and len(scores) == len(poses) else None,
                np.array(ids, np.int64),
            )
        )
    return _in_one_set(frames, _mmpose_names(content), options)


def _mmpose_names(content: Any) -> list[str] | None:
    """The joints' names by the file's own account of its data set."""
    info = content.get("meta_info") if isinstance(content, dict) else None
    names = info.get("keypoint_id2name") if isinstance(info, dict) else None
    if isinstance(names, dict) and all(isinstance(name, str) for name in names.values()):
        return list(names.values())
    return None


def _in_one_set(
    frames: list[FoundFrame], names: list[str] | None, options: ReadOptions
) -> tuple[list[FoundFrame], Skeleton]:
    """All poses in one joint set: by the joints' names, or else taken for COCO's."""
    lengths = {frame.poses.shape[1] for frame in frames if len(frame.poses)}
    if len(lengths) > 1:
        raise FormatError(f"people have different numbers of joints: {sorted(lengths)}")
    joints = lengths.pop() if lengths else len(COCO17)
    if names is not None and len(names) == joints:
        skeleton, places = joints_of(names)
        if line := missing_note(skeleton, places):
            options.note(line)
        chosen = [taken(f.poses, places) if len(f.poses) else np.empty((0, len(skeleton), 3)) for f in frames]
    else:
        skeleton = COCO17
        _check_coco(joints, options)
        chosen = [f.poses[:, :17] if len(f.poses) else np.empty((0, 17, 3)) for f in frames]
    return [replace(f, poses=poses) for f, poses in zip(frames, chosen, strict=True)], skeleton


def _ultralytics(rows: list[Any]) -> list[FoundFrame]:
    """Ultralytics' ``to_json`` of one image, or a list of those of all frames."""
    if all(isinstance(row, dict) for row in rows):
        rows = [rows]
    frames = []
    for i, row in enumerate(rows):
        poses, boxes, scores, ids = [], [], [], []
        for k, person in enumerate(items(row, f"frame {i}")):
            name = f"frame {i}: entry {k}"
            person = mapping(person, name)
            if person.get("name", "person") != "person" or "keypoints" not in person:
                continue
            points = mapping(person["keypoints"], f"{name}: keypoints")
            x = reals(entry(points, "x", name), f"{name}: x", (-1,))
            y = reals(entry(points, "y", name), f"{name}: y", (len(x),))
            seen = points.get("visible")
            seen = np.ones(len(x)) if seen is None else reals(seen, f"{name}: visible", (len(x),))
            poses.append(np.stack([x, y, seen], 1))
            box = mapping(entry(person, "box", name), f"{name}: box")
            boxes.append(
                [real(entry(box, side, name), f"{name}: box.{side}") for side in ("x1", "y1", "x2", "y2")]
            )
            scores.append(real(person.get("confidence", 1), f"{name}: confidence", 0))
            ids.append(
                -1 if person.get("track_id") is None else integer(person["track_id"], f"{name}: track_id")
            )
        if any(len(pose) != len(COCO17) for pose in poses):
            raise FormatError(f"frame {i}: somebody has {len(poses[0])} joints, not COCO's {len(COCO17)}")
        found = np.array(poses).reshape(-1, len(COCO17), 3)
        frames.append(
            FoundFrame(i, found, np.array(boxes).reshape(-1, 4), np.array(scores), np.array(ids, np.int64))
        )
    return frames


def _mediapipe(rows: list[Any]) -> list[FoundFrame]:
    """Lists of MediaPipe's 33 landmarks, of one person or of several, a frame each."""
    frames = []
    for i, row in enumerate(rows):
        number, time = i, None
        if isinstance(row, dict):
            number = integer(row.get("frame", row.get("frame_id", i)), f"entry {i}: frame")
            if row.get("timestamp_ms") is not None:
                time = real(row["timestamp_ms"], f"entry {i}: timestamp_ms", 0, 1e14) / 1000
            key = next((key for key in _LANDMARK_KEYS if key in row), _LANDMARK_KEYS[0])
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

    return np.array(list(values()))[_MEDIAPIPE]


FORMAT = Format(
    "json",
    (".json",),
    "results of COCO's layout, AlphaPose, MMPose, Ultralytics, MediaPipe (JSON)",
    read=read,
)
