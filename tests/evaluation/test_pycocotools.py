"""Figures against those that pycocotools itself reads from the same files, for variants of one set."""

from __future__ import annotations

import copy
import io
import json
from contextlib import redirect_stdout

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from skelstream.datasets.coco import AREA_OF_BOX
from skelstream.evaluation.annotations import load_annotations
from skelstream.evaluation.results import read_results
from skelstream.evaluation.scoring import METRICS, score

IMAGES = 12


def reference(annotations, results) -> dict[str, float]:
    """As the files' own documentation has it: ``COCO(file)``, ``loadRes(file)``, ``COCOeval``."""
    with redirect_stdout(io.StringIO()):
        truth = COCO(annotations)
        evaluation = COCOeval(truth, truth.loadRes(str(results)), "keypoints")
        evaluation.params.catIds = truth.getCatIds(catNms=["person"])
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(METRICS, (100 * evaluation.stats).tolist(), strict=True))


@pytest.fixture
def base(scene):
    """A set with people of many sizes, crowds and blank people, and estimates that are more or less off."""
    rng = np.random.default_rng(3)
    rows, results = [], []
    for image in range(1, IMAGES + 1):
        for k in range(3):
            row = scene.annotation(len(rows) + 1, image, (220 * k, 5), labelled=rng.random(17) < 0.8)
            scale = rng.uniform(0.3, 1)
            keypoints = np.asarray(row["keypoints"]).reshape(17, 3)
            keypoints[keypoints[:, 2] > 0, :2] *= scale
            row |= {
                "keypoints": keypoints.ravel().tolist(),
                "bbox": [220 * k * scale, 5 * scale, 100 * scale, 200 * scale],
                "area": AREA_OF_BOX * 100 * 200 * scale**2,
            }
            moved = scene.result(row, float(rng.random()), rng.normal(0, 9 * scale, (17, 2)))
            if rng.random() < 0.9:
                results.append(moved)
            if rng.random() < 0.3:
                results.append(scene.result(row, float(rng.random()), rng.normal(0, 60, (17, 2))))
            if k == 2 and image % 4 == 0:
                row |= {"iscrowd": 1}
            if k == 1 and image % 5 == 0:
                row |= {"keypoints": [0] * 51, "num_keypoints": 0}
            rows.append(row)
    return scene.dataset(rows, IMAGES), results


def category(number):
    def change(data, results):
        data["categories"][0]["id"] = number
        for row in [*data["annotations"], *results]:
            row["category_id"] = number

    return change


def other_categories(data, results):
    data["categories"].insert(0, {"id": 0, "name": "dog"})
    data["annotations"] += [
        {**r, "id": 900 + i, "category_id": 0} for i, r in enumerate(data["annotations"][:9])
    ]
    results += [{**r, "category_id": 0} for r in results[:9]]


def image_ids_from_zero(data, results):
    for image in data["images"]:
        image["id"] -= 1
    for row in [*data["annotations"], *results]:
        row["image_id"] -= 1


def image_ids_as_text(data, results):
    for image in data["images"]:
        image["id"] = f"i{image['id']:03d}"
    for row in [*data["annotations"], *results]:
        row["image_id"] = f"i{row['image_id']:03d}"


def no_keypoints_says_the_file(data, results):
    for row in data["annotations"][::4]:
        row["num_keypoints"] = 0


def boxes_of_results(data, results):
    for i, row in enumerate(results):
        row["bbox"] = [0, 0, 20 + 7 * i, 60 + 9 * i]


def shuffled(data, results):
    for rows in (data["images"], data["annotations"], results):
        np.random.default_rng(0).shuffle(rows)


def nothing(data, results):
    pass


VARIANTS = [
    nothing, category(0), category(7), other_categories, image_ids_from_zero, image_ids_as_text,
    no_keypoints_says_the_file, boxes_of_results, shuffled,
]  # fmt: skip


@pytest.mark.parametrize("change", VARIANTS, ids=lambda f: f.__qualname__.split(".")[0])
def test_variants_that_pycocotools_reads_too(base, write, change):
    data, results = copy.deepcopy(base)
    change(data, results)
    files = write(data), write(results, "results.json")
    coco_set = load_annotations(files[0])
    ours = score(coco_set, read_results(files[1], coco_set)).metrics
    theirs = reference(*files)
    assert 5 < theirs["AP"] < 95
    assert ours == pytest.approx(theirs, abs=1e-9)


def drop(*keys):
    def change(row):
        for key in keys:
            row.pop(key, None)

    return change


def put(**values):
    return lambda row: row.update(values)


@pytest.mark.parametrize(
    "change",
    [drop("area"), drop("num_keypoints", "iscrowd", "area"), put(area=0), put(area=None), put(area=-1.0)],
)
def test_areas_that_are_missing_are_those_of_the_boxes(base, write, change):
    """The set's own areas are the boxes' share, so nothing may change."""
    data, results = base
    path = write(results, "results.json")
    expected = reference(write(data), path)
    for row in data["annotations"]:
        if not row["iscrowd"]:
            change(row)
    coco_set = load_annotations(write(data))
    assert score(coco_set, read_results(path, coco_set)).metrics == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("box", [None, [], [0, 0, 0, 0], [5, 5, 0, 90], [5, 5, 90, 0], [5, 5, -9, 9]])
def test_boxes_that_say_nothing_are_no_boxes(base, write, box):
    data, results = base
    path = write(results, "results.json")
    for row in data["annotations"]:
        if row["num_keypoints"] and not row["iscrowd"]:
            points = np.asarray(row["keypoints"]).reshape(17, 3)
            low, high = (f(points[points[:, 2] > 0, :2], 0) for f in (np.min, np.max))
            row |= {"bbox": [*low, *(high - low)], "area": AREA_OF_BOX * float(np.prod(high - low))}
    expected = reference(write(data), path)
    for row in data["annotations"]:
        if row["num_keypoints"] and not row["iscrowd"]:
            row |= {"bbox": box, "area": 0}
    coco_set = load_annotations(write(data))
    assert score(coco_set, read_results(path, coco_set)).metrics == pytest.approx(expected, abs=1e-9)


def test_the_scored_results_file_is_what_pycocotools_takes(base, write, tmp_path):
    from skelstream.evaluation.results import write_results

    data, results = base
    category(0)(data, results)
    files = write(data), write(results, "results.json")
    coco_set = load_annotations(files[0])
    write_results(tmp_path / "again.json", read_results(files[1], coco_set))
    assert json.loads((tmp_path / "again.json").read_text())[0]["category_id"] == 0
    assert reference(files[0], tmp_path / "again.json") == reference(*files)
