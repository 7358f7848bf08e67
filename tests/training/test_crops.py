from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from skelstream.skeleton import COCO17, OPENPOSE18
from skelstream.training.annotations import read_set
from skelstream.training.crops import CropAugmentation, CropSource, subjects
from skelstream.training.detected_people import NO_PERSON, DetectedPeople
from skelstream.training.sampling_order import SamplingOrder

SIZE = (256, 192)
UNCHANGED = CropAugmentation(
    detected=0,
    half=0,
    false_detection=0,
    shift=0,
    zoom=0,
    rotation=0,
    flip=0,
    blur=0,
    colour=0,
    grey=0,
    occlusion=0,
)


@pytest.fixture
def people(write_set, person):
    """A large person, whose upper half is detected, a small person, and a false detection on bare ground."""
    (image,) = read_set(write_set([[person((50, 20)), person((4, 4), 0.2)]])).images
    detected = DetectedPeople(
        np.array([[50, 15, 110, 60], [2, 90, 22, 122]], np.float32), np.array([0, NO_PERSON])
    )
    return subjects([image], [detected], 24.0)


def source(people, augmentation=UNCHANGED) -> CropSource:
    return CropSource(SamplingOrder([people], [1.0]), augmentation, SIZE, SIZE)


def test_people_that_are_too_small_are_left_out(people) -> None:
    (subject,) = people
    assert subject.row == 0 and len(subject.detected) == len(subject.false_detections) == 1


def test_both_crops_show_the_annotated_box_where_nothing_is_changed(people) -> None:
    sample = source(people)[0]
    assert torch.equal(sample["image"], sample["teacher_image"]) and sample["image"].shape == (3, *SIZE)
    torch.testing.assert_close(
        sample["to_teacher"], torch.tensor([[1.0, 0, 0], [0, 1, 0]]), atol=1e-4, rtol=0
    )
    (subject,) = people
    rows = [OPENPOSE18.index(name) for name in COCO17.joints]
    box = subject.image.boxes[0]
    scale = min(192 / (box[2] - box[0]), 256 / (box[3] - box[1])) / 1.25
    middle = (box[:2] + box[2:]) / 2
    want = (subject.image.keypoints[0, rows] - middle) * scale + (96, 128)
    np.testing.assert_allclose(sample["keypoints"], want, atol=1e-3)
    assert float(sample["scale"]) == pytest.approx(subject.image.scales[0] * scale, rel=1e-5)
    assert float(sample["has_person"]) == 1 and not sample["mirrored"] and sample["unreadable"] == ""


def test_the_map_between_the_crops_is_right_however_they_differ(people) -> None:
    how = replace(
        UNCHANGED, detected=0.5, half=0.3, shift=0.05, zoom=0.2, rotation=30.0, rotated=1.0, flip=0.5
    )
    crops, straight = source(people, how), source(people)[0]["keypoints"].numpy()
    mirrored = 0
    for number in range(12):
        sample = crops[number]
        points = sample["keypoints"].numpy()
        if sample["mirrored"]:
            mirrored += 1
            points = points[list(COCO17.flip_order)]
        matrix = sample["to_teacher"].numpy()
        np.testing.assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], straight, atol=0.02)
    assert 0 < mirrored < 12


def test_detected_boxes_are_used_and_false_detections_show_no_person(people) -> None:
    half = source(people, replace(UNCHANGED, detected=1.0))[0]
    assert torch.linalg.det(half["to_teacher"][:, :2]) < 0.9  # a smaller box, a larger scale
    empty = source(people, replace(UNCHANGED, false_detection=1.0))[0]
    assert float(empty["has_person"]) == 0 and not empty["teacher_image"].any()


def test_a_sample_depends_on_its_number_alone(people) -> None:
    a, b = source(people, CropAugmentation()), source(people, CropAugmentation())
    for number in (5, 0, 7):
        one, other = a[number], b[number]
        assert all(torch.equal(one[k], other[k]) for k in one if k not in ("unreadable", "keypoints"))
        torch.testing.assert_close(one["keypoints"], other["keypoints"], equal_nan=True)


def test_a_smaller_student_sees_what_the_teacher_sees(people) -> None:
    order = SamplingOrder([people], [1.0])
    sample = CropSource(order, UNCHANGED, (128, 96), SIZE)[0]
    assert sample["image"].shape == (3, 128, 96) and sample["teacher_image"].shape == (3, *SIZE)
    torch.testing.assert_close(
        sample["to_teacher"], torch.tensor([[2.0, 0, 0], [0, 2, 0]]), atol=1e-4, rtol=0
    )


def test_a_coarse_crop_has_less_detail_in_the_same_place(people) -> None:
    fine = source(people)[0]
    coarse = source(people, replace(UNCHANGED, coarse=1.0, detail=(0.3, 0.3)))[0]
    assert torch.equal(fine["keypoints"].nan_to_num(), coarse["keypoints"].nan_to_num())
    first, second = fine["image"].float(), coarse["image"].float()
    assert not torch.equal(first, second) and second.diff(dim=2).abs().mean() < first.diff(dim=2).abs().mean()
    smooth = torch.nn.functional.avg_pool2d(first, 16)
    torch.testing.assert_close(torch.nn.functional.avg_pool2d(second, 16), smooth, atol=12, rtol=0)
