"""A sequence at an even rate, for recognisers that count frames instead of reading times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.errors import FormatError
from skelstream.sequences.sequence import SkeletonSequence

# A frame this near to a new time, in seconds, is the frame of that time: containers round their times.
_SAME = 1e-3
# New frames, or times the frames that were there, whichever is more: beyond, a slip of the rate fills the memory.
_MOST_FRAMES, _MOST_TIMES = 1_000_000, 10


def resampled(sequence: SkeletonSequence, fps: float) -> SkeletonSequence:
    """The sequence at ``fps`` frames per second from its first frame on.

    A person has a row where they were in both frames around the new time; joints and boxes lie linearly between
    those, and ``observed`` is False there. Where a frame lies within a millisecond of the new time, its values stay as
    they are. ``frame_index`` is the number of the nearest frame of the source where every new frame has one of its own,
    else new frames are counted from 0; ``meta["resampled"]`` says which.

    Raises:
        FormatError: the rate is not above 0, or asks for more frames than could be meant.
    """
    if not 0 < fps < float("inf"):
        raise FormatError(f"the frame rate must be above 0, not {fps}")
    times = sequence.frame_time
    if not len(times):
        return sequence
    count = int((times[-1] - times[0]) * fps + 1e-6) + 1
    if count > max(_MOST_FRAMES, _MOST_TIMES * len(times)):
        raise FormatError(
            f"{fps:g} frames a second from {times[0]:g} s to {times[-1]:g} s would make {count:,} frames of"
            f" {len(times):,}; give a lower rate, or correct the times"
        )
    new = times[0] + np.arange(count) / fps
    before = np.clip(np.searchsorted(times, new + _SAME, side="right") - 1, 0, None)
    same = np.abs(times[before] - new) <= _SAME
    after = np.where(same, before, np.minimum(before + 1, len(times) - 1))
    share = np.where(same, 0.0, (new - times[before]) / np.maximum(times[after] - times[before], 1e-9))

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
    w = share[frame].astype(np.float32)

    def between(values: np.ndarray) -> np.ndarray:
        at = w.reshape(-1, *[1] * (values.ndim - 1))
        return np.where(at == 0, values[a], values[a] + at * (values[b] - values[a]))

    keypoints = between(sequence.keypoints)
    there = np.isfinite(keypoints[..., 0])
    scores = np.where(there, np.clip(between(sequence.scores), 0, 1), 0)
    observed = sequence.observed[a] & same[frame][:, None]
    nearest = np.where(share > 0.5, after, before)
    own = bool((np.diff(nearest) > 0).all())
    images = sequence.meta.get("images")
    warnings: list[str] = list(sequence.meta.get("warnings") or ())
    if len(kept) < len(sequence):
        warnings.append(
            f"{len(sequence) - len(kept)} of {len(sequence)} tracks are too short for {fps:g} frames a second, and left out"
        )
    meta = {
        **{key: value for key, value in sequence.meta.items() if key != "images"},
        **({"images": [images[i] for i in nearest]} if images and own else {}),
        "fps": fps,
        "warnings": warnings,
        "resampled": {"fps": fps, "frame_index": "source" if own else "counted"},
    }
    result = replace(
        sequence, keypoints=keypoints, scores=scores, observed=observed, raw=None, lifted=None, meta=meta,
        boxes=between(sequence.boxes), person_scores=np.clip(between(sequence.person_scores), 0, 1),
        frame=frame.astype(np.int32), track_ids=sequence.track_ids[kept],
        track_start=np.concatenate([[0], np.cumsum([len(part[2]) for part in rows])]).astype(np.int64),
        frame_index=sequence.frame_index[nearest] if own else np.arange(len(new), dtype=np.int32),
        frame_time=new, frame_ok=sequence.frame_ok[before] & sequence.frame_ok[after],
    )  # fmt: skip
    measured = replace(
        result, keypoints=np.where(observed[..., None], keypoints, np.nan),
        scores=np.where(observed, scores, 0).astype(np.float32), observed=observed,
    )  # fmt: skip
    return replace(result, raw=measured)
