"""Resampling to a constant frame rate, for recognisers that ignore times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.arguments import instance_argument, number_argument
from skelstream.sequences.sequence import SkeletonSequence

# A frame within this many seconds of a new time is used unchanged: containers round their times.
_TOLERANCE = 1e-3
# Most new frames, absolute or as a multiple of the old ones: a mistyped rate must not fill the memory.
_MAX_FRAMES, _MAX_RATIO = 1_000_000, 10


def measured_or_resampled(sequence: SkeletonSequence) -> SkeletonSequence:
    """Return the sequence whose poses may get new identities: as measured, but a resampled one as it is, because few of its
    frames are measured ones."""
    between = sequence.meta.get("resampled") and sequence.has_rows_of(sequence.measured)
    return sequence if between else sequence.measured


def resampled(sequence: SkeletonSequence, fps: float) -> SkeletonSequence:
    """Return the sequence at ``fps`` frames per second, from its first frame on.

    A person has a row if they are in both frames around the new time; joints and boxes are interpolated
    linearly, and ``observed`` is False. A frame within a millisecond of the new time is used unchanged.
    3D joints are left out, which belong to the poses before.
    ``frame_index`` is the number of the nearest source frame if all these differ, else new frames are
    numbered from 0; ``meta["resampled"]`` records which.

    Raises:
        SettingsError: the rate is not above 0.
        FormatError: the rate would make more than 10 times as many frames and more than
            1,000,000.
    """
    instance_argument(sequence, SkeletonSequence, "sequence")
    number_argument(fps, "fps", "a frame rate above 0", above=0)
    times = sequence.frame_time
    if not len(times):
        return sequence
    count = int((times[-1] - times[0]) * fps + 1e-6) + 1
    if count > max(_MAX_FRAMES, _MAX_RATIO * len(times)):
        raise FormatError(
            f"{fps:g} frames per second from {times[0]:g} s to {times[-1]:g} s would make {count:,} frames of"
            f" {len(times):,}; give a lower rate, or correct the times"
        )
    new = times[0] + np.arange(count) / fps
    before = np.clip(np.searchsorted(times, new + _TOLERANCE, side="right") - 1, 0, None)
    same = np.abs(times[before] - new) <= _TOLERANCE
    after = np.where(same, before, np.minimum(before + 1, len(times) - 1))
    weight = np.where(same, 0.0, (new - times[before]) / np.maximum(times[after] - times[before], 1e-9))

    rows, kept = [], []
    for m, track in enumerate(sequence):
        row_of = np.full(len(times), -1)
        row_of[track.frame] = np.arange(len(track)) + sequence.track_start[m]
        frame = np.flatnonzero((row_of[before] >= 0) & (row_of[after] >= 0))
        if len(frame):
            rows.append((row_of[before[frame]], row_of[after[frame]], frame))
            kept.append(m)
    a, b, frame = (
        (np.concatenate(part).astype(int) for part in zip(*rows, strict=True))
        if rows
        else [np.empty(0, int)] * 3
    )
    row_weight = weight[frame].astype(np.float32)

    def interpolated(values: np.ndarray) -> np.ndarray:
        w = row_weight.reshape(-1, *[1] * (values.ndim - 1))
        return np.where(w == 0, values[a], values[a] + w * (values[b] - values[a]))

    keypoints = interpolated(sequence.keypoints)
    present = np.isfinite(keypoints[..., 0])
    scores = np.where(present, np.clip(interpolated(sequence.scores), 0, 1), 0)
    observed = sequence.observed[a] & same[frame][:, None]
    nearest = np.where(weight > 0.5, after, before)
    distinct = bool((np.diff(nearest) > 0).all())
    images = sequence.meta.get("images")
    warnings: list[str] = list(sequence.meta.get("warnings") or ())
    if len(kept) < len(sequence):
        warnings.append(
            f"{len(sequence) - len(kept)} of {len(sequence)} tracks are too short for {fps:g} frames per"
            " second and are left out"
        )
    meta = {
        **{key: value for key, value in sequence.meta.items() if key not in ("images", "lifting")},
        **({"images": [images[i] for i in nearest]} if images and distinct else {}),
        "fps": fps,
        "warnings": warnings,
        "resampled": {"fps": fps, "frame_index": "source" if distinct else "counted"},
    }
    result = replace(
        sequence, keypoints=keypoints, scores=scores, observed=observed, raw=None, lifted=None, meta=meta,
        boxes=interpolated(sequence.boxes), person_scores=np.clip(interpolated(sequence.person_scores), 0, 1),
        frame=frame.astype(np.int32), track_ids=sequence.track_ids[kept],
        track_start=np.concatenate([[0], np.cumsum([len(part[2]) for part in rows])]).astype(np.int64),
        frame_index=sequence.frame_index[nearest] if distinct else np.arange(len(new), dtype=np.int32),
        frame_time=new, frame_ok=sequence.frame_ok[before] & sequence.frame_ok[after],
    )  # fmt: skip
    measured = replace(
        result, keypoints=np.where(observed[..., None], keypoints, np.nan),
        scores=np.where(observed, scores, 0).astype(np.float32), observed=observed,
    )  # fmt: skip
    return replace(result, raw=measured)
