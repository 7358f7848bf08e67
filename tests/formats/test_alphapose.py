from __future__ import annotations

import json

import numpy as np
import pytest

from skelstream.formats import save

from .conftest import COCO, shaped


def test_as_alphapose_writes_it(scene, tmp_path):
    save(scene, tmp_path / "a.alphapose.json")
    entries = json.loads((tmp_path / "a.alphapose.json").read_text())
    # Readers group by image and sort by the number in its name.
    frames = {}
    for entry in entries:
        assert set(entry) >= {"image_id", "category_id", "keypoints", "score", "box", "idx"}
        assert entry["image_id"].endswith(".jpg") and len(entry["keypoints"]) == 51
        frames.setdefault(int(entry["image_id"].split(".")[0]), []).append(entry)
    assert sorted(frames) == [0, 1, 2, 4, 6, 7]
    assert [entry["idx"] for entry in frames[0]] == [2, 1]
    pose = np.array(frames[0][0]["keypoints"]).reshape(17, 3)
    assert pose[:, :2] == pytest.approx(shaped(COCO, 300, 250))
    assert frames[0][0]["box"] == pytest.approx([265, 150, 88, 230])
