from __future__ import annotations

import json

import numpy as np
import pytest

from skelstream.formats import WriteOptions, save

from .conftest import COCO, SHAPE, asymmetric, build

# The landmarks that poseval looks up by name.
POSEVAL = [
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "head_bottom",
    "nose",
    "head_top",
]


def convert(content):
    """As poseval turns the new format into its own: {frame: {track: {landmark: (x, y, score)}}}."""
    assert len(content["categories"]) == 1 and content["categories"][0]["name"] == "person"
    names = content["categories"][0]["keypoints"]
    assert len(names) == 17 and all(name in names for name in POSEVAL)
    frames = {}
    for image in content["images"]:
        people = {}
        for person in content["annotations"]:
            if person["image_id"] != image["id"]:
                continue
            assert type(person["track_id"]) is int and 0 <= person["track_id"] < 1000
            pose = np.array(person["keypoints"]).reshape(len(names), 3)
            people[person["track_id"]] = {
                name: (x, y, score)
                for name, (x, y, visible), score in zip(names, pose, person["scores"], strict=True)
                if name in POSEVAL and not (x == 0 and y == 0 and visible == 0)
            }
        frames[image["id"]] = people
    return frames


def test_as_poseval_reads_it(scene, tmp_path):
    save(scene, tmp_path / "a.posetrack.json")
    content = json.loads((tmp_path / "a.posetrack.json").read_text())
    frames = convert(content)
    assert sorted(frames) == list(range(8)) and not frames[3] and not frames[5]
    for name in set(POSEVAL) & set(COCO):
        assert frames[0][0][name][:2] == pytest.approx(np.array(SHAPE[name]) + (300, 250))
    assert frames[0][0]["head_bottom"][:2] == pytest.approx(np.array(SHAPE["neck"]) + (300, 250))
    assert "head_top" not in frames[0][0] and "right_wrist" not in frames[1][0]
    assert frames[0][1]["nose"] == pytest.approx((100, 140, 0.5))
    assert content["annotations"][0]["person_id"] == 2
    assert len({a["id"] for a in content["annotations"]}) == len(content["annotations"])
    names = content["categories"][0]["keypoints"]
    for ear in ("left_ear", "right_ear"):
        at = 3 * names.index(ear)
        assert content["annotations"][0]["keypoints"][at : at + 3] == [0, 0, 0]


def test_coco_sequences_have_a_head_bottom_too(scene, tmp_path):
    save(scene.as_skeleton("coco17"), tmp_path / "a.posetrack.json")
    frames = convert(json.loads((tmp_path / "a.posetrack.json").read_text()))
    assert frames[0][0]["head_bottom"][:2] == pytest.approx(np.array(SHAPE["neck"]) + (300, 250))


def test_poseval_knows_a_thousand_tracks(tmp_path):
    said = []
    crowd = build({i: {i + 1: asymmetric(300, 250, 0.5)} for i in range(1002)})
    save(crowd, tmp_path / "a.posetrack.json", options=WriteOptions(note=said.append))
    content = json.loads((tmp_path / "a.posetrack.json").read_text())
    assert max(a["track_id"] for a in content["annotations"]) == 999 and len(content["images"]) == 1002
    assert said == ["format posetrack allows 1000 tracks; the 2 least important ones are left out"]
