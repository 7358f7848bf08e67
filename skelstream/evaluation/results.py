"""Poses in COCO's results format: a list of image_id, category_id, keypoints (51 numbers) and score."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from skelstream.datasets.coco import JOINTS
from skelstream.errors import FormatError
from skelstream.evaluation.annotations import CocoSet
from skelstream.files.atomic import replacing
from skelstream.files.json import read_json
from skelstream.files.text import no_note
from skelstream.files.values import LARGEST, identifier, mapping, real, reals
from skelstream.people import People
from skelstream.skeleton import COCO17, Skeleton, convert

PERSON = 1
"""COCO's category id of a person, for sets without categories."""


def to_results(
    image_id: int | str, people: People, skeleton: Skeleton, category: int | str | None = None
) -> list[dict]:
    """Return the people of one image as COCO results.

    A missing joint is written as 0, 0, 0, as usual in this format. The object keypoint similarity counts
    every labelled joint, so a missing joint scores nothing, where a guess might score a little. No guesses
    are made here.

    Args:
        image_id: id of the image in the annotation file.
        people: people with ``skeleton``'s joints.
        skeleton: joint set of the estimator.
        category: category id of persons in the annotation file; None if it has no categories.

    Returns:
        One entry for each person with any of COCO's joints. The third number of a joint is its score.
    """
    keypoints, scores = convert(people.keypoints, people.scores, skeleton, COCO17)
    present = np.all(np.isfinite(keypoints), axis=-1)
    values = np.concatenate([keypoints, scores[..., None]], -1)
    values = np.where(present[..., None], values, 0).astype(np.float64)
    return [
        {
            "image_id": image_id,
            "category_id": PERSON if category is None else category,
            "keypoints": [round(v, 3) for v in person.ravel().tolist()],
            "score": float(score),
        }
        for person, score, any_joint in zip(
            values, people.person_scores, np.any(present, axis=1), strict=True
        )
        if any_joint
    ]


def read_results(path: str | Path, coco_set: CocoSet, note: Callable[[str], None] = no_note) -> list[dict]:
    """Read a results file of any tool, and check it against the set that it is to be scored on.

    An ``image_id`` may be a file name with or without its extension. Entries of other categories than the
    set's persons, and entries of images that are not in the set, are left out.

    Args:
        path: the file.
        coco_set: the set.
        note: called with a line about entries that are left out.

    Returns:
        Entries of ``image_id``, ``category_id``, ``keypoints`` (51 numbers), ``score`` and, if the file has
        it, ``bbox``.

    Raises:
        FormatError: the file is missing or is not in COCO's results format, has another number of keypoints
            or a value that is not a number, or has no entry of the set's images and its category of persons.
    """
    path = Path(path)
    rows = read_json(path)
    if not isinstance(rows, list):
        raise FormatError(f"{path}: not a COCO results file: a list of people expected")
    names = _names(coco_set)
    results, foreign, others = [], [], set()
    for number, row in enumerate(rows):
        try:
            row = mapping(row, "a person")
            if not {"image_id", "keypoints", "score"} <= row.keys():
                raise FormatError("image_id, keypoints and score expected")
            category = row.get("category_id", coco_set.category)
            if coco_set.category is not None and category != coco_set.category:
                others.add(repr(category))
                continue
            image_id = identifier(row["image_id"], "image_id")
            named = names.get(image_id, image_id) if isinstance(image_id, str) else image_id
            result = _result(named, row, coco_set.category)
        except FormatError as error:
            raise FormatError(f"{path}: entry {number}: {error}") from None
        if result["image_id"] in coco_set.images:
            results.append(result)
        else:
            foreign.append(image_id)
    if foreign and not results:
        raise FormatError(
            f"{path}: none of its images is in {coco_set.path} (the first is {foreign[0]!r}):"
            " are these results of another set?"
        )
    if others and not results:
        raise FormatError(
            f"{path}: its category_id is {', '.join(sorted(others)[:3])}, but persons have"
            f" {coco_set.category!r} in {coco_set.path}; use that id"
        )
    if foreign:
        note(
            f"{path}: {len(foreign)} of {len(rows)} entries are left out, because their images are not in"
            f" {coco_set.path}"
        )
    if others:
        note(f"{path}: entries of other categories than persons ({coco_set.category!r}) are left out")
    return results


def _names(coco_set: CocoSet) -> dict[str, int | str]:
    """Return image ids by file name, with and without extension; ambiguous names are left out."""
    found: dict[str, set[int | str]] = {}
    for image in coco_set.images.values():
        for name in {image.file_name, Path(image.file_name).name, Path(image.file_name).stem}:
            found.setdefault(name, set()).add(image.id)
    return {name: ids.pop() for name, ids in found.items() if len(ids) == 1}


def _result(image_id: int | str, row: dict, category: int | str | None) -> dict:
    keypoints = row["keypoints"]
    if not isinstance(keypoints, list) or len(keypoints) != 3 * JOINTS:
        count = len(keypoints) if isinstance(keypoints, list) else "no"
        raise FormatError(f"{count} keypoint values, not {3 * JOINTS} (COCO's {JOINTS} joints)")
    try:
        values = reals(keypoints, "keypoints", (3 * JOINTS,), most=LARGEST).tolist()
    except FormatError as error:
        raise FormatError(f"{error}; write missing joints as 0, 0, 0") from None
    result = {
        "image_id": image_id,
        "category_id": PERSON if category is None else category,
        "keypoints": values,
        "score": real(row["score"], "score"),
    }
    if row.get("bbox"):
        result["bbox"] = reals(row["bbox"], "bbox", (4,), most=LARGEST).tolist()
    return result


def write_results(path: str | Path, results: list[dict]) -> None:
    """Write a results file atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(Path(path)) as part:
        part.write_text(json.dumps(results, separators=(",", ":")))
