from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError, OutputError
from skelstream.evaluation.results import read_results, to_results, write_results
from skelstream.grouping.people import People
from skelstream.skeleton import COCO17, OPENPOSE18, convert


def _people(points: np.ndarray, missing: list[str]) -> People:
    """One person of COCO's joints, as OpenPose's, some missing."""
    keypoints, scores = convert(points[None], np.full((1, 17), 0.5), COCO17, OPENPOSE18)
    for joint in missing:
        keypoints[0, OPENPOSE18.index(joint)] = np.nan
        scores[0, OPENPOSE18.index(joint)] = 0
    return People(keypoints, scores, np.array([0.75], np.float32), np.zeros((1, 4), np.float32))


def test_missing_joints_are_zero_and_never_nan(scene):
    (row,) = to_results(7, _people(scene.standing, ["left_wrist"]), OPENPOSE18)
    values = np.asarray(row["keypoints"]).reshape(17, 3)
    wrist = COCO17.index("left_wrist")
    assert values[wrist].tolist() == [0, 0, 0]
    others = np.arange(17) != wrist
    np.testing.assert_allclose(values[others, :2], scene.standing[others], atol=1e-3)
    assert (values[others, 2] == 0.5).all()
    assert (row["image_id"], row["category_id"], row["score"]) == (7, 1, 0.75)


def test_a_person_that_is_only_a_neck_is_nobody_to_coco(scene):
    neck_only = _people(scene.standing, [j for j in OPENPOSE18.joints if j != "neck"])
    assert to_results(1, neck_only, OPENPOSE18) == []
    assert to_results(1, People.none(18), OPENPOSE18) == []


def test_written_results_read_back_the_same(scene, load, tmp_path):
    coco_set = load([scene.annotation(1, 1, (0, 0))])
    results = to_results(1, _people(scene.standing, ["nose"]), OPENPOSE18)
    write_results(tmp_path / "out.json", results)
    assert read_results(tmp_path / "out.json", coco_set) == results
    assert [p.name for p in tmp_path.glob("out*")] == ["out.json"]


def test_no_results_are_results(scene, load, tmp_path):
    write_results(tmp_path / "out.json", [])
    assert read_results(tmp_path / "out.json", load([scene.annotation(1, 1, (0, 0))])) == []


def test_images_may_be_given_by_name(scene, load, write):
    row = scene.annotation(1, 1, (0, 0))
    named = [{**scene.result(row), "image_id": name} for name in ("002.png", "002")]
    assert [r["image_id"] for r in read_results(write(named, "r.json"), load([row]))] == [2, 2]


def test_other_categories_and_images_are_left_out(scene, load, write):
    row = scene.annotation(1, 1, (0, 0))
    right = scene.result(row)
    rows = [right, {**right, "category_id": 2}, {**right, "image_id": 99}]
    assert read_results(write(rows, "r.json"), load([row])) == [right]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": [0.0] * 54}, "54 keypoint values, not 51"),
        ({"keypoints": None}, "no keypoint values"),
        ({"keypoints": [float("nan")] * 51}, "not a finite number; write missing joints as 0, 0, 0"),
        ({"score": None}, "not a finite number"),
        ({"image_id": 99}, "none of its images is in .* results of another set"),
    ],
)
def test_broken_results_are_named(scene, load, write, change, message):
    row = scene.annotation(1, 1, (0, 0))
    path = write([{**scene.result(row), **change}], "r.json")
    with pytest.raises(FormatError, match=message) as error:
        read_results(path, load([row]))
    assert str(path) in str(error.value)


def test_annotations_are_not_results(scene, load, write):
    row = scene.annotation(1, 1, (0, 0))
    with pytest.raises(FormatError, match="a list of people expected"):
        read_results(write(scene.dataset([row]), "r.json"), load([row]))
    with pytest.raises(FormatError, match="entry 0: image_id, keypoints and score expected"):
        read_results(write([{"bbox": []}], "r.json"), load([row]))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="cannot write .*out.json: the folder"):
        write_results(tmp_path / "none" / "out.json", [])
