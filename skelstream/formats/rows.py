"""What formats that go frame by frame share: rows of a frame, and numbers as JSON wants them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.grouping.people import People
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.skeleton import SKELETONS, Skeleton
from skelstream.tracking.tracked import TrackedPeople

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
    """
    keypoints = flat[..., :2].astype(np.float32)
    scores = np.clip(np.nan_to_num(flat[..., 2], nan=0.0, posinf=0.0), 0, 1).astype(np.float32)
    missing = ~np.isfinite(keypoints).all(-1) | (keypoints == 0).all(-1) | (scores <= 0)
    keypoints[missing], scores[missing] = np.nan, 0
    there = (~missing).sum(1)
    if boxes is None:
        low = np.where(missing[..., None], np.inf, keypoints).min(1, initial=np.inf)
        high = np.where(missing[..., None], -np.inf, keypoints).max(1, initial=-np.inf)
        boxes = np.where(there[:, None] > 0, np.concatenate([low, high], 1), 0)
    if person_scores is None:
        person_scores = scores.sum(1) / np.maximum(there, 1)
    return People(
        keypoints, scores, np.clip(person_scores, 0, 1).astype(np.float32), boxes.astype(np.float32)
    )


def add_rows(
    builder: SequenceBuilder,
    index: int,
    time: float,
    ok: bool,
    people: People,
    ids: np.ndarray,
    confirmed: np.ndarray | None = None,
) -> None:
    """A frame read from a file whose people have identities, all believed unless ``confirmed`` tells."""
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
        FormatError: the sequence does not know its picture's size.
    """
    if sequence.size is None:
        raise FormatError(
            f"format {format} needs the picture's size, which this sequence does not hold; pass --size"
        )
    return sequence.size


def parse_json(text: str | bytes, where: str | Path) -> Any:
    """JSON, or one line that says where it is not."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise FormatError(f"{where}: not JSON, or damaged: {str(error).splitlines()[0]}") from error


def read_text(path: Path) -> str:
    """A text file, or one line that says why not."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as text: {error}") from error
