from __future__ import annotations

import json
from dataclasses import replace

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


@pytest.mark.parametrize(
    ("names", "numbered"),
    [
        ([f"{i * 71:012}.jpg" for i in range(8)], True),
        ([f"img_{i + 1:05}.png" for i in range(8)], False),
        (["7.jpg", "07.jpg", *[f"1{i}.jpg" for i in range(6)]], False),
    ],
)
def test_images_are_named(scene, tmp_path, names, numbered):
    named = replace(scene, meta={**scene.meta, "images": names})
    save(named, tmp_path / "a.coco.json")
    entries = json.loads((tmp_path / "a.coco.json").read_text())
    save(scene, tmp_path / "b.coco.json")
    frames = [entry["image_id"] for entry in json.loads((tmp_path / "b.coco.json").read_text())]
    assert [entry["file_name"] for entry in entries] == [names[i] for i in frames]
    assert [entry["image_id"] for entry in entries] == [71 * i if numbered else i for i in frames]
    save(named, tmp_path / "a.alphapose.json")
    entries = json.loads((tmp_path / "a.alphapose.json").read_text())
    assert [entry["image_id"] for entry in entries] == [names[i] for i in frames]
