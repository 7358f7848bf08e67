"""Functions shared by formats: rows of a frame, rounded numbers, people from other tools' numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.values import LARGEST
from skelstream.people import People
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.skeleton import SKELETONS, Skeleton
from skelstream.tracking.tracked import TrackedPeople

# Largest relative position; joints may be a little outside the image.
_LARGEST_SHARE = 1.01

RELATIVE = "positions are relative to the image ({}), not pixels; give the image's size"
"""Error about positions in a range; to be filled in with the range."""

TAKEN_AS_RELATIVE = "positions from {} are treated as relative to an image of {}x{} pixels"
"""Note on positions in a range; to be filled in with the range, width and height."""

SOME_WITHOUT_ID = "some people have no id: all people are tracked again"
"""Note on a file in which some people have no id."""

DECIMALS = 3
"""Decimals of pixels in text files."""


def rows_by_frame(sequence: SkeletonSequence) -> Iterator[np.ndarray]:
    """Yield for each frame the sequence's rows in it, most important person first."""
    order = np.argsort(sequence.frame, kind="stable")
    yield from np.split(order, np.searchsorted(sequence.frame[order], np.arange(1, sequence.frames)))[
        : sequence.frames
    ]


def triples(keypoints: np.ndarray, scores: np.ndarray) -> list[list[float]]:
    """Return each person's ``x, y, score, x, y, score ...``, zeros where missing: R lists of 3 V numbers."""
    flat = np.concatenate([np.nan_to_num(keypoints, nan=0.0), scores[..., None]], -1, dtype=np.float64)
    return np.round(flat, DECIMALS).reshape(len(flat), 3 * flat.shape[1]).tolist()


def rounded(values: np.ndarray) -> list:
    """Round numbers to the decimals of text files."""
    return np.round(values.astype(np.float64), DECIMALS).tolist()


def boxes_xywh(boxes: np.ndarray) -> list[list[float]]:
    """Convert boxes x0, y0, x1, y1 to x, y, width, height, rounded."""
    return rounded(np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1))


def people_of(
    flat: np.ndarray,
    skeleton: Skeleton,
    boxes: np.ndarray | None = None,
    person_scores: np.ndarray | None = None,
) -> People:
    """Return People from the triples that other tools write.

    A joint is missing if x and y are both 0, either is NaN, or the score is not above 0. Scores above 1,
    which some networks give, count as 1.

    Args:
        flat: float (P, V, 3), x, y, score of each joint.
        skeleton: joint set of the people.
        boxes: float (P, 4), x0, y0, x1, y1; None for the extent of the joints.
        person_scores: float (P,); None for the mean score of the joints that are not missing: those of the body, or
            all of a person without any of the body.

    Raises:
        FormatError: a position is out of range.
    """
    check_places(flat[..., :2], boxes)
    keypoints = flat[..., :2].astype(np.float32)
    scores = np.clip(np.nan_to_num(flat[..., 2], nan=0.0, posinf=0.0), 0, 1).astype(np.float32)
    missing = ~np.isfinite(keypoints).all(-1) | (keypoints == 0).all(-1) | (scores <= 0)
    keypoints[missing], scores[missing] = np.nan, 0
    present = (~missing).sum(1)
    if boxes is None:
        low = np.where(missing[..., None], np.inf, keypoints).min(1, initial=np.inf)
        high = np.where(missing[..., None], -np.inf, keypoints).max(1, initial=-np.inf)
        boxes = np.where(present[:, None] > 0, np.concatenate([low, high], 1), 0)
    totals = _mean_scores(scores, skeleton) if person_scores is None else person_scores
    return People(keypoints, scores, np.clip(totals, 0, 1).astype(np.float32), boxes.astype(np.float32))


def _mean_scores(scores: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return the score of each person, float (P,), from the scores of the joints (P, V), 0 where missing."""
    body = scores[:, list(skeleton.parts.get("body", range(len(skeleton))))]
    means = [part.sum(1) / np.maximum((part > 0).sum(1), 1) for part in (body, scores)]
    return np.where(body.any(1), *means)


def add_rows(
    builder: SequenceBuilder,
    index: int,
    time: float,
    ok: bool,
    people: People,
    ids: np.ndarray,
    confirmed: np.ndarray | None = None,
) -> None:
    """Add to a builder a frame from a file whose people have identities; None for ``confirmed`` confirms all tracks.

    Raises:
        FormatError: two people of the frame have the same id, or the frame is not later than the one before.
    """
    if len(np.unique(ids)) < len(ids):
        raise FormatError(f"frame {index}: two people have the same id")
    confirmed = np.ones(len(ids), bool) if confirmed is None else confirmed
    builder.add(TrackedPeople(index, time, people, ids.astype(np.int32), confirmed, ok))


def skeleton_of_length(joints: int) -> Skeleton:
    """Return the joint set with that number of joints.

    Raises:
        FormatError: there is none.
    """
    for skeleton in SKELETONS.values():
        if len(skeleton) == joints:
            return skeleton
    known = ", ".join(f"{len(s)} ({s.name})" for s in SKELETONS.values())
    raise FormatError(f"people have {joints} keypoints; known joint sets have {known}")


def size_of(sequence: SkeletonSequence, format: str) -> tuple[int, int]:
    """Return the image's (height, width), for formats that need it.

    Raises:
        FormatError: the sequence lacks its image's size.
    """
    if sequence.size is None:
        raise FormatError(
            f"format {format} needs the image's size, which the sequence lacks; give it",
            setting="size",
        )
    return sequence.size


def read_text(path: Path) -> str:
    """Return the content of a text file, without a byte order mark."""
    return path.read_text(encoding="utf-8-sig")


def check_places(*arrays: np.ndarray | None) -> None:
    """Check that positions are in range.

    Raises:
        FormatError: one is infinite or more than 1,000,000 pixels from the image.
    """
    for array in arrays:
        if array is not None and (far := np.abs(array) > LARGEST).any():
            raise FormatError(f"a position is {array[far][0]:g}, beyond the limit of {LARGEST:,} pixels")


def in_pixels(
    places: np.ndarray, present: np.ndarray, size: tuple[int, int] | None, note: Callable[[str], None]
) -> np.ndarray:
    """Return positions in pixels, converted if the file has positions relative to the image (0 to 1, or -1 to 1).

    Args:
        places: float (..., 2), x and y of all joints of the file.
        present: bool (...), False for missing joints.
        size: (height, width) of the image; None if unknown.
        note: function called with a line if positions were converted.

    Raises:
        FormatError: positions are relative, and the size is unknown.
    """
    values = places[present]
    if not len(values) or not (np.abs(values) <= _LARGEST_SHARE).all():
        return places
    # OpenPose also shifts missing joints: 0, 0 becomes -1, -1.
    centred = (places < 0).any()
    span = "-1 to 1" if centred else "0 to 1"
    if size is None:
        raise FormatError(
            RELATIVE.format(span),
            setting="size",
        )
    note(TAKEN_AS_RELATIVE.format(span, size[1], size[0]))
    share = (places + 1) / 2 if centred else places
    return share * np.array([size[1], size[0]], np.float64)
