"""Tracking metrics: HOTA (Luiten et al. 2021), MOTA (Bernardin and Stiefelhagen 2008), IDF1 (Ristani et al. 2016) and switches.

py-motmetrics counts all but HOTA. Ground truth is in MOTChallenge's format: ``frame, id, x, y, w, h,
confidence, ...``, frames and pixels counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from skelstream.errors import FormatError, MissingExtraError
from skelstream.evaluation.hota import Overlaps, hota
from skelstream.files.inputs import check_is_file
from skelstream.formats import read
from skelstream.geometry.similarity import iou
from skelstream.people import People
from skelstream.processing import with_identities
from skelstream.tracking.tracked import TrackedPeople

if TYPE_CHECKING:
    from skelstream.sequences import SkeletonSequence

MIN_IOU = 0.5
"""Least overlap of a tracked and a true box of the same person; MOTChallenge's value."""

# Files of MOT16, MOT17 and MOT20 have nine columns, and the class in the eighth.
_COLUMNS_WITH_CLASS, _CLASS = 9, 7
_PERSON = 1
_DISTRACTORS = (2, 7, 8, 12)  # person on a vehicle, static person, distractor, reflection


@dataclass(frozen=True)
class LabelledBoxes:
    """Boxes of the people of one frame, with their identities.

    Attributes:
        ids: int (P,), identities.
        boxes: float32 (P, 4), x0, y0, x1, y1 in source pixels.
        scores: float32 (P,), person scores; in MOTChallenge's files confidences without a fixed range.
    """

    ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


_NO_BOXES = LabelledBoxes(np.empty(0, int), np.empty((0, 4), np.float32), np.empty(0, np.float32))


@dataclass(frozen=True)
class TrackingScores:
    """Tracking metrics of one video or several.

    Attributes:
        hota: mean over thresholds of the root of detection times association accuracy, in [0, 1].
        deta: detection accuracy: Jaccard index of true and tracked people, in [0, 1].
        assa: association accuracy: mean Jaccard index of the matched identities and tracks, in [0, 1].
        mota: 1 - (misses + false positives + switches) / objects; at most 1, may be negative.
        idf1: F1 of the best one-to-one pairing of whole identities, in [0, 1].
        switches: number of times that a true person's track changes to another one.
        fragmentations: number of times that a true person's track is interrupted and continues.
        false_positives: number of tracked people that match no true person, summed over frames.
        misses: number of true people without a track, summed over frames.
        objects: number of true people, summed over frames.
        identities: number of true identities.
        tracks: number of tracks.
        mostly_tracked: number of identities that are tracked in at least 80 % of their frames.
        mostly_lost: number of identities that are tracked in less than 20 % of their frames.
        overlap: mean IoU of the matched boxes; NaN without a match.
    """

    hota: float
    deta: float
    assa: float
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


def score_file(
    skeletons: str | Path, truth: str | Path, min_iou: float = MIN_IOU, margin: float = 0.1
) -> TrackingScores:
    """Score the tracks of a skeleton file against MOTChallenge ground truth.

    Only frames in the skeleton file's frame table are scored, so a video may be extracted in part. Tracks on distractors, such
    as people in vehicles and reflections, do not count, as at MOTChallenge.

    Args:
        skeletons: skeleton file in any readable format.
        truth: ground truth, such as ``gt.txt``.
        min_iou: least overlap of a tracked and a true box of the same person, in [0, 1].
        margin: share of width and height by which the tracks' boxes grow on each side. These boxes enclose
            the joints, while ground truth encloses the whole person.

    Raises:
        FormatError: a file cannot be read.
        MissingExtraError: motmetrics is not installed.
    """
    sequence = with_identities(read(Path(skeletons)))
    given = set(sequence.frame_index.tolist())
    people = {frame: boxes for frame, boxes in read_mot(truth).items() if frame in given}
    if not people:
        raise FormatError(f"{truth}: no labelled person in the frames of {skeletons}")
    tracks = _without_distractors(boxes_of(sequence, margin), _mot_table(Path(truth)))
    return score_tracks(people, tracks, min_iou)


def boxes_of(sequence: SkeletonSequence, margin: float = 0.0) -> dict[int, LabelledBoxes]:
    """Return the boxes of a sequence's tracks by frame number of the source.

    Args:
        sequence: the tracks.
        margin: share of width and height by which the boxes grow on each side.
    """
    ids = np.repeat(sequence.track_ids, np.diff(sequence.track_start))
    boxes = widened(sequence.boxes, margin)
    frames = {}
    for row in np.unique(sequence.frame):
        rows = sequence.frame == row
        frames[int(sequence.frame_index[row])] = LabelledBoxes(
            ids[rows], boxes[rows], sequence.person_scores[rows]
        )
    return frames


def widened(boxes: np.ndarray, share: float) -> np.ndarray:
    """Return boxes (P, 4) that grow on each side by a share of their width or height."""
    more = np.tile(boxes[:, 2:] - boxes[:, :2], 2) * share
    return boxes + more * np.array([-1, -1, 1, 1])


def read_mot(path: str | Path) -> dict[int, LabelledBoxes]:
    """Read the people of a MOTChallenge file.

    Ground truth that is marked as ignored (confidence 0 with an identity), or that is of another class than a person in files
    with a class (MOT16, MOT17, MOT20), is left out.

    Returns:
        The people by frame number, counted from 0, in the order of the file; frames without people are
        missing.

    Raises:
        FormatError: the file is missing or is not a MOTChallenge file.
    """
    table, of_people, _ = _mot_table(Path(path))
    return _by_frame(table[of_people])


def _mot_table(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of a MOTChallenge file, float (N, 7), which of them are people that count, and which are distractors.

    Raises:
        FormatError: the file is missing or is not a MOTChallenge file.
    """
    check_is_file(path)
    try:
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        columns = len(lines[0].split(",")) if lines else 7
        used = range(_CLASS + 1 if columns == _COLUMNS_WITH_CLASS else 7)
        table = np.loadtxt(lines, delimiter=",", usecols=used, ndmin=2) if lines else np.empty((0, 7))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        wanted = "lines of frame, id, x, y, w, h, confidence"
        raise FormatError(f"{path}: not a MOTChallenge file, which has {wanted}") from error
    if not np.isfinite(table).all():
        raise FormatError(f"{path}: not a MOTChallenge file: a value is not a finite number")
    known = table[:, _CLASS] if table.shape[1] > _CLASS else np.full(len(table), _PERSON)
    of_people = (table[:, 1] < 0) | (table[:, 6] != 0)
    # Files of detections have -1 there.
    return table[:, :7], of_people & ((known == _PERSON) | (known < 0)), np.isin(known, _DISTRACTORS)


def _by_frame(table: np.ndarray) -> dict[int, LabelledBoxes]:
    corners = table[:, 2:4] - 1
    boxes = np.concatenate([corners, corners + table[:, 4:6]], axis=1).astype(np.float32)
    frames = table[:, 0].astype(int) - 1
    return {
        int(f): LabelledBoxes(
            table[frames == f, 1].astype(int), boxes[frames == f], table[frames == f, 6].astype(np.float32)
        )
        for f in np.unique(frames)
    }


def _without_distractors(
    tracks: Mapping[int, LabelledBoxes], truth: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> dict[int, LabelledBoxes]:
    """Return the tracks without boxes on distractors, which are neither right nor wrong, as MOTChallenge counts them.

    In each frame tracks are matched with everything that is labelled, people or not.

    Args:
        tracks: tracked people by frame number.
        truth: rows of the ground truth, which count, and which are distractors, from ``_mot_table``.
    """
    table, _, distractor = truth
    frames, labelled = table[:, 0].astype(int) - 1, _by_frame(table)
    kept = dict(tracks)
    for index in np.unique(frames[distractor]).tolist():
        if index not in tracks:
            continue
        found = tracks[index]
        similarity = iou(labelled[index].boxes, found.boxes).astype(float)
        similarity[similarity < MIN_IOU] = 0
        true, own = linear_sum_assignment(-similarity)
        on_one = (similarity[true, own] > 0) & distractor[frames == index][true]
        rows = np.setdiff1d(np.arange(len(found.ids)), own[on_one])
        kept[index] = LabelledBoxes(found.ids[rows], found.boxes[rows], found.scores[rows])
    return kept


def boxes_as_people(frame: LabelledBoxes, joints: int, scores: np.ndarray) -> People:
    """Return people that have only boxes, by falling score; all keypoints are missing.

    Args:
        frame: the boxes.
        joints: number V of joints.
        scores: float (P,), person scores in [0, 1].
    """
    count = len(frame.ids)
    order = np.argsort(-scores, kind="stable")
    return People(
        np.full((count, joints, 2), np.nan, np.float32),
        np.zeros((count, joints), np.float32),
        scores[order].astype(np.float32),
        frame.boxes[order],
    )


def confirmed_ids(frames: Iterable[TrackedPeople]) -> np.ndarray:
    """Return the ids of the tracks that were confirmed in any frame, int32 (M,)."""
    return np.unique(np.concatenate([np.empty(0, np.int32), *(f.track_ids[f.confirmed] for f in frames)]))


def confirmed_tracks(frames: Sequence[TrackedPeople]) -> dict[int, LabelledBoxes]:
    """Return a tracker's output by frame number, without the tracks that were never confirmed."""
    ids = confirmed_ids(frames)
    boxes = {}
    for f in frames:
        rows = np.isin(f.track_ids, ids)
        boxes[f.frame_index] = LabelledBoxes(
            f.track_ids[rows], f.people.boxes[rows], f.people.person_scores[rows]
        )
    return boxes


def score_tracks(
    truth: Mapping[int, LabelledBoxes], tracks: Mapping[int, LabelledBoxes], min_iou: float = MIN_IOU
) -> TrackingScores:
    """Return the metrics of one video.

    Args:
        truth: true people by frame number.
        tracks: tracked people by frame number.
        min_iou: least overlap of a tracked and a true box of the same person, in [0, 1].

    Raises:
        MissingExtraError: motmetrics is not installed.
    """
    frames = []
    for index in sorted(truth.keys() | tracks.keys()):
        true, found = truth.get(index, _NO_BOXES), tracks.get(index, _NO_BOXES)
        frames.append((true.ids, found.ids, iou(true.boxes, found.boxes).astype(float)))
    return score_similarities(frames, min_iou)


def score_similarities(frames: Sequence[Overlaps], minimum: float) -> TrackingScores:
    """Return the metrics for similarities of any kind.

    Args:
        frames: one entry per frame: the identities (P,) of the true people, the ids (Q,) of the tracked people, and
            the similarities (P, Q) between them, in [0, 1].
        minimum: least similarity of a tracked and a true person that are the same, in [0, 1]; HOTA has its own thresholds.

    Raises:
        MissingExtraError: motmetrics is not installed.
    """
    try:
        import motmetrics
    except ImportError as error:
        raise MissingExtraError("tracking metrics need motmetrics: pip install motmetrics") from error
    events = motmetrics.MOTAccumulator()
    tracks: set[int] = set()
    for number, (true, found, similarity) in enumerate(frames):
        tracks.update(int(i) for i in found)
        distance = 1 - similarity
        events.update(true, found, np.where(distance <= 1 - minimum, distance, np.nan), frameid=number)
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
    higher = dict(zip(("hota", "deta", "assa"), hota(frames), strict=True))
    return TrackingScores(**higher, **floats, **counts, tracks=len(tracks), overlap=overlap)
