"""Evaluation of a run, by an estimator whose results are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from skelstream.errors import SourceError
from skelstream.people import People
from skelstream.skeleton import COCO17
from skelstream.training.recipe import PCK, EvaluationConfig
from skelstream.training.validation import FIGURES, Validation, predictions, training_images


class Knows:
    """An estimator that gives the annotated people of each image in turn, or none."""

    skeleton = COCO17

    def __init__(self, config: EvaluationConfig, blind: bool = False):
        content = json.loads(config.annotations.read_text())
        self._poses = [
            [
                np.reshape(row["keypoints"], (17, 3))
                for row in content["annotations"]
                if row["image_id"] == image["id"]
            ]
            for image in content["images"]
        ]
        self._blind, self.asked = blind, 0

    def people(self, images: list[np.ndarray]) -> list[People]:
        poses = np.array(self._poses[self.asked % len(self._poses)], np.float32)
        self.asked += 1
        if self._blind:
            return [People.none(17)]
        points = poses[..., :2]
        boxes = np.concatenate([points.min(1), points.max(1)], 1)
        return [
            People(points, np.ones(points.shape[:2], np.float32), np.ones(len(points), np.float32), boxes)
        ]


@pytest.fixture
def config(write_set, person):
    def make(people_an_image: int = 2, **settings) -> EvaluationConfig:
        people = [person((10, 10)), person((70, 60), 0.5)][:people_an_image]
        files = write_set([people] * 3, name=f"set{people_an_image}")
        return EvaluationConfig(files.annotations, files.images, **settings)

    return make


def test_annotated_people_score_100_and_no_people_0(config):
    validation = Validation(config())
    right = validation.score(Knows(validation.config), lambda: False)
    assert right.figures["AP"] == pytest.approx(100) and right.images == 3 and right.unreadable == ()
    assert PCK not in right.figures and set(right.figures) < set(FIGURES)
    assert validation.score(Knows(validation.config, blind=True), lambda: False).figures["AP"] == 0


def test_a_set_of_single_people_has_pck(config):
    validation = Validation(config(people_an_image=1))
    assert validation.score(Knows(validation.config), lambda: False).figures[PCK] == pytest.approx(100)


def test_a_limit_takes_the_first_images(config):
    validation = Validation(config(limit=2))
    knows = Knows(validation.config)
    assert validation.score(knows, lambda: False).images == knows.asked == 2


def test_an_interrupted_evaluation_has_no_figures(config):
    validation = Validation(config())
    assert validation.score(Knows(validation.config), lambda: True) is None


def test_an_unreadable_image_is_reported_and_counts_as_empty(config):
    validation = Validation(config())
    (validation.config.images / "2.jpg").write_bytes(b"no image")
    blind = validation.score(Knows(validation.config, blind=True), lambda: False)
    assert len(blind.unreadable) == 1 and "2.jpg" in blind.unreadable[0] and blind.images == 3
    assert [name for name, _ in validation.images_to_show()] == ["1.jpg", "3.jpg"]


def test_missing_images_are_reported_at_once(config):
    wanted = config()
    (wanted.images / "3.jpg").unlink()
    with pytest.raises(SourceError, match="3.jpg"):
        Validation(wanted)


def test_predictions_show_each_image_with_its_people(config):
    validation = Validation(config())
    sheet = predictions(Knows(validation.config), validation.images_to_show())
    assert sheet.dtype == np.uint8 and sheet.ndim == 3 and sheet.shape[2] == 3
    plain = predictions(Knows(validation.config, blind=True), validation.images_to_show())
    assert sheet.shape == plain.shape and not np.array_equal(sheet, plain)


def test_training_images_are_shown_without_an_evaluation_set(people_set):
    from skelstream.training.annotations import read_set

    shown = training_images(read_set(people_set).images)
    assert [name for name, _ in shown] == [f"{i}.jpg" for i in range(1, 7)]
    assert all(image.shape == (128, 128, 3) for _, image in shown)
