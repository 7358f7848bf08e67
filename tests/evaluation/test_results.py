from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError, OutputError
from skelstream.evaluation.annotations import load_annotations
from skelstream.evaluation.results import read_results, to_results, write_results
from skelstream.people import People
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


def test_a_name_that_two_images_share_is_none(scene, write):
    row = scene.annotation(1, 1, (0, 0))
    data = scene.dataset([row], images=3)
    for image, name in zip(data["images"], ("a/1.png", "b/1.png", "b/2.png"), strict=True):
        image["file_name"] = name
    coco_set = load_annotations(write(data))
    named = [{**scene.result(row), "image_id": name} for name in ("2.png", "b/1.png")]
    assert [r["image_id"] for r in read_results(write(named, "r.json"), coco_set)] == [3, 2]
    with pytest.raises(FormatError, match="none of its images is in"):
        read_results(write([{**scene.result(row), "image_id": "1.png"}], "r.json"), coco_set)


def test_results_have_the_sets_own_category(scene, write):
    data = scene.dataset([scene.annotation(1, 1, (0, 0), category_id=0)])
    data["categories"][0]["id"] = 0
    coco_set = load_annotations(write(data))
    (written,) = to_results(1, _people(scene.standing, []), OPENPOSE18, coco_set.category)
    assert written["category_id"] == 0
    assert read_results(write([written], "r.json"), coco_set) == [written]


def test_other_categories_and_images_are_left_out(scene, load, write):
    row = scene.annotation(1, 1, (0, 0))
    right = scene.result(row)
    rows = [right, {**right, "category_id": 2}, {**right, "image_id": 99}]
    notes = []
    assert read_results(write(rows, "r.json"), load([row]), notes.append) == [right]
    assert (
        "1 of 3 entries are left out, because their images are not in" in notes[0]
        and "entries of other categories than persons (1)" in notes[1]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": [0.0] * 54}, "54 keypoint values, not 51"),
        ({"keypoints": None}, "no keypoint values"),
        ({"keypoints": [float("nan")] * 51}, "finite numbers .*expected; write missing joints as 0, 0, 0"),
        ({"score": None}, "score is None, a finite number"),
        ({"score": "0.5"}, "score is '0.5', a finite number"),
        ({"score": 10**400}, "score is"),
        ({"keypoints": [10**400] * 51}, "entry 0: keypoints is"),
        ({"keypoints": ["1"] * 51}, "entry 0: keypoints is"),
        ({"image_id": [0]}, r"entry 0: image_id is \[0\], a whole number"),
        ({"image_id": {"a": 1}}, "entry 0: image_id is"),
        ({"bbox": [1, 2]}, "entry 0: bbox is"),
        ({"category_id": 3}, "its category_id is 3, but persons have 1 in"),
        ({"category_id": "1"}, "its category_id is '1', but persons have 1 in"),
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
    with pytest.raises(FormatError, match="entry 0: a person is 5, an object"):
        read_results(write([5], "r.json"), load([row]))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="cannot write .*out.json: the folder"):
        write_results(tmp_path / "none" / "out.json", [])
