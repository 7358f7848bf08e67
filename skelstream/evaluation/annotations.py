"""Ground truth of a person-keypoints set in COCO's annotation format.

Ids are numbered anew from 1, because pycocotools takes the id 0 for "unmatched", and fields that only COCO's
own sets have are filled in, so that scoring has one form of data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

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
from skelstream.errors import FormatError
from skelstream.files.values import identifier, integer


@dataclass(frozen=True)
class LabelledPerson:
    """One annotated person or crowd.

    Attributes:
        id: number from 1, unique in the set; it is not the file's own.
        image_id: id of the image.
        keypoints: float64 (17, 3), x and y in pixels, and COCO's v: 0 not labelled, 1 hidden, 2 visible.
        area: area of the segment in square pixels, the scale of the object keypoint similarity.
        box: float64 (4,), x, y, width, height in pixels.
        crowd: whether this is a region of several people.
        ignored: whether estimates here are neither right nor wrong: at a crowd, at a person without labelled
            joints or with a ``num_keypoints`` of 0, and at a person of unknown size.
    """

    id: int
    image_id: int | str
    keypoints: np.ndarray
    area: float
    box: np.ndarray
    crowd: bool
    ignored: bool

    @property
    def labelled(self) -> np.ndarray:
        """bool (17,), the labelled joints."""
        return self.keypoints[:, 2] > 0


@dataclass(frozen=True)
class CocoSet:
    """Images and people of one annotation file.

    Attributes:
        path: the file.
        images: images by id, in the file's order.
        persons: people by image id; every image has an entry.
        category: category id of persons; None if the file lists no categories.
        substituted_areas: number of people without ``area``, where ``AREA_OF_BOX`` times the box's area is
            used.
    """

    path: Path
    images: dict[int | str, LabelledImage]
    persons: dict[int | str, tuple[LabelledPerson, ...]]
    category: int | str | None = None
    substituted_areas: int = 0

    @property
    def single_person(self) -> bool:
        """Whether no image has more than one labelled person, as in LSP."""
        return all(sum(not p.ignored for p in people) <= 1 for people in self.persons.values())

    def head(self, limit: int) -> CocoSet:
        """Return the set of the first ``limit`` images, in the file's order."""
        kept = dict(islice(self.images.items(), limit))
        return replace(self, images=kept, persons={i: self.persons[i] for i in kept})


def load_annotations(path: str | Path) -> CocoSet:
    """Read and check a COCO annotation file with 17 person keypoints.

    Args:
        path: the file, such as ``person_keypoints_val2017.json``.

    Raises:
        FormatError: the file is missing, is not in COCO's format, has other joints, or has no labelled joint.
    """
    path = Path(path)
    file = read_coco(path)
    persons: dict[int | str, list[LabelledPerson]] = {image_id: [] for image_id in file.images}
    ids, substituted = count(1), 0
    for row in file.rows:
        where = f"{path}: annotation {row.get('id')!r}"
        if "image_id" not in row:
            raise FormatError(f"{where} has no image_id")
        try:
            image_id = identifier(row["image_id"], "image_id")
            if image_id not in persons:
                raise FormatError(f"belongs to image {image_id!r}, which 'images' does not list")
            person, without_area = _person(row, image_id, next(ids))
        except FormatError as error:
            raise FormatError(f"{where}: {error}") from None
        substituted += without_area
        persons[image_id].append(person)
    if all(person.ignored for people in persons.values() for person in people):
        raise FormatError(f"{path}: no keypoint is labelled; give the person_keypoints file of the set")
    return CocoSet(
        path, file.images, {i: tuple(people) for i, people in persons.items()}, file.category, substituted
    )


def _person(row: dict[str, Any], image_id: int | str, number: int) -> tuple[LabelledPerson, bool]:
    """Return one person, and whether its area is substituted."""
    keypoints, crowd, given = keypoints_of(row), crowd_of(row), area_of(row)
    box = box_of(row, keypoints)
    area = area_from_box(box) if given is None else given
    # pycocotools leaves out people with a num_keypoints of 0 even if they have keypoints.
    counted = row.get("num_keypoints") is None or integer(row["num_keypoints"], "num_keypoints") > 0
    ignored = crowd or not counted or not (keypoints[:, 2] > 0).any() or area <= 0
    return LabelledPerson(number, image_id, keypoints, area, box, crowd, ignored), given is None
