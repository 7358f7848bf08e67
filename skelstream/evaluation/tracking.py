"""Tracking metrics: MOTA (Bernardin and Stiefelhagen 2008), IDF1 (Ristani et al. 2016), identity switches.

The counting is py-motmetrics'. Files are MOTChallenge's: ``frame, id, x, y, w, h, confidence, ...``, frames
and pixels counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError, MissingExtraError
from skelstream.geometry.similarity import iou
from skelstream.people import People
from skelstream.tracking.tracked import TrackedPeople


@dataclass(frozen=True)
class LabelledBoxes:
    """The people of one frame, by identity.

    Attributes:
        ids: int (P,).
        boxes: float32 (P, 4), x0, y0, x1, y1 in source pixels.
        scores: float32 (P,); MOTChallenge's confidence, in no fixed range.
    """

    ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class TrackingScores:
    """What the metrics say of one video or several.

    Attributes:
        mota: 1 - (misses + false positives + switches) / objects; at most 1, may be negative.
        idf1: F1 of the best one-to-one pairing of whole identities, in [0, 1].
        switches: how often a true person's track changes to another.
        fragmentations: how often a true person's track breaks off and goes on.
        false_positives: tracked people that are nobody.
        misses: true people without a track, summed over frames.
        objects: true people, summed over frames.
        identities: true identities.
        tracks: tracks given.
        mostly_tracked: identities tracked in at least 80 % of their frames.
        mostly_lost: identities tracked in less than 20 %.
        overlap: mean IoU of the matched boxes; NaN without a match.
    """

    mota: float
    idf1: float
    switches: int
    fragmentations: int
    false_positives: int
    misses: int
    objects: int
    identities: int
    tracks: int
    mostly_tracked: int
    mostly_lost: int
    overlap: float


def read_mot(path: str | Path) -> dict[int, LabelledBoxes]:
    """The people of every frame of a MOTChallenge file that has any.

    Ground truth marked to be ignored (confidence 0 beside an identity) is left out.

    Returns:
        frame index, counted from 0 -> people, in the order of the file.

    Raises:
        FormatError: the file is missing or is not a MOTChallenge file.
    """
    try:
        lines = [line for line in Path(path).read_text().splitlines() if line.strip()]
        table = np.loadtxt(lines, delimiter=",", usecols=range(7), ndmin=2) if lines else np.empty((0, 7))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        wanted = "lines of frame, id, x, y, w, h, confidence"
        raise FormatError(f"{path}: not a MOTChallenge file, which has {wanted}") from error
    table = table[(table[:, 1] < 0) | (table[:, 6] != 0)]
    corners = table[:, 2:4] - 1
    boxes = np.concatenate([corners, corners + table[:, 4:6]], axis=1).astype(np.float32)
    frames = table[:, 0].astype(int) - 1
    return {
        int(f): LabelledBoxes(
            table[frames == f, 1].astype(int), boxes[frames == f], table[frames == f, 6].astype(np.float32)
        )
        for f in np.unique(frames)
    }


def boxes_as_people(frame: LabelledBoxes, joints: int, scores: np.ndarray) -> People:
    """People known by their boxes alone, best first: all keypoints missing.

    Args:
        frame: the detections.
        joints: V.
        scores: float (P,) person scores in [0, 1].
    """
    count = len(frame.ids)
    order = np.argsort(-scores, kind="stable")
    return People(
        np.full((count, joints, 2), np.nan, np.float32),
        np.zeros((count, joints), np.float32),
        scores[order].astype(np.float32),
        frame.boxes[order],
    )


def confirmed_ids(tracked: Iterable[TrackedPeople]) -> np.ndarray:
    """int32 (M,) the tracks that were confirmed at some time."""
    return np.unique(np.concatenate([np.empty(0, np.int32), *(f.track_ids[f.confirmed] for f in tracked)]))


def confirmed_tracks(tracked: Sequence[TrackedPeople]) -> dict[int, LabelledBoxes]:
    """A tracker's output without the tracks that were never confirmed: frame index -> people."""
    ids = confirmed_ids(tracked)
    frames = {}
    for f in tracked:
        rows = np.isin(f.track_ids, ids)
        frames[f.frame_index] = LabelledBoxes(
            f.track_ids[rows], f.people.boxes[rows], f.people.person_scores[rows]
        )
    return frames


def score_tracks(
    truth: Mapping[int, LabelledBoxes], tracked: Mapping[int, LabelledBoxes], min_iou: float = 0.5
) -> TrackingScores:
    """The metrics of one video.

    Args:
        truth: frame index -> true people.
        tracked: frame index -> tracked people; see ``confirmed_tracks``.
        min_iou: boxes that overlap less are not the same person; MOTChallenge takes 0.5.

    Raises:
        MissingExtraError: motmetrics is not installed.
    """
    nobody = LabelledBoxes(np.empty(0, int), np.empty((0, 4), np.float32), np.empty(0, np.float32))
    frames = []
    for index in sorted(truth.keys() | tracked.keys()):
        true, found = truth.get(index, nobody), tracked.get(index, nobody)
        distance = 1 - iou(true.boxes, found.boxes)
        frames.append((true.ids, found.ids, np.where(distance <= 1 - min_iou, distance, np.nan)))
    return score_distances(frames)


def score_distances(frames: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> TrackingScores:
    """The metrics from distances of any kind.

    Args:
        frames: per frame the identities (P,) of the true people, those (Q,) of the tracked people, and the
            distances (P, Q) between them, NaN where a pair cannot be the same person.

    Raises:
        MissingExtraError: motmetrics is not installed.
    """
    try:
        import motmetrics
    except ImportError as error:
        raise MissingExtraError('tracking metrics need motmetrics: pip install "skelstream[test]"') from error
    events = motmetrics.MOTAccumulator()
    tracks: set[int] = set()
    for number, (true, found, distance) in enumerate(frames):
        tracks.update(int(i) for i in found)
        events.update(true, found, distance, frameid=number)
    names = {
        "mota": "mota", "idf1": "idf1", "switches": "num_switches", "fragmentations": "num_fragmentations",
        "false_positives": "num_false_positives", "misses": "num_misses", "objects": "num_objects",
        "identities": "num_unique_objects", "mostly_tracked": "mostly_tracked", "mostly_lost": "mostly_lost",
        "motp": "motp",
    }  # fmt: skip
    table = motmetrics.metrics.create().compute(events, metrics=list(names.values()), return_dataframe=False)
    values: dict[str, Any] = {name: table[column] for name, column in names.items()}
    overlap = 1 - float(values.pop("motp"))
    floats = {name: float(values.pop(name)) for name in ("mota", "idf1")}
    counts = {name: int(value) for name, value in values.items()}
    return TrackingScores(**floats, **counts, tracks=len(tracks), overlap=overlap)
