from __future__ import annotations

import numpy as np
import pytest

from skelstream.datasets.coco import AREA_OF_BOX
from skelstream.errors import FormatError
from skelstream.evaluation.annotations import load_annotations


def test_people_are_numbered_from_one_whatever_the_file_says(scene, load):
    # pycocotools takes the id 0 for "unmatched".
    coco_set = load([scene.annotation(0, 1, (0, 0)), scene.annotation(0, 2, (0, 0))])
    assert [p.id for people in coco_set.persons.values() for p in people] == [1, 2]


def test_a_missing_area_is_a_share_of_the_box(scene, load):
    rows = [scene.annotation(1, 1, (0, 0)), scene.annotation(2, 2, (0, 0))]
    del rows[1]["area"], rows[1]["iscrowd"], rows[1]["num_keypoints"]
    coco_set = load(rows)
    assert coco_set.substituted_areas == 1
    assert coco_set.persons[1][0].area == scene.area
    assert coco_set.persons[2][0].area == pytest.approx(AREA_OF_BOX * 100 * 200)


def test_a_missing_box_is_the_extent_of_the_labelled_joints(scene, load):
    row = scene.annotation(1, 1, (20, 30), labelled=[False] * 5 + [True] * 12)
    del row["bbox"], row["area"]
    person = load([row]).persons[1][0]
    np.testing.assert_allclose(person.box, [21, 75, 98, 154])
    assert person.area == pytest.approx(AREA_OF_BOX * 98 * 154)


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [20, 30, 90, 0], [20, 30, 0, 70], [], None])
def test_a_box_without_extent_is_no_box(scene, load, box):
    row = scene.annotation(1, 1, (20, 30), bbox=box)
    del row["area"]
    person = load([row]).persons[1][0]
    np.testing.assert_allclose(person.box, [21, 35, 98, 194])
    assert person.area == pytest.approx(AREA_OF_BOX * 98 * 194) and not person.ignored


def test_the_size_of_joints_in_a_row_is_their_length(scene, load):
    shoulders = np.isin(np.arange(17), (5, 6))
    row = scene.annotation(1, 1, (0, 0), labelled=shoulders)
    del row["bbox"], row["area"]
    assert load([row]).persons[1][0].area == pytest.approx(AREA_OF_BOX * 50**2)


def test_a_person_of_unknown_size_is_ignored(scene, load):
    row = scene.annotation(1, 1, (0, 0), labelled=np.arange(17) == 3, bbox=None, area=0)
    coco_set = load([row, scene.annotation(2, 2, (0, 0))])
    assert coco_set.persons[1][0].ignored and not coco_set.persons[2][0].ignored


def test_crowds_and_people_without_joints_are_ignored(scene, load):
    crowd = {"id": 2, "image_id": 1, "category_id": 1, "iscrowd": 1, "bbox": [0, 0, 9, 9], "area": 81}
    blank = scene.annotation(3, 1, (0, 0), labelled=[False] * 17)
    assert [p.ignored for p in load([scene.annotation(1, 1, (0, 0)), crowd, blank]).persons[1]] == [
        False,
        True,
        True,
    ]


def test_other_categories_are_skipped(scene, write):
    data = scene.dataset(
        [scene.annotation(1, 1, (0, 0)), {"image_id": 1, "category_id": 18, "bbox": [0] * 4}]
    )
    data["categories"].append({"id": 18, "name": "dog"})
    assert len(load_annotations(write(data)).persons[1]) == 1


def test_single_person_sets_are_recognised(scene, load):
    one = [scene.annotation(1, 1, (0, 0)), scene.annotation(2, 2, (0, 0))]
    assert load(one).single_person
    assert not load([*one, scene.annotation(3, 2, (200, 0))]).single_person


def test_head_keeps_the_files_order(scene, load):
    coco_set = load([scene.annotation(1, 1, (0, 0))], images=5).head(2)
    assert list(coco_set.images) == list(coco_set.persons) == [1, 2]


def _without(key):
    def change(data):
        del data["annotations"][0][key]

    return change


def _set(value, *path):
    def change(data):
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("image_id"), "no image_id"),
        (_without("keypoints"), "no keypoint is labelled"),
        (_set([1, 2, 2] * 14, "annotations", 0, "keypoints"), "42 keypoint values, not 51"),
        (
            _set(["x"] * 51, "annotations", 0, "keypoints"),
            "annotation 1: keypoints is .* finite numbers",
        ),
        (
            _set([float("nan")] * 51, "annotations", 0, "keypoints"),
            "keypoints is .*nan.* finite numbers",
        ),
        (_set(9, "annotations", 0, "image_id"), "image 9, which 'images' does not list"),
        (_set([], "images"), "the list 'images' is empty"),
        (_set(1, "images", 1, "id"), "two images have the id 1"),
        (_set([{"id": 1}], "images"), "no id or file_name"),
        (_set({}, "annotations"), "not a COCO annotation file"),
        (_set(["nose", "tail"], "categories", 0, "keypoints"), "joints are not COCO's 17 but 2"),
        (_set([{"id": 3, "name": "dog"}], "categories"), "no category is a person"),
        (_set(5, "categories"), "categories is 5, a list expected"),
        (_set([5], "categories"), r"categories\[0\] is 5, an object"),
        (_set([[1]], "categories", 0, "id"), "the id of the category with keypoints is"),
        (_set(5, "categories", 0, "keypoints"), "a category's keypoints is 5, a list expected"),
        (_set([{"name": "person"}], "categories"), "the id of category person is None"),
        (_set([3], "images", 0, "id"), r"images\[0\].id is \[3\], a whole number"),
        (_set("a", "images", 0, "id"), "some image ids are numbers, others text"),
        (_set(3, "images", 0), r"images\[0\] is 3, an object"),
        (_set(3, "images", 0, "file_name"), r"images\[0\].file_name is 3, text expected"),
        (_set("a\0.jpg", "images", 0, "file_name"), r"file_name is 'a\\x00.jpg', text expected"),
        (_set("480", "images", 0, "height"), r"images\[0\].height is '480', a whole number"),
        (_set(1e99, "images", 0, "width"), r"images\[0\].width is 1e\+99, a whole number"),
        (_set(3, "images", 0, "coco_url"), r"images\[0\].coco_url is 3, text expected"),
        (_set(3, "annotations", 0), r"annotations\[0\] is 3, an object"),
        (_set([1], "annotations", 0, "image_id"), r"image_id is \[1\], a whole number"),
        (_set(5, "annotations", 0, "keypoints"), "keypoints is 5, 17x3 finite numbers"),
        (_set([10**400] * 51, "annotations", 0, "keypoints"), "17x3 finite numbers"),
        (_set("0", "annotations", 0, "iscrowd"), "iscrowd is '0', true or false expected"),
        (_set("9", "annotations", 0, "area"), "area is '9', a finite number"),
        (_set([1, 2, 3], "annotations", 0, "bbox"), r"bbox is \[1, 2, 3\], 4 finite numbers"),
        (_set([9] * 51, "annotations", 0, "num_keypoints"), "num_keypoints is"),
        (_set(7, "categories", 0, "id"), "no annotation has the category_id of persons, 7"),
    ],
)
def test_broken_files_are_reported_with_the_reason(scene, write, change, message):
    data = scene.dataset([scene.annotation(1, 1, (0, 0))])
    change(data)
    path = write(data)
    with pytest.raises(FormatError, match=message) as error:
        load_annotations(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_not_json(tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        load_annotations(tmp_path / "none.json")
    half = tmp_path / "half.json"
    half.write_text('{"images": [')
    with pytest.raises(FormatError, match="not JSON, or cut short"):
        load_annotations(half)
    binary = tmp_path / "image.jpg"
    binary.write_bytes(b"\xff\xd8\xff\xe0" * 9)
    with pytest.raises(FormatError, match="not JSON"):
        load_annotations(binary)
    listed = tmp_path / "list.json"
    listed.write_text("[]")
    with pytest.raises(FormatError, match="not a COCO annotation file"):
        load_annotations(listed)
