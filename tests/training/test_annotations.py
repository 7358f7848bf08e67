from __future__ import annotations

import math

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.skeleton import COCO17, OPENPOSE18
from skelstream.training.annotations import Fault, Problem, SetConfig, read_set, summary


def three(person) -> list[list[dict]]:
    return [[person((20, 10))], [person((30, 20))], [person((40, 5)), person((5, 5), 0.4)]]


def test_labels_arrive_in_openposes_order(write_set, person) -> None:
    one = person((20, 10), 0.8)
    one["keypoints"][3 * 9 + 2] = 0  # the left wrist is not labelled
    annotated = read_set(write_set([[one]], size=(110, 120)))
    (image,) = annotated.images
    assert image.size == (110, 120) and image.path.name == "1.jpg" and annotated.problems == []
    raw = np.array(one["keypoints"], np.float32).reshape(17, 3)
    for joint in ("nose", "right_knee", "left_ear"):
        np.testing.assert_array_equal(
            image.keypoints[0, OPENPOSE18.index(joint)], raw[COCO17.index(joint), :2]
        )
    np.testing.assert_allclose(image.keypoints[0, 1], (raw[5, :2] + raw[6, :2]) / 2)
    assert np.isnan(image.keypoints[0, OPENPOSE18.index("left_wrist")]).all()
    np.testing.assert_allclose(image.boxes, [[20, 10, 68, 90]])
    assert image.scales[0] == pytest.approx(math.sqrt(0.5 * 48 * 80))


def test_missing_areas_and_boxes_are_substituted(write_set, person) -> None:
    (image,) = read_set(write_set([[person((20, 10), area=0)]])).images
    assert image.scales[0] == pytest.approx(math.sqrt(0.53 * 60 * 100))
    (image,) = read_set(write_set([[person((20, 10), bbox=None)]], "b")).images
    np.testing.assert_allclose(image.boxes, [[21, 15, 79, 109]])


def test_alone_takes_images_with_exactly_one_person(write_set, person) -> None:
    crowd = {"bbox": [0, 0, 30, 30], "iscrowd": 1}
    config = write_set([[person()], [person(), person((60, 0))], [person(), crowd], []], alone=True)
    assert [image.path.stem for image in read_set(config).images] == ["1"]


def test_images_without_people_are_skipped_without_a_problem(write_set, person) -> None:
    annotated = read_set(write_set([[], [person()]]))
    assert len(annotated.images) == 1 and annotated.problems == []


def keypoint(value: float, index: int = 4):
    def edit(content: dict) -> None:
        content["annotations"][1]["keypoints"][index] = value

    return edit


def drop_keypoint(content: dict) -> None:
    del content["annotations"][1]["keypoints"][-3:]


def no_number(content: dict) -> None:
    content["annotations"][1]["bbox"][2] = None


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (drop_keypoint, Fault.JOINT_COUNT),
        (keypoint(math.nan), Fault.NOT_FINITE),
        (keypoint(math.inf), Fault.NOT_FINITE),
        (keypoint("12"), Fault.NOT_FINITE),
        (keypoint("twelve"), Fault.NOT_FINITE),
        (no_number, Fault.NOT_FINITE),
        (keypoint(-33.0), Fault.OUTSIDE_IMAGE),
        (keypoint(170.0), Fault.OUTSIDE_IMAGE),
        (keypoint(-10.0), None),
        (keypoint(140.0), None),
    ],
)
def test_broken_labels_are_reported_and_left_out(write_set, person, edit, fault) -> None:
    annotated = read_set(write_set(three(person), edit=edit))
    assert annotated.problems == ([Problem(fault, "2.jpg")] if fault else [])
    assert [image.path.stem for image in annotated.images] == (["1", "3"] if fault else ["1", "2", "3"])


def test_missing_images_and_stray_annotations_are_counted(write_set, person) -> None:
    config = write_set(
        three(person), edit=lambda c: c["annotations"].append(dict(person(), id=7, image_id=99))
    )
    (config.images / "1.jpg").unlink()
    (config.images / "3.jpg").unlink()
    annotated = read_set(config)
    assert [image.path.stem for image in annotated.images] == ["2"]
    assert summary(annotated.problems) == [
        "annotated image is not listed: 1 (annotation 7 of image 99)",
        "image is missing: 2 (1.jpg, 3.jpg)",
    ]


def test_a_summary_names_the_first_few() -> None:
    problems = [Problem(Fault.MISSING_IMAGE, f"{i}.jpg") for i in range(5)]
    assert summary(problems, name=2) == ["image is missing: 5 (0.jpg, 1.jpg and 3 more)"]


def test_a_set_without_usable_images_is_an_error_with_the_reasons(write_set, person) -> None:
    config = write_set(three(person))
    for image in config.images.iterdir():
        image.unlink()
    with pytest.raises(
        FormatError, match=r"people.json: nothing to train on: image is missing: 3 \(1.jpg, 2.jpg"
    ):
        read_set(config)
    with pytest.raises(FormatError, match="nothing to train on: no image has a labelled person"):
        read_set(write_set([[], []], "empty"))


def other_order(content: dict) -> None:
    content["categories"][0]["keypoints"] = list(COCO17.joints)[::-1]


def same_id(content: dict) -> None:
    content["images"][1]["id"] = 1


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (other_order, "its joints are not COCO's 17"),
        (same_id, "two images have the id 1"),
        (lambda c: c["images"][0].pop("file_name"), r"images\[0\] has no id or file_name"),
        (lambda c: c.pop("annotations"), "not a COCO annotation file"),
        (lambda c: c.update(images=[1, 2]), r"images\[0\] is 1, an object"),
    ],
)
def test_a_file_of_another_kind_is_refused(write_set, person, edit, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_set(write_set(three(person), edit=edit))


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_files_that_are_not_json_objects_are_refused(tmp_path, content) -> None:
    path = tmp_path / "x.json"
    if content:
        path.write_text(content)
    with pytest.raises(FormatError, match="x.json"):
        read_set(SetConfig(path, tmp_path))


def test_other_categories_are_skipped(write_set, person) -> None:
    def with_chair(content: dict) -> None:
        content["categories"].append({"id": 62, "name": "chair"})
        content["annotations"].append({"id": 5, "image_id": 1, "category_id": 62, "bbox": [0, 0, 9, 9]})

    assert len(read_set(write_set([[person()]], edit=with_chair)).images[0].ignore) == 0


def test_an_orientation_that_is_not_applied_is_reported(write_set, person) -> None:
    from skelstream.training.image_store import check_images, ignored_orientations

    config = write_set(three(person), edit=lambda c: [image.pop("height") for image in c["images"]])
    path = config.images / "2.jpg"
    exif = (
        b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x03\x00\x00"
        + bytes(4)
    )
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    images = read_set(config).images
    found = list(check_images(images, 1))
    assert [problem and problem.fault for problem in found] == [None, Fault.ORIENTATION_IGNORED, None]
    assert ignored_orientations(images) == [Problem(Fault.ORIENTATION_IGNORED, "2.jpg")]
    assert ignored_orientations([]) == []


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [5, 5, 0, 9], None])
def test_a_box_without_extent_is_that_of_the_joints(write_set, person, box) -> None:
    config = write_set(three(person), edit=lambda c: c["annotations"][1].update(bbox=box, area=0))
    first, second, _ = read_set(config).images
    assert (second.boxes[:, 2:] > second.boxes[:, :2]).all() and second.scales[0] > 10
    assert second.scales[0] == pytest.approx(first.scales[0], rel=0.1)


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (lambda row: row.update(keypoints=5), Fault.NOT_FINITE),
        (lambda row: row.update(bbox="x"), Fault.NOT_FINITE),
        (lambda row: row.update(area="x"), Fault.NOT_FINITE),
        (lambda row: row.update(iscrowd="0"), Fault.NOT_FINITE),
        (lambda row: row.update(keypoints=[10**400] * 51), Fault.NOT_FINITE),
        (lambda row: row.update(image_id=[2]), Fault.UNLISTED_IMAGE),
    ],
)
def test_values_of_the_wrong_type_are_reported(write_set, person, edit, fault) -> None:
    annotated = read_set(write_set(three(person), edit=lambda c: edit(c["annotations"][1])))
    assert [problem.fault for problem in annotated.problems] == [fault]
    assert [image.path.stem for image in annotated.images] == ["1", "3"]
