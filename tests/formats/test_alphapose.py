from __future__ import annotations

import json

import numpy as np
import pytest

from skelstream.formats import WriteOptions, save

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


def test_as_motionbert_reads_it(scene, tmp_path):
    """Its reader takes the entries of one ``idx`` as rows of 26 joints, and these joints of Halpe for Human3.6M's."""
    sequence = scene.as_skeleton("halpe26")
    save(sequence, tmp_path / "a.alphapose.json", options=WriteOptions(skeleton="halpe26"))
    entries = json.loads((tmp_path / "a.alphapose.json").read_text())
    rows = np.array([np.reshape(entry["keypoints"], (-1, 3)) for entry in entries if entry["idx"] == 2])
    assert rows.shape == (6, 26, 3)
    hip, neck, head = 19, 18, 17
    assert rows[0, hip] == pytest.approx([300.5, 270.5, 0.875]) and rows[0, neck, 2] == 0.875
    assert rows[0, 16, :2] == pytest.approx(shaped(["right_ankle"], 300, 250)[0])
    assert not rows[:, head].any()
