"""Tiny annotation files whose scores can be worked out by hand."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace

import numpy as np
import pytest

from skelstream.evaluation.annotations import CocoSet, load_annotations
from skelstream.skeleton import COCO17

# A standing person 100 pixels wide and 200 high, COCO's joints.
STANDING = np.array(
    [
        [50, 10], [55, 5], [45, 5], [62, 10], [38, 10], [75, 45], [25, 45], [90, 80], [10, 80],
        [99, 115], [1, 115], [68, 115], [32, 115], [70, 160], [30, 160], [70, 199], [30, 199],
    ],
    np.float64,
)  # fmt: skip
AREA = 10000.0
SIGMAS = np.asarray(COCO17.oks_sigmas)


def annotation(number: int, image_id: int, at: tuple[float, float], labelled=None, **more) -> dict:
    """A standing person with its top left corner at ``at``."""
    keypoints = np.concatenate([STANDING + at, np.full((17, 1), 2.0)], 1)
    if labelled is not None:
        keypoints[~np.asarray(labelled)] = 0
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "area": AREA,
        "bbox": [*at, 100.0, 200.0],
        "iscrowd": 0,
        **more,
    }


def dataset(annotations: list[dict], images: int = 2) -> dict:
    """A COCO annotation file of images 1 to ``images``, 640 x 480."""
    return {
        "images": [
            {"id": i, "file_name": f"{i:03d}.png", "height": 480, "width": 640} for i in range(1, images + 1)
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
    }


def result(row: dict, score: float = 1.0, move=(0.0, 0.0)) -> dict:
    """An estimate that repeats an annotation, moved by ``move`` (2,) or (17, 2) pixels."""
    keypoints = np.asarray(row["keypoints"]).reshape(17, 3).copy()
    keypoints[:, :2] += move
    return {
        "image_id": row["image_id"],
        "category_id": 1,
        "keypoints": keypoints.ravel().tolist(),
        "score": score,
    }


def distance_of(similarity: float, joint: int) -> float:
    """Pixels that a joint is off at a keypoint similarity, for a person of ``AREA``."""
    return float(np.sqrt(-2 * AREA * (2 * SIGMAS[joint]) ** 2 * np.log(similarity)))


@pytest.fixture
def scene() -> SimpleNamespace:
    """The helpers of this file."""
    return SimpleNamespace(
        annotation=annotation,
        dataset=dataset,
        result=result,
        distance_of=distance_of,
        standing=STANDING,
        area=AREA,
        sigmas=SIGMAS,
    )


@pytest.fixture
def write(tmp_path):
    def write_json(data: object, name: str = "set.json"):
        path = tmp_path / name
        path.write_text(json.dumps(data))
        return path

    return write_json


@pytest.fixture
def load(write):
    def load_set(annotations: list[dict], images: int = 2) -> CocoSet:
        return load_annotations(write(dataset(copy.deepcopy(annotations), images)))

    return load_set
