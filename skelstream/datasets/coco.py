"""COCO's annotation format with 17 person keypoints: files, images, and the values of one annotation.

Files of other data sets often lack ``area``, ``bbox`` or ``iscrowd``, or have other category ids; this module
defines the substitutes for training and evaluation alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.json import read_json
from skelstream.files.values import (
    LARGEST,
    boolean,
    identifier,
    integer,
    items,
    mapping,
    real,
    reals,
    refuse,
    string,
)
from skelstream.geometry.similarity import AREA_OF_BOX
from skelstream.skeleton import COCO17

JOINTS = len(COCO17)


@dataclass(frozen=True)
class LabelledImage:
    """Image of an annotation file.

    Attributes:
        id: number or text that identifies the image in its data set.
        file_name: path relative to the folder of images.
        height, width: size in pixels; None if the file lacks it.
        url: COCO's URL of the image, or "".
    """

    id: int | str
    file_name: str
    height: int | None
    width: int | None
    url: str = ""


@dataclass(frozen=True)
class CocoFile:
    """Content of an annotation file, with images checked and annotations not yet checked.

    Attributes:
        images: images by id, in the file's order, at least one.
        rows: annotations of people, each an object whose values are unchecked.
        category: id of the category person; None if the file lists no categories.
    """

    images: dict[int | str, LabelledImage]
    rows: list[dict[str, Any]]
    category: int | str | None


def read_coco(path: Path) -> CocoFile:
    """Read an annotation file, without annotations of categories other than persons.

    Raises:
        FormatError: the file is missing, is not in COCO's format or has other joints.
    """
    content = read_json(path)
    lists = isinstance(content, dict) and [content.get("images"), content.get("annotations")]
    if not lists or not all(isinstance(rows, list) for rows in lists):
        raise FormatError(f"{path}: not a COCO annotation file: lists 'images' and 'annotations' expected")
    try:
        category = _person_category(content.get("categories") or [])
        images = _images(content["images"])
        rows = [mapping(row, f"annotations[{i}]") for i, row in enumerate(content["annotations"])]
        if category is not None:
            for i, row in enumerate(rows):
                _check_category(row.get("category_id", category), category, f"annotations[{i}].category_id")
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    people = [row for row in rows if category is None or row.get("category_id", category) == category]
    if rows and not people:
        raise FormatError(
            f"{path}: no annotation has the category_id of persons, {category!r}; correct the file"
        )
    return CocoFile(images, people, category)


def _person_category(rows: object) -> int | str | None:
    categories = [mapping(row, f"categories[{i}]") for i, row in enumerate(items(rows, "categories"))]
    with_joints = [c for c in categories if c.get("keypoints")]
    persons = [c for c in categories if c.get("name") == "person"]
    if not with_joints:
        if categories and not persons:
            raise FormatError("no category is a person or has keypoints")
        return identifier(persons[0].get("id"), "the id of category person") if persons else None
    for category in with_joints:
        if tuple(map(str, items(category["keypoints"], "a category's keypoints"))) == COCO17.joints:
            return identifier(category.get("id"), "the id of the category with keypoints")
    names = with_joints[0]["keypoints"]
    raise FormatError(
        f"its joints are not COCO's {JOINTS} but {len(names)} ({', '.join(map(str, names[:3]))}, ...);"
        " convert the annotations to COCO's joints first"
    )


def _check_category(value: object, person: int | str, name: str) -> None:
    """Check the type of a category id: a wrong one would silently exclude the annotation as another category."""
    if isinstance(identifier(value, name), str) != isinstance(person, str):
        refuse(value, name, f"an id like {person!r}, that of persons,")


def _images(rows: list[object]) -> dict[int | str, LabelledImage]:
    images: dict[int | str, LabelledImage] = {}
    for i, row in enumerate(rows):
        where = f"images[{i}]"
        row = mapping(row, where)
        if "id" not in row or "file_name" not in row:
            raise FormatError(f"{where} has no id or file_name")
        number = identifier(row["id"], f"{where}.id")
        if number in images:
            raise FormatError(f"two images have the id {number}")
        height, width = (
            integer(row[side], f"{where}.{side}", 1, LARGEST) if row.get(side) else None
            for side in ("height", "width")
        )
        url = string(row.get("coco_url") or "", f"{where}.coco_url")
        images[number] = LabelledImage(
            number, string(row["file_name"], f"{where}.file_name"), height, width, url
        )
    if not images:
        raise FormatError("the list 'images' is empty")
    if len({type(number) for number in images}) > 1:
        raise FormatError("some image ids are numbers, others text; use one type")
    return images


def keypoints_of(row: dict[str, Any]) -> np.ndarray:
    """Return an annotation's keypoints, float64 (17, 3): x, y in pixels and COCO's visibility v.

    v is 0 for not labelled, 1 for hidden, 2 for visible. All values are 0 if the annotation has no keypoints.

    Raises:
        FormatError: the number of values is wrong, or one is not a finite number.
    """
    values = row.get("keypoints")
    if values is None or values == []:
        return np.zeros((JOINTS, 3))
    if isinstance(values, list) and len(values) != 3 * JOINTS:
        raise FormatError(
            f"has {len(values)} keypoint values, not {3 * JOINTS} (x, y, v of COCO's {JOINTS} joints)"
        )
    return reals(values, "keypoints", (JOINTS, 3), most=LARGEST)


def box_of(row: dict[str, Any], keypoints: np.ndarray) -> np.ndarray:
    """Return an annotation's box, float64 (4,): x, y, width, height in pixels.

    Without a box of positive size the box of the labelled joints is returned.

    Raises:
        FormatError: the box is not four finite numbers.
    """
    box = reals(row["bbox"], "bbox", (4,), most=LARGEST) if row.get("bbox") else np.zeros(4)
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    if (box[2:] > 0).all() or not len(labelled):
        return box
    low, high = labelled.min(0), labelled.max(0)
    return np.concatenate([low, high - low])


def area_of(row: dict[str, Any]) -> float | None:
    """Return the person's area in square pixels, or None if the annotation has none above 0.

    Raises:
        FormatError: the area is not a finite number.
    """
    area = 0.0 if row.get("area") is None else real(row["area"], "area", -(LARGEST**2), LARGEST**2)
    return area if area > 0 else None


def area_from_box(box: np.ndarray) -> float:
    """Return an estimate of a person's area from its box x, y, width, height; 0 for a box without extent.

    A flat box, the extent of joints in a line, counts as a square of its long side.
    """
    width, height = (float(side) for side in box[2:])
    return AREA_OF_BOX * (width * height if min(width, height) > 0 else max(width, height) ** 2)


def crowd_of(row: dict[str, Any]) -> bool:
    """Return whether the annotation is a crowd region, in which people are not annotated separately.

    Raises:
        FormatError: ``iscrowd`` is neither true nor false.
    """
    return row.get("iscrowd") is not None and boolean(row["iscrowd"], "iscrowd")
