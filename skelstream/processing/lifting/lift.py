"""A sequence in space: which rows can be lifted, and what is told of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.processing.lifting.lifter import Lifter
from skelstream.sequences.lifted import SKELETON, Lifted
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.skeleton import COCO17, convert

_LEAST_JOINTS = 6
"""Seen in a row, among them a shoulder or a hip, for it to be lifted."""
# Seconds: a shorter track shows hardly any motion.
_SHORT = 0.2
_TRUNK = [COCO17.index(f"{side}_{joint}") for joint in ("shoulder", "hip") for side in ("left", "right")]
_LEGS = [COCO17.index(f"{side}_{joint}") for joint in ("knee", "ankle") for side in ("left", "right")]


def lift(sequence: SkeletonSequence, lifter: Lifter) -> SkeletonSequence:
    """The sequence with its joints in space, as ``lifted``.

    Of one that was filled or smoothed both the rows as measured and those made of them are lifted. A row in which too few joints
    are seen is not; ``meta["lifting"]`` and a warning say how many these are, and how many people were half out of sight.

    Raises:
        ModelError: the lifter needs to know the image's size.
    """
    coco, scores = convert(sequence.keypoints, sequence.scores, sequence.skeleton, COCO17)
    seen = np.isfinite(coco[..., 0])
    enough = (seen.sum(1) >= _LEAST_JOINTS) & seen[:, _TRUNK].any(1)
    poses = np.full((len(coco), len(SKELETON), 3), np.nan, np.float32)
    short = 0
    for m, track in enumerate(sequence):
        start = int(sequence.track_start[m])
        rows = np.flatnonzero(enough[start : start + len(track)])
        short += int(track.times[-1] - track.times[0] < _SHORT)
        poses[start + rows] = lifter.track(track.times, coco[start : start + len(track)], sequence.size, rows)
    measured = np.where(sequence.observed[..., None], sequence.keypoints, np.nan)
    own = convert(convert(measured, sequence.scores, sequence.skeleton, COCO17)[0], scores, COCO17, SKELETON)[
        0
    ]
    observed = np.isfinite(own[..., 0]) & enough[:, None]
    half = int((enough & ~seen[:, _LEGS].any(1)).sum())
    facts = {
        "weights": lifter.name,
        "weights_sha256": lifter.weights_sha256,
        "skeleton": SKELETON.name,
        "unit": "m",
        "scale": "of a person of average size: one camera does not tell how large somebody is",
        "axes": "x right, y down, z away from a camera that looks at the person; relative to mid_hip",
        "rows": len(coco),
        "rows_lifted": int(enough.sum()),
        "rows_without_legs": half,
        "short_tracks": short,
    }
    warnings = [*(sequence.meta.get("warnings") or []), *_told(len(coco), int(enough.sum()), half, short)]
    raw = None if sequence.raw is None else lift(sequence.raw, lifter)
    meta = {**sequence.meta, "lifting": facts, "warnings": warnings}
    return replace(sequence, lifted=Lifted(poses, observed), raw=raw, meta=meta)


def _told(rows: int, lifted: int, half: int, short: int) -> list[str]:
    lines = []
    if lifted < rows:
        lines.append(f"{rows - lifted:,} of {rows:,} rows show too little of a person to be lifted to 3D")
    if half:
        lines.append(f"{half:,} rows show no legs: those in 3D are a guess (observed_3d is False there)")
    if short:
        lines.append(f"tracks shorter than {_SHORT:g} s: {short:,}; their 3D has hardly any motion to go by")
    return lines
