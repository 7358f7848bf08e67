"""OpenPose's JSON: a folder with a file for every frame."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from skelstream.atomic import replacing_folder
from skelstream.errors import FormatError
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.names import as_file
from skelstream.formats.rows import (
    add_rows,
    parse_json,
    people_of,
    read_text,
    rows_by_frame,
    skeleton_of_length,
    triples,
)
from skelstream.sequences import Detections, SequenceBuilder, SkeletonSequence

_EMPTY = (
    "face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d", "pose_keypoints_3d",
    "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d",
)  # fmt: skip
_FILE = re.compile(r"(.*?)_?(\d+)_keypoints\.json")


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write ``<name>_000000000000_keypoints.json`` and so on.

    The number is the row of the frame table, so that every number has a file; ``person_id`` is the track's
    id; missing joints are 0, 0, 0. COCO-17 becomes OpenPose's 18 joints; 18 and 25 stay.
    """
    sequence = sample.sequence
    if sequence.skeleton.name == "coco17":
        sequence = sequence.as_skeleton("openpose18")
    ids = np.repeat(sequence.track_ids, np.diff(sequence.track_start))
    empty = {key: [] for key in _EMPTY}
    with replacing_folder(path) as folder:
        for t, rows in enumerate(rows_by_frame(sequence)):
            poses = triples(sequence.keypoints[rows], sequence.scores[rows])
            people = [
                {"person_id": [track], "pose_keypoints_2d": pose, **empty}
                for track, pose in zip(ids[rows].tolist(), poses, strict=True)
            ]
            text = json.dumps({"version": 1.3, "people": people}, separators=(",", ":"))
            (folder / f"{as_file(sample.name)}_{t:012d}_keypoints.json").write_text(text, encoding="utf-8")


def read(path: Path, rate: float) -> SkeletonSequence | Detections:
    """Read such a folder; people whose ``person_id`` is -1 have no identity.

    The frame's number is taken from the file name, its time is number / ``rate``.

    Raises:
        FormatError: no such files, or a damaged one.
    """
    if not path.is_dir():
        raise FormatError(f"{path}: OpenPose's output is a folder with a JSON file for every frame")
    files = sorted(
        (int(match[2]), match[1], file) for file in path.iterdir() if (match := _FILE.fullmatch(file.name))
    )
    if not files:
        raise FormatError(f"{path}: holds no files named <video>_<number>_keypoints.json")
    if len({name for _, name, _ in files}) > 1:
        raise FormatError(f"{path}: holds files of several videos; give each its own folder")
    frames = [(number, *_people(file)) for number, _, file in files]
    lengths = {poses.shape[1] for _, poses, _ in frames if len(poses)}
    if len(lengths) > 1:
        raise FormatError(f"{path}: people have different numbers of keypoints: {sorted(lengths)}")
    skeleton = skeleton_of_length(lengths.pop() if lengths else 18)
    source = files[0][1] or path.name
    people = [people_of(poses.reshape(-1, len(skeleton), 3)) for _, poses, _ in frames]
    if any((ids < 0).any() for *_, ids in frames):
        times = [(number, number / rate) for number, *_ in frames]
        return Detections(skeleton, [(*time, p) for time, p in zip(times, people, strict=True)], source)
    builder = SequenceBuilder(skeleton, source=source, height=None, width=None)
    for (number, _, ids), group in zip(frames, people, strict=True):
        add_rows(builder, number, number / rate, True, group, ids)
    return builder.finish()


def _people(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Poses float64 (P, V, 3) and ids int (P,), -1 where there is none."""
    content = parse_json(read_text(file), file)
    try:
        people = content["people"]
        poses = np.array([p["pose_keypoints_2d"] for p in people], np.float64)
        ids = [int(np.ravel(p.get("person_id", -1))[0]) for p in people]
        return poses.reshape(len(people), poses.shape[-1] // 3, 3), np.array(ids, np.int64)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FormatError(f"{file}: not OpenPose's JSON ({error!r})") from error


FORMAT = Format(
    "openpose", (), "OpenPose's JSON, a folder with a file for every frame", write, read, folder=True
)
