"""The ``.pose`` file of sign-language tools, through pose-format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skelstream.atomic import replacing
from skelstream.formats.extra import require
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.rows import size_of

_VERSION = 0.2
_PERSONS = 2
_COLOR = (0, 255, 0)


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a header with one component ("XYC") named like the joint set, and the tracks, one a slot.

    The body has float32 (T, P, V, 2) in pixels and confidence (T, P, V), 0 where missing, which readers take
    for the mask. The format has a frame rate instead of times: the mean rate is written.
    """
    header_module = require("pose_format.pose_header", "pose")
    body_module = require("pose_format.numpy", "pose")
    pose_module = require("pose_format.pose", "pose")
    sequence = sample.sequence
    height, width = size_of(sequence, "pose")
    persons = options.persons or _PERSONS
    if len(sequence) > persons:
        options.note(f"{sample.name}: {persons} of {len(sequence)} tracks kept; --persons keeps more")
    skeleton = sequence.skeleton
    component = header_module.PoseHeaderComponent(
        skeleton.name, list(skeleton.joints), list(skeleton.limbs), [_COLOR] * len(skeleton.limbs), "XYC"
    )
    header = header_module.PoseHeader(
        _VERSION, header_module.PoseHeaderDimensions(width, height, 0), [component]
    )
    dense = sequence.dense(max(1, min(persons, len(sequence)))).transpose(1, 0, 2, 3)
    rate = float(sequence.meta.get("rate") or 0.0)
    body = body_module.NumPyPoseBody(rate, np.ma.masked_array(dense[..., :2]), dense[..., 2])
    with replacing(path) as temporary, open(temporary, "xb") as file:
        pose_module.Pose(header, body).write(file)


FORMAT = Format("pose", (".pose",), "the .pose file of sign-language tools", write)
