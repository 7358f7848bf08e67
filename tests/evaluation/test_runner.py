"""Evaluations from Python."""

from __future__ import annotations

import json
from contextlib import nullcontext
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from skelstream.errors import SettingsError
from skelstream.estimation.protocol import Provenance
from skelstream.evaluation import EvaluationOptions, run
from skelstream.evaluation.runner import Evaluated, ImageEvaluated, Note
from skelstream.people import People
from skelstream.settings import EstimatorSettings
from skelstream.skeleton import COCO17, OPENPOSE18, convert


class Standing:
    """An estimator that finds one person, at the place where all images have one."""

    settings = EstimatorSettings().with_options(refine=0)
    provenance = Provenance("a-net", "c0ffee" * 10, {})
    name, skeleton = "a runtime", OPENPOSE18

    def __init__(self, pose: np.ndarray):
        self._pose = pose

    def people(self, images):
        keypoints, scores = convert(self._pose[None], np.ones((1, 17)), COCO17, OPENPOSE18)
        return [People(keypoints, scores, np.ones(1, np.float32), np.zeros((1, 4), np.float32))]


@pytest.fixture
def given(tmp_path, scene, write):
    """Annotations and images of two people."""
    for i in (1, 2):
        cv2.imwrite(str(tmp_path / f"{i:03d}.png"), np.full((480, 640, 3), 90, np.uint8))
    rows = [scene.annotation(1, 1, (20, 30)), scene.annotation(2, 2, (20, 30))]
    results = write([scene.result(row) for row in rows], "results.json")
    pose = scene.standing + (20, 30)
    return SimpleNamespace(
        annotations=write(scene.dataset(rows)), folder=tmp_path, results=results, pose=pose
    )


def test_an_estimator_is_scored(given):
    *images, last = run(given.annotations, given.folder, estimator=Standing(given.pose))
    assert [(e.done, e.total) for e in images if isinstance(e, ImageEvaluated)] == [(1, 2), (2, 2)]
    assert isinstance(last, Evaluated) and not last.interrupted and len(last.results) == 2
    assert last.evaluation.scores.metrics["AP"] == pytest.approx(100)
    assert last.evaluation.protocol.estimator == "a-net" and last.evaluation.refinement is None
    assert last.evaluation.intervals == {}


def test_a_results_file_is_scored(given):
    options = EvaluationOptions(resamples=5, scales=(1.0,), flip=False)
    (last,) = run(given.annotations, results=given.results, options=options)
    assert last.evaluation.scores.metrics["AP"] == pytest.approx(100)
    assert last.evaluation.protocol.scales == (1.0,) and last.evaluation.intervals


def test_results_that_are_left_out_are_reported(given):
    rows = json.loads(given.results.read_text())
    given.results.write_text(json.dumps([*rows, rows[0] | {"image_id": 9}]))
    note, last = run(given.annotations, results=given.results)
    assert isinstance(note, Note) and "1 of 3 entries are left out" in note.message
    assert isinstance(last, Evaluated)
    (limited,) = run(given.annotations, results=given.results, options=EvaluationOptions(limit=1))
    assert len(limited.coco_set.images) == 1


def test_an_interrupt_scores_the_images_so_far(given, monkeypatch):
    monkeypatch.setattr("skelstream.evaluation.runner.interrupts", lambda: nullcontext(lambda: True))
    *images, last = run(given.annotations, given.folder, estimator=Standing(given.pose))
    assert len(images) == 1 and isinstance(last, Evaluated)
    assert last.interrupted and (len(last.coco_set.images), last.wanted) == (1, 2)


def test_an_estimator_needs_images(given):
    with pytest.raises(SettingsError, match="needs the folder"):
        next(run(given.annotations))
