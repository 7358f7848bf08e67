"""Annotated images in COCO's keypoint format; what is broken is left out and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError
from skelstream.evaluation.annotations import AREA_OF_BOX, person_category, read_json
from skelstream.skeleton import COCO17, OPENPOSE18, convert

# A keypoint may lie a little outside a cropped image; further out than this part of the long side it is an error.
_FAR = 0.25


@dataclass(frozen=True)
class SetConfig:
    """One set of annotated images and how its labels are to be read.

    Attributes:
        annotations: COCO-format JSON with 17 keypoints a person.
        images: folder of the images.
        weight: share of the samples, relative to the other sets'.
        partial: labels are incomplete: an unlabelled joint says nothing (instead of: the joint cannot be
            seen), and whoever stands outside the labelled person's box is unlabelled.
        alone: only images with exactly one person.
    """

    annotations: Path
    images: Path
    weight: float = 1.0
    partial: bool = False
    alone: bool = False

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise ValueError("weight must be above 0")


class Fault(StrEnum):
    """What can be wrong with an image or its labels."""

    MISSING = "image is missing"
    UNREADABLE = "image cannot be read"
    COUNT = f"number of keypoints is not {len(COCO17)}"
    NUMBER = "keypoint or box is not a finite number"
    OUTSIDE = "keypoint far outside the image"
    UNLISTED = "annotated image is not listed"


@dataclass(frozen=True)
class Problem:
    """One image that is left out, or one annotation that belongs to none."""

    fault: Fault
    where: str


def summary(problems: Iterable[Problem], name: int = 3) -> list[str]:
    """A line for each kind of fault: how many there are, and the first few of them by name."""
    problems = list(problems)
    lines = []
    for fault, count in Counter(p.fault for p in problems).items():
        named = [p.where for p in problems if p.fault == fault][:name]
        more = f" and {count - len(named)} more" if count > len(named) else ""
        lines.append(f"{fault}: {count} ({', '.join(named)}{more})")
    return lines


@dataclass(frozen=True)
class AnnotatedImage:
    """An image's labels in OpenPose's joint order.

    Attributes:
        path: the image file.
        size: annotated height and width; None where the file does not say.
        keypoints: float32 (P, 18, 2) pixels, NaN where unlabelled.
        boxes: float32 (P, 4), x0, y0, x1, y1.
        scales: float32 (P,), root of the person's area in pixels.
        ignore: float32 (K, 4), boxes of people and crowds without keypoints.
        partial: see SetConfig.
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
    """The images of a set that have something to learn from, and what had to be left out."""

    config: SetConfig
    images: list[AnnotatedImage]
    problems: list[Problem]


class _Broken(Exception):
    def __init__(self, fault: Fault):
        self.fault = fault


def read_set(config: SetConfig) -> AnnotatedSet:
    """Reads a set's labels and sees to it that its image files are there.

    Raises:
        FormatError: the file is missing, is not COCO keypoint JSON, has other joints, or no image is left.
    """
    path = config.annotations
    content = read_json(path)
    lists = isinstance(content, dict) and [content.get("images"), content.get("annotations")]
    if not lists or not all(
        isinstance(rows, list) and all(isinstance(r, dict) for r in rows) for rows in lists
    ):
        raise FormatError(
            f"{path}: not COCO keypoint annotations (a JSON object with images and annotations)"
        )
    category = person_category(path, content.get("categories") or [])
    try:
        rows_of: dict[object, list[dict]] = {image["id"]: [] for image in content["images"]}
        names = {image["id"]: image["file_name"] for image in content["images"]}
    except KeyError as error:
        raise FormatError(f"{path}: an image has no {error}") from None
    if len(names) < len(content["images"]):
        raise FormatError(f"{path}: two images have the same id")
    images: list[AnnotatedImage] = []
    problems: list[Problem] = []
    for row in content["annotations"]:
        if category is not None and row.get("category_id", category) != category:
            continue
        if row.get("image_id") in rows_of:
            rows_of[row["image_id"]].append(row)
        else:
            problems.append(
                Problem(Fault.UNLISTED, f"annotation {row.get('id')} of image {row.get('image_id')}")
            )
    for image in content["images"]:
        try:
            labels = _labels(config, image, rows_of[image["id"]])
        except _Broken as broken:
            problems.append(Problem(broken.fault, names[image["id"]]))
            continue
        if labels is not None:
            images.append(labels)
    if not images:
        found = "; ".join(summary(problems)) or "no image has a labelled person"
        raise FormatError(f"{path}: nothing to train on: {found}")
    return AnnotatedSet(config, images, problems)


def _labels(config: SetConfig, image: dict, rows: list[dict]) -> AnnotatedImage | None:
    """An image's labels; None where there is nothing to learn from."""
    people = [row for row in rows if _is_labelled(row)]
    ignore = [row for row in rows if not _is_labelled(row) and row.get("bbox")]
    if not people or (config.alone and len(people) + len(ignore) != 1):
        return None
    path = config.images / image["file_name"]
    if not path.is_file():
        raise _Broken(Fault.MISSING)
    if any(len(row["keypoints"]) != 3 * len(COCO17) for row in people):
        raise _Broken(Fault.COUNT)
    try:
        raw = np.array([row["keypoints"] for row in people], np.float32).reshape(len(people), len(COCO17), 3)
        seen = raw[..., 2] > 0
        points = np.where(seen[..., None], raw[..., :2], np.float32(np.nan))
        boxes = np.array([_corners(row, points[i]) for i, row in enumerate(people)], np.float32)
        crowds = np.array([_corners(row) for row in ignore], np.float32).reshape(-1, 4)
        areas = np.array([row.get("area") or 0 for row in people], np.float32)
        size = (
            (int(image["height"]), int(image["width"]))
            if image.get("height") and image.get("width")
            else None
        )
    except (TypeError, ValueError):
        raise _Broken(Fault.NUMBER) from None
    if not all(np.isfinite(values).all() for values in (raw, boxes, crowds, areas)):
        raise _Broken(Fault.NUMBER)
    if size is not None:
        far = _FAR * max(size)
        labelled = points[seen]
        if (labelled < -far).any() or (labelled > np.array(size[::-1]) + far).any():
            raise _Broken(Fault.OUTSIDE)
    box_areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return AnnotatedImage(
        path,
        size,
        convert(points, seen, COCO17, OPENPOSE18)[0],
        boxes,
        np.sqrt(np.where(areas > 0, areas, AREA_OF_BOX * box_areas)),
        crowds,
        config.partial,
    )


def _is_labelled(row: dict) -> bool:
    return not row.get("iscrowd") and any((row.get("keypoints") or [])[2::3])


def _corners(row: dict, points: np.ndarray | None = None) -> list[float]:
    """The box as x0, y0, x1, y1; without one, the extent of the labelled points (17, 2)."""
    if row.get("bbox") or points is None:
        x, y, w, h = row["bbox"]
        return [x, y, x + w, y + h]
    return [*np.nanmin(points, 0), *np.nanmax(points, 0)]
