"""Table of CSV and Parquet files: a row for each person of each frame, and one for each frame without people.

Columns: ``frame`` (its number in the source), ``time`` (seconds), ``ok`` (0: it failed to decode), ``height``
and ``width`` of the image, ``track_id``, ``person_score``, the box ``x0 y0 x1 y1``, then for each joint
``<joint>_x``, ``<joint>_y``, ``<joint>_score``. Unknown and missing values are empty cells; a frame without
people has only its first five columns.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.text import printable
from skelstream.files.values import INT32, LARGEST
from skelstream.formats.format import ReadOptions
from skelstream.formats.frames import without_gaps
from skelstream.formats.rows import SOME_WITHOUT_ID, add_rows, in_pixels, people_of
from skelstream.people import People
from skelstream.sequences import Detections, SequenceBuilder, SkeletonSequence
from skelstream.skeleton import SKELETONS, Skeleton

FRAME = ("frame", "time", "ok", "height", "width")
PERSON = ("track_id", "person_score", "x0", "y0", "x1", "y1")
INTEGERS = frozenset(("frame", "ok", "height", "width", "track_id"))


def columns(skeleton: Skeleton) -> list[str]:
    """Return the names of all columns in order."""
    joints = [f"{joint}_{part}" for joint in skeleton.joints for part in ("x", "y", "score")]
    return [*FRAME, *PERSON, *joints]


class Table:
    """Table of a sequence, whose rows are computed on demand.

    Args:
        sequence: the sequence; each of its rows and each of its frames without people gives a row of the
            table.
    """

    def __init__(self, sequence: SkeletonSequence):
        self._sequence = sequence
        self._ids = np.repeat(sequence.track_ids, np.diff(sequence.track_start))
        empty = np.setdiff1d(np.arange(sequence.frames), sequence.frame)
        t = np.concatenate([sequence.frame, empty])
        order = np.argsort(t, kind="stable")
        self._t = t[order]
        self._row = np.concatenate([np.arange(len(sequence.frame)), np.full(len(empty), -1)])[order]

    def __len__(self) -> int:
        return len(self._t)

    def values(self, start: int, stop: int) -> np.ndarray:
        """Return rows ``start`` to ``stop``, float64 (n, number of columns), NaN for empty cells."""
        s, t, row = self._sequence, self._t[start:stop], self._row[start:stop]
        out = np.full((len(t), len(columns(s.skeleton))), np.nan)
        height, width = s.size or (np.nan, np.nan)
        out[:, 0], out[:, 1], out[:, 2] = s.frame_index[t], s.frame_time[t], s.frame_ok[t]
        out[:, 3], out[:, 4] = height, width
        person = row >= 0
        row = row[person]
        joints = np.concatenate([s.keypoints[row], s.scores[row][..., None]], -1, dtype=np.float64)
        joints[np.isnan(joints[..., 0])] = np.nan
        out[person, 5], out[person, 6] = self._ids[row], s.person_scores[row]
        out[person, 7:11] = s.boxes[row]
        out[person, 11:] = joints.reshape(len(row), 3 * len(s.skeleton))
        return out


def from_values(
    names: list[str], values: np.ndarray, source: str, options: ReadOptions
) -> SkeletonSequence | Detections:
    """Return the sequence of a table, or detections if a person has no ``track_id``.

    Args:
        names: names of the columns in any order; ``time``, ``ok``, ``height``, ``width``, ``track_id``,
            ``person_score`` and the box are optional.
        values: float64 (R, number of columns), NaN for empty cells.
        source: name of the video.
        options: frame rate for tables without ``time``, and image size for relative positions without it.

    Raises:
        FormatError: columns are missing, contradict each other, or contain invalid values.
    """
    skeleton = _skeleton(names)
    at = {name: _checked(name, values[:, i]) for i, name in enumerate(names)}
    if not np.isfinite(at["frame"]).all():
        raise FormatError("column frame has empty cells")
    empty = np.full(len(values), np.nan)
    time, ok, track = (
        at.get("time", at["frame"] / options.fps), at.get("ok", empty), at.get("track_id", empty)
    )  # fmt: skip
    if not np.isfinite(time).all():
        raise FormatError("column time has empty cells")
    height, width = (_single(at.get(name, empty), name) for name in ("height", "width"))
    joints = np.stack(
        [
            np.stack([at[f"{joint}_{part}"] for part in ("x", "y", "score")], -1) for joint in skeleton.joints
        ],
        1,
    )  # fmt: skip
    size = (height, width) if height and width else options.size
    joints[..., :2] = in_pixels(joints[..., :2], joints[..., 2] > 0, size, options.note)
    boxes = [at.get(side, empty) for side in ("x0", "y0", "x1", "y1")]
    boxes = np.stack(boxes, 1)
    scores = at.get("person_score", empty)
    person = np.isfinite(track) | np.isfinite(joints[..., 0]).any(1) | np.isfinite(boxes).all(1)
    unknown = bool((person & ~np.isfinite(track)).any())
    if unknown and np.isfinite(track).any():
        options.note(SOME_WITHOUT_ID)
    frames = np.split(np.argsort(at["frame"], kind="stable"), _starts(at["frame"]))
    builder = SequenceBuilder(skeleton, source=source, height=height, width=width)
    found: list[tuple[int, float, People | None]] = []
    by_number = {int(at["frame"][rows[0]]): rows for rows in frames if len(rows)}
    # Tables as we write them, with times and ok, have a row for each frame; others may leave out frames without people.
    whole = {"time", "ok"} <= at.keys() or not by_number
    numbers = list(by_number) if whole else without_gaps(list(by_number), options.note)
    known_times = [time[rows[0]] for rows in by_number.values()]
    times = np.interp(numbers, list(by_number), known_times) if by_number else empty
    nobody = people_of(joints[:0], skeleton)
    for index, seconds in zip(numbers, times.tolist(), strict=True):
        if index not in by_number:
            if unknown:
                found.append((index, seconds, nobody))
            else:
                add_rows(builder, index, seconds, True, nobody, track[:0])
            continue
        rows = by_number[index]
        first, rows = rows[0], rows[person[rows]]
        known_boxes, known_scores = np.isfinite(boxes[rows]).all(), np.isfinite(scores[rows]).all()
        people = people_of(
            joints[rows],
            skeleton,
            boxes[rows] if known_boxes else None,
            scores[rows] if known_scores else None,
        )
        good = bool(ok[first] != 0)
        if unknown:
            found.append((index, seconds, people if good else None))
        else:
            add_rows(builder, index, seconds, good, people, track[rows])
    return Detections(skeleton, found, source, height, width) if unknown else builder.finish()


def _checked(name: str, values: np.ndarray) -> np.ndarray:
    """Check that a column's values are in range or empty, and return it."""
    given = values[~np.isnan(values)]
    if np.isinf(given).any():
        raise FormatError(f"column {name} has a value that is not finite")
    if name in INTEGERS and len(given):
        most = {"ok": 1, "height": LARGEST, "width": LARGEST}.get(name, INT32)
        least = 1 if name in ("height", "width") else 0
        wrong = (given < least) | (given > most) | (given != np.floor(given))
        if wrong.any():
            raise FormatError(
                f"column {name} has the value {given[wrong][0]:g},"
                f" a whole number from {least} to {most} expected"
            )
    return values


def _skeleton(names: list[str]) -> Skeleton:
    """Return the joint set of the columns; the largest if several fit."""
    if twice := [name for name, count in Counter(names).items() if count > 1 and name]:
        raise FormatError(f"has the column {printable(twice[0])} twice")
    if "frame" not in names:
        raise FormatError("has no column 'frame'")
    fitting = [s for s in SKELETONS.values() if set(columns(s)[len(FRAME + PERSON) :]) <= set(names)]
    if not fitting:
        wanted = "nose_x, nose_y, nose_score"
        raise FormatError(f"has no joint set's columns ({wanted} and so on for every joint of one of: "
                          f"{', '.join(SKELETONS)})")  # fmt: skip
    return max(fitting, key=len)


def _starts(frame: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.diff(np.sort(frame))) + 1


def _single(values: np.ndarray, name: str) -> int | None:
    found = np.unique(values[np.isfinite(values)])
    if len(found) > 1:
        raise FormatError(f"column {name} has several values")
    return int(found[0]) if len(found) else None
