"""Reader of the predictions of MMPose's inferencer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.values import entry, integer, items, mapping, real, reals
from skelstream.formats.format import ReadOptions
from skelstream.formats.frames import FoundFrame
from skelstream.formats.joint_names import joints_of, note_joints, select_joints
from skelstream.formats.results_coco import begins_as
from skelstream.skeleton import COCO17, Skeleton


def frames_of(content: Any, rows: list[Any], options: ReadOptions) -> tuple[list[FoundFrame], Skeleton]:
    """Return the frames and joint set of MMPose's predictions: frames of instances, or the instances of one image.

    Raises:
        FormatError: an entry is damaged, or people have different joints.
    """
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
            joint_scores = reals(
                entry(person, "keypoint_scores", name), f"{name}.keypoint_scores", (len(places),)
            )
            poses.append(np.concatenate([places, joint_scores[:, None]], 1))
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
    return _in_one_set(frames, _names(content), options)


def _names(content: Any) -> list[str] | None:
    """Return the joints' names from the file's description of its data set, or None."""
    info = content.get("meta_info") if isinstance(content, dict) else None
    names = info.get("keypoint_id2name") if isinstance(info, dict) else None
    if isinstance(names, dict) and all(isinstance(name, str) for name in names.values()):
        return list(names.values())
    return None


def _in_one_set(
    frames: list[FoundFrame], names: list[str] | None, options: ReadOptions
) -> tuple[list[FoundFrame], Skeleton]:
    """Convert all poses to one joint set, by the joints' names, or by their number if there are no names."""
    lengths = {frame.poses.shape[1] for frame in frames if len(frame.poses)}
    if len(lengths) > 1:
        raise FormatError(f"people have different numbers of joints: {sorted(lengths)}")
    joints = lengths.pop() if lengths else len(COCO17)
    if names is not None and len(names) == joints:
        skeleton, places = joints_of(names)
        note_joints(skeleton, places, names, options)
        nobody = np.empty((0, len(skeleton), 3))
        chosen = [select_joints(f.poses, places) if len(f.poses) else nobody for f in frames]
    else:
        skeleton = begins_as(joints, options)
        kept = len(skeleton)
        chosen = [f.poses[:, :kept] if len(f.poses) else np.empty((0, kept, 3)) for f in frames]
    return [replace(f, poses=poses) for f, poses in zip(frames, chosen, strict=True)], skeleton
