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
from skelstream.formats.joint_names import (
    joints_of,
    note_joints,
    select_joints,
)
from skelstream.formats.parts import has_parts
from skelstream.formats.pose_components import COMPONENTS, Component
from skelstream.formats.rows import size_of
from skelstream.formats.space import even_rate, uneven_note
from skelstream.processing.resampling import resampled
from skelstream.sequences import Detections, SkeletonSequence
from skelstream.skeleton import HOLISTIC543, Skeleton, part_of

_VERSION = 0.2
_PERSONS = 2
_COLOR = (0, 255, 0)


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a header with components ("XYC"), and the tracks, one per slot.

    Joint sets of the body are one component, named like the set. The sets of Holistic, OpenPose and COCO-WholeBody have
    pose-format's own components, so that its functions know them; skelstream's own sets of the whole body become
    Holistic's, unless ``options.skeleton`` asks for them.

    The body is float32 (T, P, V, 2) in pixels and confidence (T, P, V), 0 where missing, which readers use as
    the mask. The format has a frame rate instead of times: frames that are not evenly apart are interpolated.
    """
    header_module = require("pose_format.pose_header", "pose")
    body_module = require("pose_format.numpy", "pose")
    pose_module = require("pose_format.pose", "pose")
    own = sample.sequence.skeleton in COMPONENTS or not has_parts(sample.sequence.skeleton)
    sequence = sample.sequence
    if not own and options.skeleton != sequence.skeleton.name:
        sequence = _as_holistic(sample, options)
    fps, even = even_rate(sequence.frame_time)
    if not even:
        options.note(uneven_note(sample, "pose", fps))
        sequence = resampled(sequence, fps)
    height, width = size_of(sequence, "pose")
    persons = options.persons or _PERSONS
    note_tracks_left_out(sample, persons, options)
    skeleton = sequence.skeleton
    whole = Component(skeleton.name, skeleton.joints, skeleton.joints, skeleton.limbs)
    components = COMPONENTS.get(skeleton, (whole,))
    header = header_module.PoseHeader(
        _VERSION,
        header_module.PoseHeaderDimensions(width, height, 0),
        [
            header_module.PoseHeaderComponent(
                c.name, list(c.points), list(c.limbs), [_COLOR] * len(c.limbs), "XYC"
            )
            for c in components
        ],
    )
    order = [skeleton.index(joint) for component in components for joint in component.joints]
    dense = sequence.dense(max(1, min(persons, len(sequence))))[:, :, order].transpose(1, 0, 2, 3)
    body = body_module.NumPyPoseBody(fps, np.ma.masked_array(dense[..., :2]), dense[..., 2])
    with replacing(path) as temporary, open(temporary, "xb") as file:
        pose_module.Pose(header, body).write(file)


def _as_holistic(sample: Sample, options: WriteOptions) -> SkeletonSequence:
    """Return a sequence in Holistic's joints, and note those that change."""
    sequence = sample.sequence.as_skeleton(HOLISTIC543.name)
    lost = [joint for joint in sample.sequence.skeleton.joints if joint not in HOLISTIC543.joints]
    options.note(
        f"{sample.name}: written with the components of Holistic, which have no {', '.join(lost)};"
        f" --skeleton {sample.sequence.skeleton.name} keeps all joints, in one component of its own"
    )
    return sequence


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a file by the names of its points; each slot is a track.

    Raises:
        FormatError: the file is damaged, or its points are not joints of people.
    """
    pose_module = require("pose_format.pose", "pose")
    data = path.read_bytes()
    try:
        pose = pose_module.Pose.read(data)
        names = [
            (component.name, point) for component in pose.header.components for point in component.points
        ]
        points = np.ma.filled(pose.body.data.astype(np.float64), np.nan)
        scores = np.asarray(pose.body.confidence, np.float64)
        fps, size = float(pose.body.fps), (pose.header.dimensions.height, pose.header.dimensions.width)
    except Exception as error:
        # The library checks nothing, so damaged bytes may raise any exception.
        raise FormatError(f"not a .pose file, or damaged ({type(error).__name__})") from None
    if points.shape[:3] != scores.shape or points.shape[2] != len(names) or points.shape[-1] < 2:
        raise FormatError(f"its body has shape {points.shape}, not (frames, people, {len(names)}, 2 or 3)")
    check_length(len(points))
    skeleton, places = _joints(names)
    note_joints(skeleton, places, [f"{component} {point}" for component, point in names], options)
    if np.nan_to_num(points[..., 2:]).any():
        options.note("the depth of the points is left out")
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


def _joints(names: list[tuple[str, str]]) -> tuple[Skeleton, np.ndarray]:
    """Return the joint set of a file, and the positions of its joints among the points, -1 for missing joints.

    Components of hands or a face tell the joint set; without any, the names of the points do.

    Args:
        names: component and name of each point.
    """
    there = {part for part, _ in names}
    for skeleton, components in COMPONENTS.items():
        if there & {component.name for component in components if part_of(component.joints[0]) != "body"}:
            at = {name: i for i, name in enumerate(names)}
            places = {
                joint: at.get((component.name, point), -1)
                for component in components
                for point, joint in zip(component.points, component.joints, strict=True)
            }
            return skeleton, np.array([places[joint] for joint in skeleton.joints])
    return joints_of([point for _, point in names])


FORMAT = Format("pose", (".pose",), "the .pose file of sign-language tools", write, read)
