"""Annotated training images in COCO's keypoint format; broken ones are left out and reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from skelstream.datasets.coco import (
    LabelledImage,
    area_from_box,
    area_of,
    box_of,
    crowd_of,
    keypoints_of,
    read_coco,
)
from skelstream.datasets.image import missing_images
from skelstream.errors import FormatError, SettingsError
from skelstream.files.values import identifier
from skelstream.skeleton import COCO17, OPENPOSE18, convert

# A keypoint may lie a little outside a cropped image; a distance of more than this part
# of the long side is an error.
_FAR = 0.25


@dataclass(frozen=True)
class SetConfig:
    """Settings of one set of annotated images.

    Attributes:
        annotations: COCO annotation file with 17 keypoints per person.
        images: folder of the images.
        weight: share of the samples, above 0, relative to the other sets'.
        partial: whether labels are incomplete. In a complete set, an unlabelled joint is invisible; in a
            partial set, nothing is known of it, nor of people outside the labelled person's box.
        alone: whether to use only images with exactly one person.
    """

    annotations: Path
    images: Path
    weight: float = 1.0
    partial: bool = False
    alone: bool = False

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise SettingsError("weight must be above 0")


class Fault(StrEnum):
    """Kinds of problems of an image or its labels."""

    MISSING_IMAGE = "image is missing"
    UNREADABLE = "image cannot be read"
    JOINT_COUNT = f"number of keypoints is not {len(COCO17)}"
    NOT_FINITE = "keypoint or box is not a finite number"
    OUTSIDE_IMAGE = "keypoint far outside the image"
    UNLISTED_IMAGE = "annotated image is not listed"
    ORIENTATION_IGNORED = "Exif orientation is not applied, because the annotated size does not require it"


@dataclass(frozen=True)
class Problem:
    """A problem of one image or one annotation.

    Attributes:
        fault: kind of the problem.
        where: name of the image or the annotation, or an error message that contains it.
    """

    fault: Fault
    where: str


def summary(problems: Iterable[Problem], name: int = 3) -> list[str]:
    """Return a line for each kind of problem, with its count and the names of the first ``name`` cases."""
    problems = list(problems)
    lines = []
    for fault, count in Counter(p.fault for p in problems).items():
        named = [p.where for p in problems if p.fault == fault][:name]
        more = f" and {count - len(named)} more" if count > len(named) else ""
        lines.append(f"{fault}: {count} ({', '.join(named)}{more})")
    return lines


@dataclass(frozen=True)
class AnnotatedImage:
    """Labels of an image, in OpenPose's joint order.

    Attributes:
        path: the image file.
        size: annotated height and width in pixels; None if the annotation file lacks them.
        keypoints: float32 (P, 18, 2), pixels, NaN where unlabelled.
        boxes: float32 (P, 4), x0, y0, x1, y1, pixels.
        scales: float32 (P,), root of each person's area, pixels.
        ignore: float32 (K, 4), boxes of people and crowds without keypoints, pixels.
        partial: whether labels are incomplete, see `SetConfig`.
    """

    path: Path
    size: tuple[int, int] | None
    keypoints: np.ndarray
    boxes: np.ndarray
    scales: np.ndarray
    ignore: np.ndarray
    partial: bool


@dataclass(frozen=True)
class AnnotatedSet:
    """The usable images of a set.

    Attributes:
        config: settings of the set.
        images: images with at least one labelled person.
        problems: images and annotations that are left out.
    """

    config: SetConfig
    images: list[AnnotatedImage]
    problems: list[Problem]


class _Broken(Exception):
    def __init__(self, fault: Fault):
        self.fault = fault


def read_set(config: SetConfig) -> AnnotatedSet:
    """Read a set's labels, and check that its image files exist.

    Raises:
        FormatError: the file is missing, is not COCO keypoint JSON, has other joints, or no image is usable.
    """
    path = config.annotations
    file = read_coco(path)
    rows_of: dict[int | str, list[dict]] = {number: [] for number in file.images}
    images: list[AnnotatedImage] = []
    problems: list[Problem] = []
    for row in file.rows:
        try:
            rows_of[identifier(row.get("image_id"), "image_id")].append(row)
        except (FormatError, KeyError):
            problems.append(
                Problem(Fault.UNLISTED_IMAGE, f"annotation {row.get('id')} of image {row.get('image_id')}")
            )
    for number, image in file.images.items():
        try:
            labels = _labels(config, image, rows_of[number])
        except _Broken as broken:
            problems.append(Problem(broken.fault, image.file_name))
            continue
        if labels is not None:
            images.append(labels)
    if not images:
        reasons = "; ".join(summary(problems)) or "no image has a labelled person"
        raise FormatError(f"{path}: nothing to train on: {reasons}")
    return AnnotatedSet(config, images, problems)


def _labels(config: SetConfig, image: LabelledImage, rows: list[dict]) -> AnnotatedImage | None:
    """Return an image's labels; None without a labelled person, or if ``alone`` excludes the image."""
    if any(len(row.get("keypoints") or ()) not in (0, 3 * len(COCO17)) for row in rows if _has_list(row)):
        raise _Broken(Fault.JOINT_COUNT)
    try:
        poses = [keypoints_of(row) for row in rows]
        labelled = [
            (pose[:, 2] > 0).any() and not crowd_of(row) for pose, row in zip(poses, rows, strict=True)
        ]
        boxes = [box_of(row, pose) for pose, row in zip(poses, rows, strict=True)]
        areas = [area_of(row) or max(area_from_box(box), 1.0) for box, row in zip(boxes, rows, strict=True)]
    except FormatError:
        raise _Broken(Fault.NOT_FINITE) from None
    people = [i for i, counts in enumerate(labelled) if counts]
    others = [i for i, counts in enumerate(labelled) if not counts and boxes[i][2:].any()]
    if not people or (config.alone and len(people) + len(others) != 1):
        return None
    path = config.images / image.file_name
    if missing_images(config.images, [image.file_name]):
        raise _Broken(Fault.MISSING_IMAGE)
    raw = np.array([poses[i] for i in people], np.float32)
    seen = raw[..., 2] > 0
    points = np.where(seen[..., None], raw[..., :2], np.float32(np.nan))
    size = (image.height, image.width) if image.height and image.width else None
    if size is not None:
        far = _FAR * max(size)
        placed = points[seen]
        if (placed < -far).any() or (placed > np.array(size[::-1]) + far).any():
            raise _Broken(Fault.OUTSIDE_IMAGE)
    return AnnotatedImage(
        path,
        size,
        convert(points, seen, COCO17, OPENPOSE18)[0],
        _corners([boxes[i] for i in people]),
        np.sqrt(np.array([areas[i] for i in people], np.float32)),
        _corners([boxes[i] for i in others]),
        config.partial,
    )


def _has_list(row: dict) -> bool:
    return isinstance(row.get("keypoints"), list)


def _corners(boxes: list[np.ndarray]) -> np.ndarray:
    """Return boxes of x, y, width, height as x0, y0, x1, y1, float32 (P, 4)."""
    sized = np.array(boxes, np.float64).reshape(-1, 4)
    return np.concatenate([sized[:, :2], sized[:, :2] + sized[:, 2:]], 1).astype(np.float32)
