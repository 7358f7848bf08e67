"""`Window`: a clip of fixed length for a recogniser."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skelstream.files.arguments import count_argument
from skelstream.sequences.track import importance


class Window(NamedTuple):
    """Clip of consecutive frames, one track per slot.

    Attributes:
        clip: float32 (M, T, V, 3), x and y in source pixels, and score; a missing joint has score 0 and
            ``fill_value`` as x and y.
        track_ids: int32 (M,), id of the track in each slot, most important first; 0 for an empty slot.
        start: time of the first frame in seconds.
        end: time of the last frame in seconds.
    """

    clip: np.ndarray
    track_ids: np.ndarray
    start: float
    end: float


def check_window(length: int, stride: int, persons: int) -> None:
    """Check the settings of a window.

    Raises:
        SettingsError: one of them is no whole number of at least 1.
    """
    for name, value in (("length", length), ("stride", stride), ("persons", persons)):
        count_argument(value, name)


class WindowRows(NamedTuple):
    """R rows within a window, in any order.

    Attributes:
        ids: int (R,), track id of each row.
        offsets: int (R,), frame of each row, counted from the window's first.
        keypoints: float32 (R, V, 2), source pixels, NaN where missing.
        scores: float32 (R, V).
        person_scores: float32 (R,).
    """

    ids: np.ndarray
    offsets: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    person_scores: np.ndarray


def make_window(
    rows: WindowRows, length: int, persons: int, fill_value: float, start: float, end: float
) -> Window:
    """Return a window with the most important tracks of some rows.

    Args:
        rows: rows within the window.
        length: frames of the window.
        persons: number M of slots.
        fill_value: x and y of missing joints.
        start, end: times of the first and the last frame in seconds.
    """
    clip = np.zeros((persons, length, rows.keypoints.shape[1], 3), np.float32)
    clip[..., :2] = fill_value
    chosen = np.zeros(persons, np.int32)
    unique, inverse = np.unique(rows.ids, return_inverse=True)
    order = np.argsort(-importance(inverse, rows.person_scores, len(unique)), kind="stable")
    for slot, track in enumerate(order[:persons]):
        own = inverse == track
        chosen[slot] = unique[track]
        clip[slot, rows.offsets[own], :, :2] = np.nan_to_num(rows.keypoints[own], nan=fill_value)
        clip[slot, rows.offsets[own], :, 2] = rows.scores[own]
    return Window(clip, chosen, start, end)
