from __future__ import annotations

import cv2
import numpy as np
import pytest

from skelstream.errors import SourceError
from skelstream.evaluation.estimates import check_images, estimate, read_image
from skelstream.evaluation.scoring import score
from skelstream.people import People
from skelstream.skeleton import COCO17, OPENPOSE18, convert


class FromTruth:
    """Finds the labelled people of image i in the i-th call, moved by some pixels."""

    def __init__(self, coco_set, move: float = 0.0):
        self._truth = iter(coco_set.persons.values())
        self._move = move
        self.shapes = []

    def people(self, images):
        self.shapes += [image.shape for image in images]
        found = []
        for _ in images:
            labelled = np.asarray([p.keypoints for p in next(self._truth)]).reshape(-1, 17, 3)
            points, scores = convert(labelled[..., :2] + self._move, labelled[..., 2] / 2, COCO17, OPENPOSE18)
            count = len(points)
            boxes = np.zeros((count, 4), np.float32)
            found.append(People(points, scores, np.linspace(1, 0.5, count, dtype=np.float32), boxes))
        return found


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG file with an Exif orientation, as a phone writes it."""
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + orientation.to_bytes(2, "big") + b"\x00\x00"
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + entry + b"\x00\x00\x00\x00"
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for i in (1, 2):
        cv2.imwrite(str(tmp_path / f"{i:03d}.png"), rng.integers(0, 255, (480, 640, 3), np.uint8))
    return tmp_path


def test_an_estimator_that_knows_the_truth_scores_100(scene, load, folder):
    coco_set = load([scene.annotation(1, 1, (0, 0)), scene.annotation(2, 2, (0, 0))])
    estimator = FromTruth(coco_set)
    estimates = list(estimate(estimator, coco_set, folder))
    assert [e.image_id for e in estimates] == [1, 2]
    assert estimator.shapes == [(480, 640, 3)] * 2
    assert score(coco_set, [r for e in estimates for r in e.results]).metrics["AP"] == pytest.approx(100)


def test_images_are_read_one_at_a_time(scene, load, folder):
    coco_set = load([scene.annotation(1, 1, (0, 0))])
    estimator = FromTruth(coco_set)
    estimates = estimate(estimator, coco_set, folder)
    next(estimates)
    assert len(estimator.shapes) == 1


def test_an_unreadable_image_is_reported_and_skipped(scene, load, folder):
    coco_set = load([scene.annotation(1, 1, (0, 0)), scene.annotation(2, 2, (0, 0))])
    (folder / "001.png").write_bytes(b"not an image")
    first, second = estimate(FromTruth(coco_set), coco_set, folder)
    assert first.results == [] and "001.png: cannot be read" in first.failure
    assert len(second.results) == 1 and second.failure is None


def test_missing_images_are_reported_before_the_work(scene, load, folder):
    coco_set = load([scene.annotation(1, 1, (0, 0))])
    check_images(coco_set, folder)
    (folder / "002.png").unlink()
    with pytest.raises(SourceError, match="1 of the 2 images .* the first is 002.png"):
        check_images(coco_set, folder)
    with pytest.raises(SourceError, match="no such folder"):
        check_images(coco_set, folder / "none")


def test_images_of_another_size_than_annotated_are_refused(scene, load, folder):
    coco_set = load([scene.annotation(1, 1, (0, 0))])
    cv2.imwrite(str(folder / "001.png"), np.zeros((240, 320, 3), np.uint8))
    with pytest.raises(SourceError, match="320x240 pixels, but annotated as 640x480"):
        read_image(folder, coco_set.images[1])


def test_colours_are_rgb(scene, load, folder):
    coco_set = load([scene.annotation(1, 1, (0, 0))])
    cv2.imwrite(str(folder / "001.png"), np.full((480, 640, 3), (0, 0, 255), np.uint8))
    assert read_image(folder, coco_set.images[1]).pixels[0, 0].tolist() == [255, 0, 0]


def test_an_orientation_that_is_not_applied_is_reported(scene, load, folder):
    coco_set = load([scene.annotation(1, 1, (0, 0))])
    picture = folder / "002.png"
    cv2.imwrite(str(folder / "turned.jpg"), cv2.imread(str(picture)))
    picture.write_bytes(with_orientation((folder / "turned.jpg").read_bytes(), 3))
    first, second = estimate(FromTruth(coco_set), coco_set, folder)
    assert first.orientation is None and "002.png: its Exif orientation is ignored" in second.orientation
