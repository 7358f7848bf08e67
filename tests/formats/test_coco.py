from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools.coco import COCO as Annotations

from skelstream.formats import save

from .conftest import COCO, shaped


def test_as_pycocotools_loads_it(scene, tmp_path, capsys):
    save(scene, tmp_path / "a.coco.json")
    truth = Annotations()
    truth.dataset = {
        "images": [{"id": i} for i in range(8)], "annotations": [],
        "categories": [{"id": 1, "name": "person", "keypoints": COCO}],
    }  # fmt: skip
    truth.createIndex()
    results = truth.loadRes(str(tmp_path / "a.coco.json"))
    first = results.loadAnns(results.getAnnIds(imgIds=[0]))[0]
    pose = np.array(first["keypoints"]).reshape(17, 3)
    assert pose[:, :2] == pytest.approx(shaped(COCO, 300, 250)) and (pose[:, 2] == 0.875).all()
    assert results.getAnnIds(imgIds=[3]) == results.getAnnIds(imgIds=[5]) == []


def test_fields(scene, tmp_path):
    save(scene, tmp_path / "a.coco.json")
    entries = json.loads((tmp_path / "a.coco.json").read_text())
    assert len(entries) == 9
    for entry in entries:
        assert type(entry["image_id"]) is int and entry["category_id"] == 1
        assert len(entry["keypoints"]) == 51 and 0 <= entry["score"] <= 1
    wrist = COCO.index("right_wrist")
    second = next(e for e in entries if e["image_id"] == 1 and e["track_id"] == 2)
    assert second["keypoints"][3 * wrist : 3 * wrist + 3] == [0, 0, 0]
    assert second["bbox"][2:] == pytest.approx([83, 230])


def test_nobody(empty, tmp_path):
    save(empty, tmp_path / "a.coco.json")
    assert json.loads((tmp_path / "a.coco.json").read_text()) == []
