"""The order of tracks, main person first, for formats that hold few people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.errors import FormatError
from skelstream.sequences.sequence import ARRAYS, SkeletonSequence

_ROWS = [name for name, (_, shape) in ARRAYS.items() if shape[0] == "N"]


def _largest(sequence: SkeletonSequence) -> np.ndarray:
    sides = np.maximum(sequence.boxes[:, 2:] - sequence.boxes[:, :2], 0).astype(np.float64)
    return sides.prod(1)


def _longest(sequence: SkeletonSequence) -> np.ndarray:
    return np.ones(len(sequence.frame))


def _centre(sequence: SkeletonSequence) -> np.ndarray:
    """Return 1 for boxes in the middle of the image, down to 0 at the distance of a corner."""
    middles = (sequence.boxes[:, :2] + sequence.boxes[:, 2:]) / 2
    if sequence.size is not None:
        size = np.array(sequence.size[::-1], np.float64)
    else:
        size = sequence.boxes.reshape(-1, 2).max(0).astype(np.float64) if len(middles) else np.ones(2)
    distance = np.hypot(*((middles - size / 2) / np.maximum(size, 1)).T) / np.hypot(0.5, 0.5)
    return np.clip(1 - distance, 0, None)


def _moving(sequence: SkeletonSequence) -> np.ndarray:
    """Return the joints' mean distance from the track's previous row, in sizes of the person."""
    motion = np.zeros(len(sequence.frame))
    if len(motion) < 2:
        return motion
    steps = np.hypot(*np.moveaxis(np.diff(sequence.keypoints.astype(np.float64), axis=0), -1, 0))
    steps[sequence.track_start[1:-1] - 1] = np.nan
    seen = np.isfinite(steps)
    sizes = np.maximum((sequence.boxes[:, 2:] - sequence.boxes[:, :2]).max(1), 1)
    motion[1:] = np.where(seen, steps, 0).sum(1) / np.maximum(seen.sum(1), 1) / sizes[1:]
    return motion


PERSONS = {"longest": _longest, "largest": _largest, "centre": _centre, "moving": _moving}
"""Functions from a sequence to each row's share of its track's weight, by the name of the choice."""


def main_person_first(sequence: SkeletonSequence, person: str) -> SkeletonSequence:
    """Return the same tracks in another order, the main person first.

    Args:
        sequence: the tracks.
        person: a name in ``PERSONS``: ``longest`` (most frames), ``largest`` (largest boxes), ``centre``
            (nearest to the middle of the image) or ``moving`` (most motion of the joints for the person's
            size). Each is summed over the frames, so that long tracks weigh more.

    Raises:
        FormatError: the name is unknown.
    """
    if person not in PERSONS:
        raise FormatError(f"person is {person!r}: choose from {', '.join(PERSONS)}")
    weight = np.bincount(sequence.track_of_row(), PERSONS[person](sequence), minlength=len(sequence))
    order = np.argsort(-weight, kind="stable")
    return replace(_ordered(sequence, order), meta={**sequence.meta, "person": person})


def _ordered(sequence: SkeletonSequence, order: np.ndarray) -> SkeletonSequence:
    start = sequence.track_start.tolist()
    slices = [np.arange(start[m], start[m + 1]) for m in order.tolist()]
    rows = np.concatenate(slices).astype(int) if slices else np.empty(0, int)
    return replace(
        sequence, **{name: getattr(sequence, name)[rows] for name in _ROWS}, observed=sequence.observed[rows],
        track_ids=sequence.track_ids[order],
        track_start=np.concatenate([[0], np.cumsum([len(part) for part in slices])]).astype(np.int64),
        raw=None if sequence.raw is None else _ordered(sequence.raw, order),
        lifted=None if sequence.lifted is None else sequence.lifted.take(rows),
    )  # fmt: skip
