"""Pose estimates in COCO's results format: a list of image_id, category_id, keypoints (51 numbers), score."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from skelstream.atomic import replacing
from skelstream.errors import FormatError
from skelstream.evaluation.annotations import JOINTS, CocoSet, read_json
from skelstream.grouping.people import People
from skelstream.skeleton import COCO17, Skeleton, convert

PERSON = 1
"""COCO's category id of a person."""


def to_results(image_id: int, people: People, skeleton: Skeleton) -> list[dict]:
    """The people of one image as COCO results.

    A missing joint is written as 0, 0, 0, as every tool does that writes this format. The object keypoint
    similarity counts each joint that the annotators labelled, so a missing joint scores nothing, where a
    guess might score a little: what the estimator did not say is not made up here.

    Args:
        image_id: the image's number in the annotation file.
        people: keypoints in ``skeleton``'s joints.
        skeleton: the estimator's joint set.

    Returns:
        One entry a person that has any of COCO's joints. The third number of a joint is its score.
    """
    keypoints, scores = convert(people.keypoints, people.scores, skeleton, COCO17)
    present = np.isfinite(keypoints).all(-1)
    values = np.concatenate([keypoints, scores[..., None]], -1)
    values = np.where(present[..., None], values, 0).astype(np.float64)
    return [
        {
            "image_id": image_id,
            "category_id": PERSON,
            "keypoints": [round(v, 3) for v in person.ravel().tolist()],
            "score": float(score),
        }
        for person, score, any_joint in zip(values, people.person_scores, present.any(1), strict=True)
        if any_joint
    ]


def read_results(path: str | Path, coco_set: CocoSet) -> list[dict]:
    """Reads and checks a results file, of this or any other tool, against the set that it is to be scored on.

    An ``image_id`` that is a file name, with or without its extension, is looked up in the set.

    Raises:
        FormatError: the file is missing or not COCO's results format, has another number of keypoints or a
            value that is not a number, or none of its images is in the set.
    """
    path = Path(path)
    rows = read_json(path)
    if not isinstance(rows, list):
        raise FormatError(f"{path}: not a COCO results file: a list of people expected")
    names = {image.file_name: image.id for image in coco_set.images.values()}
    names |= {Path(name).stem: image_id for name, image_id in names.items()}
    results, foreign = [], []
    for number, row in enumerate(rows):
        where = f"{path}: entry {number}"
        if not isinstance(row, dict) or not {"image_id", "keypoints", "score"} <= row.keys():
            raise FormatError(f"{where}: image_id, keypoints and score expected")
        if row.get("category_id", PERSON) != PERSON:
            continue
        image_id = names.get(row["image_id"], row["image_id"])
        keypoints, score = row["keypoints"], row["score"]
        if not isinstance(keypoints, list) or len(keypoints) != 3 * JOINTS:
            count = len(keypoints) if isinstance(keypoints, list) else "no"
            raise FormatError(f"{where}: {count} keypoint values, not {3 * JOINTS} (COCO's {JOINTS} joints)")
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in (*keypoints, score)):
            raise FormatError(f"{where}: a value is not a finite number; write missing joints as 0, 0, 0")
        if image_id in coco_set.images:
            results.append(
                {"image_id": image_id, "category_id": PERSON, "keypoints": keypoints, "score": score}
            )
        else:
            foreign.append(image_id)
    if foreign and not results:
        raise FormatError(
            f"{path}: none of its images is in {coco_set.path} (the first is {foreign[0]!r}):"
            " results of another set?"
        )
    return results


def write_results(path: str | Path, results: list[dict]) -> None:
    """Writes a results file; it appears whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(Path(path)) as part:
        part.write_text(json.dumps(results, separators=(",", ":")))
