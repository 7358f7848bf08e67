"""Lifting of a whole sequence to 3D, with warnings about poses that show too little."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.processing.lifting.lifter import Lifter
from skelstream.sequences.lifted import SKELETON, Lifted
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.skeleton import COCO17, convert

# Least joints of a pose to lift it; one of them must be a shoulder or a hip.
_MIN_JOINTS = 6
# Shorter tracks, in seconds, show hardly any motion.
_SHORT = 0.2
_TRUNK = [COCO17.index(f"{side}_{joint}") for joint in ("shoulder", "hip") for side in ("left", "right")]
_LEGS = [COCO17.index(f"{side}_{joint}") for joint in ("knee", "ankle") for side in ("left", "right")]


def lift(sequence: SkeletonSequence, lifter: Lifter) -> SkeletonSequence:
    """Return the sequence with 3D joints, as ``lifted``.

    A filled or smoothed sequence is lifted together with its ``raw``. A pose with too few joints is not
    lifted; ``meta["lifting"]`` and a warning have the number of these and of poses without legs.

    Raises:
        ModelError: the network needs the image's size, and the sequence has none.
    """
    coco, scores = convert(sequence.keypoints, sequence.scores, sequence.skeleton, COCO17)
    seen = np.isfinite(coco[..., 0])
    enough = (seen.sum(1) >= _MIN_JOINTS) & seen[:, _TRUNK].any(1)
    poses = np.full((len(coco), len(SKELETON), 3), np.nan, np.float32)
    short_tracks = 0
    for m, track in enumerate(sequence):
        start = int(sequence.track_start[m])
        rows = np.flatnonzero(enough[start : start + len(track)])
        short_tracks += int(track.times[-1] - track.times[0] < _SHORT)
        poses[start + rows] = lifter.lift_track(
            track.times, coco[start : start + len(track)], sequence.size, rows
        )
    measured = np.where(sequence.observed[..., None], sequence.keypoints, np.nan)
    measured_coco, _ = convert(measured, sequence.scores, sequence.skeleton, COCO17)
    measured_joints, _ = convert(measured_coco, scores, COCO17, SKELETON)
    observed = np.isfinite(measured_joints[..., 0]) & enough[:, None]
    without_legs = int((enough & ~seen[:, _LEGS].any(1)).sum())
    facts = {
        "weights": lifter.name,
        "weights_sha256": lifter.weights_sha256,
        "skeleton": SKELETON.name,
        "unit": "m",
        "scale": "a person of average size, as one camera cannot measure size",
        "axes": "x right, y down, z away from a camera that faces the person; relative to mid_hip",
        "rows": len(coco),
        "rows_lifted": int(enough.sum()),
        "rows_without_legs": without_legs,
        "short_tracks": short_tracks,
    }
    warnings = [
        *(sequence.meta.get("warnings") or []),
        *_warnings(len(coco), int(enough.sum()), without_legs, short_tracks),
    ]
    raw = None if sequence.raw is None else lift(sequence.raw, lifter)
    meta = {**sequence.meta, "lifting": facts, "warnings": warnings}
    return replace(sequence, lifted=Lifted(poses, observed), raw=raw, meta=meta)


def _warnings(rows: int, lifted: int, without_legs: int, short_tracks: int) -> list[str]:
    lines = []
    if lifted < rows:
        lines.append(f"{rows - lifted:,} of {rows:,} poses have too few joints to be lifted to 3D")
    if without_legs:
        lines.append(
            f"{without_legs:,} poses show no legs: their 3D legs are a guess (observed_3d is False there)"
        )
    if short_tracks:
        lines.append(
            f"{short_tracks:,} tracks are shorter than {_SHORT:g} s: their 3D poses are less certain"
        )
    return lines
