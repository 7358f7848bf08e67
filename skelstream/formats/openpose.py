"""OpenPose's JSON: a folder with one file per frame."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing_folder
from skelstream.files.json import parse_json
from skelstream.files.text import printable
from skelstream.files.values import entry, integer, items, mapping, reals
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.frames import FoundFrame, assembled
from skelstream.formats.names import as_file
from skelstream.formats.rows import read_text, rows_by_frame, skeleton_of_length, triples
from skelstream.sequences import Detections, SkeletonSequence

_EMPTY = (
    "face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d", "pose_keypoints_3d",
    "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d",
)  # fmt: skip
_WRITTEN = re.compile(r".+_\d{12}_keypoints\.json")
_FILE = re.compile(r"(.*?)_?(\d+)_keypoints\.json")


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write ``<name>_000000000000_keypoints.json`` and so on.

    The number is the row of the frame table, so that no number lacks a file; ``person_id`` is the track's id;
    missing joints are 0, 0, 0. COCO-17 is converted to OpenPose's 18 joints; 18 and 25 joints stay.
    """
    sequence = sample.sequence
    if sequence.skeleton.name == "coco17":
        sequence = sequence.as_skeleton("openpose18")
    ids = np.repeat(sequence.track_ids, np.diff(sequence.track_start))
    empty = {key: [] for key in _EMPTY}
    with replacing_folder(path, _owns(path)) as folder:
        for t, rows in enumerate(rows_by_frame(sequence)):
            poses = triples(sequence.keypoints[rows], sequence.scores[rows])
            people = [
                {"person_id": [track], "pose_keypoints_2d": pose, **empty}
                for track, pose in zip(ids[rows].tolist(), poses, strict=True)
            ]
            text = json.dumps({"version": 1.3, "people": people}, separators=(",", ":"))
            (folder / f"{as_file(sample.name)}_{t:012d}_keypoints.json").write_text(text, encoding="utf-8")


def _owns(folder: Path) -> Callable[[Path], bool]:
    return lambda file: file.parent == folder and _WRITTEN.fullmatch(file.name) is not None


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a folder; people whose ``person_id`` is -1 have no identity.

    The frame's number is in the file name, its time is number / ``fps``. Positions that OpenPose wrote
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
    lengths = {poses.shape[1] for _, poses, _ in frames if len(poses)}
    if len(lengths) > 1:
        raise FormatError(f"people have different numbers of keypoints: {sorted(lengths)}")
    skeleton = skeleton_of_length(lengths.pop() if lengths else 18)
    source = listed[0][0][1] or path.name
    found = [
        FoundFrame(number, poses.reshape(-1, len(skeleton), 3), ids=ids) for number, poses, ids in frames
    ]
    return assembled(found, skeleton, source, options)


def _number(digits: str, file: Path) -> int:
    # A name may contain more digits than Python converts to a number; thirty are already out of range.
    return integer(int(digits[:30]), f"the number of {file.name[:60]}")


def _people(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return poses, float64 (P, V, 3), and ids, int64 (P,), -1 for people without one."""
    try:
        content = mapping(parse_json(read_text(file), "the content"), "the content")
        poses, ids = [], []
        for i, person in enumerate(items(entry(content, "people", "the content"), "people")):
            name = f"people[{i}]"
            person = mapping(person, name)
            values = reals(entry(person, "pose_keypoints_2d", name), f"{name}.pose_keypoints_2d", (-1,))
            if len(values) % 3 or not len(values):
                raise FormatError(f"{name} has {len(values)} values, not three for each joint")
            if poses and len(values) != poses[0].size:
                raise FormatError("people have different numbers of keypoints")
            poses.append(values.reshape(-1, 3))
            known = person.get("person_id")
            known = known[0] if isinstance(known, list) and known else known
            ids.append(-1 if known in (None, []) else integer(known, f"{name}.person_id", -1))
        return np.array(poses).reshape(len(poses), -1 if poses else 0, 3), np.array(ids, np.int64)
    except FormatError as error:
        raise FormatError(f"{printable(file.name)}: {error}") from error


FORMAT = Format(
    "openpose", (), "OpenPose's JSON, a folder with one file per frame", write, read, folder=True, owns=_owns
)
