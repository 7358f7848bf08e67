"""Ground truth of a person-keypoints set in COCO's annotation format.

Files that are not COCO's own often lack ``area``, ``iscrowd`` or ``num_keypoints``, or count ids from 0,
which pycocotools takes for "unmatched". All that is made good here, once, so that scoring sees one shape of
data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError
from skelstream.skeleton import COCO17

JOINTS = len(COCO17)

AREA_OF_BOX = 0.53
"""A person's segment area over its box area, which stands in where a set gives no ``area``. Measured on
COCO's own annotations the ratio is 0.525 with a standard deviation of 0.127; MMPose uses 0.53 for such sets
as well."""


@dataclass(frozen=True)
class LabelledImage:
    """One image of the set.

    Attributes:
        id: the set's own number.
        file_name: relative to the folder of images.
        height, width: pixels; None where the file does not say.
        url: where COCO keeps it, or "".
    """

    id: int
    file_name: str
    height: int | None
    width: int | None
    url: str = ""


@dataclass(frozen=True)
class LabelledPerson:
    """One annotated person or crowd.

    Attributes:
        id: from 1, unique in the set (not the file's own number).
        image_id: the image it is in.
        keypoints: float64 (17, 3), x, y in pixels and COCO's v: 0 not labelled, 1 hidden, 2 visible.
        area: segment area in square pixels, the scale of the object keypoint similarity.
        box: float64 (4,), x, y, width, height in pixels.
        crowd: a region of people that is not told apart.
    """

    id: int
    image_id: int
    keypoints: np.ndarray
    area: float
    box: np.ndarray
    crowd: bool

    @property
    def labelled(self) -> np.ndarray:
        """bool (17,): joints that count."""
        return self.keypoints[:, 2] > 0

    @property
    def ignored(self) -> bool:
        """Detections here are neither right nor wrong: a crowd, or a person without labelled joints."""
        return self.crowd or not self.labelled.any()


@dataclass(frozen=True)
class CocoSet:
    """The images and people of one annotation file.

    Attributes:
        path: the file.
        images: by image id, in the file's order.
        persons: by image id; every image has an entry.
        substituted_areas: people whose ``area`` was missing and is ``AREA_OF_BOX`` times the box's.
    """

    path: Path
    images: dict[int, LabelledImage]
    persons: dict[int, tuple[LabelledPerson, ...]]
    substituted_areas: int = 0

    @property
    def single_person(self) -> bool:
        """No image has more than one labelled person (LSP and the like)."""
        return all(sum(not p.ignored for p in people) <= 1 for people in self.persons.values())

    def head(self, limit: int) -> CocoSet:
        """The first ``limit`` images, in the file's order."""
        kept = dict(islice(self.images.items(), limit))
        return replace(self, images=kept, persons={i: self.persons[i] for i in kept})


def load_annotations(path: str | Path) -> CocoSet:
    """Reads and checks a COCO annotation file with 17 person keypoints.

    Args:
        path: for instance ``person_keypoints_val2017.json``.

    Raises:
        FormatError: the file is missing, not COCO's format, has another joint set, or labels no joint.
    """
    path = Path(path)
    data = read_json(path)
    lists = isinstance(data, dict) and [data.get("images"), data.get("annotations")]
    if not lists or not all(isinstance(rows, list) for rows in lists):
        raise FormatError(f"{path}: not a COCO annotation file: lists 'images' and 'annotations' expected")
    category = person_category(path, data.get("categories") or [])
    images = _images(path, data["images"])
    persons: dict[int, list[LabelledPerson]] = {image_id: [] for image_id in images}
    ids, substituted = count(1), 0
    for row in data["annotations"]:
        if not isinstance(row, dict) or "image_id" not in row:
            raise FormatError(f"{path}: an annotation has no image_id: {str(row)[:60]}")
        if category is not None and row.get("category_id", category) != category:
            continue
        if row["image_id"] not in images:
            raise FormatError(
                f"{path}: annotation {row.get('id')} is of image {row['image_id']!r},"
                " which 'images' does not list"
            )
        person, guessed = _person(path, row, next(ids))
        substituted += guessed
        persons[person.image_id].append(person)
    if all(person.ignored for people in persons.values() for person in people):
        raise FormatError(f"{path}: no keypoint is labelled; give the person_keypoints file of the set")
    return CocoSet(path, images, {i: tuple(people) for i, people in persons.items()}, substituted)


def read_json(path: Path) -> object:
    """The contents of a JSON file.

    Raises:
        FormatError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise FormatError(f"{path}: not JSON, or cut short: {error}") from None


def person_category(path: Path, categories: list[dict]) -> int | None:
    """The id of the category whose keypoints are COCO's; None where the file lists no categories.

    Raises:
        FormatError: no category is a person, or its joints are other ones than COCO's.
    """
    with_joints = [c for c in categories if c.get("keypoints")]
    if not with_joints:
        if categories and not any(c.get("name") == "person" for c in categories):
            raise FormatError(f"{path}: no category is a person or has keypoints")
        return next((c["id"] for c in categories if c.get("name") == "person"), None)
    for category in with_joints:
        if tuple(category["keypoints"]) == COCO17.joints:
            return category["id"]
    names = with_joints[0]["keypoints"]
    raise FormatError(
        f"{path}: its joints are not COCO's {JOINTS} but {len(names)} ({', '.join(map(str, names[:3]))},"
        " ...); convert the annotations to COCO's joints first"
    )


def _images(path: Path, rows: list) -> dict[int, LabelledImage]:
    images: dict[int, LabelledImage] = {}
    for row in rows:
        if not isinstance(row, dict) or "id" not in row or "file_name" not in row:
            raise FormatError(f"{path}: an image has no id or file_name: {str(row)[:60]}")
        if row["id"] in images:
            raise FormatError(f"{path}: two images have the id {row['id']}")
        images[row["id"]] = LabelledImage(
            row["id"], row["file_name"], row.get("height"), row.get("width"), row.get("coco_url", "")
        )
    if not images:
        raise FormatError(f"{path}: lists no images")
    return images


def _person(path: Path, row: dict, number: int) -> tuple[LabelledPerson, bool]:
    """One annotation, and whether its area had to be guessed."""
    crowd = bool(row.get("iscrowd", 0))
    values = row.get("keypoints") or [0] * (3 * JOINTS)
    if len(values) != 3 * JOINTS:
        raise FormatError(
            f"{path}: annotation {row.get('id')} has {len(values)} keypoint values, not {3 * JOINTS}"
            f" (x, y, v of COCO's {JOINTS} joints)"
        )
    try:
        keypoints = np.asarray(values, np.float64).reshape(JOINTS, 3)
        box = np.asarray(row["bbox"], np.float64).reshape(4) if row.get("bbox") else _extent(keypoints)
        area = float(row.get("area") or 0)
    except (TypeError, ValueError):
        raise FormatError(f"{path}: annotation {row.get('id')} has a value that is not a number") from None
    if not (np.isfinite(keypoints).all() and np.isfinite(box).all() and np.isfinite(area)):
        raise FormatError(f"{path}: annotation {row.get('id')} has a value that is not finite")
    guessed = area <= 0
    if guessed:
        area = AREA_OF_BOX * float(box[2] * box[3])
    return LabelledPerson(number, row["image_id"], keypoints, area, box, crowd), guessed


def _extent(keypoints: np.ndarray) -> np.ndarray:
    """x, y, width, height of the labelled joints."""
    points = keypoints[keypoints[:, 2] > 0, :2]
    if not len(points):
        return np.zeros(4)
    low, high = points.min(0), points.max(0)
    return np.concatenate([low, high - low])
