"""Ground truth of a person-keypoints set in COCO's annotation format.

Ids from 0, which pycocotools takes for "unmatched", and fields that sets other than COCO's own lack are filled in once, so
that scoring sees one shape of data.
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
        id: from 1, unique in the set (not the file's own number).
        image_id: the image it is in.
        keypoints: float64 (17, 3), x, y in pixels and COCO's v: 0 not labelled, 1 hidden, 2 visible.
        area: segment area in square pixels, the scale of the object keypoint similarity.
        box: float64 (4,), x, y, width, height in pixels.
        crowd: a region of people that is not told apart.
        ignored: estimates here are neither right nor wrong: a crowd, a person without labelled joints or with a
            ``num_keypoints`` of 0, or one whose size nothing tells.
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
        """bool (17,): joints that count."""
        return self.keypoints[:, 2] > 0


@dataclass(frozen=True)
class CocoSet:
    """The images and people of one annotation file.

    Attributes:
        path: the file.
        images: by image id, in the file's order.
        persons: by image id; every image has an entry.
        category: the id that persons have; None where the file lists no categories.
        substituted_areas: people whose ``area`` was missing and is ``AREA_OF_BOX`` times the box's.
    """

    path: Path
    images: dict[int | str, LabelledImage]
    persons: dict[int | str, tuple[LabelledPerson, ...]]
    category: int | str | None = None
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
                raise FormatError(f"is of image {image_id!r}, which 'images' does not list")
            person, guessed = _person(row, image_id, next(ids))
        except FormatError as error:
            raise FormatError(f"{where}: {error}") from None
        substituted += guessed
        persons[image_id].append(person)
    if all(person.ignored for people in persons.values() for person in people):
        raise FormatError(f"{path}: no keypoint is labelled; give the person_keypoints file of the set")
    return CocoSet(
        path, file.images, {i: tuple(people) for i, people in persons.items()}, file.category, substituted
    )


def _person(row: dict[str, Any], image_id: int | str, number: int) -> tuple[LabelledPerson, bool]:
    """One annotation, and whether its area had to be guessed."""
    keypoints, crowd, given = keypoints_of(row), crowd_of(row), area_of(row)
    box = box_of(row, keypoints)
    area = area_from_box(box) if given is None else given
    # pycocotools leaves out people with a num_keypoints of 0, also where keypoints are given.
    counted = row.get("num_keypoints") is None or integer(row["num_keypoints"], "num_keypoints") > 0
    ignored = crowd or not counted or not (keypoints[:, 2] > 0).any() or area <= 0
    return LabelledPerson(number, image_id, keypoints, area, box, crowd, ignored), given is None
