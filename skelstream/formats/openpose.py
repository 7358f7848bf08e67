"""OpenPose's JSON: a folder with one file per frame."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing_folder
from skelstream.files.json import parse_json
from skelstream.files.text import printable
from skelstream.files.values import entry, integer, items, mapping, reals
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.frames import FoundFrame, assembled
from skelstream.formats.names import as_file
from skelstream.formats.parts import PARTS, as_joint_set, has_parts
from skelstream.formats.rows import read_text, rows_by_frame, skeleton_of_length, triples
from skelstream.sequences import Detections, SkeletonSequence
from skelstream.skeleton import BODY25, BODY_HANDS, OPENPOSE18, OPENPOSE_WHOLE, Skeleton

# Keys of the parts of a person beside the body, as in `Skeleton.parts`.
_PARTS = {
    "face": "face_keypoints_2d",
    "left_hand": "hand_left_keypoints_2d",
    "right_hand": "hand_right_keypoints_2d",
}
_BODY = "pose_keypoints_2d"
_EMPTY = (
    *_PARTS.values(), "pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d",
)  # fmt: skip
_WRITTEN = re.compile(r".+_\d{12}_keypoints\.json")
_FILE = re.compile(r"(.*?)_?(\d+)_keypoints\.json")


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write ``<name>_000000000000_keypoints.json`` and so on.

    The number is the row of the frame table, so that no number lacks a file; ``person_id`` is the track's id;
    missing joints are 0, 0, 0. OpenPose's 18 and 25 joints stay, and other bodies are converted to them; hands and the
    70 points of the face are there where the joint set has these parts.
    """
    sequence = sample.sequence
    keys = {part: key for part, key in _PARTS.items() if part in sequence.skeleton.parts}
    whole = as_joint_set(sample, OPENPOSE_WHOLE.name, "openpose", options) if keys else sequence
    if not has_parts(sequence.skeleton):
        sequence = sequence.as_skeleton(_body_set(sequence.skeleton).name)
    body = sequence if _has_own_body(sequence.skeleton) else whole
    arrays = [(_BODY, body, list(body.skeleton.parts["body"]))]
    arrays += [(key, whole, list(whole.skeleton.parts[part])) for part, key in keys.items()]
    ids = np.repeat(sequence.track_ids, np.diff(sequence.track_start))
    empty = {key: [] for key in _EMPTY}
    with replacing_folder(path, _owns(path)) as folder:
        for t, rows in enumerate(rows_by_frame(sequence)):
            people = [{"person_id": [track], _BODY: [], **empty} for track in ids[rows].tolist()]
            for key, source, joints in arrays:
                poses = triples(source.keypoints[rows][:, joints], source.scores[rows][:, joints])
                for person, pose in zip(people, poses, strict=True):
                    person[key] = pose
            text = json.dumps({"version": 1.3, "people": people}, separators=(",", ":"))
            (folder / f"{as_file(sample.name)}_{t:012d}_keypoints.json").write_text(text, encoding="utf-8")


def _body_set(skeleton: Skeleton) -> Skeleton:
    """Return which of OpenPose's bodies a body is written as.

    Readers know the joints by their number alone: 17 joints of Human3.6M or 25 of NTU RGB+D written as they are would
    be taken for other joints.
    """
    return BODY25 if "left_heel" in skeleton.joints else OPENPOSE18


def _has_own_body(skeleton: Skeleton) -> bool:
    """Return whether the body of a joint set is one of OpenPose's, which are written as they are."""
    body = tuple(skeleton.joints[joint] for joint in skeleton.parts["body"])
    return body in (OPENPOSE18.joints, BODY25.joints)


def _owns(folder: Path) -> Callable[[Path], bool]:
    return lambda file: file.parent == folder and _WRITTEN.fullmatch(file.name) is not None


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a folder; people whose ``person_id`` is -1 have no identity.

    Hands and faces make the joint set ``openpose-whole``, or ``body+hands`` where the body has 18 joints and nobody a
    face. The frame's number is in the file name, its time is number / ``fps``. Positions that OpenPose wrote
    relative to the image (``--keypoint_scale`` 3 or 4) need the image's size.

    Raises:
        FormatError: there are no such files, or one is damaged.
    """
    if not path.is_dir():
        raise FormatError("not a folder; OpenPose's output is a folder with one JSON file per frame")
    listed = [(match, file) for file in path.iterdir() if (match := _FILE.fullmatch(file.name))]
    if not listed:
        raise FormatError(
            "a folder is read as OpenPose's output, and this one contains no files named"
            " <video>_<number>_keypoints.json"
        )
    if len({match[1] for match, _ in listed}) > 1:
        raise FormatError("contains files of several videos; put each video into its own folder")
    files = sorted((_number(match[2], file), file) for match, file in listed)
    frames = [(number, *_people(file)) for number, file in files]
    lengths = {
        part: {len(p[part]) for _, people, _ in frames for p in people} - {0} for part in (_BODY, *_PARTS)
    }
    for part, found in lengths.items():
        if len(found) > 1:
            word = PARTS.get(part, "body")
            raise FormatError(f"people have different numbers of keypoints of the {word}: {sorted(found)}")
    skeleton, places = _joint_set({part: min(found) for part, found in lengths.items() if found}, options)
    source = listed[0][0][1] or path.name
    found = [
        FoundFrame(number, _poses(people, places, len(skeleton)), ids=ids) for number, people, ids in frames
    ]
    return assembled(found, skeleton, source, options)


def _joint_set(lengths: dict[str, int], options: ReadOptions) -> tuple[Skeleton, dict[str, list[int]]]:
    """Return the joint set of a folder, and the places in it of the keypoints of each part.

    Args:
        lengths: number of keypoints of each part that anybody has.
        options: options of reading.

    Raises:
        FormatError: a part has another number of keypoints than OpenPose's.
    """
    body = skeleton_of_length(lengths.get(_BODY, len(OPENPOSE18)))
    if not _PARTS.keys() & lengths.keys():
        return body, {_BODY: list(range(len(body)))}
    for part in _PARTS.keys() & lengths.keys():
        wanted = len(OPENPOSE_WHOLE.parts[part])
        if lengths[part] != wanted:
            raise FormatError(
                f"people have {lengths[part]} keypoints of the {PARTS[part]}, not OpenPose's {wanted}"
            )
    whole = BODY_HANDS if body == OPENPOSE18 and "face" not in lengths else OPENPOSE_WHOLE
    missing = len(whole.parts["body"]) - len(body)
    if not set(body.joints) <= set(whole.joints):
        raise FormatError(
            f"people have {len(body)} keypoints of the body beside hands or a face, not OpenPose's 18 or 25"
        )
    if missing:
        options.note(f"read as {whole.name}, of which {missing} joints of the body are missing in the file")
    places = {part: list(joints) for part, joints in whole.parts.items()}
    return whole, {**places, _BODY: [whole.index(joint) for joint in body.joints]}


def _poses(people: list[dict[str, np.ndarray]], places: dict[str, list[int]], joints: int) -> np.ndarray:
    """Return the poses of a frame, float64 (P, V, 3), zeros for parts that a person lacks."""
    poses = np.zeros((len(people), joints, 3))
    for pose, person in zip(poses, people, strict=True):
        for part, values in person.items():
            if len(values):
                pose[places[part]] = values
    return poses


def _number(digits: str, file: Path) -> int:
    # A name may contain more digits than Python converts to a number; thirty are already out of range.
    return integer(int(digits[:30]), f"the number of {file.name[:60]}")


def _people(file: Path) -> tuple[list[dict[str, np.ndarray]], np.ndarray]:
    """Return the keypoints of each person's parts, float64 (V, 3), V = 0 where there are none, and ids, int64 (P,), -1
    for people without one."""
    try:
        content = mapping(parse_json(read_text(file), "the content"), "the content")
        people, ids = [], []
        for i, person in enumerate(items(entry(content, "people", "the content"), "people")):
            name = f"people[{i}]"
            person = mapping(person, name)
            body = _keypoints(entry(person, _BODY, name), f"{name}.{_BODY}")
            if not len(body):
                raise FormatError(f"{name}.{_BODY} is empty")
            parts = {part: _keypoints(person.get(key) or [], f"{name}.{key}") for part, key in _PARTS.items()}
            people.append({_BODY: body, **parts})
            known = person.get("person_id")
            known = known[0] if isinstance(known, list) and known else known
            ids.append(-1 if known in (None, []) else integer(known, f"{name}.person_id", -1))
        return people, np.array(ids, np.int64)
    except FormatError as error:
        raise FormatError(f"{printable(file.name)}: {error}") from error


def _keypoints(values: Any, name: str) -> np.ndarray:
    numbers = reals(values, name, (-1,))
    if len(numbers) % 3:
        raise FormatError(f"{name} has {len(numbers)} values, not three for each joint")
    return numbers.reshape(-1, 3)


FORMAT = Format(
    "openpose", (), "OpenPose's JSON, a folder with one file per frame", write, read, folder=True, owns=_owns
)
