"""A clip of fixed length for a recogniser."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skelstream.errors import FormatError
from skelstream.sequences.track import importance


class Window(NamedTuple):
    """A clip of consecutive frames, one person a slot.

    Attributes:
        clip: float32 (M, T, V, 3), x and y in source pixels, score; where nothing is seen the score is 0 and x
            and y are what ``fill_value`` was.
        track_ids: int32 (M,), the id in each slot, most important first; 0 for an empty slot.
        start: time of the first frame, seconds.
        end: time of the last frame, seconds.
    """

    clip: np.ndarray
    track_ids: np.ndarray
    start: float
    end: float


def check_window(length: int, stride: int, persons: int) -> None:
    """
    Raises:
        FormatError: one of them is below 1.
    """
    if min(length, stride, persons) < 1:
        raise FormatError("a window's length, stride and persons must be at least 1")


def make_window(
    ids: np.ndarray,
    offsets: np.ndarray,
    keypoints: np.ndarray,
    scores: np.ndarray,
    person_scores: np.ndarray,
    length: int,
    persons: int,
    fill_value: float,
    start: float,
    end: float,
) -> Window:
    """Rows of a window, R of them in any order, put into the slots of the most important tracks.

    Args:
        ids: int (R,), each row's track.
        offsets: int (R,), each row's frame, counted from the window's first.
        keypoints: float32 (R, V, 2).
        scores: float32 (R, V).
        person_scores: float32 (R,).
        length, persons, fill_value: as for `WindowBuffer`.
        start, end: times of the first and the last frame, seconds.
    """
    clip = np.zeros((persons, length, keypoints.shape[1], 3), np.float32)
    clip[..., :2] = fill_value
    chosen = np.zeros(persons, np.int32)
    unique, inverse = np.unique(ids, return_inverse=True)
    order = np.argsort(-importance(inverse, person_scores, len(unique)), kind="stable")
    for slot, track in enumerate(order[:persons]):
        rows = inverse == track
        chosen[slot] = unique[track]
        clip[slot, offsets[rows], :, :2] = np.nan_to_num(keypoints[rows], nan=fill_value)
        clip[slot, offsets[rows], :, 2] = scores[rows]
    return Window(clip, chosen, start, end)
