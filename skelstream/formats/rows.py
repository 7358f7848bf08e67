"""What formats that go frame by frame share: rows of a frame, and numbers as JSON wants them."""

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

# Shares of the image may lie a little outside it.
_SHARE = 1.01

SOME_WITHOUT_ID = "some people have no id: all are tracked anew"
"""What is told of a file in which not everyone has one."""

DECIMALS = 3
"""Of pixels in text files: a thousandth of a pixel."""


def rows_by_frame(sequence: SkeletonSequence) -> Iterator[np.ndarray]:
    """For each row of the frame table the sequence's rows in it, most important person first."""
    order = np.argsort(sequence.frame, kind="stable")
    yield from np.split(order, np.searchsorted(sequence.frame[order], np.arange(1, sequence.frames)))[
        : sequence.frames
    ]


def triples(keypoints: np.ndarray, scores: np.ndarray) -> list[list[float]]:
    """Each person's ``x, y, score, x, y, score ...``, zeros where missing: R lists of 3 V numbers."""
    flat = np.concatenate([np.nan_to_num(keypoints, nan=0.0), scores[..., None]], -1, dtype=np.float64)
    return np.round(flat, DECIMALS).reshape(len(flat), 3 * flat.shape[1]).tolist()


def rounded(values: np.ndarray) -> list:
    """Numbers with as many decimals as a text file gets."""
    return np.round(values.astype(np.float64), DECIMALS).tolist()


def boxes_xywh(boxes: np.ndarray) -> list[list[float]]:
    """x0, y0, x1, y1 as x, y, width, height."""
    return rounded(np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1))


def people_of(
    flat: np.ndarray, boxes: np.ndarray | None = None, person_scores: np.ndarray | None = None
) -> People:
    """People from the triples that other tools write.

    Joints are missing where x and y are both 0 or either is NaN, or the score is not above 0. Scores above 1,
    which some networks give, count as 1. Without boxes, the joints' extent is taken; without person scores,
    the mean score of the joints that are there.

    Args:
        flat: float (P, V, 3).
        boxes: float (P, 4) or None.
        person_scores: float (P,) or None.

    Raises:
        FormatError: a position that no image has.
    """
    check_places(flat[..., :2], boxes)
    keypoints = flat[..., :2].astype(np.float32)
    scores = np.clip(np.nan_to_num(flat[..., 2], nan=0.0, posinf=0.0), 0, 1).astype(np.float32)
    missing = ~np.isfinite(keypoints).all(-1) | (keypoints == 0).all(-1) | (scores <= 0)
    keypoints[missing], scores[missing] = np.nan, 0
    there = (~missing).sum(1)
    if boxes is None:
        low = np.where(missing[..., None], np.inf, keypoints).min(1, initial=np.inf)
        high = np.where(missing[..., None], -np.inf, keypoints).max(1, initial=-np.inf)
        boxes = np.where(there[:, None] > 0, np.concatenate([low, high], 1), 0)
    totals = scores.sum(1) / np.maximum(there, 1) if person_scores is None else person_scores
    return People(keypoints, scores, np.clip(totals, 0, 1).astype(np.float32), boxes.astype(np.float32))


def add_rows(
    builder: SequenceBuilder,
    index: int,
    time: float,
    ok: bool,
    people: People,
    ids: np.ndarray,
    confirmed: np.ndarray | None = None,
) -> None:
    """A frame read from a file whose people have identities, all believed unless ``confirmed`` tells.

    Raises:
        FormatError: two people of the frame have one id, or the frame is not later than the one before.
    """
    if len(np.unique(ids)) < len(ids):
        raise FormatError(f"frame {index}: two people have the same id")
    sure = np.ones(len(ids), bool) if confirmed is None else confirmed
    builder.add(TrackedPeople(index, time, people, ids.astype(np.int32), sure, ok))


def skeleton_of_length(joints: int) -> Skeleton:
    """The joint set with that many joints.

    Raises:
        FormatError: none has.
    """
    for skeleton in SKELETONS.values():
        if len(skeleton) == joints:
            return skeleton
    known = ", ".join(f"{len(s)} ({s.name})" for s in SKELETONS.values())
    raise FormatError(f"people have {joints} keypoints; known joint sets have {known}")


def size_of(sequence: SkeletonSequence, format: str) -> tuple[int, int]:
    """(height, width), for formats that need it.

    Raises:
        FormatError: the sequence does not know its image's size.
    """
    if sequence.size is None:
        raise FormatError(
            f"format {format} needs the image's size, which this sequence does not hold; give it",
            setting="size",
        )
    return sequence.size


def read_text(path: Path) -> str:
    """A text file, with or without a byte order mark."""
    return path.read_text(encoding="utf-8-sig")


def check_places(*arrays: np.ndarray | None) -> None:
    """Refuse positions that no image has.

    Raises:
        FormatError: one is infinite or too far out.
    """
    for array in arrays:
        if array is not None and (far := np.abs(array) > LARGEST).any():
            raise FormatError(f"a position is {array[far][0]:g}, which no image has")


def in_pixels(
    places: np.ndarray, seen: np.ndarray, size: tuple[int, int] | None, note: Callable[[str], None]
) -> np.ndarray:
    """Positions in pixels, where a file may hold shares of the image instead: from 0 to 1, or from -1 to 1.

    Args:
        places: float (..., 2), x and y, of the whole file.
        seen: bool (...), joints that are there.
        size: (height, width) of the image, or None if it is not known.
        note: told how positions in shares were taken.

    Raises:
        FormatError: they are shares, and the size is not known.
    """
    values = places[seen]
    if not len(values) or not (np.abs(values) <= _SHARE).all():
        return places
    # OpenPose moves missing joints too: 0, 0 becomes -1, -1.
    centred = (places < 0).any()
    span = "-1 to 1" if centred else "0 to 1"
    if size is None:
        raise FormatError(
            f"positions are shares of the image ({span}), not pixels; give the image's size",
            setting="size",
        )
    note(f"positions are taken for shares of the image from {span}, of {size[1]}x{size[0]} pixels")
    share = (places + 1) / 2 if centred else places
    return share * np.array([size[1], size[0]], np.float64)
