"""`Track`: one person of a sequence over time, and the importance of tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skelstream.sequences.lifted import Lifted


def importance(track: np.ndarray, person_scores: np.ndarray, tracks: int) -> np.ndarray:
    """Return the importance of tracks: observed length times mean person score, which is the sum of the scores.

    Args:
        track: int (R,), number of each row's track, from 0.
        person_scores: float (R,), person score of each row.
        tracks: number of tracks.

    Returns:
        float64 (tracks,).
    """
    return np.bincount(track, person_scores, minlength=tracks)


@dataclass(frozen=True)
class Track:
    """One person over time: views of n rows of the sequence.

    Attributes:
        id: stable id, 0 or more.
        frame: int32 (n,), rows of the sequence's frame table, increasing.
        frame_index: int32 (n,), numbers of the frames in the source.
        times: float64 (n,), seconds.
        keypoints: float32 (n, V, 2), source pixels, NaN where missing.
        scores: float32 (n, V) in [0, 1], 0 where missing.
        boxes: float32 (n, 4), x0, y0, x1, y1 in source pixels.
        person_scores: float32 (n,) in [0, 1].
        observed: bool (n, V), False for joints that are missing or were filled in.
        lifted: 3D joints of the same rows, or None.
    """

    id: int
    frame: np.ndarray
    frame_index: np.ndarray
    times: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    person_scores: np.ndarray
    observed: np.ndarray
    lifted: Lifted | None = None

    def __len__(self) -> int:
        return len(self.frame)
