"""``.pose`` files of sign-language tools, through pose-format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.formats.clips import note_tracks_left_out
from skelstream.formats.extra import require
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.frames import FoundFrame, assembled, check_length
from skelstream.formats.joint_names import joints_of, missing_note, select_joints
from skelstream.formats.rows import size_of
from skelstream.formats.space import even_rate, uneven_note
from skelstream.processing.resampling import resampled
from skelstream.sequences import Detections, SkeletonSequence

_VERSION = 0.2
_PERSONS = 2
_COLOR = (0, 255, 0)


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a header with one component ("XYC") named like the joint set, and the tracks, one per slot.

    The body is float32 (T, P, V, 2) in pixels and confidence (T, P, V), 0 where missing, which readers use as
    the mask. The format has a frame rate instead of times: frames that are not evenly apart are interpolated.
    """
    header_module = require("pose_format.pose_header", "pose")
    body_module = require("pose_format.numpy", "pose")
    pose_module = require("pose_format.pose", "pose")
    sequence = sample.sequence
    fps, even = even_rate(sequence.frame_time)
    if not even:
        options.note(uneven_note(sample, "pose", fps))
        sequence = resampled(sequence, fps)
    height, width = size_of(sequence, "pose")
    persons = options.persons or _PERSONS
    note_tracks_left_out(sample, persons, options)
    skeleton = sequence.skeleton
    component = header_module.PoseHeaderComponent(
        skeleton.name, list(skeleton.joints), list(skeleton.limbs), [_COLOR] * len(skeleton.limbs), "XYC"
    )
    header = header_module.PoseHeader(
        _VERSION, header_module.PoseHeaderDimensions(width, height, 0), [component]
    )
    dense = sequence.dense(max(1, min(persons, len(sequence)))).transpose(1, 0, 2, 3)
    body = body_module.NumPyPoseBody(fps, np.ma.masked_array(dense[..., :2]), dense[..., 2])
    with replacing(path) as temporary, open(temporary, "xb") as file:
        pose_module.Pose(header, body).write(file)


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a file by the names of its points; each slot is a track.

    Raises:
        FormatError: the file is damaged, or its points are not joints of people.
    """
    pose_module = require("pose_format.pose", "pose")
    data = path.read_bytes()
    try:
        pose = pose_module.Pose.read(data)
        names = [point for component in pose.header.components for point in component.points]
        points = np.ma.filled(pose.body.data.astype(np.float64), np.nan)
        scores = np.asarray(pose.body.confidence, np.float64)
        fps, size = float(pose.body.fps), (pose.header.dimensions.height, pose.header.dimensions.width)
    except Exception as error:
        # The library checks nothing, so damaged bytes may raise any exception.
        raise FormatError(f"not a .pose file, or damaged ({type(error).__name__})") from None
    if points.shape[:3] != scores.shape or points.shape[2] != len(names) or points.shape[-1] < 2:
        raise FormatError(f"its body has shape {points.shape}, not (frames, people, {len(names)}, 2 or 3)")
    check_length(len(points))
    skeleton, places = joints_of(names)
    if line := missing_note(skeleton, places):
        options.note(line)
    whole = select_joints(np.concatenate([points[..., :2], scores[..., None]], -1), places)
    if np.isinf(whole).any():
        raise FormatError("a position or confidence is not finite")
    fps = fps if 0 < fps < 1e6 else options.fps
    present = np.any(whole[..., 2] > 0, axis=-1)
    frames = [
        FoundFrame(t, whole[t, present[t]], ids=np.flatnonzero(present[t]) + 1, time=t / fps)
        for t in range(len(whole))
    ]
    return assembled(frames, skeleton, path.name, options, size=size if all(size) else None)


FORMAT = Format("pose", (".pose",), "the .pose file of sign-language tools", write, read)
