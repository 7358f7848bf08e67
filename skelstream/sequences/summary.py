"""Summary of a sequence in numbers: video, frames, tracks and joints."""

from __future__ import annotations

from typing import Any

import numpy as np

from skelstream.sequences.lifted import Lifted
from skelstream.sequences.meta import names_of
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.sequences.track import Track


def summary(sequence: SkeletonSequence) -> dict[str, Any]:
    """Return the summary of a sequence as JSON values: the video, the frames, each track, each joint and each part.

    Shares are in [0, 1], times in seconds. A joint's ``coverage`` is the share of rows in which it was
    observed; its ``mean_score`` is the mean over those rows. A part, a hand or a face, has the means of its joints.
    """
    meta, times = sequence.meta, sequence.frame_time
    names = names_of(meta)
    rows, observed = len(sequence.frame), sequence.observed
    intervals = np.diff(times)
    filled = np.isfinite(sequence.keypoints[..., 0]) & ~observed
    observed_rows = observed.sum(0)
    return {
        "source": meta.get("source"),
        "height": meta.get("height"),
        "width": meta.get("width"),
        "rotation": meta.get("rotation"),
        "frames": sequence.frames,
        "frames_failed": int((~sequence.frame_ok).sum()),
        "shots": shots_of(sequence),
        "frames_empty": sequence.frames - len(np.unique(sequence.frame)),
        "start": float(times[0]) if len(times) else None,
        "end": float(times[-1]) if len(times) else None,
        "fps": meta.get("fps"),
        "longest_step": float(intervals.max()) if len(intervals) else None,
        "shortest_step": float(intervals.min()) if len(intervals) else None,
        "skeleton": sequence.skeleton.name,
        "model": meta.get("model"),
        "weights_sha256": meta.get("weights_sha256"),
        "refiner": meta.get("refiner"),
        "rows_lifted": None if sequence.lifted is None else _lifted(sequence.lifted),
        "versions": dict(meta.get("versions") or {}),
        "settings": meta.get("settings") or {},
        "warnings": list(meta.get("warnings") or []),
        "cleaned": sequence.raw is not None,
        "filled": _share(filled.sum(), filled.size),
        "rows": rows,
        "tracklets": tracklets_of(sequence),
        "people_at_once": int(np.bincount(sequence.frame).max()) if rows else 0,
        "tracks": [_track(track, names.get(track.id)) for track in sequence],
        "joints": [
            {
                "name": name,
                "coverage": _share(observed_rows[v], rows),
                "mean_score": _share(
                    sequence.scores[observed[:, v], v].sum(dtype=np.float64), observed_rows[v]
                ),
            }
            for v, name in enumerate(sequence.skeleton.joints)
        ],
        "parts": [
            {
                "name": part,
                "joints": len(joints),
                "coverage": _share(observed[:, joints].sum(), rows * len(joints)),
                "mean_score": _share(
                    sequence.scores[:, joints][observed[:, joints]].sum(dtype=np.float64),
                    int(observed[:, joints].sum()),
                ),
            }
            for part, joints in sequence.skeleton.parts.items()
            if part != "body"
        ],
    }


def shots_of(sequence: SkeletonSequence) -> int:
    """Return the number of shots of a sequence's video."""
    return len(sequence.meta.get("shots") or []) + 1


def tracklets_of(sequence: SkeletonSequence) -> int | None:
    """Return the number of tracklets that the tracks of a sequence were joined from; None if nothing was joined, or if edits
    have changed the ids since."""
    joined = (sequence.meta.get("linking") or {}).get("joined") or []
    ids = set(sequence.track_ids.tolist())
    more = sum(len(chain) - 1 for chain in joined if chain and chain[0] in ids)
    return len(ids) + more if more and not sequence.meta.get("edits") else None


def timeline(track: Track, frame_time: np.ndarray, cells: int) -> np.ndarray:
    """Return the share of frames with the track in each of ``cells`` equal parts of the video, float64 (cells,).

    A part without any frame has the value of the part before it.
    """
    span = max(float(frame_time[-1] - frame_time[0]), 1e-9)
    cell = np.minimum((frame_time - frame_time[0]) / span * cells, cells - 1).astype(int)
    frames = np.bincount(cell, minlength=cells)
    present = np.bincount(cell[track.frame], minlength=cells)
    share = present / np.maximum(frames, 1)
    last = np.maximum.accumulate(np.where(frames > 0, np.arange(cells), 0))
    return share[last]


def _track(track: Track, name: str | None) -> dict[str, Any]:
    spanned = int(track.frame[-1] - track.frame[0]) + 1
    return {
        "id": track.id,
        "name": name,
        "start": float(track.times[0]),
        "end": float(track.times[-1]),
        "frames": len(track),
        "presence": _share(len(track), spanned),
        "mean_score": round(float(track.person_scores.mean(dtype=np.float64)), 4),
        "joints": _share(track.observed.sum(), track.observed.size),
    }


def _lifted(lifted: Lifted) -> int:
    """Return the number of rows with 3D joints."""
    return int(np.isfinite(lifted.keypoints[:, 0, 0]).sum())


def _share(part: float, whole: int) -> float:
    return round(float(part) / whole, 4) if whole else 0.0
